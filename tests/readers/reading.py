"""Small files of every agreed shape, and a reader run to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from shirube.casting import cast_batch
from shirube.contracts import SourceContract, load_contract
from shirube.readers import Reader, Reject, open_reader

PLAIN = """\
apiVersion: v3.2.0
kind: DataContract
id: plain
version: 1.0.0
customProperties:
{custom}
schema:
  - name: plain
    properties:
      - name: code
        logicalType: string
        logicalTypeOptions: {{format: code}}
        physicalName: コード
        required: true
      - {{name: text, logicalType: string, physicalName: 本文}}
      - {{name: amount, logicalType: integer, physicalName: 金額}}
"""


def plain_contract(folder: Path, custom: str = "  - {property: emptyFile, value: reject}") -> SourceContract:
    """A contract with the columns コード (required), 本文 and 金額."""
    path = folder / "plain.odcs.yaml"
    path.write_text(PLAIN.format(custom=custom), encoding="utf-8")
    return load_contract(path)


@dataclass
class Outcome:
    """All rows of a file after casting, and all rejects."""

    reader: Reader
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rows_in: int = 0

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """Row number and reason code of every reject."""
        return [(found.row_number, found.reason_code) for found in self.rejects]

    def column(self, name: str) -> list[Any]:
        """One column's accepted values."""
        return [row[name] for row in self.rows]


def read_all(contract: SourceContract, path: Path, file_name: str | None = None) -> Outcome:
    """Read and cast a whole file; asserts that no row is lost and that batches have the declared schema."""
    outcome = Outcome(open_reader(contract, path, file_name))
    for raw in outcome.reader.batches():
        batch, rejects = cast_batch(raw, contract)
        assert batch.schema == contract.cast_schema()
        assert all(isinstance(values, pa.StringArray) for values in raw.columns.values())
        rows_in = raw.num_rows + len(raw.errors)
        assert rows_in == batch.num_rows + len({found.row_number for found in rejects})
        outcome.rows_in += rows_in
        outcome.rows.extend(batch.to_pylist())
        outcome.rejects.extend(rejects)
    return outcome
