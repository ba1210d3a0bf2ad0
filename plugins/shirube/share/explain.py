"""One published number with everything that was said about it, computed once more from its mart's own file.

Only the release folder is read: `marts/*.parquet`, `star/dim_organization.parquet` and `manifest.json`. The
number is computed again by the registry's declaration, with an interval of its own, and compared with the row
that readers have.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from shirube.home import Home
from shirube.release.kpi_rows import KPI_TABLE
from shirube.share.release_files import ReleaseFiles, Row, sources_of
from shirube.share.wording import declared

BREAKDOWNS = ("channel_id", "product_id", "phase_id", "breakdown")
WITH_VALUE = ("shown", "reference", "stale")
WITH_COUNTS = (*WITH_VALUE, "counts_only")
TOLERANCE = 2e-9  # a release rounds to nine digits: the published number once, its parts once


@dataclass(frozen=True)
class Asked:
    """Which number: `scope` is `company`, `office:<id>`, an id or an organisation's Japanese name; `period` a
    day or month inside the period (None: the newest); `breakdown` column → value, empty for the total."""

    kpi: str
    scope: str = "company"
    period: str | None = None
    period_type: str | None = None
    breakdown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reproduction:
    """The number computed again. `outcome`: same, different or not_possible; `reasons` in Japanese.

    `query` runs inside the release folder; `numbers` is what it gave and the interval computed from it, empty
    where the number is not published.
    """

    outcome: str
    reasons: tuple[str, ...]
    query: str | None
    numbers: dict[str, float | None]


@dataclass(frozen=True)
class Explanation:
    """A published number: its registry entry, its row, where it comes from, and its reproduction."""

    release: dict[str, str]
    definition: Row
    value: Row
    scope_name: str
    lineage: dict[str, Any]
    sources: tuple[Row, ...]
    reproduction: Reproduction

    def as_json(self) -> dict[str, Any]:
        """Plain values for machines; days as ISO text."""
        return {
            "kpi": self.definition["kpi_id"],
            "release": self.release,
            "definition": _plain(self.definition),
            "value": _plain(self.value | {"scope_name": self.scope_name}),
            "lineage": self.lineage,
            "sources": [_plain(source) for source in self.sources],
            "reproduction": {
                "outcome": self.reproduction.outcome,
                "reasons": list(self.reproduction.reasons),
                "query": self.reproduction.query,
                "numbers": self.reproduction.numbers,
            },
        }


def release_folder(release: str | None, home: Path | None) -> Path:
    """The folder of a release, named by its id, by its own path, or not at all (the current one).

    Raises: FileNotFoundError naming the releases that are there.
    """
    if release and (Path(release) / "manifest.json").is_file():
        return Path(release).resolve()
    shelf = Home.at(home)
    folder = (shelf.releases / release if release else shelf.current).resolve()
    if (folder / "manifest.json").is_file():
        return folder
    there = sorted(
        path.parent.name for path in shelf.releases.glob("*/manifest.json") if not path.parent.is_symlink()
    )
    wanted = release or "current"
    raise FileNotFoundError(
        f"公開された資料 {wanted} がありません。あるもの：{'、'.join(there) or 'なし'} / "
        f"there is no release {wanted} in {shelf.releases}; there are: {', '.join(there) or 'none'}"
    )


def explain(folder: Path, asked: Asked) -> Explanation:
    """Explain one number of the release in `folder`.

    Raises: LookupError for a KPI, scope, period or breakdown that the release does not have, naming what it
    has; FileNotFoundError where the KPI table itself is withheld, with the reason.
    """
    with ReleaseFiles(folder) as release:
        for table in (KPI_TABLE, "dim_kpi"):
            if release.file(table) is None:
                raise FileNotFoundError(_withheld(release, table))
        registry = release.query("select * from {dim_kpi} order by kpi_id, kpi_version")
        kpi_id = _kpi_id(asked.kpi, registry)
        newest = next(row for row in reversed(registry) if row["kpi_id"] == kpi_id)
        value, scope_name = _row(release, asked, kpi_id, newest["period"])
        definition = next(
            (
                row
                for row in registry
                if row["kpi_id"] == kpi_id and int(row["kpi_version"]) == int(value["kpi_version"])
            ),
            None,
        )
        return Explanation(
            release={
                "release_id": release.release_id,
                "as_of": release.as_of.isoformat(),
                "config_version": str(release.manifest["config_version"]),
                "code_version": str(release.manifest.get("code_version") or ""),
            },
            definition=definition or newest,
            value=value,
            scope_name=scope_name,
            lineage=_lineage(release, str(newest["mart"])),
            sources=_sources(release, newest),
            reproduction=_reproduce(release, definition, value),
        )


def _kpi_id(given: str, registry: list[Row]) -> str:
    ids = list(dict.fromkeys(str(row["kpi_id"]) for row in registry))
    by_name = {str(row["name_ja"]): str(row["kpi_id"]) for row in registry}
    if given in ids:
        return given
    if given in by_name:
        return by_name[given]
    near = difflib.get_close_matches(given, ids, n=3, cutoff=0.4)
    near += [by_name[name] for name in difflib.get_close_matches(given, by_name, n=3, cutoff=0.4)]
    near = list(dict.fromkeys(near)) or ids
    raise LookupError(
        f"「{given}」という数字はありません。近いもの：{'、'.join(near)} / "
        f"there is no KPI {given!r}; nearest: {', '.join(near)}"
    )


def _row(release: ReleaseFiles, asked: Asked, kpi_id: str, usual_period: str) -> tuple[Row, str]:
    """The published row that was asked for, and the Japanese name of its scope."""
    rows = release.query(f"select * from {{{KPI_TABLE}}} where kpi_id = ?", [kpi_id])
    scope_type, scope_id, scope_name = _scope(release, asked.scope, rows)
    rows = [row for row in rows if (row["scope_type"], row["scope_id"]) == (scope_type, scope_id)]
    rows = _in_period(rows, asked, usual_period)
    wanted = dict(asked.breakdown)
    unknown = [column for column in wanted if column not in BREAKDOWNS]
    if unknown:
        raise LookupError(
            f"「{'、'.join(unknown)}」という分け方はありません。{'、'.join(BREAKDOWNS)} から選びます。 / "
            f"{', '.join(unknown)}: a breakdown is one of {', '.join(BREAKDOWNS)}"
        )
    found = [row for row in rows if all(row[column] == wanted.get(column) for column in BREAKDOWNS)]
    if not found:
        there = [_breakdown_text(row) or declared("explain")["total"] for row in rows]
        named = sorted(dict.fromkeys(there))
        asked_for = " ".join(f"{column}={value}" for column, value in asked.breakdown)
        asked_for = asked_for or declared("explain")["total"]
        more = " …" if len(named) > 12 else ""
        raise LookupError(
            f"「{asked_for}」という分け方の数字はありません。あるもの：{'、'.join(named[:12])}{more} / "
            f"{kpi_id} has no breakdown {asked_for!r}; give --breakdown column=value, e.g. {named[0]}"
        )
    return max(found, key=lambda row: (row["period_end"], row["kpi_version"])), scope_name


def _scope(release: ReleaseFiles, given: str, rows: list[Row]) -> tuple[str, str, str]:
    """Type, id and Japanese name of a scope that this KPI is published for."""
    there = {(str(row["scope_type"]), str(row["scope_id"])) for row in rows}
    names: dict[str, str] = {}
    if release.file("dim_organization") is not None:
        found = release.query(
            "select organization_id, max(name_ja) as name_ja from {dim_organization} group by 1"
        )
        names = {str(row["organization_id"]): str(row["name_ja"]) for row in found}
    scope_type, _, scope_id = given.rpartition(":")
    by_name = {name: key for key, name in names.items()}
    scope_id = by_name.get(scope_id, scope_id)
    matching = sorted(one for one in there if one[1] == scope_id and scope_type in ("", one[0]))
    if len(matching) == 1:
        kind, key = matching[0]
        return kind, key, names.get(key, declared("explain")["scopes"].get(key, key))
    known = [key for _, key in sorted(there)]
    near = difflib.get_close_matches(scope_id, known, n=5, cutoff=0.5) or known[:5]
    raise LookupError(
        f"「{given}」の数字はありません。近いもの：{'、'.join(near)} / "
        f"this KPI is not published for scope {given!r}; nearest: {', '.join(near)}"
    )


def _in_period(rows: list[Row], asked: Asked, usual_period: str) -> list[Row]:
    """The rows of the period that holds the day asked for, or of the newest one."""
    types = sorted({str(row["period_type"]) for row in rows})
    period_type = asked.period_type or (usual_period if usual_period in types or not types else types[0])
    rows = [row for row in rows if row["period_type"] == period_type]
    if asked.period:
        day = _day(asked.period)
        rows = [row for row in rows if row["period_start"] <= day <= row["period_end"]]
    elif rows:
        newest = max(row["period_end"] for row in rows)
        rows = [row for row in rows if row["period_end"] == newest]
    if not rows:
        raise LookupError(
            f"この期間の数字はありません（{period_type}、{asked.period or 'いちばん新しい期間'}）。"
            f"期間の種類：{'、'.join(types)} / "
            f"no value for {period_type} {asked.period or 'newest'}; period types: {', '.join(types)}"
        )
    return rows


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError as error:
        raise LookupError(
            f"「{text}」は期間ではありません。2026-10 か 2026-10-15 のように書きます。 / "
            f"{text!r} is no month or day like 2026-10"
        ) from error


def _lineage(release: ReleaseFiles, mart: str) -> dict[str, Any]:
    """What the mart is made of, as the manifest says; empty lists where an older release does not say it."""
    found = release.manifest.get("lineage", {}).get(mart) or {}
    return {
        "mart": mart,
        **{part: found.get(part, []) for part in ("reads", "core", "estimates", "sources")},
        "rules": found.get("rules", {}),
    }


def _sources(release: ReleaseFiles, definition: Row) -> tuple[Row, ...]:
    """The logs that the registry names, needed ones first, with what the release knows of their arrival."""
    entries = {str(entry["source"]): entry for entry in release.manifest["sources"]}
    trust: dict[str, Row] = {}
    if {"source", "covered_until", "days_since_delivery"} <= set(release.columns("mart_data_trust")):
        rows = release.query(
            "select source, max(covered_until) as covered_until,"
            " max(days_since_delivery) as days_since_delivery from {mart_data_trust}"
            " where source is not null and scope_type = 'company' group by 1"
        )
        trust = {str(row["source"]): row for row in rows}
    found = []
    named = {name: field == "sources" for field, names in sources_of(definition).items() for name in names}
    for name, is_needed in named.items():
        entry, marks = entries.get(name, {}), trust.get(name, {})
        found.append(
            {
                "source": name,
                "name_ja": str(entry.get("business_name") or name),
                "is_needed": is_needed,
                "delivered_until": entry.get("last_delivered_on"),
                "covered_until": marks.get("covered_until"),
                "days_since_delivery": marks.get("days_since_delivery"),
                "promised_hours": entry.get("freshness_hours"),
                "arrival": release.arrival(entry) if entry else "missing",
            }
        )
    return tuple(found)


def _reproduce(release: ReleaseFiles, definition: Row | None, value: Row) -> Reproduction:
    """Compute the number again from its mart's file and compare it with the published row."""
    if definition is None:
        return _impossible("other_version", version=value["kpi_version"])
    mart = str(definition["mart"])
    if "physicians" not in definition:
        return _impossible("no_declaration")
    if release.file(mart) is None:
        entry: Row = next((entry for entry in release.manifest["marts"] if entry["name"] == mart), {})
        reason = _impossible("mart_withheld", mart=mart)
        return Reproduction(
            reason.outcome,
            tuple(part for part in (*reason.reasons, entry.get("reason_ja")) if part),
            None,
            {},
        )
    file = release.file(mart)
    place = file.relative_to(release.folder).as_posix() if file else ""
    query = _query(definition, value, place)
    rows = release.query(query.replace(f"'{place}'", "'" + _escaped(file) + "'"))
    if len(rows) != 1:
        name = "no_row" if not rows else "several_rows"
        return Reproduction("different", (_reason(name, mart=mart, rows=len(rows)),), query, {})
    cell, state = rows[0], value["display_state"]
    if state == "withheld":
        return Reproduction("not_possible", (_reason("withheld"),), query, {})
    if state == "suppressed" or cell["is_suppressed"]:
        same = state == "suppressed" and bool(cell["is_suppressed"])
        name = "hidden_too" if same else "differs" if state == "suppressed" else "shown_though_hidden"
        facts = {"mart": mart, "what": "伏せたか", "published": "はい", "again": "いいえ"}
        return Reproduction("same" if same else "different", (_reason(name, **facts),), query, {})
    again = _computed(definition, cell, state)
    differing = tuple(
        _reason(
            "differs", what=declared("explain")["labels"].get(name, name), published=value[name], again=number
        )
        for name, number in again.items()
        if not _equal(value[name], number)
    )
    return Reproduction("different" if differing else "same", differing, query, again)


