"""The manifest of a release: what it holds, where it came from, and how to prove that it is whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb

from shirube.engine import bounded
from shirube.home import Home

MANIFEST_FILE = "manifest.json"
DUCKDB_FILE = "shirube.duckdb"
DUCKDB_CHECKSUM_FILE = "shirube.duckdb.sha256"
SCHEMA_VERSION = 1


class ReleaseError(RuntimeError):
    """A release could not be made, found or trusted; the message says what to do."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the release in `folder`.

    Raises: ReleaseError if there is none or it is not readable.
    """
    file = folder / MANIFEST_FILE
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _unusable(
            f"{folder.name} は最後まで書かれた版ではありません（{MANIFEST_FILE} がありません）",
            f"{folder.name} is not a complete release: it has no {MANIFEST_FILE}",
        ) from error
    except ValueError as error:
        raise _unusable(
            f"{folder.name} の {MANIFEST_FILE} が壊れています", f"{folder.name}: {MANIFEST_FILE} is damaged"
        ) from error
    if document.get("schema_version") != SCHEMA_VERSION:
        raise ReleaseError(
            f"{folder.name} の {MANIFEST_FILE} は形式 {document.get('schema_version')} で、"
            f"このプログラムが読めるのは形式 {SCHEMA_VERSION} です。同じ版のプログラムで開いてください。 / "
            f"{folder.name}: manifest version {document.get('schema_version')}, but this code reads"
            f" {SCHEMA_VERSION}: open it with the program that wrote it"
        )
    return dict(document)


def read_current_manifest(home: Home) -> dict[str, Any] | None:
    """The manifest of the release that readers see, None before the first one."""
    return read_manifest(home.current.resolve()) if home.current.exists() else None


def write_manifest(folder: Path, document: dict[str, Any]) -> None:
    """Write the manifest, the last file of a release; the same facts give the same bytes."""
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / MANIFEST_FILE).write_text(text + "\n", encoding="utf-8")


def sha256(file: Path) -> str:
    """Hex digest of a file's bytes, read in bounded memory."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def table_entries(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Marts and star tables that have a file, in one list."""
    return [entry for entry in [*manifest["marts"], *manifest["star"]] if entry["file"]]


def verify(folder: Path) -> dict[str, Any]:
    """Prove that a release is whole: every file and its hash, every table's rows; returns the manifest.

    The DuckDB file's bytes differ from write to write, so its digest lies beside it and not in the manifest.

    Raises: ReleaseError naming the first thing that does not match.
    """
    manifest = read_manifest(folder)
    check_contents(folder, manifest)
    return manifest


def check_contents(folder: Path, manifest: dict[str, Any]) -> None:
    """`verify` against a manifest in memory, for a release whose manifest is not written yet."""
    for name, digest in manifest["files"].items():
        file = folder / name
        if not file.is_file():
            raise _missing(folder, name)
        if sha256(file) != digest:
            raise _altered(folder, name)
    database = folder / DUCKDB_FILE
    if (folder / f"{DUCKDB_FILE}.wal").exists():
        raise _unusable(
            f"{folder.name} の {DUCKDB_FILE} は書きかけのままです",
            f"{folder.name}: {DUCKDB_FILE} was left with a write-ahead log",
        )
    if not database.is_file():
        raise _missing(folder, DUCKDB_FILE)
    if sha256(database) != (folder / DUCKDB_CHECKSUM_FILE).read_text(encoding="ascii").strip():
        raise _altered(folder, DUCKDB_FILE)
    # Attached, since a process that reads the file already may have opened it with other settings.
    with duckdb.connect(config=bounded()) as connection:
        connection.execute(f"attach '{_escaped(database)}' as published (read_only)")
        for entry in table_entries(manifest):
            rows = _count(connection, f"read_parquet('{_escaped(folder / entry['file'])}')")
            if rows != entry["rows"]:
                raise _unusable(
                    f"{folder.name} の {entry['file']} は {rows} 行で、記された {entry['rows']} 行と違います",
                    f"{folder.name}: {entry['file']} has {rows} rows, not {entry['rows']}",
                )
        for name, expected in manifest["duckdb"]["tables"].items():
            rows = _count(connection, f'published."{name}"')
            if rows != expected:
                raise _unusable(
                    f"{folder.name} の {DUCKDB_FILE} の {name} は {rows} 行で、"
                    f"記された {expected} 行と違います",
                    f"{folder.name}: {DUCKDB_FILE} has {rows} rows of {name}, not {expected}",
                )


def _unusable(ja: str, en: str) -> ReleaseError:
    """What is wrong with a release, and what to do; a draft that is refused was shown to nobody."""
    return ReleaseError(
        f"{ja}。この版は使えません。読者が見ているなら `shirube rollback` で無事な版に戻してください。 / "
        f"{en}: it cannot be used. If readers see it, `shirube rollback` takes them to a whole one"
    )


def _missing(folder: Path, name: str) -> ReleaseError:
    return _unusable(f"{folder.name} に {name} がありません", f"{folder.name}: {name} is missing")


def _altered(folder: Path, name: str) -> ReleaseError:
    return _unusable(
        f"{folder.name} の {name} は公開したときの中身と違います",
        f"{folder.name}: {name} does not have the bytes that were published",
    )


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    found = connection.execute(f"select count(*) from {relation}").fetchone()
    assert found is not None
    return int(found[0])


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
