"""Names in the inbox: what is left until it is finished, and what cannot be kept."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from shirube.inbox_names import is_unfinished, is_utf8, shown


@pytest.mark.parametrize("name", ["a.csv.part", "A.TMP", "x.crdownload", "x~", ".x", "部.part"])
def test_names_that_say_unfinished_or_hidden(name: str) -> None:
    assert is_unfinished(name)


@pytest.mark.parametrize("name", ["a.csv", "part", "tmp.csv", "a.part.csv"])
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_unfinished(name)


def test_a_name_in_another_encoding_is_told_and_can_still_be_shown() -> None:
    cp932 = os.fsdecode("訪問.csv".encode("cp932"))
    assert is_utf8("訪問.csv") and not is_utf8(cp932)
    assert shown("訪問.csv") == "訪問.csv"
    assert shown(cp932).encode() and shown(cp932).endswith(".csv")


def test_the_triggerer_loads_nothing_heavy_with_it() -> None:
    code = "import sys, shirube.inbox_names; print([n for n in ('pyarrow', 'duckdb') if n in sys.modules])"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"
