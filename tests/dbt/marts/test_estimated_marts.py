"""What the marts make of the estimates: words, verdicts and what is withheld."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

Connection = duckdb.DuckDBPyConnection


def rows(warehouse: Connection, query: str) -> list[dict[str, Any]]:
    cursor = warehouse.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_attribution_says_when_the_order_depends_on_the_rule(warehouse: Connection) -> None:
    found = rows(
        warehouse, "select * from marts.mart_attribution where product_id is null order by channel_id"
    )
    assert len(found) == 3
    for row in found:
        assert row["order_note"] == "計算方法によって順番が変わるため、順位は参考です"
        assert "90日に、一緒に見られた手段です" in row["reading"]
        assert (row["state"], row["reason"], row["evidence_level"]) == ("computed", None, "E2")
    assert [row["position_weight"] for row in found if row["channel_id"]] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("product", "reason"),
    [
        ("PRD-A", "接点のある道筋が300に満たないため、計算していません"),
        ("PRD-B", "先へ進んだ道筋が50に満たないため、計算していません"),
    ],
)
def test_attribution_says_why_nothing_was_computed(warehouse: Connection, product: str, reason: str) -> None:
    (row,) = rows(warehouse, f"select * from marts.mart_attribution where product_id = '{product}'")
    assert (row["state"], row["reason"], row["order_note"]) == ("not_computed", reason, None)
    assert row["position_weight"] is None


@pytest.mark.parametrize(
    ("kpi", "verdict", "words"),
    [
        ("noise", "not_for_individuals", "個人の評価には使えません"),
        # The estimate is above 0.7, its interval reaches below.
        ("open", "cannot_tell", "判断できません"),
        ("sure", "reliable_enough", "数のぶれは小さいです。個人の評価に使うには、ほかの条件も必要です"),
        ("unknown", "cannot_tell", "判断できません"),
    ],
)
def test_a_person_is_judged_by_nothing_that_is_noise(
    warehouse: Connection, kpi: str, verdict: str, words: str
) -> None:
    (row,) = rows(warehouse, f"select * from marts.mart_evaluation_fitness where kpi_id = '{kpi}'")
    assert (row["verdict"], row["verdict_words"]) == (verdict, words)
    assert row["meets_all_conditions"] == (kpi == "sure")
    assert (row["reason"] is None) == (kpi == "sure")
    assert row["share_mrs_enough"] == 0.25


def test_no_column_names_a_representative(warehouse: Connection) -> None:
    columns = rows(
        warehouse,
        "select column_name from information_schema.columns where table_name = 'mart_evaluation_fitness'",
    )
    assert len(columns) > 20
    assert not [c for c in columns if "employee" in c["column_name"] or "scope" in c["column_name"]]


def test_the_case_for_leadership_claims_no_cause(warehouse: Connection) -> None:
    (row,) = rows(warehouse, "select * from marts.mart_leadership_case where period_type = 'quarter'")
    # The interval of 21 to 62 lies above 0, and 45 is more than the 3 that matter.
    assert row["pull_verdict"] == "more_with_satisfaction"
    assert row["pull_words"] == (
        "次の四半期に自分から情報を取りに来ました：満足した先生100人中75人、そうでない先生100人中30人。"
        "一緒に見られた数で、満足が原因とは言えません"
    )
    # -14 to 10 leaves everything open: no sentence about 「差はない」.
    assert (row["opt_out_verdict"], row["opt_out_words"]) == ("cannot_tell", "判断できません")
    assert row["opt_out_minimum_detectable_difference"] == pytest.approx(
        2.801585 * 24 / (2 * 1.959964), abs=1e-3
    )
    assert (row["index_verdict"], row["alpha"]) == ("reliable_enough", 0.8)
    # Nine physicians: the count, no coefficient.
    assert (row["n_retest"], row["retest"]) == (9, None)
    assert "売上" in row["must_not_conclude"]


def test_a_small_side_hides_the_comparison(warehouse: Connection) -> None:
    (row,) = rows(warehouse, "select * from marts.mart_leadership_case where period_type = 'half'")
    assert row["n_physicians_suppressed"]
    assert [row[c] for c in ("n_physicians", "n_satisfied", "pull_satisfied", "pull_difference")] == [
        None
    ] * 4
    assert row["pull_verdict"] == "cannot_tell"
    # 29 answers are too few to say that the questions are one index.
    assert row["index_verdict"] == "cannot_tell"
