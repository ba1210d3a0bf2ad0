"""Writing files in bulk and remembering what was written: rows per file and what should become of them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from shirube.sample.columns import DAY, JST, Array


@dataclass
class FileLog:
    """What was written below the output folder; becomes `files` in truth.json."""

    out: Path
    only: frozenset[str] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)

    def wants(self, source: str) -> bool:
        """Whether files of this source are asked for."""
        return self.only is None or source in self.only

    def write(
        self,
        source: str,
        name: str,
        content: bytes,
        rows: int,
        *,
        quarantined: dict[str, int] | None = None,
        file_reason: str | None = None,
        note: str | None = None,
    ) -> None:
        """Write one file (if its source is wanted) and log its data rows and the rows that cannot be read.

        `file_reason` says that the whole file must be refused; then none of its rows can land.
        """
        if not self.wants(source):
            return
        path = self.out / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        bad = {reason: count for reason, count in (quarantined or {}).items() if count}
        entry: dict[str, Any] = {"source": source, "file": name, "rows": rows, "bytes": len(content)}
        entry["quarantined"] = bad
        entry["file_reason"] = file_reason
        entry["landed"] = 0 if file_reason else rows - sum(bad.values())
        if note:
            entry["note"] = note
        self.files.append(entry)


def csv_bytes(table: pa.Table, *, header: bool = True, quoted: bool = True, delimiter: str = ",") -> bytes:
    """A table of text columns as UTF-8 CSV with LF; unquoted output refuses values that would need quotes."""
    sink = io.BytesIO()
    options = pa_csv.WriteOptions(
        include_header=header,
        delimiter=delimiter,
        quoting_style="needed" if quoted else "none",
    )
    pa_csv.write_csv(table, sink, options)
    return sink.getvalue()


def cp932_bytes(table: pa.Table) -> bytes:
    """The same as CP932 with CRLF, unquoted, as Japanese master files come."""
    text = csv_bytes(table, header=False, quoted=False).decode()
    head = ",".join(table.column_names) + "\n"
    return (head + text).replace("\n", "\r\n").encode("cp932")


def gzip_bytes(parts: Iterable[bytes]) -> bytes:
    """Gzip without a clock reading in its header."""
    sink = io.BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=4, mtime=0, filename="") as packed:
        for part in parts:
            packed.write(part)
    return sink.getvalue()


@dataclass(frozen=True)
class IncrementPlan:
    """What goes wrong with the weekly files of one object, by week number.

    `late`: comes 24 days after it was due; `out_of_order`: comes an hour after the next week's file;
    `repeated`: that many of its last rows come again in the next file.
    """

    late: frozenset[int] = frozenset()
    out_of_order: frozenset[int] = frozenset()
    repeated: dict[int, int] = field(default_factory=dict)


class Increments:
    """Weekly increments of one CRM object: rows wait until every record of their week has been generated.

    `cuts` are UTC epoch seconds; file k holds what was modified before cut k and not before cut k-1,
    each record in its last state. The first file also holds everything older; a week without changes gives
    a header only.
    """

    def __init__(
        self, log: FileLog, source: str, columns: Sequence[str], cuts: Array, plan: IncrementPlan
    ) -> None:
        self.log, self.source, self.columns, self.cuts, self.plan = log, source, list(columns), cuts, plan
        self.waiting: list[tuple[Array, Array, pa.Table]] = []
        self.done = 0
        self.rows_written = 0
        self.repeated = 0
        self._repeat: pa.Table | None = None

    def add(self, modified: Array, key: Array, table: pa.Table) -> None:
        """Queue versions of records: UTC second of the modification, the record's number, the row."""
        if table.num_rows and self.log.wants(self.source):
            self.waiting.append((np.asarray(modified), np.asarray(key), table.select(self.columns)))

    def flush(self, before: int) -> None:
        """Write every week that ended before that UTC second."""
        ready = int(np.searchsorted(self.cuts, before, side="right"))
        if ready <= self.done or not self.log.wants(self.source):
            return
        modified = np.concatenate([np.zeros(0, dtype=np.int64), *(m for m, _, _ in self.waiting)])
        key = np.concatenate([np.zeros(0, dtype=np.int64), *(k for _, k, _ in self.waiting)])
        empty = pa.table({name: pa.nulls(0, pa.string()) for name in self.columns})
        table = pa.concat_tables([empty, *(t for _, _, t in self.waiting)]).combine_chunks()
        week = np.searchsorted(self.cuts, modified, side="right")
        for index in range(self.done, ready):
            chosen = np.flatnonzero(week == index)
            chosen = chosen[np.lexsort((modified[chosen], key[chosen]))]
            if len(chosen):  # an export shows each record once, as it is at that moment
                last = np.append(key[chosen][1:] != key[chosen][:-1], True)
                chosen = chosen[last]
            chosen = chosen[np.argsort(modified[chosen], kind="stable")]
            self._write(index, table.take(pa.array(chosen)))
        rest = np.flatnonzero(week >= ready)
        self.waiting = [(modified[rest], key[rest], table.take(pa.array(rest)))]
        self.done = ready

    def _write(self, index: int, part: pa.Table) -> None:
        moment, note = int(self.cuts[index]), None
        if index in self.plan.late and index + 4 < len(self.cuts):
            moment, note = moment + 24 * DAY + 8 * 3600, "late"
        elif index in self.plan.out_of_order and index + 1 < len(self.cuts):
            moment, note = int(self.cuts[index + 1]) + 3600, "out_of_order"
        if self._repeat is not None:
            self.repeated += self._repeat.num_rows
            part = pa.concat_tables([self._repeat, part])
            self._repeat = None
        if index in self.plan.repeated and index + 1 < len(self.cuts):
            count = min(self.plan.repeated[index], part.num_rows)
            self._repeat = part.slice(part.num_rows - count)
        self.rows_written += part.num_rows
        content = csv_bytes(part)
        self.log.write(self.source, f"{self.source}_{stamp(moment)}.csv", content, part.num_rows, note=note)


def stamp(seconds: int) -> str:
    """UTC seconds as `20251103T0100`."""
    return str(np.datetime64(seconds, "s")).replace("-", "").replace(":", "")[:13]


def weekly_cuts(first_day: int, end_day: int) -> Array:
    """UTC 01:00 of every Monday after `first_day`, up to the first one after the day following `end_day`."""
    monday = first_day + ((4 - first_day - 1) % 7) + 1
    days = np.arange(monday, end_day + 9, 7)
    last = int(np.searchsorted(days, end_day + 2))
    return days[: last + 1] * DAY + 3600


def utc(local_seconds: Array) -> Array:
    """Local (JST) seconds as UTC seconds."""
    return np.asarray(local_seconds) - JST


def day_in_utc(day: int) -> int:
    """UTC seconds at which a local day begins."""
    return day * DAY - JST