def _query(definition: Row, value: Row, place: str) -> str:
    """SQL that gives numerator, denominator and value of one published row from the mart's file at `place`.

    It is the registry's rule once more, written independently of the macro that filled the KPI table.
    """
    counted = definition["kind"] in ("rate", "count")
    numerator = str(definition["numerator"]) if counted else "null"
    denominator = str(definition["denominator"])
    computed = {
        "rate": f"\n        cast({numerator} as double)\n        / nullif({denominator}, 0)",
        "count": f"cast({numerator} as double)",
    }.get(str(definition["kind"]), str(definition["value"]))
    low, high = ("null", "null") if counted else (definition["ci_low"], definition["ci_high"])
    hidden = "false" if definition["physicians"] == "none" else f"{definition['physicians']}_suppressed"
    is_counted = f"{denominator} is not null"
    if counted:
        is_counted += f"\n        and {numerator} is not null"
    own = [column for column in BREAKDOWNS if column in str(definition["breakdowns"] or "").split(",")]
    conditions = [
        f"scope_type = {_literal(value['scope_type'])}",
        f"scope_id = {_literal(value['scope_id'])}",
        f"period_type = {_literal(value['period_type'])}",
        f"period_start = date '{value['period_start']}'",
        *(
            f"{column} is null" if value[column] is None else f"{column} = {_literal(value[column])}"
            for column in own
        ),
        is_counted if hidden == "false" else f"({hidden}\n        or {is_counted})",
    ]
    columns = {
        "numerator": numerator,
        "denominator": denominator,
        "value": computed,
        "ci_low": low,
        "ci_high": high,
        "is_suppressed": hidden,
    }
    selected = ",\n".join(f"    {what} as {name}" for name, what in columns.items())
    where = "\n    and ".join(conditions)
    return f"select\n{selected}\nfrom read_parquet('{place}')\nwhere {where}"


