"""Replays: land what the vault received again, under the contract as it is now."""

from __future__ import annotations

from collections.abc import Mapping

from shirube.contracts import SourceContract, load_contracts
from shirube.home import Home
from shirube.landing.land import (
    LandingError,
    LandResult,
    Progress,
    clear_leftovers,
    disk_watch,
    land_batches,
    select_sources,
    write_schemas,
)
from shirube.landing.locks import landing_source
from shirube.ledger import Batch, Ledger

EVERYTHING = "all"
"""Instead of a batch id: every batch that was decided under another contract than today's."""


def replay(
    home: Home,
    batch_id: str,
    progress: Progress | None = None,
    *,
    source: str | None = None,
    contracts: Mapping[str, SourceContract] | None = None,
) -> LandResult:
    """Land one batch again, or with `all` every batch (of one source) whose contract changed since.

    The new landing takes the place of the old one in the ledger, in one transaction; doing it again changes
    nothing. The file in the inbox is not needed: the copy in the vault is read.

    Raises `LedgerError` for an unknown batch, `LookupError` for a source without contract, and what `land`
    raises: `LandingError`, after all others, for batches whose received copy is gone.
    """
    declared = load_contracts() if contracts is None else contracts
    result = LandResult()
    failures: list[str] = []
    with disk_watch(), Ledger(home) as ledger:
        write_schemas(home, declared)
        for name, batches in _chosen(ledger, declared, batch_id, source).items():
            with landing_source(home, name):
                failures += land_batches(
                    home, ledger, declared[name], batches, result, progress or (lambda event, facts: None)
                )
                clear_leftovers(home, ledger, name)
    if failures:
        raise LandingError(failures, result)
    return result


def is_outdated(batch: Batch, contract: SourceContract) -> bool:
    """Whether the contract changed, in a way that matters for landing, since the batch was decided."""
    return batch.state != "received" and batch.contract_fingerprint != contract.landing_fingerprint


def _chosen(
    ledger: Ledger, declared: Mapping[str, SourceContract], batch_id: str, source: str | None
) -> dict[str, list[Batch]]:
    if batch_id != EVERYTHING:
        batch = ledger.batch(batch_id)
        select_sources(declared, batch.source)
        return {batch.source: [batch]}
    return {
        name: [batch for batch in ledger.batches(name) if is_outdated(batch, declared[name])]
        for name in select_sources(declared, source)
    }
