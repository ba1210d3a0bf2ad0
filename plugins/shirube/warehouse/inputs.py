"""What dbt reads: the lake, which may lack sources that never delivered, and the ledger's export."""

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


@dataclass(frozen=True)
class Inputs:
    """What had been delivered: landings with the days they came, and the folder of the ledger's export.

    The export belongs to whoever asked for it: a build takes the folder along, anybody else removes it.
    """

    deliveries: tuple[str, ...]
    batches: int
    last_delivered_on: date | None
    ledger: Path


def prepare(home: Home, as_of: date | None) -> Inputs:
    """Export the ledger for dbt and find what had been delivered by `as_of` (default: everything).

    The caller is the only builder.
    """
    write_schemas(home, load_contracts())
    folder = home.warehouse / ".ledger"
    shutil.rmtree(folder, ignore_errors=True)
    with Ledger(home) as ledger:
        ledger.export_parquet(folder, as_of=as_of)
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
    )
