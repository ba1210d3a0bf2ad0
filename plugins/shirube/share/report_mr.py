"""The office page: what one office reads on one sheet of paper, assembled from the published numbers.

Nothing is calculated here that the registry's macros should have calculated; the page only chooses, compares two
published values and puts them in words by the declared rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shirube.share import chart, wording
from shirube.share.readability import glossary_of
from shirube.share.release_files import Kpi, ReleaseFiles, Value, last_closed_month
from shirube.share.wording import Difference, declared

SAID = ("shown", "stale")
# Words that stand as headings on every page, and so are explained on every page.
HEADINGS = "判定 幅 届き・つながり・数"
COUNTED = ("shown", "stale", "reference", "counts_only")


@dataclass(frozen=True)
class NumberLine:
    """One row of the table of numbers."""

    label: str
    value: str
    interval: str
    denominator: str
    previous: str
    verdict: str
    marks: tuple[str, str, str]
    note: str


@dataclass(frozen=True)
class CannotSay:
    """One thing that cannot be said yet."""

    what: str
    why: str
    when: str


@dataclass
class OfficePage:
    """Everything that stands on one office page, already in words."""

    office_id: str
    office: str
    month: str
    as_of: str
    arrived: int
    expected: int
    missing: list[str]
    answer: str
    verdict: str
    certainty: str
    why: str
    picture: str
    picture_title: str
    picture_note: str
    numbers: list[NumberLine]
    step: dict[str, str]
    cannot_say: list[CannotSay]
    voices: str
    not_said: list[str]
    evidence_level: str
    first_side: str
    release_id: str
    glossary: list[tuple[str, str]] = field(default_factory=list)

    def running_text(self) -> str:
        """All sentences of the page, for the readability rules; headings and table cells are not sentences."""
        parts = [self.answer, self.why, self.step["what"], self.step["why"], self.voices, self.picture_note]
        parts += [f"{item.why}。{item.when}" for item in self.cannot_say] + self.not_said
        parts += [explanation for _, explanation in self.glossary]
        return "\n".join(part for part in parts if part)

    def all_text(self) -> str:
        """Every word of the page, tables and headings included."""
        cells = [
            " ".join([n.label, n.value, n.interval, n.denominator, n.previous, n.verdict, *n.marks, n.note])
            for n in self.numbers
        ]
        parts = [self.running_text(), self.verdict, self.certainty, self.picture_title, self.step["who"]]
        return "\n".join([*parts, *cells, *[item.what for item in self.cannot_say], *self.missing])


def office_page(release: ReleaseFiles, registry: dict[str, Kpi], office_id: str, office: str) -> OfficePage:
    """Assemble the page of one office from a release.

    Raises ValueError where a sentence would claim more than the evidence level of its number.
    """
    page = declared("page")
    month = last_closed_month(release.as_of)
    values = [v for v in release.office_values(office_id) if v.period_end <= month]
    current, previous = _latest([v for v in values if _is_of_registry_period(v, registry)])
    chosen = [
        kpi_id
        for kpi_id in page["kpis"]
        if kpi_id in current and kpi_id in registry and "mr" in registry[kpi_id].audience
    ][: int(page["maximum_numbers"])]
    head = _headline(page["headline_order"], current, chosen)
    if head:
        chosen = [head, *[kpi_id for kpi_id in chosen if kpi_id != head]]
    lines = [_line(registry[kpi_id], current[kpi_id], previous.get(kpi_id)) for kpi_id in chosen]
    answer, verdict, certainty, why = _answer(
        registry.get(head) if head else None, current.get(head or ""), previous.get(head or "")
    )
    picture, picture_note = _picture(values, page["chart"], release.judged_only(office_id))
    arrived, missing = release.sources()
    not_said = [registry[k].must_not_conclude_ja for k in chosen if registry[k].must_not_conclude_ja]
    level = max([current[k].evidence_level for k in chosen], default="E1")
    result = OfficePage(
        office_id=office_id,
        office=office,
        month=f"{month.year}年{month.month}月",
        as_of=f"{release.as_of.month}/{release.as_of.day}時点",
        arrived=len(arrived),
        expected=len(arrived) + len(missing),
        missing=missing,
        answer=answer,
        verdict=verdict,
        certainty=certainty,
        why=why,
        picture=picture,
        picture_title="先生の段階ごとの人数",
        picture_note=picture_note,
        numbers=lines,
        step=_step(registry, current),
        cannot_say=_cannot_say(registry, chosen, current, previous),
        voices=str(page["voices"]),
        not_said=[*list(dict.fromkeys(not_said))[:3], *page["always_not_said"]],
        evidence_level=level,
        first_side=str(page["kpis"][chosen[0]]["side"]) if chosen else "physician",
        release_id=release.release_id,
    )
    result.glossary = glossary_of(result.all_text() + HEADINGS)
    too_strong = wording.verbs_above("\n".join([answer, why, *result.step.values()]), level)
    if too_strong:
        raise ValueError(f"office page {office_id}: {', '.join(too_strong)} claims more than {level}")
    return result


def _is_of_registry_period(value: Value, registry: dict[str, Kpi]) -> bool:
    """Whether a value is of the length of period that its registry entry names; months where it names none."""
    kpi = registry.get(value.kpi_id)
    wanted = kpi.period if kpi and kpi.period in declared("wording")["periods"] else "month"
    return value.period_type == wanted


def _latest(values: list[Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Per KPI the newest undivided value and the one of the period just before it."""
    current: dict[str, Value] = {}
    previous: dict[str, Value] = {}
    for value in values:
        if not value.is_total:
            continue
        last = current.get(value.kpi_id)
        if (
            last is not None
            and last.period_type == value.period_type
            and last.period_end < value.period_start
        ):
            if (value.period_start - last.period_end).days == 1:
                previous[value.kpi_id] = last
            else:
                previous.pop(value.kpi_id, None)
        current[value.kpi_id] = value
    return current, previous


