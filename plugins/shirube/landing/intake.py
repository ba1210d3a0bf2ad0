"""A file's way through reader, casts and token split, in bounded memory: what `land` and `check` share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shirube.casting import cast_batch
from shirube.contracts import SourceContract
from shirube.keys import TokenKey, tokenise
from shirube.readers import FileRejected, Reject, open_reader
from shirube.vault import IDENTIFIERS_SCHEMA


class ConservationError(RuntimeError):
    """A row was lost or counted twice on its way to the lake: a fault of the program, never of the file."""


@dataclass(frozen=True)
class Portion:
    """A stretch of the file: rows that passed, in clear, and every reason why others did not."""

    rows_in: int
    kept: pa.RecordBatch
    refusals: list[Reject]


class Intake:
    """Reads one file under one contract and keeps count.

    Raises what the reader raises: `FileRejected` for a file that cannot be landed at all.
    """

    def __init__(self, contract: SourceContract, path: Path, file_name: str) -> None:
        self.contract = contract
        self.reader = open_reader(contract, path, file_name=Path(file_name).name)
        self.rows_in = 0
        self.rows_kept = 0
        self.event_min_on: date | None = None
        self.event_max_on: date | None = None
        self._recorded_max_on: date | None = None
        self._periods: set[str] = set()

    @property
    def newest_on(self) -> date | None:
        """The last day that a row was recorded; events tell it only where nothing else does.

        A planned call lies in the future, and its file did not come from there.
        """
        return self._recorded_max_on or self.event_max_on

    @property
    def column_period(self) -> str | None:
        """The period that the contract's period column names, if the whole file has one and the same."""
        return next(iter(self._periods)) if len(self._periods) == 1 else None

    def portions(self) -> Iterator[Portion]:
        """Yield the file stretch by stretch; raises `ConservationError` if a row went astray."""
        for raw in self.reader.batches():
            kept, refusals = cast_batch(raw, self.contract)
            entered = _row_numbers(raw.row_numbers, raw.errors)
            left = _row_numbers(kept.column("_row_number"), refusals)
            if not np.array_equal(np.sort(entered), np.sort(left)):
                raise ConservationError(
                    f"{self.contract.name}: {len(entered)} rows in, {kept.num_rows} kept, "
                    f"{len(left) - kept.num_rows} refused, and they are not the same rows"
                )
            self.rows_in += len(entered)
            self.rows_kept += kept.num_rows
            self._note_days(kept)
            self._note_period(kept)
            yield Portion(len(entered), kept, refusals)

    def finish(self) -> None:
        """Refuse a file without any row, unless its contract says that it may be empty."""
        if self.rows_in == 0 and not self.contract.accepts_empty:
            raise FileRejected(
                "empty_file",
                "見出しだけで、データの行がありません",
                "the file has a header but no rows",
                "抽出が動いたか送り手に確かめてください。0 件がありうるソースなら、"
                "契約ファイルの emptyFile を accept にします。",
            )

    def _note_days(self, kept: pa.RecordBatch) -> None:
        event_time = self.contract.event_time
        if event_time and (days := _days(kept.column(event_time.column), event_time.zone)):
            self.event_min_on = min(days[0], self.event_min_on or days[0])
            self.event_max_on = max(days[1], self.event_max_on or days[1])
        recorded = self.contract.supersede.order_by
        if recorded and (days := _days(kept.column(recorded), self.contract.zone)):
            self._recorded_max_on = max(days[1], self._recorded_max_on or days[1])

    def _note_period(self, kept: pa.RecordBatch) -> None:
        declared = self.contract.period
        if declared is None or declared.column is None or len(self._periods) > 1:
            return
        for value in pc.unique(kept.column(declared.column)).to_pylist():
            if value is not None:
                self._periods.add(value.strftime("%Y-%m") if isinstance(value, date) else str(value))


def split_identifiers(
    kept: pa.RecordBatch, contract: SourceContract, landing_id: str, key: TokenKey
) -> tuple[pa.RecordBatch, pa.Table]:
    """Replace direct identifiers by tokens: rows for the lake, `IDENTIFIERS_SCHEMA` rows for the vault."""
    identifiers = [IDENTIFIERS_SCHEMA.empty_table()]
    columns: list[pa.Array] = []
    for column in contract.columns:
        values = kept.column(column.name)
        if column.identifier_kind:
            values, found = tokenise(values, column.identifier_kind, key)
            kind = pa.repeat(pa.scalar(column.identifier_kind), found.num_rows)
            identifiers.append(found.add_column(1, "kind", kind))
        columns.append(values)
    columns.append(pa.repeat(pa.scalar(landing_id, pa.string()), kept.num_rows))
    columns += [kept.column("_row_number"), kept.column("_extra")]
    return pa.RecordBatch.from_arrays(columns, schema=contract.lake_schema()), pa.concat_tables(identifiers)


def _row_numbers(rows: pa.Array, rejects: list[Reject]) -> np.ndarray:
    refused = np.array(sorted({reject.row_number for reject in rejects}), np.int64)
    return np.concatenate([rows.to_numpy(zero_copy_only=False), refused])


def _days(values: pa.Array, zone: str) -> tuple[date, date] | None:
    """First and last day in `zone`; None where the column holds no days at all."""
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return None
    extremes = pc.min_max(values).as_py()
    if extremes["min"] is None:
        return None
    return _local_day(extremes["min"], zone), _local_day(extremes["max"], zone)


def _local_day(value: date | datetime, zone: str) -> date:
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(ZoneInfo(zone)).date()
    return value
