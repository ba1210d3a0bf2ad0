"""One small sample, generated once and read back with plain Python."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from shirube.sample import generate

SIZE: dict[str, Any] = {"seed": 11, "physicians": 200, "months": 12, "mrs": 20, "offices": 4}


@dataclass
class Sample:
    """Where the files are and what is said to be true about them."""

    root: Path
    truth: dict[str, Any]

    def files(self, source: str) -> list[dict[str, Any]]:
        return [entry for entry in self.truth["files"] if entry["source"] == source]

    def path(self, entry: dict[str, Any]) -> Path:
        return self.root / entry["source"] / entry["file"]

    def crm(self, source: str) -> list[dict[str, str]]:
        """Every row of every delivery of a CRM object, in the order of the file names."""
        rows: list[dict[str, str]] = []
        for entry in sorted(self.files(source), key=lambda e: e["file"]):
            with self.path(entry).open(encoding="utf-8", newline="") as handle:
                rows += csv.DictReader(handle)
        return rows

    def latest(self, source: str) -> dict[str, dict[str, str]]:
        """The newest version of every record of a CRM object."""
        newest: dict[str, dict[str, str]] = {}
        for row in self.crm(source):
            known = newest.get(row["Id"])
            if known is None or row["SystemModstamp"] >= known["SystemModstamp"]:
                newest[row["Id"]] = row
        return newest

    def master(self, kind: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
        """Each monthly master file with its rows."""
        for entry in sorted(self.files(kind), key=lambda e: e["file"]):
            text = self.path(entry).read_bytes().decode("cp932")
            yield entry["file"], list(csv.DictReader(io.StringIO(text, newline="")))

    def portal(self, entry: dict[str, Any]) -> list[list[Any]]:
        """All lines of a portal report: two titles, the header, the rows, the total."""
        path = self.path(entry)
        if path.suffix == ".xlsx":
            return CalamineWorkbook.from_path(str(path)).get_sheet_by_name("明細").to_python()
        return list(csv.reader(io.StringIO(path.read_bytes().decode("cp932"), newline="")))

    def webinar(self, entry: dict[str, Any]) -> list[list[str]]:
        """All lines of a participant report."""
        return list(csv.reader(io.StringIO(self.path(entry).read_bytes().decode("utf-8-sig"), newline="")))

    def web(self, entry: dict[str, Any]) -> list[list[str]]:
        """The fields of every line of a log file that is whole."""
        with gzip.open(self.path(entry), "rt", encoding="utf-8", newline="\n") as handle:
            return [line.rstrip("\n").split("\t") for line in handle]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    root = tmp_path_factory.mktemp("sample")
    return Sample(root, generate(root, **SIZE))