def _computed(definition: Row, cell: Row, state: str) -> dict[str, float | None]:
    """What the published row must hold: as much of it as its state lets readers see."""
    numbers: dict[str, float | None] = {"numerator": cell["numerator"], "denominator": cell["denominator"]}
    if state not in WITH_COUNTS:
        return dict.fromkeys((*numbers, "value", "ci_low", "ci_high"))
    if state not in WITH_VALUE:
        return numbers | {"value": None, "ci_low": None, "ci_high": None}
    low, high = cell["ci_low"], cell["ci_high"]
    if definition["kind"] in ("rate", "count"):
        low, high = wilson(int(cell["numerator"]), int(cell["denominator"]))
        if definition["kind"] == "count" and low is not None and high is not None:
            low, high = low * cell["denominator"], high * cell["denominator"]
    return numbers | {"value": cell["value"], "ci_low": low, "ci_high": high}


def wilson(successes: int, trials: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a share by Wilson's score method, as SciPy computes it."""
    from scipy.stats import binomtest  # here: SciPy takes a second to load

    if not 0 <= successes <= trials or trials == 0:
        return None, None
    found = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def _equal(published: Any, again: Any) -> bool:
    if published is None or again is None:
        return published is None and again is None
    return math.isclose(float(published), float(again), rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _withheld(release: ReleaseFiles, table: str) -> str:
    entry: Row = next((entry for entry in release.manifest["marts"] if entry["name"] == table), {})
    return (
        f"表 {table} はこの公開に入っていません。{entry.get('reason_ja') or ''} / "
        f"release {release.release_id} holds no {table}: {entry.get('reason_en') or 'it was not published'}"
    )


def _impossible(reason: str, **facts: Any) -> Reproduction:
    return Reproduction("not_possible", (_reason(reason, **facts),), None, {})


def _reason(name: str, **facts: Any) -> str:
    return str(declared("explain")["reasons"][name]).format(**facts)


def _breakdown_text(row: Row) -> str:
    return " ".join(f"{column}={row[column]}" for column in BREAKDOWNS if row[column] is not None)


def _literal(text: Any) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _escaped(file: Path | None) -> str:
    return str(file).replace("'", "''")


def _plain(row: Row) -> Row:
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in row.items()}