def _headline(order: list[str], current: dict[str, Value], chosen: list[str]) -> str | None:
    """The first declared headline that can be said; failing that, the first that has any value."""
    candidates = [kpi_id for kpi_id in order if kpi_id in chosen]
    for states in (SAID, COUNTED):
        for kpi_id in candidates:
            if current[kpi_id].display_state in states and current[kpi_id].value is not None:
                return kpi_id
    return candidates[0] if candidates else None


def _whole(value: float | None) -> int:
    return round(value or 0)


def _said(kpi: Kpi, value: Value) -> str:
    """The value in words, as far as its display state allows."""
    counter = _counter(kpi)
    if value.display_state not in COUNTED or value.value is None:
        return "出せません"
    if kpi.kind == "rate":
        if value.display_state in SAID:
            return wording.natural_frequency(value.value, counter)
        return f"{_whole(value.denominator):,}{counter}中{_whole(value.numerator):,}{counter}"
    if value.display_state == "counts_only":
        return f"{_whole(value.denominator):,}件"
    digits = 0 if kpi.kind in ("count", "score") else 1
    sign = "+" if kpi.kind == "score" and value.value > 0 else ""
    return f"{sign}{wording.rounded(value.value, digits)}{counter}"


def _interval(kpi: Kpi, value: Value) -> str:
    if value.ci_low is None or value.ci_high is None or value.value is None:
        return "—"
    if value.display_state not in (*SAID, "reference"):
        return "—"
    counter = _counter(kpi)
    if kpi.kind == "rate":
        text = wording.frequency_interval(value.value, value.ci_low, value.ci_high, counter)
        return f"100{counter}中{text}" if value.display_state == "reference" and "中" not in text else text
    digits = 0 if kpi.kind in ("count", "score") else 1
    return f"{wording.rounded(value.ci_low, digits)}〜{wording.rounded(value.ci_high, digits)}{counter}"


def _counter(kpi: Kpi) -> str:
    return str(declared("page")["kpis"].get(kpi.kpi_id, {}).get("counter", kpi.unit_ja or "件"))


def _subject(kpi: Kpi) -> str:
    return str(declared("page")["kpis"].get(kpi.kpi_id, {}).get("subject", f"{kpi.name_ja}は"))


def _label(kpi: Kpi) -> str:
    return str(declared("page")["kpis"].get(kpi.kpi_id, {}).get("label", kpi.name_ja))


def _comparable(value: Value | None) -> bool:
    """Whether a value may stand in a comparison: published in full, with an interval (H2)."""
    return (
        value is not None
        and value.display_state == "shown"
        and value.value is not None
        and value.ci_low is not None
        and value.ci_high is not None
    )


def _difference(value: Value | None, before: Value | None) -> Difference | None:
    if value is None or before is None or not (_comparable(value) and _comparable(before)):
        return None
    assert value.value is not None and value.ci_low is not None and value.ci_high is not None
    assert before.value is not None and before.ci_low is not None and before.ci_high is not None
    return wording.difference(
        (before.value, before.ci_low, before.ci_high), (value.value, value.ci_low, value.ci_high)
    )


def _note(value: Value) -> str:
    states = declared("wording")["display_states"]
    note = str(states.get(value.display_state, ""))
    if value.display_state in ("suppressed", "withheld") and value.reason:
        return value.reason
    return note


