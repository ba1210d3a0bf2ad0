"""Text cells to typed values, vectorised; and the normal forms of direct identifiers."""

from shirube.casting.cast import cast_batch
from shirube.casting.text import normalise_identifier
from shirube.readers.batch import Reject

__all__ = ["Reject", "cast_batch", "normalise_identifier"]
