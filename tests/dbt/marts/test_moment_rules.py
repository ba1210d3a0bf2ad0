"""What retires a rule of moments, against numbers worked out by hand from moment_judgements.py.

Intervals are checked against scipy's Wilson interval.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from scipy.stats import binomtest

Connection = duckdb.DuckDBPyConnection


def rule(warehouse: Connection, moment: str) -> dict[str, Any]:
    cursor = warehouse.execute("select * from marts.mart_moment_rule where moment_id = ?", [moment])
    found = cursor.fetchall()
    assert len(found) == 1
    return dict(zip([column[0] for column in cursor.description], found[0], strict=True))


RULES = [
    ("M-RETIRED", 50, 8, "retired"),  # 16 %, at most 28.5 %
    ("M-NEAR", 50, 9, "cannot_tell"),  # 18 %, but up to 30.8 % is possible
    ("M-BELOW", 50, 21, "cannot_tell"),  # 42 %, but down to 29.4 % is possible
    ("M-KEPT", 50, 22, "kept"),  # 44 %, at least 31.2 %
    ("M-FEW", 49, 0, "cannot_tell"),  # nobody found it useful, but 49 are one too few
]


@pytest.mark.parametrize(("moment", "judged", "useful", "verdict"), RULES)
def test_a_rule_ends_only_when_its_whole_interval_lies_below_the_limit(
    warehouse: Connection, moment: str, judged: int, useful: int, verdict: str
) -> None:
    row = rule(warehouse, moment)
    assert (row["judged"], row["judged_useful"], row["verdict"]) == (judged, useful, verdict)
    estimate = (row["precision_rate"], row["precision_low"], row["precision_high"])
    if judged < 50:
        assert estimate == (None, None, None)
    else:
        interval = binomtest(useful, judged).proportion_ci(method="wilson")
        assert estimate == pytest.approx((useful / judged, interval.low, interval.high), abs=1e-9)


def test_every_verdict_says_why(warehouse: Connection) -> None:
    words = {moment: rule(warehouse, moment)["verdict_reason"] for moment in ("M-RETIRED", "M-NEAR", "M-FEW")}
    assert words == {
        "M-RETIRED": "役に立ったという声が基準より少ないと言えるため、次の版でやめます",
        "M-NEAR": "声の割合の幅が基準をまたぐため、判断できません。今は続けます",
        "M-FEW": "役に立ったかどうかの声が50件に満たないため、判断できません",
    }
    never = rule(warehouse, "M-QUESTION")  # no suggestion names an unanswered question as what caused it
    assert (never["is_judgeable"], never["judged"], never["verdict_ja"]) == (False, 0, "判断できません")
    assert never["verdict_reason"] == "この場面に対する担当者の返答の記録がないため、判断できません"


def test_only_an_answer_on_the_act_that_opened_the_moment_judges_it(warehouse: Connection) -> None:
    # Suggested: Q001, Q007 to Q011, Q014 to Q018. No judgement: Q007, Q008, Q009. Useful: Q001, Q011, Q018.
    row = rule(warehouse, "M-EDGE")
    assert (row["moments_triggered"], row["moments_opened"]) == (18, 17)
    assert (row["moments_suggested"], row["judged"], row["judged_useful"]) == (11, 8, 3)
    assert row["precision_rate"] is None


def test_nobody_can_read_what_four_representatives_said(warehouse: Connection) -> None:
    row = rule(warehouse, "M-LONE")
    assert (row["is_judgement_withheld"], row["judged"], row["precision_rate"]) == (True, None, None)
    assert (row["is_withheld"], row["moments_opened"], row["verdict"]) == (False, 50, "cannot_tell")
    assert "employee_key" not in row


def test_a_rule_with_four_physicians_shows_no_counts(warehouse: Connection) -> None:
    row = rule(warehouse, "M-RETURN")
    assert (row["is_withheld"], row["n_physicians"], row["moments_triggered"], row["judged"]) == (
        True, None, None, None,
    )  # fmt: skip


def test_no_moment_carries_its_own_judgement(warehouse: Connection) -> None:
    columns = {row[0] for row in warehouse.execute("describe core.fct_moment").fetchall()}
    assert not [name for name in columns if "judg" in name or "useful" in name]
