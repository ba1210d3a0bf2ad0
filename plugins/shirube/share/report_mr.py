"""The office page: what one office reads on one sheet of paper, assembled from the published numbers.

Nothing is calculated here: values, intervals, differences, verdicts, suppression come from `fct_kpi_value`,
their meaning from the registry. The page chooses and puts in words, by the rules declared beside this module.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from shirube.share import chart, wording
from shirube.share.readability import glossary_of
from shirube.share.release_files import Kpi, ReleaseFiles, Value, last_closed_month, last_closed_period
from shirube.share.wording import Difference, declared

# Display states in which a value is said without reserve, and in which at least its counts are said.
SAID = ("shown", "stale")
COUNTED = ("shown", "stale", "reference", "counts_only")

# Lines under "what cannot be said yet".
MAXIMUM_UNSAID = 3

# Words that stand as headings on every page, and so are explained on every page.
HEADINGS = "判定 幅 届き・つながり・数"

# Stands beside every value and verdict that was carried over.
STALE = "前回の資料"


@dataclass(frozen=True)
class NumberLine:
    """One row of the table of numbers."""

    kpi_id: str
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
    release_id: str
    glossary: list[tuple[str, str]] = field(default_factory=list)

    def running_text(self) -> str:
        """All sentences of the page, for the readability rules; headings and table cells are no sentences."""
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

    Raises ValueError where the page would break one of its own rules: a sentence that claims more than the
    evidence level of its numbers, or more numbers than a reader is asked to take in.
    """
    page = declared("page")
    month = last_closed_month(release.as_of)
    values = [value for value in release.office_values(office_id) if value.period_end <= month]
    current = _current(values, registry, month)
    chosen = [kpi for kpi in registry.values() if kpi.kpi_id in current and "mr" in kpi.audience]
    if len(chosen) > int(page["maximum_numbers"]):
        raise ValueError(f"{len(chosen)} numbers are meant for MRs; a page holds {page['maximum_numbers']}")
    head = _headline(chosen, current)
    if head:
        chosen = [head, *[kpi for kpi in chosen if kpi is not head]]
    answer, verdict, certainty, why = _answer(head, current[head.kpi_id] if head else None)
    picture, picture_note = _picture(values, page["chart"], release.judged_only(office_id), month)
    arrived, missing = release.sources()
    not_said = list(dict.fromkeys(kpi.must_not_conclude_ja for kpi in chosen))
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
        numbers=[_line(kpi, current[kpi.kpi_id], month) for kpi in chosen],
        step=_step({kpi.kpi_id: kpi for kpi in chosen}, current),
        cannot_say=_cannot_say(chosen, current, _without_value(values, registry, month)),
        voices=str(page["voices"]),
        not_said=[*not_said[: int(page["maximum_warnings"])], *page["always_not_said"]],
        evidence_level=max([kpi.evidence_level for kpi in chosen], default="E1"),
        release_id=release.release_id,
    )
    result.glossary = glossary_of(result.all_text() + HEADINGS)
    # The answer may claim what its own number supports; the rest what the strongest number supports.
    _check_verbs(office_id, f"{answer}\n{why}", head.evidence_level if head else "E1")
    _check_verbs(office_id, "\n".join(result.step.values()), result.evidence_level)
    return result


def _check_verbs(office_id: str, text: str, level: str) -> None:
    too_strong = wording.verbs_above(text, level)
    if too_strong:
        raise ValueError(f"office page {office_id}: {', '.join(too_strong)} claims more than {level}")


def _current(values: list[Value], registry: dict[str, Kpi], month: date) -> dict[str, Value]:
    """Per KPI its undivided value of the page's period, in the length that the registry looks at first.

    A value of an earlier period is none, unless it was carried over: then the page says which it is.
    """
    return {
        value.kpi_id: value
        for value in values
        if value.is_total and value.kpi_id in registry and _is_current(registry[value.kpi_id], value, month)
    }


def _is_current(kpi: Kpi, value: Value, month: date) -> bool:
    if value.period_type != kpi.period:
        return False
    return value.display_state == "stale" or value.period_end == last_closed_period(kpi.period, month)


