"""Numbers as words: natural frequencies, intervals, certainty and the verbs that the evidence allows.

The words themselves are declared in `wording.yaml`; this module only applies the rules to numbers.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import yaml

LEVELS = ("E0", "E1", "E2", "E3", "E4")


@functools.cache
def declared(name: str) -> dict[str, Any]:
    """Read one of the declared texts beside this module (`wording`, `page` or `glossary`)."""
    return dict(yaml.safe_load((Path(__file__).with_name(f"{name}.yaml")).read_text(encoding="utf-8")))


def full_day(day: date) -> str:
    """A day as every page writes it where its year is not plain: 「2026年11月8日」."""
    return f"{day.year}年{day.month}月{day.day}日"


def short_day(day: date) -> str:
    """A day of the page's own months: 「11月8日」."""
    return f"{day.month}月{day.day}日"


def month_span(start: date, end: date) -> str:
    """The months of a period with their year: 「2026年7月〜9月」, 「2026年10月」."""
    first = f"{start.year}年{start.month}月"
    if (start.year, start.month) == (end.year, end.month):
        return first
    return f"{first}〜{'' if end.year == start.year else f'{end.year}年'}{end.month}月"


def rounded(value: float, digits: int = 0) -> str:
    """Round half up, as people do on paper, and write a true minus sign."""
    quantum = Decimal(1).scaleb(-digits)
    number = Decimal(repr(value)).quantize(quantum, rounding=ROUND_HALF_UP)
    text = f"{number:,f}"
    if digits and "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "0") else text.replace("-", "−")


def frequency_base(value: float) -> int:
    """How many people a rate is told about: 100, or 1,000 where 100 would round to none or all."""
    return 1000 if 0 < value < 0.01 or 0.99 < value < 1 else 100


def natural_frequency(value: float, counter: str) -> str:
    """Say a rate (0-1) as a natural frequency: 0.62 of 人 is 「100人中62人」."""
    base = frequency_base(value)
    count = rounded(value * base)
    if count == "0" and value > 0:
        return f"{base:,}{counter}中1{counter}より少ない数"
    if count == f"{base:,}" and value < 1:
        return f"{base:,}{counter}中、ほぼすべて"
    return f"{base:,}{counter}中{count}{counter}"


def frequency_interval(value: float, low: float, high: float, counter: str) -> str:
    """The interval of a rate on the base of its frequency: 「48〜75人」, of 100; a finer one is named."""
    # Beside none or all of a great many, the other end would round to none or all as well.
    base = frequency_base(high if value == 0 else low if value == 1 else value)
    text = f"{rounded(max(low, 0.0) * base)}〜{rounded(min(high, 1.0) * base)}{counter}"
    return text if base == 100 else f"{base:,}{counter}中{text}"


UNKNOWN = "不明"


def measured(value: float, unit: str, digits: int, *, signed: bool = False) -> str:
    """A value with its unit as people say it: 0.073 of 割合の差 is 「7.3ポイント」, 6.25 of 日 is 「6.3日」.

    `digits` is for units that need no words of their own; those of `units` in wording.yaml say theirs.
    """
    words = _unit(unit, digits)
    sign = "+" if signed and words["signed"] and value > 0 else ""
    return str(words["said"]).format(number=sign + _scaled(value, words))


def measured_interval(low: float | None, high: float | None, unit: str, digits: int) -> str:
    """Both ends in the unit of `measured`: 「5.1〜9.4ポイント」; an end that is not known: 「4日〜不明」."""
    if low is None or high is None:
        return "〜".join(UNKNOWN if end is None else measured(end, unit, digits) for end in (low, high))
    words = _unit(unit, digits)
    return str(words["said"]).format(number=f"{_scaled(low, words)}〜{_scaled(high, words)}")


def _unit(unit: str, digits: int) -> dict[str, Any]:
    plain = {"times": 1, "digits": digits, "said": "{number}" + unit, "signed": True}
    return dict(declared("wording")["units"].get(unit, plain))


def _scaled(value: float, words: dict[str, Any]) -> str:
    # In decimals: 0.0725 * 100 is 7.249… as floats, and half would not go up.
    return rounded(float(Decimal(repr(float(value))) * words["times"]), words["digits"])


@dataclass(frozen=True)
class Difference:
    """A change between two periods with its 95 % interval, in the KPI's unit."""

    value: float
    low: float
    high: float

    def shrunk(self, share: float) -> tuple[float, float]:
        """The interval drawn in around the difference; 1.0 leaves it as it is."""
        return self.value - share * (self.value - self.low), self.value + share * (self.high - self.value)


def certainty(verdict: str, change: Difference | None, threshold: float) -> str:
    """How sure the verdict is, as a declared word.

    `threshold` is the smallest difference that matters, in the KPI's unit. A change is supported when the
    interval excludes zero; "unchanged" when it lies within the threshold on both sides.
    """
    words = declared("wording")
    if change is None or verdict == "cannot_tell":
        return str(words["certainty_without_comparison"])
    for line in words["certainty"]:
        low, high = change.shrunk(float(line["share_of_interval"]))
        is_within = -threshold <= low and high <= threshold
        is_beyond_zero = low > 0 or high < 0
        if is_within if verdict == "unchanged" else is_beyond_zero:
            return str(line["word"])
    return str(words["certainty"][-1]["word"])


def strength(level: str) -> str:
    """A level of evidence in words with its place on the ladder: 「条件をそろえた比較（4段階の3）」."""
    return f"{declared('wording')['evidence'][level]['name']}（4段階の{level[1]}）"


def verdict_word(verdict: str) -> str:
    """The Japanese word of a verdict; an unknown verdict is an error, never a blank."""
    return str(declared("wording")["verdicts"][verdict])


def trust_word(mark: str) -> str:
    """The Japanese word of a trust mark."""
    return str(declared("wording")["trust_marks"][mark])


def verbs_above(text: str, level: str) -> list[str]:
    """The phrases in `text` that claim more than the evidence level (`E0`-`E4`) allows."""
    allowed = LEVELS.index(level)
    evidence = declared("wording")["evidence"]
    return [verb for name in LEVELS[allowed + 1 :] for verb in evidence[name]["verbs"] if verb in text]
