"""The vault: received originals and direct identifiers, in folders that only the owner can read.

    vault/received/<source>/<content sha256>.bin       the file as it arrived, for replays
    vault/identifiers/<source>/<landing id>.parquet    token, kind, value
    vault/stopped_physicians.txt                       whose data may not be used: see shirube.stopped

Nothing here is ever read by dbt, an audit or a mart. `reveal` is for packs made for people who are entitled
to the names.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from shirube.engine import bounded
from shirube.home import Home

IDENTIFIERS_SCHEMA = pa.schema([("token", pa.string()), ("kind", pa.string()), ("value", pa.string())])


class VaultPermissionError(PermissionError):
    """A part of the vault can be read by others than its owner."""


def received_file(home: Home, source: str, content_hash: str) -> Path:
    """Where the received copy of a file with this content is kept."""
    return home.vault / "received" / source / f"{content_hash}.bin"


def identifiers_file(home: Home, source: str, landing_id: str) -> Path:
    """Where the identifiers of one landing are kept."""
    return home.vault / "identifiers" / source / f"{landing_id}.parquet"


def private_folder(home: Home, *parts: str) -> Path:
    """Make (mode 0700) and check a folder of the vault; `VaultPermissionError` if others can enter it."""
    folder = home.vault
    for part in ("", *parts):
        folder = folder / part if part else folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        assert_private(folder)
    return folder


def reveal(home: Home, tokens: Iterable[str], kind: str) -> dict[str, str]:
    """The values behind `tokens` of one `kind` (name, kana, email, …); unknown tokens are left out.

    Where one person was written in several ways, the first in code point order is returned, so that the
    answer does not depend on which file came first. Raises `VaultPermissionError` if others can read it.
    """
    wanted = sorted(set(tokens))
    files = sorted((home.vault / "identifiers").glob("*/*.parquet"))
    if not wanted or not files:
        return {}
    assert_private(home.vault)
    for file in files:
        assert_private(file)
    with duckdb.connect(config=bounded()) as connection:
        connection.register("wanted", pa.table({"token": wanted}))
        found = connection.execute(
            "select token, min(value) from read_parquet($files) join wanted using (token) "
            "where kind = $kind group by token order by token",
            {"files": [str(file) for file in files], "kind": kind},
        ).fetchall()
    return dict(found)


class IdentifierWriter:
    """Streams the (token, kind, value) rows of one landing into an open file, one row group per batch.

    A row is distinct within its row group; the same identifier may come again in a later one, so that memory
    stays bounded however many identifiers a file has. Leave its `with` block before the handle is synced.
    """

    def __init__(self, handle: IO[bytes]) -> None:
        self._writer = pq.ParquetWriter(handle, IDENTIFIERS_SCHEMA, compression="zstd")
        self.rows = 0

    def __enter__(self) -> IdentifierWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, found: pa.Table) -> None:
        """Add the identifiers of one batch, sorted so that equal input gives equal bytes."""
        if found.num_rows:
            names = IDENTIFIERS_SCHEMA.names
            distinct = found.group_by(names, use_threads=False).aggregate([])
            self._writer.write_table(distinct.select(names).sort_by([(name, "ascending") for name in names]))
            self.rows += distinct.num_rows


def assert_private(path: Path) -> None:
    """Raise `VaultPermissionError` if others than the owner can read or enter `path`."""
    status = path.stat()
    if stat.S_IMODE(status.st_mode) & 0o077:
        wanted = "700" if path.is_dir() else "600"
        raise VaultPermissionError(
            f"{path} が他の利用者から読めます。chmod {wanted} にしてください。 / "
            f"The vault can be read by others: chmod {wanted}."
        )