def _without_value(values: list[Value], registry: dict[str, Kpi], month: date) -> list[Kpi]:
    """The KPIs meant for MRs that have no value of the page's period, not even a divided one."""
    found = {
        value.kpi_id
        for value in values
        if value.kpi_id in registry and _is_current(registry[value.kpi_id], value, month)
    }
    return [kpi for kpi in registry.values() if "mr" in kpi.audience and kpi.kpi_id not in found]


def _headline(chosen: list[Kpi], current: dict[str, Value]) -> Kpi | None:
    """The first number from the physician's side that can be said; failing that, that can be counted."""
    sides = declared("page")["physician_side"]
    candidates = [kpi for kpi in chosen if kpi.kpi_id.split(".")[0] in sides and kpi.kind == "rate"]
    for states in (SAID, COUNTED):
        for kpi in candidates:
            value = current[kpi.kpi_id]
            if value.display_state in states and value.denominator:
                return kpi
    return candidates[0] if candidates else None


def _whole(value: float | None) -> int:
    return round(value or 0)


def _counter(kpi: Kpi) -> str:
    """The Japanese counter of the sample: the unit of a rate's denominator, 「件」 for others."""
    return kpi.unit_ja if kpi.kind in ("rate", "count") else "件"


def _said(kpi: Kpi, value: Value) -> str:
    """The value in words, as far as its display state allows."""
    if value.display_state not in COUNTED:
        return "出せません"
    if not value.denominator:
        return "対象なし"
    return _in_words(kpi, value.value, value.numerator, value.denominator, value.display_state)


def _in_words(
    kpi: Kpi, value: float | None, numerator: float | None, denominator: float | None, state: str
) -> str:
    unit = kpi.unit_ja
    if kpi.kind == "rate":
        if state in SAID and value is not None:
            return wording.natural_frequency(value, unit)
        return f"{_whole(denominator):,}{unit}中{_whole(numerator):,}{unit}"
    if value is None:
        return f"{_whole(denominator):,}件のみ"
    digits = 1 if kpi.kind in ("median", "mean") else 0
    sign = "+" if kpi.kind == "score" and value > 0 else ""
    return f"{sign}{wording.rounded(value, digits)}{unit}"


def _interval(kpi: Kpi, value: Value) -> str:
    if value.ci_low is None or value.ci_high is None or value.value is None:
        return "—"
    if kpi.kind == "rate":
        text = wording.frequency_interval(value.value, value.ci_low, value.ci_high, kpi.unit_ja)
        is_other_base = value.display_state == "reference" and "中" not in text
        return f"100{kpi.unit_ja}中{text}" if is_other_base else text
    digits = 1 if kpi.kind in ("median", "mean") else 0
    return f"{wording.rounded(value.ci_low, digits)}〜{wording.rounded(value.ci_high, digits)}{kpi.unit_ja}"


def _previous(kpi: Kpi, value: Value) -> str:
    if value.previous_value is None or not value.previous_denominator or value.display_state not in COUNTED:
        return "—"
    if value.display_state == "stale":
        return "—"
    state = "shown" if value.previous_denominator >= kpi.minimum_sample else "reference"
    return _in_words(kpi, value.previous_value, value.previous_numerator, value.previous_denominator, state)


def _note(value: Value) -> str:
    """Why a number is not shown in full: its published reason, else the declared words of its state."""
    if value.display_state == "shown":
        return ""
    return value.reason or str(declared("wording")["display_states"][value.display_state])


def _name(kpi: Kpi) -> str:
    """The registry's name without 「の割合」: every row says 「100人中…」 anyway."""
    return kpi.name_ja.removesuffix("の割合")


def _months(value: Value) -> str:
    """The months that a value is of: 「9月」, 「7〜9月」."""
    last = f"{value.period_end.month}月"
    return last if value.period_type == "month" else f"{value.period_start.month}〜{last}"


def _label(kpi: Kpi, value: Value, month: date) -> str:
    """The KPI's short name, with its months where they are not the page's month: 「…（7〜9月）」."""
    if value.period_type == "month" and value.period_end == month:
        return _name(kpi)
    return f"{_name(kpi)}（{_months(value)}）"


