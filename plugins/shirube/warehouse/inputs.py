"""What dbt reads: the lake, which may lack sources that never delivered, and a build's exports beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from shirube.contracts import load_contracts
from shirube.home import Home
from shirube.landing.land import write_schemas
from shirube.ledger import Ledger
from shirube.stopped import digest_of, export_stopped, stopped_physicians


@dataclass(frozen=True)
class Inputs:
    """What had been delivered: landings with the days they came, and the folder of the ledger's export.

    `stopped` are the physicians to leave out, whose keys are in that folder too, and `stopped_digest` stands
    for them in the release's identity. The export belongs to whoever asked for it: a build takes the folder
    along, anybody else removes it.
    """

    deliveries: tuple[str, ...]
    batches: int
    last_delivered_on: date | None
    ledger: Path
    stopped: tuple[str, ...]
    stopped_digest: str | None


def prepare(home: Home, as_of: date | None) -> Inputs:
    """Export the ledger for dbt and find what had been delivered by `as_of` (default: everything).

    The caller is the only builder. A physician whose data may not be used any more is left out of the past
    too: `as_of` does not count for the list.

    Raises: VaultPermissionError if others can read the vault's list, ValueError if a line of it is no key.
    """
    stopped = stopped_physicians(home)
    write_schemas(home, load_contracts())
    folder = home.warehouse / ".ledger"
    shutil.rmtree(folder, ignore_errors=True)
    with Ledger(home) as ledger:
        ledger.export_parquet(folder, as_of=as_of)
    export_stopped(folder, stopped)
    # Read back what dbt will read, so that a file landed meanwhile is in neither or in both.
    landed = pq.read_table(
        folder / "batch.parquet", columns=["landing_id"], filters=[("state", "=", "landed")]
    )
    known = set(landed["landing_id"].to_pylist())
    seen = pq.read_table(folder / "sighting.parquet", columns=["landing_id", "delivered_on"]).to_pylist()
    counted = [sighting for sighting in seen if sighting["landing_id"] in known]
    return Inputs(
        deliveries=tuple(sorted({f"{s['landing_id']} {s['delivered_on']}" for s in counted})),
        batches=len({sighting["landing_id"] for sighting in counted}),
        last_delivered_on=max((sighting["delivered_on"] for sighting in counted), default=None),
        ledger=folder,
        stopped=tuple(stopped),
        stopped_digest=digest_of(home, stopped),
    )
