"""Chooses the reader for a file by its contract and by what is in it, never by its name's ending."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from shirube.contracts.model import SourceContract
from shirube.readers.batch import FileRejected, Reader
from shirube.readers.delimited import open_delimited
from shirube.readers.fixed_width import open_fixed_width
from shirube.readers.qualtrics import open_qualtrics
from shirube.readers.snowplow import open_snowplow
from shirube.readers.spreadsheet import open_spreadsheet
from shirube.readers.text import not_a, open_text
from shirube.readers.zoom import open_zoom

_WORKBOOK_MARKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_TEXT_FORMATS: Final = {
    "delimited": open_delimited,
    "zoom_participants": open_zoom,
    "qualtrics": open_qualtrics,
    "snowplow": open_snowplow,
    "fixed_width": open_fixed_width,
}


def open_reader(contract: SourceContract, path: Path, file_name: str | None = None) -> Reader:
    """Open `path` as the contract says; its header is read and matched at once, its rows are not.

    `file_name` is the name the file arrived under, when `path` is a copy with another name. Raises
    `FileRejected` for everything that makes the whole file unusable, and `OSError` if it cannot be opened.
    """
    if path.is_dir():
        raise FileRejected(
            "directory",
            "ファイルではなくフォルダです",
            "this is a directory, not a file",
            "中のファイルを置いてください。",
        )
    with path.open("rb") as stream:
        start = stream.read(4)
    if not start:
        raise FileRejected(
            "empty_file", "ファイルが0バイトです", "the file has no bytes", "送り手に再送を頼んでください。"
        )
    constants = _from_name(contract, file_name or path.name)
    text_format = next((name for name in contract.formats if name in _TEXT_FORMATS), None)
    if "spreadsheet" in contract.formats and (start in _WORKBOOK_MARKS or text_format is None):
        if start not in _WORKBOOK_MARKS:
            raise not_a("spreadsheet", "Excelではないデータ", "something that is not a workbook")
        return open_spreadsheet(contract, path, constants)
    assert text_format is not None
    return _TEXT_FORMATS[text_format](contract, open_text(path, contract.encodings, text_format), constants)


def _from_name(contract: SourceContract, file_name: str) -> dict[str, str]:
    values = contract.values_from_name(file_name)
    if values is not None:
        return values
    needed = [name for name in contract.file_name_columns if contract.by_name[name].required]
    if needed and "zoom_participants" not in contract.formats:
        raise FileRejected(
            "unknown_file_name",
            f"ファイル名から {'、'.join(needed)} を読み取れません",
            f"the file name does not give {', '.join(needed)}",
            "ファイル名を決まりの形に直して置き直してください（契約ファイルの fileNameColumns）。",
        )
    return {}
