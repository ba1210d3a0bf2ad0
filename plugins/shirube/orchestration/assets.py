"""The assets that connect the Dags, and the inbox watchers that start them."""

from __future__ import annotations

import os

from airflow.sdk import Asset, AssetWatcher

from shirube.home import Home
from shirube.orchestration.inbox_trigger import InboxTrigger
from shirube.orchestration.settings import SCAN_SECONDS_VARIABLE

release_asset = Asset(name="release", uri="shirube://releases/current", group="shirube")
"""Updated when a release became current."""

swept_asset = Asset(name="swept", uri="shirube://swept", group="shirube")
"""Updated when the sweep found landed batches that are in no release, or that the vault's list of stopped
physicians is not the one of the last build."""


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
