"""The sweep Dag of Airflow: every quarter of an hour, finds what an event missed and does it.

Rerun class: safe at any time. It only takes what is pending.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task
from shirube.orchestration import steps
from shirube.orchestration.assets import swept_asset

TRIAGE = """
### What an event missed

An event can be lost: the triggerer was down, a run was deleted, a machine stopped between two steps.
This Dag lands what still lies in the inbox, asks for a build when something landed is in no release or the
vault's list of stopped physicians (利用停止) has changed since the last build, and writes the pages of a
release that has none.

**Pink (skipped)** is the normal state: nothing was missed.

**Green** means something *had* been missed, or that list was changed: look at the triggerer (`Admin → Jobs`)
if it happens often.

**Red**: the log names the file, source or step; its own Dag's notes apply. A file that cannot be landed or
read makes every sweep red until somebody has mended it or taken it away.
"""


@dag(
    dag_id="sweep",
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    tags=["shirube", "sweep"],
    doc_md=TRIAGE,
    default_args={"owner": "data-platform", "retries": 1, "retry_delay": timedelta(seconds=30)},
)
def sweep_up() -> None:
    """Landing and sharing do not wait for each other."""

    # Succeeds, and so starts a build, where a landed file or a changed list is in no release; goes on only if
    # files were left.
    @task.short_circuit(outlets=[swept_asset])
    def land_missed() -> list[str]:
        return steps.land_missed()

    @task(retries=0)
    def report_left(left: list[str]) -> None:
        steps.report_left(left)

    @task
    def share_missed() -> int:
        return steps.share_missed()

    report_left(land_missed())
    share_missed()


sweep_up()
