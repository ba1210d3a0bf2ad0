"""The one picture of a page, drawn by hand as SVG: values with their intervals, readable in grey."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

INK = "#1f2933"
QUIET = "#52606d"
FAINT = "#cbd2d9"
BEFORE = "#d5dbe1"
AFTER = "#3e4c59"
FONT = "IPAexGothic, 'Hiragino Sans', 'Yu Gothic', 'Noto Sans CJK JP', Meiryo, sans-serif"


@dataclass(frozen=True)
class Bar:
    """One bar: its height, its 95 % interval if there is one, and what is written instead of a value.

    `judged_only` is the part of the height that rests on what the company's own people judged; it is hatched.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    instead: str = ""
    judged_only: float = 0.0


@dataclass(frozen=True)
class Group:
    """Two bars under one label."""

    label: str
    before: Bar
    after: Bar


@dataclass(frozen=True)
class Estimate:
    """One line of a picture of intervals; what is written instead where nothing could be estimated."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    remark: str


@dataclass(frozen=True)
class Window:
    """A difference in a stretch of time, with its 95 % interval if there is one.

    `months`: from the month of the start to its first, negative for one that ended before the start.
    """

    months: int
    value: float
    low: float | None = None
    high: float | None = None


Measure = tuple[float, float, float]
"""A value with both ends of its 95 % interval."""


@dataclass(frozen=True)
class Pair:
    """Two measures of one thing and a remark; None where too few stand behind one."""

    label: str
    first: Measure | None
    second: Measure | None
    remark: str


@dataclass(frozen=True)
class Line:
    """An upright line through a picture, with its name."""

    at: float
    name: str


def _axis_step(top: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives at most five lines up to `top`."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if top <= 5 * step * factor:
                return step * factor
        step *= 10


def _text(x: float, y: float, words: str, size: float, colour: str = INK, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(words)}</text>"
    )


def _whisker(centre: float, low: float, high: float, stroke: str, thickness: float) -> str:
    """An upright interval with a short line across each end."""
    return (
        f'<path d="M{centre:.1f} {low:.1f}V{high:.1f}M{centre - 4:.1f} {low:.1f}h8M{centre - 4:.1f} '
        f'{high:.1f}h8" stroke="{stroke}" stroke-width="{thickness}" fill="none"/>'
    )


def _hatching(left: float, top: float, width: float, bottom: float) -> str:
    """Slanted lines over the rectangle, each cut off at its edges."""
    lines = []
    start = top - width
    while start < bottom:
        # The line runs from (left, start + width) up to the right end (left + width, start).
        x_low, y_low = left, start + width
        x_high, y_high = left + width, start
        if y_low > bottom:
            x_low, y_low = left + (y_low - bottom), bottom
        if y_high < top:
            x_high, y_high = left + width - (top - y_high), top
        if x_low < x_high:
            lines.append(f"M{x_low:.1f} {y_low:.1f}L{x_high:.1f} {y_high:.1f}")
        start += 5
    return "".join(lines)


def _broken(label: str) -> list[str]:
    head, dot, tail = label.partition("・")
    return [head + dot, tail] if dot and len(label) > 4 else [label]


def _in_words(groups: list[Group], before: str, after: str, unit: str) -> str:
    """The picture for who listens to the page: every group with both of its numbers."""

    def told(bar: Bar) -> str:
        return f"{bar.value:,.0f}{unit}" if bar.value is not None else "数字なし"

    return "。".join(
        f"{group.label} {before} {told(group.before)}、{after} {told(group.after)}" for group in groups
    )


def grouped_bars(groups: list[Group], before: str, after: str, unit: str, title: str) -> str:
    """Draw two bars per group with their intervals; the numbers stand in two rows under the axis.

    The axis begins at zero. A bar without a value is left out; its reason stands in the row of numbers.
    Returns one `<svg>` element; the same input gives the same text.
    """
    width, plot_top, plot_height = 420.0, 26.0, 130.0
    base = plot_top + plot_height
    height = base + 78.0
    heights = [
        edge
        for group in groups
        for bar in (group.before, group.after)
        if bar.value is not None
        for edge in (bar.value, bar.high if bar.high is not None else bar.value)
    ]
    step = _axis_step(max([*heights, 1.0]))
    top = step
    while top < max([*heights, 1.0]):
        top += step
    # Room for the axis' longest number: a digit of this size is 6 wide, and 6 lie between it and the axis.
    left = max(36.0, 6.0 + 6.0 * len(f"{top:,.0f}"))
    slot = (width - left - 6) / max(len(groups), 1)
    bar_width = min(slot * 0.3, 26.0)

    def y(value: float) -> float:
        return base - plot_height * value / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'font-family="{FONT}"><title>{escape(title)}</title>'
        f"<desc>{escape(_in_words(groups, before, after, unit))}</desc>"
    ]
    line = 0.0
    while line <= top + step / 2:
        parts.append(
            f'<line x1="{left:.1f}" x2="{width:.1f}" y1="{y(line):.1f}" y2="{y(line):.1f}" '
            f'stroke="{INK if line == 0 else FAINT}" stroke-width="{1.2 if line == 0 else 0.6}"/>'
        )
        parts.append(_text(left - 6, y(line) + 4, f"{line:,.0f}", 11, QUIET, "end"))
        line += step
    parts.append(_text(left - 6, 12, unit, 11, QUIET, "end"))
    legend = left + 6
    for colour, words in ((BEFORE, before), (AFTER, after)):
        parts.append(
            f'<rect x="{legend:.1f}" y="3" width="12" height="12" fill="{colour}" stroke="{INK}" '
            f'stroke-width="0.8"/>'
        )
        parts.append(_text(legend + 17, 13, words, 12, INK, "start"))
        legend += 28 + 11 * len(words)
    remark = "縦線は幅（95%）"
    if any(bar.judged_only for group in groups for bar in (group.before, group.after)):
        remark += "、斜線は担当者の記録だけの人数"
    parts.append(_text(legend, 13, remark, 11, QUIET, "start"))

    for row, words in ((1, before), (2, after)):
        parts.append(_text(left - 6, base + 32 + 18 * row, words, 11, QUIET, "end"))
    for index, group in enumerate(groups):
        middle = left + slot * (index + 0.5)
        # A long name breaks at its middle dot: on a telephone each group is four letters wide.
        for place, words in enumerate(_broken(group.label)):
            parts.append(_text(middle, base + 16 + 13 * place, words, 11.4))
        for row, (bar, colour, x) in enumerate(
            ((group.before, BEFORE, middle - bar_width - 1), (group.after, AFTER, middle + 1)), start=1
        ):
            written = bar.instead if bar.value is None else f"{bar.value:,.0f}"
            parts.append(_text(middle, base + 32 + 18 * row, written, 13 if bar.value is not None else 12))
            if bar.value is None:
                continue
            parts.append(
                f'<rect x="{x:.1f}" y="{y(bar.value):.1f}" width="{bar_width:.1f}" '
                f'height="{base - y(bar.value):.1f}" fill="{colour}" stroke="{INK}" stroke-width="0.8"/>'
            )
            if bar.judged_only > 0:
                parts.append(
                    f'<path d="{_hatching(x, y(bar.value), bar_width, y(bar.value - bar.judged_only))}" '
                    f'stroke="{INK if colour == BEFORE else "#ffffff"}" stroke-width="0.9" fill="none"/>'
                )
            if bar.low is not None and bar.high is not None:
                centre = x + bar_width / 2
                for stroke, thickness in (("#ffffff", 3.6), (INK, 1.4)):
                    parts.append(_whisker(centre, y(bar.low), y(bar.high), stroke, thickness))
    parts.append("</svg>")
    return "".join(parts)


def _on_axis(mark: float) -> str:
    """A number of the axis, with its sign and a true minus."""
    return f"{mark:+,.0f}".replace("-", "−") if round(mark) else "0"


def _told(one: Estimate) -> str:
    """One line of the picture in words: 「Web講演会 +10.1、幅 +6.3から+14.0、条件付き」."""
    if one.value is None or one.low is None or one.high is None:
        return f"{one.label} 推定なし、{one.remark}"
    return f"{one.label} {one.value:+.1f}、幅 {one.low:+.1f}から{one.high:+.1f}、{one.remark}"


def intervals(estimates: list[Estimate], meaningful: float, unit: str, title: str) -> str:
    """Draw one line per estimate: a dot, its 95 % interval, and a remark at the right.

    A thick line marks zero, a dashed one the smallest effect that matters (`meaningful`, in the unit).
    Returns one `<svg>` element; the same input gives the same text.
    """
    width, left, right, line_height, head = 440.0, 116.0, 96.0, 21.0, 22.0
    plot = width - left - right
    base = head + line_height * len(estimates)
    edges = [edge for one in estimates for edge in (one.low, one.high, one.value) if edge is not None] + [
        0.0,
        meaningful,
    ]
    step = _axis_step(max(edges) - min(edges))
    lowest = step * math.floor(min(edges) / step)
    highest = step * math.ceil(max(edges) / step)

    def x(value: float) -> float:
        return left + plot * (value - lowest) / (highest - lowest)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {base + 34:.0f}" role="img" '
        f'font-family="{FONT}"><title>{escape(title)}</title>'
        f"<desc>{escape('。'.join(_told(one) for one in estimates))}</desc>"
    ]
    mark = lowest
    while mark <= highest + step / 2:
        is_zero = abs(mark) < step / 1000
        parts.append(
            f'<line x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{head:.1f}" y2="{base:.1f}" '
            f'stroke="{INK if is_zero else FAINT}" stroke-width="{1.4 if is_zero else 0.6}"/>'
        )
        parts.append(_text(x(mark), base + 14, _on_axis(mark), 12, QUIET))
        mark += step
    parts.append(
        f'<line x1="{x(meaningful):.1f}" x2="{x(meaningful):.1f}" y1="{head - 4:.1f}" y2="{base:.1f}" '
        f'stroke="{INK}" stroke-width="1" stroke-dasharray="4 3"/>'
    )
    parts.append(_text(x(meaningful), head - 8, f"意味のある差 {meaningful:+,.0f}", 12, QUIET))
    parts.append(_text(left + plot / 2, base + 29, unit, 12, QUIET))
    for row, one in enumerate(estimates):
        middle = head + line_height * (row + 0.5)
        parts.append(_text(left - 8, middle + 4, one.label, 12.6, INK, "end"))
        parts.append(_text(width - right + 8, middle + 4, one.remark, 12.2, INK, "start"))
        if one.low is not None and one.high is not None:
            parts.append(
                f'<path d="M{x(one.low):.1f} {middle:.1f}H{x(one.high):.1f}M{x(one.low):.1f} '
                f'{middle - 4:.1f}v8M{x(one.high):.1f} {middle - 4:.1f}v8" stroke="{INK}" '
                f'stroke-width="1.4" fill="none"/>'
            )
        if one.value is not None:
            parts.append(f'<circle cx="{x(one.value):.1f}" cy="{middle:.1f}" r="4" fill="{AFTER}"/>')
    parts.append("</svg>")
    return "".join(parts)


def _told_window(one: Window) -> str:
    """One window in words: 「−3か月 +1.0、幅 −2.0から+4.0」."""
    width = "" if one.low is None or one.high is None else f"、幅 {one.low:+.1f}から{one.high:+.1f}"
    return f"{one.months:+d}か月 {one.value:+.1f}{width}".replace("-", "−").replace("+0か月", "0か月")


def before_and_after(windows: list[Window], sides: tuple[str, str], unit: str, axis: str, title: str) -> str:
    """Draw one dot per window with its 95 % interval: hollow before the start, filled after it.

    A thick line marks zero, a dashed one the start; `sides` name what lies left and right of it. Raises
    ValueError without a window on either side. Returns one `<svg>` element; the same input gives the same
    text.
    """
    before = [one for one in windows if one.months < 0]
    after = [one for one in windows if one.months >= 0]
    if not before or not after:
        raise ValueError("nothing to show on one side of the start")
    width, left, right, head, plot_height = 440.0, 40.0, 6.0, 40.0, 120.0
    base = head + plot_height
    edges = [edge for one in windows for edge in (one.low, one.high, one.value) if edge is not None] + [0.0]
    step = _axis_step(max(max(edges) - min(edges), 1.0))
    lowest, highest = step * math.floor(min(edges) / step), step * math.ceil(max(edges) / step)
    # The name of what lies after the start needs room where that is one window only.
    first, last = min(one.months for one in windows), max(1, *(one.months for one in windows))
    slot = (width - left - right) / (last - first + 1)

    def x(months: float) -> float:
        return left + slot * (months - first + 0.5)

    def y(value: float) -> float:
        return base - plot_height * (value - lowest) / (highest - lowest)

    told = "。".join(
        f"{side} {'、'.join(_told_window(one) for one in part)}"
        for side, part in zip(sides, (before, after), strict=True)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {base + 38:.0f}" role="img" '
        f'font-family="{FONT}"><title>{escape(title)}</title><desc>{escape(told)}</desc>'
    ]
    mark = lowest
    while mark <= highest + step / 2:
        is_zero = abs(mark) < step / 1000
        parts.append(
            f'<line x1="{left:.1f}" x2="{width - right:.1f}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" '
            f'stroke="{INK if is_zero else FAINT}" stroke-width="{1.4 if is_zero else 0.6}"/>'
        )
        parts.append(_text(left - 6, y(mark) + 4, _on_axis(mark), 12, QUIET, "end"))
        mark += step
    start = x(-0.5)
    parts.append(
        f'<line x1="{start:.1f}" x2="{start:.1f}" y1="{head - 20:.1f}" y2="{base:.1f}" stroke="{INK}" '
        f'stroke-width="1" stroke-dasharray="4 3"/>'
    )
    parts.append(_text(2, 12, unit, 12, QUIET, "start"))
    parts.append(_text(start - 8, head - 10, sides[0], 12.6, INK, "end"))
    parts.append(_text(start + 8, head - 10, sides[1], 12.6, INK, "start"))
    parts.append(_text((left + width - right) / 2, base + 33, axis, 12, QUIET))
    for one in windows:
        centre = x(one.months)
        parts.append(_text(centre, base + 16, _on_axis(one.months), 12, QUIET))
        if one.low is not None and one.high is not None:
            parts.append(_whisker(centre, y(one.low), y(one.high), INK, 1.4))
        parts.append(
            f'<circle cx="{centre:.1f}" cy="{y(one.value):.1f}" r="4.2" stroke="{INK}" stroke-width="1.4" '
            f'fill="{"#ffffff" if one.months < 0 else AFTER}"/>'
        )
    parts.append("</svg>")
    return "".join(parts)


def _told_pair(pair: Pair, names: tuple[str, str]) -> str:
    """Both measures in words: 「答えの早さ 大切さ 7.8、幅 7.7から7.9、満足 数字なし、先に直す」."""
    told = [
        f"{name} 数字なし" if one is None else f"{name} {one[0]:.1f}、幅 {one[1]:.1f}から{one[2]:.1f}"
        for name, one in zip(names, (pair.first, pair.second), strict=True)
    ]
    return "、".join([f"{pair.label} {told[0]}", told[1], pair.remark])


def _flat_whisker(low: float, high: float, middle: float) -> str:
    """A level interval with a short line across each end."""
    return (
        f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 3:.1f}v6M{high:.1f} '
        f'{middle - 3:.1f}v6" stroke="{INK}" stroke-width="1.4" fill="none"/>'
    )


def pairs_of_means(
    pairs: list[Pair], names: tuple[str, str], lines: list[Line], top: float, unit: str, title: str
) -> str:
    """Draw two dots per thing with their 95 % intervals, one filled, one hollow, from 0 to `top`.

    What a dot is of stands above it with its remark; `lines` are dashed, for what is high and what is low.
    Returns one `<svg>` element; the same input gives the same text.
    """
    width, left, right, block = 440.0, 12.0, 12.0, 33.0
    head = 22.0 + 15.0 * len(lines)
    base = head + block * len(pairs)

    def x(value: float) -> float:
        return left + (width - left - right) * value / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {base + 34:.0f}" role="img" '
        f'font-family="{FONT}"><title>{escape(title)}</title>'
        f"<desc>{escape('。'.join(_told_pair(pair, names) for pair in pairs))}</desc>"
    ]
    step = _axis_step(top)
    mark = 0.0
    while mark <= top + step / 2:
        parts.append(
            f'<line x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{head:.1f}" y2="{base:.1f}" '
            f'stroke="{INK if mark == 0 else FAINT}" stroke-width="{1.4 if mark == 0 else 0.6}"/>'
        )
        parts.append(_text(x(mark), base + 14, f"{mark:,.0f}", 12, QUIET))
        mark += step
    parts.append(_text(width / 2, base + 29, unit, 12, QUIET))
    legend = left
    for name, fill in zip(names, (AFTER, "#ffffff"), strict=True):
        parts.append(_dot(legend + 5, 10, fill))
        parts.append(_text(legend + 14, 14, name, 12.6, INK, "start"))
        legend += 26 + 13 * len(name)
    parts.append(_text(legend, 14, "横線は幅（95%）", 12, QUIET, "start"))
    for row, line in enumerate(lines):
        height = 32.0 + 15 * row
        is_right = line.at > top / 2
        parts.append(
            f'<line x1="{x(line.at):.1f}" x2="{x(line.at):.1f}" y1="{height - 9:.1f}" y2="{base:.1f}" '
            f'stroke="{QUIET}" stroke-width="1" stroke-dasharray="{"4 3" if row == 0 else "1.5 3"}"/>'
        )
        place, anchor = x(line.at) + (-5 if is_right else 5), "end" if is_right else "start"
        parts.append(_text(place, height, f"{line.name} {line.at:.1f}", 12, QUIET, anchor))
    for row, pair in enumerate(pairs):
        above = head + block * row
        parts.append(_text(left + 4, above + 12, pair.label, 12.4, INK, "start"))
        parts.append(_text(width - right, above + 12, pair.remark, 12, INK, "end"))
        for one, middle, fill in ((pair.first, above + 19, AFTER), (pair.second, above + 28, "#ffffff")):
            if one is not None:
                parts.append(_flat_whisker(x(one[1]), x(one[2]), middle))
                parts.append(_dot(x(one[0]), middle, fill))
    parts.append("</svg>")
    return "".join(parts)


def _dot(x: float, y: float, fill: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.8" stroke="{INK}" stroke-width="1.4" fill="{fill}"/>'