def _period(value: Value) -> str:
    """The months of a period that is not the month of the page: 「7〜9月」."""
    if value.period_type == "month":
        return ""
    return f"{value.period_start.month}〜{value.period_end.month}月"


def _line(kpi: Kpi, value: Value, before: Value | None) -> NumberLine:
    counter = _counter(kpi)
    base = counter if kpi.kind == "rate" else "件"
    denominator = "—" if value.denominator is None else f"{_whole(value.denominator):,}{base}"
    if value.display_state in ("suppressed", "withheld"):
        denominator = "—"
    verdict = "—"
    if value.display_state in SAID and value.verdict:
        verdict = wording.verdict_word(value.verdict)
    period = _period(value)
    return NumberLine(
        label=f"{_label(kpi)}（{period}）" if period else _label(kpi),
        value=_said(kpi, value),
        interval=_interval(kpi, value),
        denominator=denominator,
        previous=_said(kpi, before) if before is not None and before.display_state in COUNTED else "—",
        verdict=verdict,
        marks=(
            wording.trust_word(value.trust_arrival),
            wording.trust_word(value.trust_linkage),
            wording.trust_word(value.trust_count),
        ),
        note=_note(value),
    )


def _answer(kpi: Kpi | None, value: Value | None, before: Value | None) -> tuple[str, str, str, str]:
    """(answer, verdict, certainty, why) of the headline."""
    nothing = wording.verdict_word("cannot_tell")
    if kpi is None or value is None:
        return (
            "先生から見た数字は、今月はまだ届いていません。",
            nothing,
            "",
            "回答の記録が届いていないためです。",
        )
    words = declared("wording")["periods"][value.period_type]
    subject, counter = _subject(kpi), _counter(kpi)
    if value.display_state not in COUNTED or value.value is None:
        return f"{subject}、今月は出せません。", nothing, "", f"{_note(value) or '値がありません'}。"
    said = _said(kpi, value)
    answer = f"{subject}、{said}でした"
    if kpi.kind == "rate" and _comparable(before) and before is not None and before.value is not None:
        base = wording.frequency_base(value.value)
        answer += f"（{words['previous']}は{wording.rounded(before.value * base)}{counter}）"
    elif value.display_state == "reference":
        answer += "（参考値）"
    answer += "。"
    verdict = value.verdict or "cannot_tell"
    change = _difference(value, before)
    certainty = wording.certainty(verdict, change, kpi.meaningful_difference)
    why = _why(kpi, value, before, verdict, change, words)
    return answer, wording.verdict_word(verdict), "" if verdict == "cannot_tell" else certainty, why


def _why(
    kpi: Kpi,
    value: Value,
    before: Value | None,
    verdict: str,
    change: Difference | None,
    words: dict[str, str],
) -> str:
    """Why the verdict is what it is, in one or two short sentences."""
    counter = _counter(kpi)
    number = f"{_whole(value.denominator):,}{counter if kpi.kind == 'rate' else '件'}"
    needed = int(declared("wording")["minimums"]["shown"])
    if value.display_state in ("reference", "counts_only"):
        return f"数えたのは{number}で、比べるには{needed}{counter}が必要です。"
    if before is None:
        return f"数えたのは{number}です。比べる{words['previous']}の値がまだありません。"
    if change is None:
        return f"数えたのは{number}です。{words['previous']}の値が少なく、比べられません。"
    if kpi.kind == "rate":
        low, high = wording.rounded(change.low * 100), wording.rounded(change.high * 100)
        matters, amount = (
            wording.rounded(kpi.meaningful_difference * 100),
            wording.rounded(abs(change.value) * 100),
        )
        hundred = f"100{counter}中"
    else:
        low, high = wording.rounded(change.low, 1), wording.rounded(change.high, 1)
        matters, amount = wording.rounded(kpi.meaningful_difference, 1), wording.rounded(abs(change.value), 1)
        hundred = ""
    span = f"差の幅は{hundred}{_signed(low)}〜{_signed(high)}{counter}"
    if verdict == "cannot_tell":
        return f"数えたのは{number}です。{amount}{counter}の差は、偶然でも起こります。"
    if verdict == "unchanged":
        return f"数えたのは{number}です。{span}で、大事な差（{matters}{counter}）に届きません。"
    return f"数えたのは{number}です。{span}で、偶然だけでは起こりにくい差です。"


def _signed(number: str) -> str:
    return number if number.startswith("−") or number == "0" else f"+{number}"


