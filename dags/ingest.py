"""One Airflow Dag per source: files in `inbox/<source>/` are checked against the contract and landed.

Rerun class: safe at any time. A known file is a no-op, so clearing or triggering a run changes nothing
that has been landed.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from shirube.orchestration import steps
from shirube.orchestration.assets import inbox_asset, lake_asset
from shirube.orchestration.settings import list_sources

TRIAGE = """
### {source}: inbox → lake

Starts when files in `inbox/{source}/` have stopped changing; takes every file that is pending.

**Pink (skipped)** is normal: `land`: every file was known already, or is still being written (the log says
which; the sweep takes it); `report_left`: nothing was left behind.

**Red.** Read the last line of the task's log.
- `report_left`, or *cannot be read*: the files named were left behind; all others were landed and are being
  built. Mend their permissions or names, or report the fault. The sweep tries them again.
- *Contract …, line …*: the contract `expectations/sources/{source}.odcs.yaml` has a mistake. Mend it, then
  clear the task.
- *No space left*, *locked*: it was retried by itself. Make room, then clear the task.
- Anything else: nothing was half written. Clear the task once; if it fails again, it can wait until morning,
  because other sources and the published release go on without it.

**A bad file does not make this red.** It lies in `quarantine/{source}/` with its reason, and `shirube status`
counts it. After the contract is mended: `shirube replay BATCH`.
"""


def ingest_dag(source: str) -> None:
    """Declare the ingest Dag of one source."""

    @dag(
        dag_id=f"ingest_{source}",
        schedule=inbox_asset(source),
        catchup=False,
        max_active_runs=1,
        tags=["shirube", "ingest", source],
        doc_md=TRIAGE.format(source=source),
        default_args={"owner": "data-platform"},
    )
    def ingest() -> None:
        # Succeeds, and so starts a build, where anything was landed; goes on only if files were left.
        @task.short_circuit(outlets=[lake_asset(source)], retries=2, retry_delay=timedelta(seconds=30))
        def land() -> list[str]:
            return steps.land_source(source)

        @task
        def report_left(left: list[str]) -> None:
            steps.report_left(left, source)

        report_left(land())

    ingest()


for name in list_sources():
    ingest_dag(name)