def _line(kpi: Kpi, value: Value, month: date) -> NumberLine:
    counted = value.denominator is not None and value.display_state in COUNTED
    verdict = wording.verdict_word(value.verdict) if value.verdict else "—"
    return NumberLine(
        kpi_id=kpi.kpi_id,
        label=_label(kpi, value, month),
        value=_said(kpi, value),
        interval=_interval(kpi, value),
        denominator=f"{_whole(value.denominator):,}{_counter(kpi)}" if counted else "—",
        previous=_previous(kpi, value),
        verdict=f"{verdict}（{STALE}）" if value.verdict and value.display_state == "stale" else verdict,
        marks=(
            wording.trust_word(value.trust_arrival),
            wording.trust_word(value.trust_linkage),
            wording.trust_word(value.trust_count),
        ),
        note=_note(value),
    )


def _answer(kpi: Kpi | None, value: Value | None) -> tuple[str, str, str, str]:
    """(answer, verdict, certainty, why) of the headline."""
    nothing = wording.verdict_word("cannot_tell")
    if kpi is None or value is None:
        return "先生から見た数字は、まだ届いていません。", nothing, "", "もとになる記録がないためです。"
    words = declared("wording")["periods"][value.period_type]
    if value.display_state not in COUNTED or not value.denominator:
        reason = _note(value) or "対象がありませんでした"
        return f"「{kpi.name_ja}」は、{words['this']}は言えません。", nothing, "", f"{reason}。"
    remarks = [] if value.period_type == "month" else [_months(value)]
    if value.display_state == "stale":
        remarks = [f"{STALE}の値", _months(value)]
    elif value.display_state == "reference":
        remarks.append("参考値")
    elif value.display_state == "shown" and value.value is not None and value.previous_value is not None:
        base = wording.frequency_base(value.value)
        if (value.previous_denominator or 0) >= kpi.minimum_sample:
            before = wording.rounded(value.previous_value * base)
            remarks.append(f"{words['previous']}は{before}{kpi.unit_ja}")
    answer = f"{kpi.numerator_ja}は、{_said(kpi, value)}でした" + (
        f"（{'、'.join(remarks)}）" if remarks else ""
    )
    verdict = value.verdict or "cannot_tell"
    change = _difference(value)
    if value.display_state == "stale":
        return (
            f"{answer}。",
            wording.verdict_word(verdict),
            f"{STALE}の判定",
            f"新しい判定は出せません。{_note(value)}。",
        )
    certainty = (
        "" if verdict == "cannot_tell" else wording.certainty(verdict, change, kpi.meaningful_difference)
    )
    return f"{answer}。", wording.verdict_word(verdict), certainty, _why(kpi, value, verdict, change)


def _difference(value: Value) -> Difference | None:
    """The published difference from the period before, with its interval, in the KPI's unit."""
    if value.difference is None or value.difference_low is None or value.difference_high is None:
        return None
    return Difference(value.difference, value.difference_low, value.difference_high)


def _why(kpi: Kpi, value: Value, verdict: str, change: Difference | None) -> str:
    """Why the verdict is what it is, in two short sentences."""
    number = f"数えたのは、{kpi.denominator_ja}{_whole(value.denominator):,}{_counter(kpi)}です。"
    if change is None or verdict == "cannot_tell":
        reason = value.verdict_reason or "比べるための数字ではありません"
        if change is not None:
            amount = wording.rounded(abs(change.value) * 100)
            reason = f"100{kpi.unit_ja}中{amount}{kpi.unit_ja}の差は、偶然でも起こります"
        return f"{number}{reason}。"
    low, high = (_signed(wording.rounded(edge * 100)) for edge in (change.low, change.high))
    span = f"差の幅は、100{kpi.unit_ja}中{low}〜{high}{kpi.unit_ja}です"
    return f"{number}{span}。{value.verdict_reason}。"


def _signed(number: str) -> str:
    return number if number.startswith("−") or number == "0" else f"+{number}"


