"""Read one published release: its manifest, its numbers, its registry and the star tables a page needs."""

from __future__ import annotations

import calendar
import json
import os
import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from shirube.engine import bounded
from shirube.fiscal_periods import latest_complete
from shirube.release.declared import RESTRICTED_FOLDER
from shirube.release.kpi_rows import KPI_TABLE, RESTRICTED_KPI_TABLE

Row = dict[str, Any]


@dataclass(frozen=True)
class Kpi:
    """A registry entry: what a number means, what it is for and what must not be read into it."""

    kpi_id: str
    version: str
    display_order: int
    name_ja: str
    numerator_ja: str
    denominator_ja: str
    kind: str
    direction: str
    evidence_level: str
    minimum_sample: int
    meaningful_difference: float
    audience: tuple[str, ...]
    must_not_conclude_ja: str
    unit_ja: str
    period: str
    row: Row = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Value:
    """One published number of one scope, with everything that must be said beside it."""

    kpi_id: str
    period_type: str
    period_start: date
    period_end: date
    phase_id: str | None
    product_id: str | None
    channel_id: str | None
    breakdown: str | None
    numerator: float | None
    denominator: float | None
    value: float | None
    ci_low: float | None
    ci_high: float | None
    evidence_level: str
    verdict: str | None
    verdict_reason: str | None
    previous_value: float | None
    previous_numerator: float | None
    previous_denominator: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    display_state: str
    reason: str | None
    trust_arrival: str
    trust_linkage: str
    trust_count: str

    @property
    def is_total(self) -> bool:
        """Whether the number is not broken down by channel, product, phase or anything else."""
        return not (self.phase_id or self.product_id or self.channel_id or self.breakdown)


def kpi_of(row: Row) -> Kpi:
    """A row of `dim_kpi` as a registry entry."""
    return Kpi(
        kpi_id=row["kpi_id"],
        version=str(row["kpi_version"]),
        display_order=int(row["display_order"]),
        name_ja=row["name_ja"],
        numerator_ja=row["numerator_ja"],
        denominator_ja=row["denominator_ja"],
        kind=row["kind"],
        direction=row["direction"],
        evidence_level=row["evidence_level"],
        minimum_sample=int(row["minimum_sample"] or 0),
        meaningful_difference=float(row["meaningful_difference"] or 0.0),
        audience=_words(row["audience"]),
        must_not_conclude_ja=row["must_not_conclude_ja"],
        unit_ja=row["unit_ja"] or "",
        period=row["period"],
        row=row,
    )


def sources_of(kpi: Row) -> dict[str, list[str]]:
    """The sources of a row of `dim_kpi` by field: what it cannot do without, then what it uses where the
    company has it."""
    return {
        field: [name for name in str(kpi.get(field) or "").split(",") if name]
        for field in ("sources", "sources_if_present")
    }


def is_for_few(mart: Row) -> bool:
    """Whether the file of a manifest's mart lies where only few may read it."""
    return str(mart.get("file") or "").startswith(f"{RESTRICTED_FOLDER}/")


