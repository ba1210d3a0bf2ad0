"""Published numbers as lines and sentences: what every page says of a KPI, whoever reads it.

Nothing is calculated here: values, intervals, verdicts and suppression come from `fct_kpi_value`, their
meaning from the registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shirube.share import wording
from shirube.share.release_files import Kpi, Value, last_closed_period
from shirube.share.wording import Difference, declared

# Display states in which a value is said without reserve, and in which at least its counts are said.
SAID = ("shown", "stale")
COUNTED = ("shown", "stale", "reference", "counts_only")

# Lines under "what cannot be said yet".
MAXIMUM_UNSAID = 3

# Words that stand as headings on every page, and so are explained on every page.
HEADINGS = "判定 幅 信頼の印 届き・つながり・数"

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

    trust: str

    def words(self) -> str:
        """Every word of the row, for the rules of readability."""
        parts = [self.label, self.value, self.interval, self.denominator, self.previous, self.verdict]
        return " ".join([*parts, *self.marks, self.note, self.trust])


@dataclass(frozen=True)
class CannotSay:
    """One thing that cannot be said yet."""

    what: str
    why: str
    when: str


def evidence_of(chosen: list[Kpi]) -> str:
    """How strong the evidence of a page's numbers is: one sentence, with the numbers that differ by name."""
    levels = [kpi.evidence_level for kpi in chosen]
    if not levels:
        return ""
    usual = max(sorted(set(levels)), key=levels.count)
    others = "".join(
        f"「{short_name(kpi)}」は{wording.strength(kpi.evidence_level)}、"
        for kpi in chosen
        if kpi.evidence_level != usual
    )
    rest = "ほかは" if others else "どの数字も"
    return f"根拠の強さは、{others}{rest}{wording.strength(usual)}です。"


def current_values(values: list[Value], registry: dict[str, Kpi], month: date) -> dict[str, Value]:
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


def without_value(values: list[Value], registry: dict[str, Kpi], month: date, role: str) -> list[Kpi]:
    """The KPIs meant for a role that have no value of the page's period, not even a divided one."""
    found = {
        value.kpi_id
        for value in values
        if value.kpi_id in registry and _is_current(registry[value.kpi_id], value, month)
    }
    return [kpi for kpi in registry.values() if role in kpi.audience and kpi.kpi_id not in found]


def said(kpi: Kpi, value: Value) -> str:
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
        return rate_said(value, numerator, denominator, state, unit)
    if value is None:
        return f"{whole(denominator):,}件のみ"
    digits = 1 if kpi.kind in ("median", "mean") else 0
    return wording.measured(value, unit, digits, signed=kpi.kind == "score")


def rate_said(
    value: float | None, numerator: float | None, denominator: float | None, state: str, unit: str
) -> str:
    """A rate in words: a frequency of 100 where it is said without reserve, else the counts themselves."""
    if state in SAID and value is not None:
        return wording.natural_frequency(value, unit)
    return f"{whole(denominator):,}{unit}中{whole(numerator):,}{unit}"


def rate_interval(value: float | None, low: float | None, high: float | None, state: str, unit: str) -> str:
    """The interval of a rate on its frequency's base, which is named where the rate is told in counts."""
    if value is None or low is None or high is None:
        return "—"
    text = wording.frequency_interval(value, low, high, unit)
    is_other_base = state == "reference" and "中" not in text
    return f"100{unit}中{text}" if is_other_base else text


def _interval(kpi: Kpi, value: Value) -> str:
    if value.ci_low is None or value.ci_high is None or value.value is None:
        return "—"
    if kpi.kind == "rate":
        return rate_interval(value.value, value.ci_low, value.ci_high, value.display_state, kpi.unit_ja)
    digits = 1 if kpi.kind in ("median", "mean") else 0
    return wording.measured_interval(value.ci_low, value.ci_high, kpi.unit_ja, digits)


def _previous(kpi: Kpi, value: Value) -> str:
    if value.previous_value is None or not value.previous_denominator or value.display_state not in COUNTED:
        return "—"
    if value.display_state == "stale":
        return "—"
    state = "shown" if value.previous_denominator >= kpi.minimum_sample else "reference"
    return _in_words(kpi, value.previous_value, value.previous_numerator, value.previous_denominator, state)


def note(value: Value) -> str:
    """Why a number is not shown in full: its published reason, else the declared words of its state."""
    if value.display_state == "shown":
        return ""
    return value.reason or str(declared("wording")["display_states"][value.display_state])


def short_name(kpi: Kpi) -> str:
    """The registry's name without 「の割合」: every row says 「100人中…」 anyway."""
    return kpi.name_ja.removesuffix("の割合")


def months(value: Value) -> str:
    """The months that a value is of: 「9月」, 「7〜9月」."""
    last = f"{value.period_end.month}月"
    return last if value.period_type == "month" else f"{value.period_start.month}〜{last}"


def _label(kpi: Kpi, value: Value, month: date) -> str:
    """The KPI's short name, with its months where they are not the page's month: 「…（7〜9月）」."""
    if value.period_type == "month" and value.period_end == month:
        return short_name(kpi)
    return f"{short_name(kpi)}（{months(value)}）"


