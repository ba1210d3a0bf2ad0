"""Whether what is about to be shown names a physician whose data may not be used any more (利用停止)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from shirube.engine import bounded


@dataclass(frozen=True)
class Named:
    """How many of the physicians a release names, in how many of its files; never who."""

    physicians: int
    files: int


def named_in(connection: duckdb.DuckDBPyConnection, file: Path, physician_keys: Sequence[str]) -> set[str]:
    """Those of the keys that a Parquet file holds, in whatever column of text. They never leave this process.

    Raises: duckdb.Error, pyarrow.ArrowException or OSError if the file cannot be read.
    """
    if not physician_keys:
        return set()
    named: set[str] = set()
    for field in pq.read_schema(file):
        if field.type in (pa.string(), pa.large_string()):
            rows = connection.execute(
                f'select distinct "{field.name}" from read_parquet($file)'
                f' where "{field.name}" in (select unnest($keys))',
                {"file": str(file), "keys": list(physician_keys)},
            ).fetchall()
            named |= {str(key) for (key,) in rows}
    return named


def named_in_release(folder: Path, physician_keys: Sequence[str]) -> Named:
    """What the tables of a release name, the restricted ones too.

    `shirube.duckdb` is a copy of them, and the sheets of own physicians are made from them.

    Raises: as `named_in`.
    """
    named: set[str] = set()
    files = 0
    if physician_keys:
        with (
            tempfile.TemporaryDirectory() as spill,
            duckdb.connect(config=bounded(Path(spill))) as connection,
        ):
            for file in sorted(folder.rglob("*.parquet")):
                found = named_in(connection, file, physician_keys)
                named |= found
                files += bool(found)
    return Named(len(named), files)
