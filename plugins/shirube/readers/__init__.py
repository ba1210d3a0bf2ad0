"""Files of every agreed format as batches of text: decoded, cut into rows, matched with the contract."""

from shirube.readers.batch import FileRejected, RawBatch, Reader, Reject
from shirube.readers.open import open_reader
from shirube.readers.reasons import ROW_REASONS, Reason

__all__ = ["ROW_REASONS", "FileRejected", "RawBatch", "Reader", "Reason", "Reject", "open_reader"]