def _picture(
    values: list[Value], kpi_id: str, judged_only: dict[tuple[date, str], int], month: date
) -> tuple[str, str]:
    """The picture of phases, last month and this, and the note under it."""
    rows = [
        value
        for value in values
        if value.kpi_id == kpi_id
        and value.period_type == "month"
        and value.phase_id
        and not (value.product_id or value.channel_id or value.breakdown)
    ]
    if not rows:
        return "", "段階の記録がまだ足りないため、図はありません。"
    ends = sorted({value.period_end for value in rows})[-2:]
    newest = {value.phase_id: value for value in rows if value.period_end == ends[-1]}
    earlier = {value.phase_id: value for value in rows if len(ends) == 2 and value.period_end == ends[0]}
    groups = [
        chart.Group(str(name), _bar(earlier.get(phase), judged_only), _bar(newest.get(phase), judged_only))
        for phase, name in declared("wording")["phases"].items()
    ]
    hidden = any(bar.instead == "*" for group in groups for bar in (group.before, group.after))
    labels = (f"{ends[0].month}月" if earlier else "前", f"{ends[-1].month}月")
    picture = chart.grouped_bars(groups, *labels, unit="人", title="先生の段階ごとの人数")
    note = "段階は先生の行動や回答から決め、こちらからの連絡だけでは進みません。"
    if ends[-1] != month:
        note = f"図は{ends[-1].month}月までの人数です。{note}"
    return picture, note + ("*は、人が特定されるおそれがあるため出しません。" if hidden else "")


def _bar(value: Value | None, judged_only: dict[tuple[date, str], int]) -> chart.Bar:
    if value is None:
        return chart.Bar(None, instead="—")
    if value.display_state == "counts_only" and value.numerator is not None:
        return chart.Bar(value.numerator)
    if value.display_state not in COUNTED or value.value is None:
        return chart.Bar(None, instead="*")
    judged = judged_only.get((value.period_end, value.phase_id or ""), 0)
    return chart.Bar(value.value, value.ci_low, value.ci_high, judged_only=float(judged))


def _step(chosen: dict[str, Kpi], current: dict[str, Value]) -> dict[str, str]:
    """The one next step: the first declared rule whose number is published in full and past its limit."""
    page = declared("page")
    known = 0
    for rule in page["next_steps"]:
        value, kpi = current.get(rule["kpi"]), chosen.get(rule["kpi"])
        if kpi is None or value is None or value.value is None or value.display_state not in SAID:
            continue
        known += 1
        if ("at_least" in rule and value.value >= float(rule["at_least"])) or (
            "at_most" in rule and value.value <= float(rule["at_most"])
        ):
            stale = f"（{STALE}の値）" if value.display_state == "stale" else ""
            facts = {"fact": f"{kpi.numerator_ja}は、{_said(kpi, value)}です{stale}。"}
            return {part: str(rule[part]).format_map(facts) for part in ("who", "what", "why")}
    step = dict(page["default_step" if known else "step_without_numbers"])
    if 0 < known < len(page["next_steps"]):
        step["why"] = step["why_of_some"]
    return {part: str(step[part]) for part in ("who", "what", "why")}


def _cannot_say(chosen: list[Kpi], current: dict[str, Value], without_value: list[Kpi]) -> list[CannotSay]:
    """At most three things that cannot be said yet, why, and when they can be; one line per reason."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for kpi in chosen:
        value = current[kpi.kpi_id]
        words = declared("wording")["periods"][value.period_type]
        ending = ""
        if value.display_state in ("reference", "counts_only"):
            short = kpi.minimum_sample - _whole(value.denominator)
            why = f"{_whole(value.denominator)}{_counter(kpi)}しか集まっていません"
            when = f"あと{short}{_counter(kpi)}集まれば言えます"
        elif value.display_state == "suppressed":
            why, when = _note(value), "もっと大きな集まりの数字は、本社で見られます"
        elif value.display_state == "withheld":
            why, when = _note(value), "記録がそろいしだい、次の資料でお知らせします"
        elif value.display_state == "stale":
            ending = "の新しい値"
            why, when = _note(value), "記録がそろいしだい、次の資料でお知らせします"
        elif value.verdict == "cannot_tell":
            ending = "の変化"
            if value.difference is None:
                why, when = (
                    value.verdict_reason or "比べられません",
                    f"{words['next']}、二つがそろえば言えます",
                )
            else:
                why, when = "差が偶然と見分けられません", "集まる数が増えれば言えるようになります"
        else:
            continue
        names.setdefault((why, when, ending), []).append(f"「{_name(kpi)}」")
    lines = [CannotSay("".join(found) + ending, why, when) for (why, when, ending), found in names.items()]
    if without_value:
        missing = "".join(f"「{_name(kpi)}」" for kpi in without_value)
        why, when = "この資料の時点の値が、まだありません", "記録が届きしだい、次の資料でお知らせします"
        lines = [*lines[: MAXIMUM_UNSAID - 1], CannotSay(missing, why, when)]
    return lines[:MAXIMUM_UNSAID]
