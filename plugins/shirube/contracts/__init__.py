"""What each source promises: Open Data Contract Standard files turned into `SourceContract` objects."""

from shirube.contracts.load import ContractError, load_contract, load_contracts, source_names
from shirube.contracts.model import (
    IDENTIFIER_KINDS,
    Column,
    EventTime,
    Period,
    SourceContract,
    Supersede,
)

__all__ = [
    "IDENTIFIER_KINDS",
    "Column",
    "ContractError",
    "EventTime",
    "Period",
    "SourceContract",
    "Supersede",
    "load_contract",
    "load_contracts",
    "source_names",
]
