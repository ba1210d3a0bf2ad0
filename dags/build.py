"""The build Dag of Airflow: everything landed → dbt → audit → a new current release, one run at a time.

Rerun class: safe at any time. The same batches give the same release id, and an existing release is not
written twice.
"""

from datetime import timedelta

from airflow.sdk import AssetAny, dag, task
from airflow.sdk.types import DagRunProtocol
from shirube.orchestration import steps
from shirube.orchestration.assets import lake_asset, release_asset, swept_asset
from shirube.orchestration.settings import list_sources

TRIAGE = """
### lake → release

Starts when any source landed something; builds **everything** pending, not only what started it.
Readers keep the last good release until the very end, so a red run here is never an outage.

**Pink (skipped)** is normal: an earlier run took these batches along.

**Red.**
- `settle` only waits, five minutes at most, for the rest of a delivery to be landed.
- `build`: the log ends with the dbt model and its error, without values; all that dbt said lies in
  `warehouse/failed/` until the next failure. Data that breaks a model's contract is a defect in staging; the
  release in use stays.
- `audit`: a check could not be run. A check that *fails* does not make this red: it decides what is
  published.
- `publish`: *blocked* names the critical check on the core that failed. Look at that check's `why` in
  `expectations/suites/`, then at the batch it names; quarantine or mend the source, and clear from `build`.
- *No space left*, *locked*: retried by itself. `shirube status` shows the size of old releases.
"""


@dag(
    dag_id="build",
    schedule=AssetAny(swept_asset, *map(lake_asset, list_sources())),
    catchup=False,
    max_active_runs=1,
    tags=["shirube", "build"],
    doc_md=TRIAGE,
    default_args={"owner": "data-platform", "retries": 2, "retry_delay": timedelta(seconds=30)},
)
def build_release() -> None:
    """Four tasks; between them goes the release id."""

    @task.sensor(mode="reschedule", poke_interval=2, timeout=3600, retries=0)
    def settle(dag_run: DagRunProtocol | None = None) -> bool:
        return steps.is_inbox_landed(waiting_since=dag_run.run_after)

    @task
    def build() -> str:
        return steps.build_pending()

    @task
    def audit(release_id: str) -> str:
        return steps.audit_candidate(release_id)

    @task(outlets=[release_asset])
    def publish(release_id: str) -> str:
        return steps.publish_candidate(release_id)

    release_id = build()
    settle() >> release_id
    publish(audit(release_id))


build_release()