def number_line(kpi: Kpi, value: Value, month: date) -> NumberLine:
    """The row of the table of numbers for one KPI on a page of this month."""
    marks = (
        wording.trust_word(value.trust_arrival),
        wording.trust_word(value.trust_linkage),
        wording.trust_word(value.trust_count),
    )
    not_compared = declared("wording")["not_compared"] if value.display_state in COUNTED else "—"
    verdict = wording.verdict_word(value.verdict) if value.verdict else str(not_compared)
    return NumberLine(
        kpi_id=kpi.kpi_id,
        label=_label(kpi, value, month),
        value=said(kpi, value),
        interval=_interval(kpi, value),
        denominator=_counted(kpi, value),
        previous=_previous(kpi, value),
        verdict=f"{verdict}（{STALE}）" if value.verdict and value.display_state == "stale" else verdict,
        marks=marks,
        note=note(value),
        trust=_trust(marks) if value.display_state in COUNTED else "—",
    )


def _counted(kpi: Kpi, value: Value) -> str:
    """What was really counted, beside a frequency of 100: 「74人中47人」; of other numbers the sample."""
    if value.denominator is None or value.display_state not in COUNTED:
        return "—"
    if kpi.kind == "rate":
        return rate_counted(value.numerator, value.denominator, value.display_state, counter(kpi))
    return f"{whole(value.denominator):,}{counter(kpi)}"


def rate_counted(numerator: float | None, denominator: float | None, state: str, unit: str) -> str:
    """What was counted for a rate: both counts beside a frequency, else the sample alone."""
    sample = f"{whole(denominator):,}{unit}"
    return f"{sample}中{whole(numerator):,}{unit}" if state in SAID and numerator is not None else sample


def _trust(marks: tuple[str, ...]) -> str:
    """Only what keeps from trusting the number: 「数は注意」; where nothing does, 「すべて十分」."""
    words = declared("wording")
    enough = wording.trust_word("enough")
    names = words["trust_names"]
    low = [f"{name}は{mark}" for name, mark in zip(names, marks, strict=True) if mark != enough]
    return "、".join(low) or f"{words['trust_all']}{enough}"


def difference(value: Value) -> Difference | None:
    """The published difference from the period before, with its interval, in the KPI's unit."""
    if value.difference is None or value.difference_low is None or value.difference_high is None:
        return None
    return Difference(value.difference, value.difference_low, value.difference_high)


def signed(number: str) -> str:
    """A written number with its plus sign; minus and zero stay as they are."""
    return number if number.startswith("−") or number == "0" else f"+{number}"


def whole(value: float | None) -> int:
    """A count that travels as a float; nothing is 0."""
    return round(value or 0)


def counter(kpi: Kpi) -> str:
    """The Japanese counter of the sample: a rate's unit; of others 「人」 where physicians are counted, else
    「件」."""
    if kpi.kind in ("rate", "count"):
        return kpi.unit_ja
    sample = kpi.row.get("denominator")
    return "人" if sample is not None and sample == kpi.row.get("physicians") else "件"


def cannot_say(chosen: list[Kpi], current: dict[str, Value], without_value: list[Kpi]) -> list[CannotSay]:
    """At most three things that cannot be said yet, why, and when they can be; one line per reason."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for kpi in chosen:
        value = current[kpi.kpi_id]
        words = declared("wording")["periods"][value.period_type]
        ending = ""
        if value.display_state in ("reference", "counts_only"):
            # The period is over: nothing can be added to it any more.
            why = f"{whole(value.denominator)}{counter(kpi)}しか集まっていません"
            when = f"{words['next']}に{kpi.minimum_sample}{counter(kpi)}以上集まれば言えます"
        elif value.display_state == "suppressed":
            why, when = note(value), "もっと大きな集まりの数字は、本社で見られます"
        elif value.display_state == "withheld":
            why, when = note(value), "記録が直りしだい、次の資料でお知らせします"
        elif value.display_state == "stale":
            ending = "の新しい値"
            why, when = note(value), "記録が直りしだい、次の資料でお知らせします"
        elif value.verdict == "cannot_tell":
            ending = "の変化"
            if value.difference is None:
                why, when = (
                    value.verdict_reason or "比べられません",
                    f"{words['next']}、二つがそろえば言えます",
                )
            else:
                why, when = "差が偶然と見分けられません", "差がもっと大きいか、数が増えたときに言えます"
        else:
            continue
        names.setdefault((why, when, ending), []).append(f"「{short_name(kpi)}」")
    lines = [CannotSay("".join(found) + ending, why, when) for (why, when, ending), found in names.items()]
    if without_value:
        missing = "".join(f"「{short_name(kpi)}」" for kpi in without_value)
        why, when = "この資料の時点の値が、まだありません", "記録が届きしだい、次の資料でお知らせします"
        lines = [*lines[: MAXIMUM_UNSAID - 1], CannotSay(missing, why, when)]
    return lines[:MAXIMUM_UNSAID]
