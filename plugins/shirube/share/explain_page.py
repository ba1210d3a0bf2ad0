"""An explained number on the screen, Japanese first."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from shirube.share.explain import BREAKDOWNS, Explanation
from shirube.share.number_lines import SAID, counter, whole
from shirube.share.release_files import Row, kpi_of
from shirube.share.wording import (
    UNKNOWN,
    declared,
    measured,
    measured_interval,
    natural_frequency,
    rounded,
    trust_word,
    verdict_word,
)

OUTCOME_STYLES = {"same": "bold green", "different": "bold red", "not_possible": "bold yellow"}
SHORT_LIST = 8


def render(found: Explanation) -> RenderableType:
    """Two columns, what and its words; below them the query and whether it gives the published number."""
    words = declared("explain")
    labels = words["labels"]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in _lines(found):
        table.add_row(labels[label], Text(text))
    again = found.reproduction
    outcome = Text(f"{labels['reproduced']}：", style="bold")
    outcome.append(words["outcomes"][again.outcome], style=OUTCOME_STYLES[again.outcome])
    numbers = {name: number for name, number in again.numbers.items() if number is not None}
    if numbers:
        said = "、".join(f"{labels.get(name, name)} {_number(number)}" for name, number in numbers.items())
        outcome.append(f"（{said}）")
    for reason in again.reasons:
        outcome.append(f"\n{reason}")
    parts: list[RenderableType] = [table, Text("")]
    if again.query:
        parts += [
            Text(labels["query"], style="bold"),
            Syntax(again.query, "sql", background_color="default", word_wrap=True),
            Text(""),
        ]
    return Group(*parts, outcome)


def _lines(found: Explanation) -> list[tuple[str, str]]:
    """(label, text) in reading order: what it means, what it is, how far to trust it, where it is from."""
    words = declared("explain")
    wording = declared("wording")
    row, definition = found.value, found.definition
    period = wording["periods"].get(row["period_type"], {}).get("name", row["period_type"])
    scope = words["scopes"].get(row["scope_type"], row["scope_type"])
    level = str(row["evidence_level"])
    return [
        ("name", f"{definition['name_ja']}（{definition['kpi_id']}、{definition['name_en']}）"),
        ("formula", str(definition["formula_ja"])),
        ("numerator_words", str(definition["numerator_ja"])),
        ("denominator_words", str(definition["denominator_ja"])),
        ("decision", str(definition["decision_ja"])),
        ("must_not_conclude", str(definition["must_not_conclude_ja"])),
        ("scope", found.scope_name if found.scope_name == scope else f"{scope} {found.scope_name}"),
        ("period", f"{period} {row['period_start']} 〜 {row['period_end']}"),
        ("breakdown", _breakdown(row)),
        ("numerator", _count(row["numerator"], definition["kind"])),
        ("denominator", _sample(row, definition)),
        ("value", _value(row, definition)),
        ("state", _state(row)),
        ("verdict", _verdict(row)),
        ("evidence", f"{level}（{wording['evidence'].get(level, {}).get('name', level)}）"),
        ("trust", "、".join(f"{name} {trust_word(row[mark])}" for mark, name in words["trust"].items())),
        ("versions", _versions(found)),
        ("rules", "、".join(f"{k} {v}" for k, v in found.lineage["rules"].items()) or words["nothing"]),
        (
            "sources",
            "\n".join(_source(source, found.release["as_of"]) for source in found.sources)
            or words["nothing"],
        ),
        ("lineage", _lineage(found.lineage)),
    ]


def _breakdown(row: Row) -> str:
    words = declared("explain")
    parts = [
        f"{words['breakdowns'][column]} {row[column]}" for column in BREAKDOWNS if row[column] is not None
    ]
    return "、".join(parts) or str(words["total"])


def _number(number: Any) -> str:
    if number is None:
        return str(declared("explain")["not_published"])
    return rounded(float(number), 0 if float(number).is_integer() else 4)


def _sample(row: Row, definition: Row) -> str:
    if row["denominator"] is None:
        return _number(None)
    return f"{_number(row['denominator'])}{counter(kpi_of(definition))}"


def _count(number: Any, kind: str) -> str:
    is_counted = kind in ("rate", "count")
    return _number(number) if is_counted or number is not None else "—"


def _value(row: Row, definition: Row) -> str:
    if row["value"] is None:
        return str(declared("explain")["not_published"])
    unit = str(definition["unit_ja"])
    ends = (row["ci_low"], row["ci_high"])
    if definition["kind"] == "rate" and row["display_state"] not in SAID:
        # Of a small sample what was counted, never "of 100" (H2).
        text = f"{whole(row['denominator']):,}{unit}中{whole(row['numerator']):,}{unit}"
        interval = "〜".join(_number(end) if end is not None else UNKNOWN for end in ends)
    elif definition["kind"] == "rate":
        text = f"{_number(row['value'])}（{natural_frequency(row['value'], unit)}）"
        interval = "〜".join(_number(end) if end is not None else UNKNOWN for end in ends)
    else:
        text, interval = measured(row["value"], unit, 4), measured_interval(*ends, unit, 4)
    # A score that is no estimate has no interval: its ends are the value itself.
    is_exact = definition["kind"] == "score" and ends == (row["value"], row["value"])
    return text if ends == (None, None) or is_exact else f"{text}、95%の幅 {interval}"


def _state(row: Row) -> str:
    words = declared("explain")
    name = declared("wording")["display_states"].get(row["display_state"], words["shown"])
    return str(name) + (f"：{row['reason']}" if row["reason"] else "")


def _verdict(row: Row) -> str:
    if row["verdict"] is None:
        return str(declared("explain")["no_verdict"])
    return verdict_word(row["verdict"]) + (f"：{row['verdict_reason']}" if row["verdict_reason"] else "")


def _versions(found: Explanation) -> str:
    row, release = found.value, found.release
    text = (
        f"定義 {row['kpi_version']}、設定 {row['config_version']}、公開 {release['release_id']}、"
        f"時点 {row['as_of']}、プログラム {release['code_version'] or '不明'}"
    )
    if row["release_id"] != release["release_id"]:
        text += f"（値は公開 {row['release_id']} のもの）"
    return text


def _source(source: Row, as_of: str) -> str:
    need = declared("explain")["needs"][source["is_needed"]]
    state = declared("wording")["arrivals"][source["arrival"]]
    text = f"{source['name_ja']}（{source['source']}、{need}）：{state}"
    if source["delivered_until"]:
        text += f"、最後に届いた日 {source['delivered_until']}"
    if source["days_since_delivery"] is not None:
        text += f"（{source['days_since_delivery']}日前）"
    if source["covered_until"]:
        # A day to come is a promise of the sender, no record that is there.
        word = "covered" if source["covered_until"] <= date.fromisoformat(as_of) else "due"
        text += str(declared("explain")[word]).format(day=source["covered_until"])
    return text


def _lineage(lineage: dict[str, Any]) -> str:
    parts = [lineage["mart"]]
    for part in ("estimates", "core", "sources"):
        names = lineage[part]
        if names:
            rest = f" ほか{len(names) - SHORT_LIST}" if len(names) > SHORT_LIST else ""
            parts.append("、".join(names[:SHORT_LIST]) + rest)
    return " ← ".join(parts)
