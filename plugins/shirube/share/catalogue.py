"""The catalogue for everyone: what each published table and number is, how fresh and how well checked.

Nothing is typed here twice: definitions come from the registry, descriptions and lineage from dbt's
manifest, arrival and quality from the release's own manifest and audit.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any
from xml.sax.saxutils import escape

from shirube.release.declared import RESTRICTED_FOLDER, RESTRICTED_ROLES, is_restricted
from shirube.release.kpi_rows import KPI_TABLE, RESTRICTED_KPI_TABLE
from shirube.release.lineage import LOGS, meta_of, parents
from shirube.share.chart import FONT, INK, QUIET
from shirube.share.number_lines import counter
from shirube.share.release_files import Kpi, ReleaseFiles, Row, is_for_few, sources_of
from shirube.share.wording import declared, full_day, measured, rounded

LESS_IS_UNCHANGED = "（これより小さい変化は「変わらない」と読みます）"
STATUS_WORDS = {
    "published": "公開",
    "carried_over": "前回の値を引き続き掲載",
    "withheld": "今回は掲載なし",
    "passed": "合格",
    "warning": "注意あり",
    "critical": "不合格",
    "not_arrived": "未着",
    "absent": "作られていない",
    "unaudited": "点検なし",
}


@dataclass(frozen=True)
class Column:
    """A column of a published table."""

    name: str
    type: str
    description_en: str
    description_ja: str


@dataclass(frozen=True)
class Table:
    """A table of the release with everything a reader asks about it.

    One that is withheld this time has no `query` and no day that its values are of.
    """

    name: str
    name_ja: str
    folder: str
    grain: str
    description: str
    description_ja: str
    audience: str
    owner: str
    status: str
    status_reason: str
    as_of: str
    rows: int | None
    quality: str
    quality_page: str
    warnings: list[str]
    columns: list[Column]
    lineage: str
    query: str


@dataclass(frozen=True)
class Source:
    """A source and whether it arrived."""

    name: str
    business_name: str
    last: str
    rows: int
    quarantined: int
    state: str
    readers: str


def tables(release: ReleaseFiles, manifest: dict[str, Any] | None) -> list[Table]:
    """Every mart and star table of the release, marts first, in the manifest's order."""
    nodes = {node["name"]: node for node in (manifest or {}).get("nodes", {}).values() if _is_model(node)}
    if KPI_TABLE in nodes:
        # Publishing takes these rows out of the one KPI table that dbt makes.
        node = nodes[KPI_TABLE]
        nodes[RESTRICTED_KPI_TABLE] = node | {
            "config": {
                "meta": meta_of(node)
                | {"audience": sorted(RESTRICTED_ROLES), "name_ja": declared("wording")["restricted_numbers"]}
            }
        }
    audited = {
        entry["name"]: entry["status"] for entry in release.manifest.get("audit", {}).get("tables", [])
    }
    found = []
    for folder, schema in (("marts", "marts"), ("star", "core")):
        for entry in release.manifest.get(folder, []):
            found.append(_table(release, manifest, nodes.get(entry["name"]), entry, folder, schema, audited))
    return found


def _table(
    release: ReleaseFiles,
    manifest: dict[str, Any] | None,
    node: dict[str, Any] | None,
    entry: Row,
    folder: str,
    schema: str,
    audited: dict[str, str],
) -> Table:
    name = entry["name"]
    description = " ".join(str((node or {}).get("description") or "").split())
    meta = meta_of(node)
    quality_name = f"{schema}.{name}"
    quality = audited.get(quality_name, "unaudited")
    status = entry.get("status", "published")
    is_here = release.file(name) is not None
    return Table(
        name=name,
        name_ja=str(meta.get("name_ja") or ""),
        folder=folder,
        grain=_first_sentence(description),
        description=description[len(_first_sentence(description)) :].strip(),
        description_ja=str(meta.get("description_ja") or meta.get("ja") or ""),
        audience="、".join(
            str(declared("wording")["roles"].get(role, role)) for role in _listed(meta.get("audience"))
        ),
        owner=str(declared("wording")["roles"].get(meta.get("owner"), meta.get("owner") or "")),
        status=STATUS_WORDS.get(str(status), str(status)),
        status_reason=str(entry.get("reason_ja") or ""),
        as_of=_day(entry.get("source_as_of") or release.as_of.isoformat()) if is_here else "",
        rows=entry.get("rows"),
        quality=STATUS_WORDS.get(quality, quality),
        # The audit's page of a table that few may see stays with the audit.
        quality_page=f"{quality_name}.html"
        if quality in ("passed", "warning", "critical") and not is_for_few(entry)
        else "",
        warnings=[str(warning) for warning in entry.get("warnings") or []],
        columns=_columns(release, node, name),
        lineage=lineage(manifest, node) if manifest and node else "",
        query=f"select *\nfrom read_parquet('{entry['file'] or f'{folder}/{name}.parquet'}')\nlimit 20;"
        if is_here
        else "",
    )


