"""Numbers as Japanese files write them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shirube.casting.distinct import Problem
from shirube.casting.numbers import cast_integers, cast_numbers


@pytest.mark.parametrize(
    "text",
    [
        "-1234",
        "△1,234",
        "▲1,234",
        "－1234",
        "−1,234",
        "‐1234",
        "(1,234)",
        "（１，２３４）",
        "△ 1234",
        "-1234.0",
        "'-1234",
    ],
)
def test_every_way_to_write_a_negative(text: str):
    assert cast_integers(pa.array([text])).values.to_pylist() == [-1234]
    assert cast_numbers(pa.array([text])).values.to_pylist() == [-1234.0]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("+5", 5),
        ("１２３", 123),
        ("1,234,567", 1234567),
        (" 42　", 42),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_integers(text: str, number: int):
    assert cast_integers(pa.array([text])).values.to_pylist() == [number]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.23E+11", "scientific_notation"),
        ("1e5", "scientific_notation"),
        ("1.5", "bad_number"),
        ("1,23", "bad_number"),
        ("12,34,567", "bad_number"),
        ("1 234", "bad_number"),
        ("千二百", "bad_number"),
        ("12円", "bad_number"),
        ("9223372036854775808", "bad_number"),
        ("9" * 400, "bad_number"),
        ("()", "bad_number"),
        ("--1", "bad_number"),
        ("0x10", "bad_number"),
    ],
)
def test_what_is_no_whole_number(text: str, reason: str):
    cast = cast_integers(pa.array(["1", text, None]))
    assert cast.values.to_pylist() == [1, None, None]
    assert cast.problems == {1: Problem(reason)}


@pytest.mark.parametrize(
    ("text", "number"), [("1.5", 1.5), (".5", 0.5), ("1.0E7", 1e7), ("△1,234.5", -1234.5)]
)
def test_numbers(text: str, number: float):
    assert cast_numbers(pa.array([text])).values.to_pylist() == [number]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "inf", "1e999", "", "1.2.3"])
def test_what_is_no_number(text: str):
    assert cast_numbers(pa.array([text])).problems == {0: Problem("bad_number")}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(number=st.integers(-(2**63), 2**63 - 1))
def test_every_integer_survives_its_spellings(number: int):
    size = abs(number)
    written = [str(number), f"{number:,}", f"△{size:,}" if number < 0 else f"{size:,}", f"{number}.00"]
    assert cast_integers(pa.array(written)).values.to_pylist() == [number] * 4


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    texts=st.lists(
        st.none() | st.text(st.sampled_from("0123456789,.()+-△▲－eE'１ "), max_size=22) | st.text(max_size=8)
    )
)
def test_no_text_crashes_a_cast(texts: list[str | None]):
    array = pa.array(texts, pa.string())
    for cast in (cast_integers(array), cast_numbers(array)):
        for at, text in enumerate(texts):
            assert (not cast.values[at].is_valid) == (text is None or at in cast.problems)
