"""The picture: bars from zero, true heights, intervals drawn, readable without colour."""

import re

from shirube.share.chart import AFTER, BEFORE, Bar, Group, grouped_bars


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
