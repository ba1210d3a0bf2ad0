"""Whose data may not be used any more (利用停止): the vault's list, and what a build takes of it.

    vault/stopped_physicians.txt                             one `physician_key` per line
    warehouse/builds/<id>/ledger/stopped_physician.parquet   the keys that the build left out; mode 0600

A build leaves every physician of the list out, whatever its as_of. The list decides what is in a release, so
it is a part of the release's identity, but as a keyed digest: nobody can find a physician by trying keys. An
empty list is no list.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shirube import durable
from shirube.home import Home
from shirube.keys import load_key
from shirube.vault import assert_private, private_folder

STOPPED_FILE = "stopped_physicians.txt"
"""In the vault: one `physician_key` per line, `#` begins a remark."""
EXPORT_FILE = "stopped_physician.parquet"
"""In the folder of a build's export of the ledger; what dbt's source `stops` reads."""
EXPORT_SCHEMA = pa.schema([("physician_key", pa.string())])

_KEY = re.compile(r"[0-9A-Za-z]{12}")


def stopped_physicians(home: Home) -> list[str]:
    """The keys of the vault's list, sorted, each once; empty where there is no list.

    Raises: VaultPermissionError if others can read the vault or the list, ValueError if a line is no key.
    """
    file = home.vault / STOPPED_FILE
    if not file.exists():
        return []
    private_folder(home)
    assert_private(file)
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return checked_keys(line for line in lines if line)


def checked_keys(physician_keys: Iterable[str]) -> list[str]:
    """The keys, sorted, each once.

    Raises: ValueError if one is not 12 letters and digits; what was given is not repeated, for it may be a
    name.
    """
    keys = sorted(set(physician_keys))
    if not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError(
            "先生のキー（physician_key）は英数字の12文字です。 / "
            "A physician_key is 12 letters and digits; names and codes are not taken."
        )
    return keys


def export_stopped(folder: Path, physician_keys: Iterable[str]) -> None:
    """Write the keys for dbt and the audit, readable by their owner alone; no keys, a file without rows."""
    table = pa.table({"physician_key": pa.array(sorted(physician_keys), pa.string())}, EXPORT_SCHEMA)
    with durable.replacing(folder / EXPORT_FILE, durable.PRIVATE) as handle:
        pq.write_table(table, handle)


def exported_stopped(folder: Path) -> list[str]:
    """The keys that a build left out, from the folder of its export.

    Raises: FileNotFoundError if there is none: then nobody knows whom the build left out.
    """
    return [str(key) for key in pq.read_table(folder / EXPORT_FILE)["physician_key"].to_pylist()]


def digest_of(home: Home, physician_keys: Iterable[str]) -> str | None:
    """The list as a part of a release's identity: 64 hexadecimal digits, keyed; None for an empty list.

    Raises: TokenKeyError if the home's token key cannot be used.
    """
    keys = sorted(physician_keys)
    if not keys:
        return None
    message = "\n".join(["stopped physicians", *keys]).encode()
    return hmac.digest(load_key(home).secret, message, "sha256").hex()
