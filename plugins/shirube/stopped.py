"""Whose data may not be used any more (利用停止): the vault's list, and what a build takes of it.

    vault/stopped_physicians.txt                             one `physician_key` per line
    warehouse/builds/<id>/ledger/stopped_physician.parquet   the keys that the build left out; mode 0600
    ledger/ledger.sqlite                                     how many that were, and a keyed digest; no key

A build leaves every physician of the list out, whatever its as_of. The list decides what is in a release, so
it is a part of the release's identity, but as a keyed digest: nobody can find a physician by trying keys. An
empty list is no list; one that is gone after a build left somebody out stops the next build, whether or not
the warehouse is still there.
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
from shirube.ledger import Ledger, LeftOutBefore
from shirube.vault import assert_private, private_folder

STOPPED_FILE = "stopped_physicians.txt"
"""In the vault: one `physician_key` per line, `#` begins a remark."""
EXPORT_FILE = "stopped_physician.parquet"
"""In the folder of a build's export of the ledger; what dbt's source `stops` reads."""
EXPORT_SCHEMA = pa.schema([("physician_key", pa.string())])

_KEY = re.compile(r"[0-9A-Za-z]{12}")


def stopped_physicians(home: Home) -> list[str]:
    """The keys of the vault's list, sorted, each once; empty where there is no list.

    Raises: VaultPermissionError if others can read the vault or the list, ValueError if a line is no key or
    if the list is gone though the last build left somebody out.
    """
    file = home.vault / STOPPED_FILE
    if not file.exists():
        _assert_nobody_returns(home)
        return []
    private_folder(home)
    assert_private(file)
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return checked_keys(line for line in lines if line)


def _assert_nobody_returns(home: Home) -> None:
    """A list that was lost must not bring anybody back into the next release."""
    before = last_left_out(home)
    if before and before.physicians:
        left_out = before.physicians
        raise ValueError(
            f"前回の組み立てで {left_out} 人を除いた利用停止の一覧（vault の {STOPPED_FILE}）がありません。"
            "一覧を戻してください。だれも除かないなら、空のファイルを置いてください。 / "
            f"The list by which the last build left out {left_out} physician(s) (the vault's {STOPPED_FILE})"
            " is gone: put it back, or an empty file if nobody is to be left out."
        )


def last_left_out(home: Home) -> LeftOutBefore | None:
    """Whom the newest build left out, as the ledger has it; None before the first build.

    Raises: TokenKeyError if the home's token key is needed and cannot be used.
    """
    if home.ledger_file.exists():
        with Ledger(home) as ledger:
            noted = ledger.left_out()
        if noted is not None:
            return noted
    keys = _left_out_in_warehouse(home)
    return None if keys is None else LeftOutBefore(len(keys), digest_of(home, keys))


def _left_out_in_warehouse(home: Home) -> list[str] | None:
    """The keys that a build from before the ledger noted it left out; None where there is none."""
    pointer = home.warehouse / "last"
    if not pointer.exists():
        return None
    build = home.warehouse / "builds" / pointer.read_text(encoding="ascii").strip()
    try:
        return exported_stopped(build / "ledger")
    except FileNotFoundError:  # a build from before there was a list, or one that was cleared away
        return []


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
