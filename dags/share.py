"""The share Dag of Airflow: the current release → reports per role and the catalogue.

Rerun class: safe at any time. Pages appear by one rename and are a function of the release.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from shirube.orchestration import steps
from shirube.orchestration.assets import release_asset

TRIAGE = """
### release → reports and catalogue

Starts when a release became current.

**Red** means that the new release has no pages: its numbers are published and right, and the release before
keeps its own pages.

- *vault*: names for the pages of one MR's own physicians come from the vault. Check that `vault/` is readable
  by the user Airflow runs as. Do not widen its permissions.
- *No space left*: retried by itself.
- Anything else: clear the task once. If it fails again it can wait until morning.
"""


@dag(
    dag_id="share",
    schedule=release_asset,
    catchup=False,
    max_active_runs=1,
    tags=["shirube", "share"],
    doc_md=TRIAGE,
    default_args={"owner": "data-platform"},
)
def share_release() -> None:
    """One task."""

    @task(retries=2, retry_delay=timedelta(seconds=30))
    def share() -> int:
        return steps.share_current()

    share()


share_release()
