"""The assets that connect the Dags, and the inbox watchers that start them."""

from __future__ import annotations

import os

from airflow.sdk import Asset, AssetWatcher

from shirube.home import Home, project_root
from shirube.orchestration.inbox_trigger import InboxTrigger

SCAN_SECONDS_VARIABLE = "SHIRUBE_INBOX_SECONDS"
"""Environment variable: seconds between two scans of the inbox (default 5)."""

release_asset = Asset(name="release", uri="shirube://releases/current", group="shirube")
"""Updated when a release became current."""

swept_asset = Asset(name="swept", uri="shirube://swept", group="shirube")
"""Updated when the sweep found landed batches that are in no release."""


def list_sources() -> list[str]:
    """Names of all sources, sorted, from the contracts' file names.

    The contracts themselves are not read: a Dag file is parsed every half minute, and a contract with a
    mistake must fail in the task that uses it, with its message, not take every Dag away.
    """
    folder = project_root() / "expectations" / "sources"
    return sorted(path.name.removesuffix(".odcs.yaml") for path in folder.glob("*.odcs.yaml"))


def inbox_asset(source: str) -> Asset:
    """The asset that is updated when files of `source` arrive in the inbox."""
    inbox = Home.resolve().inbox
    trigger = InboxTrigger(
        inbox=str(inbox), source=source, poke_interval=float(os.environ.get(SCAN_SECONDS_VARIABLE, "5"))
    )
    return Asset(
        name=f"inbox_{source}",
        uri=f"shirube://inbox/{source}",
        group="shirube",
        watchers=[AssetWatcher(name=f"watch_{source}", trigger=trigger)],
    )


def lake_asset(source: str) -> Asset:
    """The asset that is updated when a batch of `source` was landed."""
    return Asset(name=f"lake_{source}", uri=f"shirube://lake/{source}", group="shirube")
