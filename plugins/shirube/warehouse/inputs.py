"""What dbt reads: the lake, which may lack sources that never delivered, and the ledger's export."""

from __future__ import annotations

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
    """The batches that count, by landing, and the folder of the ledger's export."""

    landings: tuple[str, ...]
    last_delivered_on: date | None
    ledger: Path


def prepare(home: Home, as_of: date | None) -> Inputs:
    """Export the ledger for dbt and find what had been delivered by `as_of` (default: everything)."""
    write_schemas(home, load_contracts())
    folder = home.warehouse / "ledger"
    with Ledger(home) as ledger:
        ledger.export_parquet(folder)
    # Read back what dbt will read, so that a file landed meanwhile is in neither or in both.
    batches = pq.read_table(
        folder / "batch.parquet", columns=["landing_id", "delivered_on"], filters=[("state", "=", "landed")]
    ).to_pylist()
    counted = [batch for batch in batches if as_of is None or batch["delivered_on"] <= as_of]
    return Inputs(
        landings=tuple(sorted(batch["landing_id"] for batch in counted)),
        last_delivered_on=max((batch["delivered_on"] for batch in counted), default=None),
        ledger=folder,
    )