class ReleaseFiles:
    """The tables of one release folder, read through DuckDB in memory; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self._spill = tempfile.TemporaryDirectory()
        self._connection = duckdb.connect(config=bounded(Path(self._spill.name)) | {"threads": 2})

    def __enter__(self) -> ReleaseFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._spill.cleanup()

    @property
    def release_id(self) -> str:
        """The release's own id."""
        return str(self.manifest["release_id"])

    @property
    def as_of(self) -> date:
        """The date up to which deliveries were counted."""
        return date.fromisoformat(str(self.manifest["as_of"])[:10])

    def file(self, table: str) -> Path | None:
        """The Parquet file of a table, or None where this release does not hold it."""
        for part in ("marts", "star", "restricted"):
            candidate = self.folder / part / f"{table}.parquet"
            if os.access(candidate, os.F_OK):
                return candidate
        return None

    def query(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> list[Row]:
        """Run SQL in which `{table}` names a table of this release; rows as dictionaries.

        Raises FileNotFoundError naming the table that the release does not hold, ValueError where a table
        lacks a column: an earlier version of the program made it.
        """
        tables = _Tables(self)
        try:
            cursor = self._connection.execute(sql.format_map(tables), parameters or [])
        except duckdb.BinderException as error:
            missing = str(error).splitlines()[0]
            raise ValueError(
                f"版 {self.release_id} は前のプログラムで作られていて、今のページに要る列がありません。"
                "`shirube run` で新しい版を作ってください。 / "
                f"release {self.release_id} was made by an earlier program and lacks what is read now"
                f" ({missing}); make a new one with `shirube run`"
            ) from error
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def query_if_held(
        self, table: str, sql: str, parameters: list[Any] | dict[str, Any] | None = None
    ) -> list[Row]:
        """As `query`; no rows where the release does not hold `table`, which a gate may have kept back."""
        return [] if self.file(table) is None else self.query(sql, parameters)

    def newest(self, table: str, columns: str, until: date, where: str = "true") -> list[Row]:
        """The columns of a mart's newest period that is over at `until`; empty where the mart is not held.

        A period longer than a month goes before months, and of those that end on one day the longest: there
        most was counted.
        """
        return self.query_if_held(
            table,
            f"select {columns} from {{{table}}} "
            f"where ({where}) and period_end <= $until "
            "qualify rank() over (order by period_type = 'month', period_end desc, period_start) = 1",
            {"until": until},
        )

    def columns(self, table: str) -> list[str]:
        """The column names of a table, in order; empty where the release does not hold it."""
        if self.file(table) is None:
            return []
        cursor = self._connection.execute(f"select * from {_Tables(self)[table]} limit 0")
        return [column[0] for column in cursor.description or []]

    def registry(self) -> dict[str, Kpi]:
        """Every KPI of the registry by id, its newest version, in reading order; empty where withheld."""
        kpis: dict[str, Kpi] = {}
        if self.file("dim_kpi") is None:
            return kpis
        for row in self.query("select * from {dim_kpi} order by kpi_id, kpi_version"):
            kpis[row["kpi_id"]] = kpi_of(row)
        return dict(sorted(kpis.items(), key=lambda item: (item[1].display_order, item[0])))

    def values(self, scope_type: str, scope_id: str) -> list[Value]:
        """All numbers published for one scope, oldest period first; empty where all were withheld."""
        if self.file(KPI_TABLE) is None:
            return []
        names = ", ".join(Value.__dataclass_fields__)
        rows = self.query(
            f"select {names} from {{fct_kpi_value}} where scope_type = ? and scope_id = ? "
            "order by kpi_id, period_end, product_id, channel_id, phase_id, breakdown",
            [scope_type, scope_id],
        )
        return [Value(**row) for row in rows]

    def judged_only(self, office_id: str) -> dict[tuple[date, str], int]:
        """(month end, phase) → physicians whose phase rests on an MR's judgement alone, where published."""
        if "n_judged_only" not in self.columns("mart_journey"):
            return {}
        rows = self.query(
            "select period_end, phase_id, n_judged_only from {mart_journey} "
            "where scope_type = 'office' and scope_id = ? and period_type = 'month' "
            "and product_id is null and phase_id is not null and n_judged_only > 0",
            [office_id],
        )
        return {(row["period_end"], row["phase_id"]): int(row["n_judged_only"]) for row in rows}

    def offices(self) -> list[tuple[str, str]]:
        """(office id, Japanese name) of every office that has numbers, sorted by id."""
        rows = self.query(
            "select organization_id, max(name_ja) as name_ja from {dim_organization} "
            "where level = 'office' group by 1 order by 1"
        )
        return [(row["organization_id"], row["name_ja"]) for row in rows]

    def has_arrived(self, source: Row) -> bool:
        """Whether a source landed, and recently enough for its contract's freshness, as of the release."""
        last = source.get("last_delivered_on")
        if not source.get("batches_landed") or not last:
            return False
        allowed = source.get("freshness_hours")
        age = (self.as_of - date.fromisoformat(str(last)[:10])).days * 24
        return allowed is None or age <= float(allowed)

    def arrival(self, source: Row) -> str:
        """`arrived`; `missing`, never or not recently; or `absent`, what the company does not have."""
        if not source.get("is_expected", True) and not source.get("batches_landed"):
            return "absent"
        return "arrived" if self.has_arrived(source) else "missing"

    def sources(self) -> tuple[list[str], list[str]]:
        """Japanese names of the sources that arrived, and of those that should have and did not."""
        named = [(str(source["business_name"]), self.arrival(source)) for source in self.manifest["sources"]]
        arrived = [name for name, arrival in named if arrival == "arrived"]
        return arrived, [name for name, arrival in named if arrival == "missing"]


class _Tables(dict[str, str]):
    """Puts `read_parquet('…')` in place of `{table}`."""

    def __init__(self, release: ReleaseFiles) -> None:
        super().__init__()
        self._release = release

    def __missing__(self, table: str) -> str:
        file = self._release.file(table)
        if file is None:
            raise FileNotFoundError(f"release {self._release.release_id} holds no table {table}")
        files = [file]
        if table == KPI_TABLE:
            # Whoever may open the restricted folder sees the numbers that are kept there beside the others.
            beside = self._release.file(RESTRICTED_KPI_TABLE)
            files += [beside] if beside else []
        return "read_parquet([" + ", ".join("'" + str(f).replace("'", "''") + "'" for f in files) + "])"


def _words(value: Any) -> tuple[str, ...]:
    """A list column, or a comma-separated text, as a tuple of words."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(word.strip() for word in value.strip("[]").replace('"', "").split(",") if word.strip())
    return tuple(str(word) for word in value)


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


FISCAL_START_MONTH = 4


def last_closed_period(period_type: str, month: date) -> date:
    """The last day of the newest period of this length that is over at the end of `month`.

    Quarters, halves and years are those of a fiscal year that begins in April.
    """
    return latest_complete(month, period_type, FISCAL_START_MONTH).end


def last_closed_month(as_of: date) -> date:
    """The last month end on or before `as_of`."""
    if as_of == month_end(as_of):
        return as_of
    year, month = (as_of.year - 1, 12) if as_of.month == 1 else (as_of.year, as_of.month - 1)
    return month_end(date(year, month, 1))
