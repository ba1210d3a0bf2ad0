"""The picture: bars from zero, true heights, intervals drawn, readable without colour."""

import itertools
import re

import pytest
from shirube.share.chart import (
    AFTER,
    BEFORE,
    Bar,
    Estimate,
    Group,
    Line,
    Pair,
    Window,
    before_and_after,
    grouped_bars,
    intervals,
    pairs_of_means,
)


def _drawn(*groups: Group) -> str:
    return grouped_bars(list(groups), "9月", "10月", unit="人", title="題")


def _bars(svg: str, colour: str) -> list[tuple[float, float]]:
    """(top, height) of the bars of one colour."""
    found = re.findall(
        rf'<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="{colour}"', svg
    )
    assert found
    return [(float(top), float(height)) for top, height in found[1:]]  # the first is the legend's


def test_heights_are_proportional_and_begin_at_zero() -> None:
    svg = _drawn(Group("a", Bar(10), Bar(20)), Group("b", Bar(40), Bar(5)))
    before, after = _bars(svg, BEFORE), _bars(svg, AFTER)
    assert len(before) == len(after) == 2
    assert abs(after[0][1] / before[0][1] - 2) < 0.02
    assert abs(before[1][1] / after[1][1] - 8) < 0.1
    assert len({round(top + height, 1) for top, height in before + after}) == 1  # one common foot
    assert ">0</text>" in svg


@pytest.mark.parametrize("most", [9, 900, 9_000, 19_000, 190_000])
def test_the_numbers_of_the_axis_are_not_cut(most: int) -> None:
    svg = _drawn(Group("a", Bar(most), Bar(most)))
    marks = re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="end"[^>]*>([\d,]+)</text>', svg)
    assert len(marks) >= 2
    assert all(float(x) - 6 * len(number) >= 0 for x, number in marks)


def test_every_interval_is_drawn_and_a_bar_without_one_has_none() -> None:
    svg = _drawn(Group("a", Bar(10, 8, 12), Bar(20)), Group("b", Bar(4, 1, 9), Bar(5, 2, 9)))
    assert svg.count('stroke-width="1.4"') == 3


def test_a_hidden_value_leaves_no_bar_and_no_number() -> None:
    svg = _drawn(Group("a", Bar(None, instead="*"), Bar(20)))
    assert svg.count(f'fill="{BEFORE}"') == 1  # the legend only
    assert ">*</text>" in svg


def test_the_part_that_was_only_judged_is_hatched_and_said() -> None:
    plain = _drawn(Group("a", Bar(10), Bar(20)))
    hatched = _drawn(Group("a", Bar(10), Bar(20, judged_only=8)))
    assert "斜線" not in plain
    assert "斜線" in hatched
    assert hatched.count("<path") == plain.count("<path") + 1


def test_it_reads_in_grey_print() -> None:
    svg = _drawn(Group("a", Bar(10, 8, 12), Bar(20, 15, 25)))
    colours = {colour for colour in re.findall(r"#[0-9a-f]{6}", svg)}
    for colour in colours:
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        assert max(red, green, blue) - min(red, green, blue) <= 48, f"{colour} is a colour"
    assert abs(int(BEFORE[1:3], 16) - int(AFTER[1:3], 16)) > 100


def test_labels_are_escaped_and_the_same_input_gives_the_same_text() -> None:
    group = Group("<a&b>", Bar(1), Bar(2))
    assert "&lt;a&amp;b&gt;" in _drawn(group)
    assert _drawn(group) == _drawn(group)


def _lines(*estimates: Estimate) -> str:
    return intervals(list(estimates), 3.0, unit="100人あたり（人）", title="題")


def test_an_estimate_stands_inside_its_interval_on_one_scale() -> None:
    svg = _lines(Estimate("a", 5.0, 0.0, 10.0, "必要"), Estimate("b", -5.0, -10.0, 0.0, "不要"))
    dots = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]
    spans = [(float(a), float(b)) for a, b in re.findall(r'<path d="M([\d.]+) [\d.]+H([\d.]+)', svg)]
    assert len(dots) == len(spans) == 2
    assert [round((low + high) / 2, 1) for low, high in spans] == [round(dot, 1) for dot in dots]
    assert abs(spans[1][1] - spans[0][0]) < 0.11  # both touch zero, at the same place
    zero = re.search(
        r'<line x1="([\d.]+)" x2="[\d.]+" y1="[\d.]+" y2="[\d.]+" stroke="#1f2933" stroke-width="1.4"', svg
    )
    assert zero is not None and abs(float(zero[1]) - spans[0][0]) < 0.11


def test_nothing_estimated_is_no_dot_but_its_remark_stays() -> None:
    svg = _lines(Estimate("a", 5.0, 0.0, 10.0, "必要"), Estimate("b", None, None, None, "判断できません"))
    assert svg.count("<circle") == svg.count("<path") == 1
    assert ">判断できません</text>" in svg