def _day(written: Any) -> str:
    """A day of the manifest as the pages write days; a dash where there is none."""
    return full_day(date.fromisoformat(str(written)[:10])) if written else "—"


def _columns(release: ReleaseFiles, node: dict[str, Any] | None, name: str) -> list[Column]:
    described = (node or {}).get("columns", {})
    if release.file(name) is None:
        return [
            Column(
                key,
                str(column.get("data_type") or ""),
                str(column.get("description") or ""),
                _japanese(column),
            )
            for key, column in described.items()
        ]
    rows = release.query(f"describe select * from {{{name}}}")
    return [
        Column(
            name=row["column_name"],
            type=str(row["column_type"]).lower(),
            description_en=" ".join(
                str(described.get(row["column_name"], {}).get("description") or "").split()
            ),
            description_ja=_japanese(described.get(row["column_name"], {})),
        )
        for row in rows
    ]


def _japanese(column: dict[str, Any]) -> str:
    meta = meta_of(column)
    return str(meta.get("name_ja") or meta.get("description_ja") or meta.get("ja") or "")


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []


def _first_sentence(description: str) -> str:
    end = min((place for place in (description.find(". "), description.find("。")) if place >= 0), default=-1)
    return description if end < 0 else description[: end + 1]


def _is_model(node: dict[str, Any]) -> bool:
    return bool(node.get("resource_type") in ("model", "seed"))


def lineage(manifest: dict[str, Any], node: dict[str, Any]) -> str:
    """Where a table comes from, as SVG: sources, then its parents, then itself, left to right."""
    direct = [
        key for key in manifest["nodes"][node["unique_id"]]["depends_on"]["nodes"] if _known(manifest, key)
    ]
    origins = {parent: sorted(_origins(manifest, parent, set())) for parent in direct}
    left = sorted({origin for found in origins.values() for origin in found})
    names = [key.split(".")[-1] for key in direct]
    rows = max(len(left), len(names), 1)
    width, box, step, pad = 760, 214, 26, 8
    height = rows * step + 2 * pad + 16

    def y(index: int, count: int) -> float:
        return pad + 16 + (rows - count) * step / 2 + index * step

    def boxed(x: float, top: float, words: str, weight: str = "normal") -> str:
        return (
            f'<rect x="{x}" y="{top:.1f}" width="{box}" height="{step - 6}" rx="3" fill="#fff" '
            f'stroke="{INK}" stroke-width="0.8"/><text x="{x + box / 2}" y="{top + 14:.1f}" font-size="11" '
            f'text-anchor="middle" font-weight="{weight}" fill="{INK}">{escape(words)}</text>'
        )

    def joined(x: float, top: float, x2: float, top2: float) -> str:
        a, b = top + (step - 6) / 2, top2 + (step - 6) / 2
        return (
            f'<path d="M{x} {a:.1f}C{x + 30} {a:.1f} {x2 - 30} {b:.1f} {x2} {b:.1f}" fill="none" '
            f'stroke="{QUIET}" stroke-width="0.7"/>'
        )

    xs = (0, (width - box) / 2, width - box)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="{FONT}">'
        f"<title>{escape(node['name'])} の由来</title>"
    ]
    for x, words in zip(xs, ("届いた記録", "もとになる表", "この表"), strict=True):
        parts.append(f'<text x="{x}" y="11" font-size="11" fill="{QUIET}">{words}</text>')
    own = y(0, 1)
    for index, (key, name) in enumerate(zip(direct, names, strict=True)):
        top = y(index, len(names))
        for origin in origins[key]:
            parts.append(joined(xs[0] + box, y(left.index(origin), len(left)), xs[1], top))
        parts.append(joined(xs[1] + box, top, xs[2], own))
        parts.append(boxed(xs[1], top, name))
    parts += [boxed(xs[0], y(index, len(left)), origin) for index, origin in enumerate(left)]
    parts.append(boxed(xs[2], own, node["name"], "bold"))
    parts.append("</svg>")
    return "".join(parts)


def _known(manifest: dict[str, Any], key: str) -> bool:
    return key in manifest["nodes"] or key in manifest.get("sources", {})


def _origins(manifest: dict[str, Any], key: str, seen: set[str]) -> set[str]:
    """The names of the sources (and seeds) that a node comes from, however far back."""
    if key in seen:
        return set()
    seen.add(key)
    source = manifest.get("sources", {}).get(key)
    if source is not None and source["source_name"] == LOGS:
        return {str(source["name"])}
    # The ledger is no record and has no parents; an estimate's are the star tables it was made from.
    return {name for parent in parents(manifest, key) for name in _origins(manifest, parent, seen)}