def _picture(
    values: list[Value], kpi_id: str, judged_only: dict[tuple[date, str], int]
) -> tuple[str, str]:
    """The picture of phases, last month and this, and the note under it."""
    rows = [
        v
        for v in values
        if v.kpi_id == kpi_id
        and v.phase_id
        and v.period_type == "month"
        and not (v.product_id or v.channel_id)
    ]
    if not rows:
        return "", "段階の記録がまだ足りないため、図はありません。"
    ends = sorted({v.period_end for v in rows})[-2:]
    newest = {v.phase_id: v for v in rows if v.period_end == ends[-1]}
    earlier = {v.phase_id: v for v in rows if len(ends) == 2 and v.period_end == ends[0]}
    groups = [
        chart.Group(str(name), _bar(earlier.get(phase), judged_only), _bar(newest.get(phase), judged_only))
        for phase, name in declared("wording")["phases"].items()
    ]
    hidden = any(bar.instead == "*" for group in groups for bar in (group.before, group.after))
    labels = [f"{end.month}月" for end in ends]
    picture = chart.grouped_bars(
        groups, labels[0] if earlier else "前", labels[-1], "人", "先生の段階ごとの人数"
    )
    note = "段階は先生の行動や回答から決め、こちらからの連絡だけでは進みません。"
    return picture, note + ("*は、人が特定されるおそれがあるため出しません。" if hidden else "")


def _bar(value: Value | None, judged_only: dict[tuple[date, str], int]) -> chart.Bar:
    if value is None:
        return chart.Bar(None, instead="—")
    if value.display_state not in COUNTED or value.value is None:
        return chart.Bar(None, instead="*")
    judged = judged_only.get((value.period_end, value.phase_id or ""), 0)
    return chart.Bar(value.value, value.ci_low, value.ci_high, judged_only=float(judged))


def _step(registry: dict[str, Kpi], current: dict[str, Value]) -> dict[str, str]:
    """The one next step: the first declared rule whose number is published and past its limit."""
    page = declared("page")
    known = 0
    for rule in page["next_steps"]:
        value = current.get(rule["kpi"])
        kpi = registry.get(rule["kpi"])
        if kpi is None or value is None or value.value is None or value.display_state not in SAID:
            continue
        known += 1
        if ("at_least" in rule and value.value >= float(rule["at_least"])) or (
            "at_most" in rule and value.value <= float(rule["at_most"])
        ):
            facts = {"subject": _subject(kpi), "frequency": _said(kpi, value)}
            return {part: str(rule[part]).format_map(facts) for part in ("who", "what", "why")}
    step = page["default_step" if known else "step_without_numbers"]
    return {part: str(step[part]) for part in ("who", "what", "why")}


def _cannot_say(
    registry: dict[str, Kpi], chosen: list[str], current: dict[str, Value], previous: dict[str, Value]
) -> list[CannotSay]:
    """At most three things that cannot be said yet, why, and when they can be; changes with one reason are one."""
    minimums = declared("wording")["minimums"]
    found: list[CannotSay] = []
    changes: dict[tuple[str, str], list[str]] = {}
    for kpi_id in chosen:
        kpi, value = registry[kpi_id], current[kpi_id]
        counter = _counter(kpi) if kpi.kind == "rate" else "件"
        words: dict[str, Any] = declared("wording")["periods"][value.period_type]
        if value.display_state in ("reference", "counts_only"):
            short = int(minimums["shown"]) - _whole(value.denominator)
            when = (
                f"あと{short}{counter}集まれば言えます"
                if short > 0
                else f"{words['next']}にまとめて見直します"
            )
            found.append(
                CannotSay(
                    f"「{_label(kpi)}」", f"{_whole(value.denominator)}{counter}しか集まっていません", when
                )
            )
        elif value.display_state == "suppressed":
            found.append(
                CannotSay(
                    f"「{_label(kpi)}」", _note(value), "もっと大きな集まりでは、支店の資料で見られます"
                )
            )
        elif value.display_state == "withheld":
            found.append(
                CannotSay(f"「{_label(kpi)}」", _note(value), "記録が直りしだい、次の資料でお知らせします")
            )
        elif value.verdict == "cannot_tell":
            if not _comparable(previous.get(kpi_id)):
                why = f"比べる{words['previous']}の値がありません"
                when = f"{words['next']}、二つがそろえば言えます"
            else:
                why, when = "差が偶然と見分けられません", "集まる数が増えれば言えるようになります"
            changes.setdefault((why, when), []).append(f"「{_label(kpi)}」")
    found += [CannotSay(f"{''.join(labels)}の変化", why, when) for (why, when), labels in changes.items()]
    return found[:3]