def test_the_effect_that_matters_is_drawn_even_where_nothing_reaches_it() -> None:
    svg = _lines(Estimate("a", 0.1, -0.1, 0.3, "不要"))
    assert "意味のある差 +3" in svg
    assert svg.count("stroke-dasharray") == 1


def _over_time(*windows: Window) -> str:
    sides = ("始まる前", "始まった後")
    return before_and_after(list(windows), sides, unit="差（人）", axis="月", title="題<1>")


TIME = (Window(-4, -1.0, -3.0, 1.0), Window(-3, 1.0, -1.0, 3.0), Window(0, 5.0, 3.0, 7.0), Window(2, 6.0))


def test_windows_stand_in_time_and_inside_their_intervals() -> None:
    svg = _over_time(*TIME)
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)]
    spans = [(float(a), float(b)) for a, b in re.findall(r'<path d="M[\d.]+ ([\d.]+)V([\d.]+)', svg)]
    assert (len(dots), len(spans)) == (4, 3)  # the last has no interval
    for (low, high), (_, y) in zip(spans, dots[:3], strict=True):
        assert (low + high) / 2 == pytest.approx(y, abs=0.11)
    # One month, three months, two months apart.
    steps = [right - left for (left, _), (right, _) in itertools.pairwise(dots)]
    assert [step / steps[0] for step in steps] == pytest.approx([1, 3, 2], abs=0.02)
    zero = re.search(r'y1="([\d.]+)" y2="[\d.]+" stroke="#1f2933" stroke-width="1.4"', svg)
    assert zero is not None
    # −1 and +1 lie as far from zero, on either side of it.
    assert dots[0][1] - float(zero[1]) == pytest.approx(float(zero[1]) - dots[1][1], abs=0.11)
    assert dots[1][1] < float(zero[1]) < dots[0][1]


def test_before_and_after_are_told_apart_without_colour() -> None:
    svg = _over_time(*TIME)
    fills = re.findall(r'<circle [^>]*fill="(#[0-9a-f]{6})"', svg)
    assert fills == ["#ffffff", "#ffffff", AFTER, AFTER]
    dots = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]
    start = re.search(r'<line x1="([\d.]+)"[^>]*stroke-dasharray', svg)
    assert start is not None and dots[1] < float(start[1]) < dots[2]
    assert ">始まる前</text>" in svg and ">始まった後</text>" in svg
    assert "始まる前 −4か月 −1.0、幅 −3.0から+1.0、−3か月 +1.0、幅 −1.0から+3.0。始まった後 0か月 +5.0" in svg
    assert "題&lt;1&gt;" in svg and svg == _over_time(*TIME)


@pytest.mark.parametrize("windows", [(), TIME[:2], TIME[2:]])
def test_one_side_of_the_start_alone_shows_nothing(windows: tuple[Window, ...]) -> None:
    with pytest.raises(ValueError, match="one side of the start"):
        _over_time(*windows)


def _pairs() -> str:
    return pairs_of_means(
        [
            Pair("早さ", (8.0, 7.5, 8.5), (4.0, 3.0, 5.0), "先に直す"),
            Pair("知識", None, (2.0, 1.0, 3.0), "判断<できません>"),
        ],
        ("大切さ", "満足"),
        [Line(7.0, "大切さの平均"), Line(3.0, "満足の平均")],
        10,
        "点",
        "題<1>",
    )


def test_two_means_stand_on_an_axis_from_zero_with_their_intervals() -> None:
    svg = _pairs()
    axis = re.findall(r'y="[\d.]+" font-size="12" text-anchor="middle" fill="#52606d">([\d]+)<', svg)
    assert axis == ["0", "2", "4", "6", "8", "10"]
    dots = [(float(x), fill) for x, fill in re.findall(r'<circle cx="([\d.]+)"[^>]*fill="(#\w+)"', svg)][2:]
    # 416 wide from 12: one point is 41.6. One filled, one hollow; what is unknown is left out.
    assert dots == [(344.8, AFTER), (178.4, "#ffffff"), (95.2, "#ffffff")]
    spans = re.findall(r'<path d="M([\d.]+) [\d.]+H([\d.]+)', svg)
    assert spans == [("324.0", "365.6"), ("136.8", "220.0"), ("53.6", "136.8")]
    assert len(re.findall("stroke-dasharray", svg)) == 2
    assert "大切さの平均 7.0" in svg and "満足の平均 3.0" in svg


def test_two_means_are_told_to_who_listens() -> None:
    svg = _pairs()
    assert "早さ 大切さ 8.0、幅 7.5から8.5、満足 4.0、幅 3.0から5.0、先に直す" in svg
    assert "知識 大切さ 数字なし、満足 2.0、幅 1.0から3.0、判断&lt;できません&gt;" in svg
    assert "題&lt;1&gt;" in svg and svg == _pairs()
