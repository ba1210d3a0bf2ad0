"""Codes, ids, truth values, and the normal form of identifiers."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shirube.casting import normalise_identifier
from shirube.casting.distinct import Problem
from shirube.casting.text import (
    cast_booleans,
    cast_codes,
    cast_salesforce_ids,
    cast_texts,
    long_salesforce_id,
)
from shirube.contracts import IDENTIFIER_KINDS, Column

CODE = Column("code", "コード", text_format="code", min_length=8)


def test_codes_stay_text_and_keep_their_zeros():
    cast = cast_codes(pa.array(["00123456", " ００１２３４５６　", "'00123456", None]), CODE)
    assert cast.values.to_pylist() == ["00123456", "00123456", "00123456", None]
    assert cast.problems == {}


def test_spoilt_codes_are_told_apart():
    cast = cast_codes(pa.array(["123456", "1.23E+11", "AB1", "1234567890"]), CODE)
    assert cast.problems == {
        0: Problem("lost_leading_zero", "8"),
        1: Problem("scientific_notation"),
        2: Problem("bad_code"),
    }


def test_zeros_come_back_only_where_the_contract_allows_it():
    column = Column("code", "コード", text_format="code", min_length=8, repair_leading_zeros=True)
    cast = cast_codes(pa.array(["123456", "AB1"]), column)
    assert cast.values.to_pylist()[0] == "00123456"
    assert cast.problems == {1: Problem("bad_code")}


def test_pattern_and_longest_length():
    column = Column("yj", "YJ", text_format="code", pattern=r"^\d{7}[A-Z]\d{4}$", max_length=12)
    cast = cast_codes(pa.array(["2456001F1353", "2456001f1353", "2456001F13530", None]), column)
    assert cast.problems == {1: Problem("bad_code"), 2: Problem("bad_code")}


def test_text_keeps_its_characters():
    column = Column("name", "氏名")
    assert cast_texts(pa.array(["　髙橋　①㈱ ", "ﾀﾛｳ"]), column).values.to_pylist() == ["髙橋　①㈱", "ﾀﾛｳ"]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("001x00000035m0i", "001x00000035m0iAAA"),
        ("0012000000iS1Xt", "0012000000iS1XtAAK"),
        ("ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNO555"),
    ],
)
def test_short_salesforce_ids_get_their_check_letters(short: str, long: str):
    assert long_salesforce_id(short) == long
    cast = cast_salesforce_ids(pa.array([short, long, None]))
    assert cast.values.to_pylist() == [long, long, None]


@pytest.mark.parametrize("text", ["001", "001x00000035m0", "001x00000035m0iAAAA", "001x00000035m0あ"])
def test_other_lengths_are_no_salesforce_ids(text: str):
    assert cast_salesforce_ids(pa.array([text])).problems == {0: Problem("bad_code")}


def test_truth_values():
    words = ["true", "FALSE", "1", "0", "Yes", "no", "○", "×", "有", "無", "Ｔ", None]
    cast = cast_booleans(pa.array(words), Column("b", "b"))
    assert cast.values.to_pylist() == [
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        None,
    ]
    assert cast_booleans(pa.array(["2"]), Column("b", "b")).problems[0].reason_code == "bad_type"


def test_the_contracts_own_words_for_truth():
    column = Column("is_primary", "主従区分", true_values=("主",), false_values=("従",))
    cast = cast_booleans(pa.array(["主", "従", "主 ", "他"]), column)
    assert cast.values.to_pylist() == [True, False, True, None]
    assert list(cast.problems) == [3]


@pytest.mark.parametrize(
    ("kind", "spellings", "normal"),
    [
        ("email", ["Hanako@Example.JP ", "ｈanako@example.jp"], "hanako@example.jp"),
        ("name", ["髙橋　 一郎", " 髙橋 一郎"], "髙橋 一郎"),
        ("kana", ["ﾀｶﾊｼ ｲﾁﾛｳ", "たかはし　いちろう", "タカハシ・イチロウ", "ﾀｶﾊｼ･ｲﾁﾛｳ"], "タカハシイチロウ"),
        (
            "phone",
            ["03-1234-5678", "０３（１２３４）５６７８", "+81 3-1234-5678", "+81-(0)3-1234-5678"],
            "0312345678",
        ),
        ("address", ["東京都　千代田区 １－１", "東京都千代田区1-1"], "東京都千代田区1-1"),
        ("ip", ["2001:DB8::1", " 2001:db8::1"], "2001:db8::1"),
    ],
)
def test_spellings_of_one_identifier_have_one_normal_form(kind: str, spellings: list[str], normal: str):
    assert normalise_identifier(kind, pa.array(spellings)).to_pylist() == [normal] * len(spellings)


def test_identifiers_that_are_no_text():
    assert normalise_identifier("birth_date", pa.array([date(1970, 6, 12), None])).to_pylist() == [
        "1970-06-12",
        None,
    ]
    assert normalise_identifier("free_text", pa.array([" a\n", ""])).to_pylist() == [" a\n", None]
    assert normalise_identifier("email", pa.array([None, " "], pa.string())).to_pylist() == [None, None]
    with pytest.raises(ValueError, match="unknown kind"):
        normalise_identifier("shoe_size", pa.array(["1"]))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts=st.lists(st.none() | st.text(max_size=20), max_size=5), kind=st.sampled_from(IDENTIFIER_KINDS))
def test_the_normal_form_of_a_normal_form_is_itself(texts: list[str | None], kind: str):
    once = normalise_identifier(kind, pa.array(texts, pa.string()))
    assert len(once) == len(texts)
    assert normalise_identifier(kind, once).equals(once)