def sources(release: ReleaseFiles) -> list[Source]:
    """Every source of the release with its arrival, by id, and who reads a number that rests on it."""
    words, roles = declared("wording")["arrivals"], declared("wording")["roles"]
    read_by: dict[str, dict[str, None]] = defaultdict(dict)
    for kpi in release.registry().values():
        for name in chain.from_iterable(sources_of(kpi.row).values()):
            read_by[name].update({str(roles.get(role, role)): None for role in kpi.audience})
    return [
        Source(
            name=entry["source"],
            business_name=entry["business_name"],
            last=_day(entry.get("last_delivered_on")),
            rows=int(entry.get("rows_landed") or 0),
            quarantined=int(entry.get("rows_quarantined") or 0),
            state=words[release.arrival(entry)],
            readers="、".join(read_by[str(entry["source"])]),
        )
        for entry in sorted(release.manifest["sources"], key=lambda entry: str(entry["source"]))
    ]


def numbers(release: ReleaseFiles, manifest: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Every KPI of the registry in its order, with its words and the table it is counted in."""
    homes: dict[str, dict[str, Any]] = {}
    for node in (manifest or {}).get("nodes", {}).values():
        if _is_model(node):
            for kpi in meta_of(node).get("kpis") or []:
                homes[str(kpi["id"])] = node
    words = declared("wording")
    entries = {str(entry["source"]): entry for entry in release.manifest["sources"]}
    called = {name: str(entry["business_name"]) for name, entry in entries.items()}
    absent = {name for name, entry in entries.items() if release.arrival(entry) == "absent"}
    found = []
    for kpi in release.registry().values():
        row, home = kpi.row, homes.get(kpi.kpi_id, {})
        found.append(
            {
                **row,
                "anchor": kpi.kpi_id.replace(".", "-"),
                "owner": str(words["roles"].get(row["owner"], row["owner"])),
                "audience": "、".join(str(words["roles"].get(role, role)) for role in kpi.audience),
                "period": words["periods"].get(kpi.period, {}).get("name", kpi.period),
                "matters": _difference_in_words(kpi),
                "minimum": _minimum_in_words(kpi),
                **{
                    field: "、".join(
                        _in_words(name, called)
                        + (f"：{words['arrivals']['absent']}" if name in absent else "")
                        for name in names
                    )
                    for field, names in sources_of(row).items()
                },
                "evidence": f"{kpi.evidence_level}（{words['evidence'][kpi.evidence_level]['name']}）",
                "mart": str(home.get("name") or row.get("mart") or ""),
                "values_file": (
                    f"{RESTRICTED_FOLDER}/{RESTRICTED_KPI_TABLE}.parquet"
                    if is_restricted(meta_of(home).get("audience") or kpi.audience)
                    else f"marts/{KPI_TABLE}.parquet"
                ),
            }
        )
    return found


def _minimum_in_words(kpi: Kpi) -> str:
    """From how many on a number is shown in full, and what is shown below that (H2)."""
    unit, enough = counter(kpi), kpi.minimum_sample
    few = declared("wording")["counts_only_below"]
    if not enough:
        return "決めていません"
    return f"{enough}{unit}（{few}〜{enough - 1}{unit}は参考値、{few}{unit}より少ないときは数だけ）"


def _in_words(source: str, called: dict[str, str]) -> str:
    """A source as its readers call it, with the name it has in the lake."""
    return f"{called[source]}（{source}）" if source in called else source


def phases() -> list[tuple[str, str]]:
    """Every phase by name with what puts a physician there, in their order."""
    words = declared("wording")
    return [(str(name), str(words["phase_meanings"][phase])) for phase, name in words["phases"].items()]


def readers(numbers: list[dict[str, Any]], tables: list[Table]) -> list[str]:
    """Who the numbers and tables are for, in the order of the roles' declaration: what one can choose by."""
    named = {name for kpi in numbers for name in str(kpi["audience"]).split("、")}
    named |= {name for table in tables for name in table.audience.split("、")}
    ordered = [str(name) for name in declared("wording")["roles"].values()]
    return [name for name in dict.fromkeys([*ordered, *sorted(named)]) if name and name in named]


def _difference_in_words(kpi: Kpi) -> str:
    """The smallest difference that matters, as people say it."""
    if not kpi.meaningful_difference:
        return "決めていません"
    unit = kpi.unit_ja if kpi.kind == "rate" and len(kpi.unit_ja) == 1 else ""
    if kpi.kind == "rate":
        words = f"100{unit}中{rounded(kpi.meaningful_difference * 100)}{unit}"
        return words + LESS_IS_UNCHANGED
    unit = declared("wording")["difference_units"].get(kpi.unit_ja, kpi.unit_ja)
    return measured(kpi.meaningful_difference, unit, 1) + LESS_IS_UNCHANGED
