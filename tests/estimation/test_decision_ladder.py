"""The ladder: every verdict can be reached, every failed check lowers or voids, no word is too strong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from shirube.estimation.decision_ladder import (
    LOWERED_TO,
    Burden,
    Design,
    Diagnostic,
    Finding,
    Judgement,
    State,
    Verdict,
    effect_e_value,
    evidence_level,
    hidden_e_value,
    judge,
    limit_e_value,
    not_passed,
)
from shirube.estimation.effects import Effect

from benchmarks.truth import RULE


def passed(design: Design, **states: State) -> tuple[Diagnostic, ...]:
    return tuple(Diagnostic(name, states.get(name, State.PASSED)) for name in LOWERED_TO[design])


def finding(
    estimate: float, error: float, design: Design = Design.MATCHED, freedom: float = 1e6, **changes: object
) -> Finding:
    found = Finding(
        design=design,
        effect=Effect(estimate, error, freedom),
        n_treated=500,
        n_control=2000,
        n_clusters=40,
        baseline=0.15,
        diagnostics=passed(design),
        burden=Burden(contacts=1.2, over_contact_share=0.05),
        q_value=0.01,
    )
    return replace(found, **changes)


# The interval is the estimate ± 1.96 errors; a difference matters from 0.03 on.
@pytest.mark.parametrize(
    ("estimate", "error", "verdict"),
    [
        (0.08, 0.02, Verdict.NEEDED),  # 0.041 to 0.119
        (0.08, 0.026, Verdict.CANNOT_TELL),  # 0.029 to 0.131: reaches below what matters
        (0.00, 0.01, Verdict.NOT_NEEDED),  # -0.020 to 0.020, detectable 0.028
        (0.00, 0.011, Verdict.CANNOT_TELL),  # -0.022 to 0.022, but detectable only from 0.031 on (H9)
        (0.015, 0.01, Verdict.CANNOT_TELL),  # -0.005 to 0.035: what matters is not excluded
        (-0.05, 0.01, Verdict.NOT_NEEDED),  # harm is no need either
    ],
)
def test_the_verdict_follows_from_the_interval(estimate: float, error: float, verdict: Verdict) -> None:
    judgement = judge(finding(estimate, error), RULE)
    assert (judgement.verdict, judgement.evidence_level) == (verdict, "E3")
    assert judgement.reason_ja


@pytest.mark.parametrize(("physicians", "is_judged"), [(29, False), (30, True), (None, True)])
def test_many_contacts_with_few_physicians_are_few_physicians(
    physicians: int | None, is_judged: bool
) -> None:
    judgement = judge(finding(0.08, 0.02, n_physicians=physicians), RULE)
    assert (judgement.verdict is Verdict.NEEDED) == is_judged
    if not is_judged:
        assert "先生が少なすぎます" in judgement.reason_ja


@pytest.mark.parametrize("name", list(LOWERED_TO[Design.MATCHED]))
@pytest.mark.parametrize("state", [State.FAILED, State.NOT_RUN])
def test_each_check_of_a_matched_comparison_voids_the_verdict(name: str, state: State) -> None:
    for estimate, error in ((0.08, 0.02), (0.0, 0.01)):
        sound = finding(estimate, error)
        broken = replace(sound, diagnostics=passed(Design.MATCHED, **{name: state}))
        assert judge(sound, RULE).verdict is not Verdict.CANNOT_TELL
        judgement = judge(broken, RULE)
        assert (judgement.verdict, judgement.evidence_level) == (Verdict.CANNOT_TELL, "E2")
        assert not_passed(broken) == (name,)
        assert "差の理由を絞れません" in judgement.reason_ja


def test_a_check_that_is_missing_has_not_passed() -> None:
    assert evidence_level(Design.MATCHED, ()) == "E2"
    assert not_passed(replace(finding(0.08, 0.02), diagnostics=())) == tuple(LOWERED_TO[Design.MATCHED])


def test_the_designs_levels() -> None:
    assert {design: evidence_level(design, passed(design)) for design in Design} == {
        Design.RANDOMISED: "E4",
        Design.STAGGERED: "E4",
        Design.MATCHED: "E3",
        Design.SELF_SELECTED: "E2",
        Design.NONE: "E1",
    }
    assert evidence_level(Design.RANDOMISED, (Diagnostic("balance", State.FAILED),)) == "E3"
    for name in LOWERED_TO[Design.STAGGERED]:
        assert evidence_level(Design.STAGGERED, passed(Design.STAGGERED, **{name: State.FAILED})) == "E2"


def test_only_a_planned_assignment_speaks_of_effects() -> None:
    for estimate, error in ((0.08, 0.02), (0.0, 0.01)):
        planned = judge(finding(estimate, error, Design.RANDOMISED), RULE)
        seen = judge(finding(estimate, error), RULE)
        assert planned.evidence_level == "E4" and "効果" in planned.reason_ja
        assert seen.evidence_level == "E3" and "効果" not in seen.reason_ja and "比べ" in seen.reason_ja
    assert judge(finding(0.08, 0.02, Design.STAGGERED), RULE).verdict is Verdict.NEEDED
    for design in (Design.SELF_SELECTED, Design.NONE):
        assert judge(finding(0.08, 0.02, design), RULE).verdict is Verdict.CANNOT_TELL


def test_a_burden_beyond_the_rule_makes_it_conditional() -> None:
    # 60 contacts per additional physician are the limit: 4.8 contacts at 0.08.
    for burden, verdict in (
        (Burden(4.7, 0.10), Verdict.NEEDED),
        (Burden(4.9, 0.10), Verdict.CONDITIONAL),
        (Burden(1.0, 0.11), Verdict.CONDITIONAL),
        (Burden(math.nan, 0.0), Verdict.CONDITIONAL),
        (Burden(1.0, math.nan), Verdict.CONDITIONAL),
    ):
        judgement = judge(finding(0.08, 0.02, burden=burden), RULE)
        assert judgement.verdict is verdict, burden
        assert ("ただし" in judgement.reason_ja) == (verdict is Verdict.CONDITIONAL)


def test_many_questions_at_once_need_more() -> None:
    assert judge(finding(0.08, 0.02, q_value=0.10), RULE).verdict is Verdict.NEEDED
    for q_value in (0.11, math.nan):
        judgement = judge(finding(0.08, 0.02, q_value=q_value), RULE)
        assert judgement.verdict is Verdict.CANNOT_TELL
        assert "多くの問い" in judgement.reason_ja


def test_a_difference_that_a_weak_cause_explains_is_no_need_unless_planned() -> None:
    # Out of 100 physicians 60 move anyway: 64 (the lower end) is a ratio of 1.07, E-value 1.34; 1.5 is asked.
    weak = finding(0.08, 0.02, baseline=0.60)
    assert limit_e_value(weak, Effect(0.08, 0.02, 1e6)) == pytest.approx(1.336, abs=0.005)
    assert judge(weak, RULE).verdict is Verdict.CANNOT_TELL
    planned = replace(weak, design=Design.RANDOMISED, diagnostics=passed(Design.RANDOMISED))
    assert judge(planned, RULE).verdict is Verdict.NEEDED
    # 60 of 100 and no difference: what hides 63 / 60 has an E-value of 1.28; 78 / 75: 1.24.
    assert judge(finding(0.0, 0.01, baseline=0.60), RULE).verdict is Verdict.NOT_NEEDED
    assert judge(finding(0.0, 0.01, baseline=0.75), RULE).verdict is Verdict.CANNOT_TELL


def test_e_values_of_a_difference() -> None:
    effect = Effect(0.15, 0.01, 1e6)
    found = finding(0.15, 0.01)
    # 0.30 / 0.15 = 2: 2 + sqrt(2). Against 0.03 it hides nothing.
    assert effect_e_value(found, effect) == pytest.approx(2 + math.sqrt(2))
    assert hidden_e_value(found, effect, RULE) == 1.0
    # 0.18 / 0.15 = 1.2: 1.2 + sqrt(0.24).
    assert hidden_e_value(found, Effect(0.0, 0.01, 1e6), RULE) == pytest.approx(1.2 + math.sqrt(0.24))
    assert limit_e_value(found, Effect(0.0, 0.01, 1e6)) == 1.0
    assert math.isnan(effect_e_value(replace(found, baseline=0.0), effect))


def test_too_few_is_never_a_verdict() -> None:
    for changes, words in (
        ({"n_treated": 29}, "少なすぎます"),
        ({"n_control": 29}, "少なすぎます"),
        ({"n_clusters": 9}, "営業所や担当者"),
        ({"effect": Effect(0.08, math.nan, 39)}, "営業所や担当者"),
        ({"effect": None, "shortage_ja": "出発点が足りません"}, "出発点が足りません"),
    ):
        judgement = judge(finding(0.08, 0.02, **changes), RULE)
        assert judgement.verdict is Verdict.CANNOT_TELL
        assert words in judgement.reason_ja
    assert (
        judge(finding(0.08, 0.02, n_treated=30, n_control=30, n_clusters=10), RULE).verdict is Verdict.NEEDED
    )


def test_a_segment_named_in_advance_makes_the_whole_conditional() -> None:
    positive = Judgement(Verdict.NEEDED, "E3", "")
    negative = Judgement(Verdict.NOT_NEEDED, "E3", "")
    for estimate, error in ((0.0, 0.01), (0.03, 0.01)):
        whole = judge(finding(estimate, error), RULE, (negative, positive))
        assert (whole.verdict, whole.evidence_level) == (Verdict.CONDITIONAL, "E3")
        assert "区分" in whole.reason_ja
        assert judge(finding(estimate, error), RULE, (negative,)).verdict is not Verdict.CONDITIONAL
    assert judge(finding(0.08, 0.02), RULE, (positive,)).verdict is Verdict.NEEDED
    # A burden that makes the whole conditional is the reason, not the segment.
    burdened = judge(finding(0.08, 0.02, burden=Burden(9.0, 0.0)), RULE, (positive,))
    assert burdened.verdict is Verdict.CONDITIONAL and "区分" not in burdened.reason_ja
    # What voids the whole comparison is not mended by a part of it.
    broken = finding(0.0, 0.01, diagnostics=())
    assert judge(broken, RULE, (positive,)).verdict is Verdict.CANNOT_TELL


def test_few_clusters_widen_what_can_be_told() -> None:
    assert judge(finding(0.08, 0.02, freedom=9), RULE).verdict is Verdict.NEEDED
    assert judge(finding(0.075, 0.02, freedom=9), RULE).verdict is Verdict.CANNOT_TELL
    assert judge(finding(0.075, 0.02), RULE).verdict is Verdict.NEEDED


def test_a_burden_beyond_the_rule_is_told_with_the_rules_own_number() -> None:
    """「決まりの割合」 alone tells a reader nothing; brackets are full-width, as on every page."""
    judgement = judge(finding(0.08, 0.02, burden=Burden(1.2, 0.33)), RULE)
    share = f"{RULE.maximum_over_contact_share * 100:g}"
    assert judgement.reason_ja.endswith(
        f"ただし接点の多すぎる先生（30日に{RULE.over_contact_above}回超）が、決まりの100人中{share}人を超えます"
    )
    assert "(" not in judgement.reason_ja


@pytest.mark.parametrize("burden", [Burden(math.nan, 0.0), Burden(1.0, math.nan)])
def test_a_burden_that_is_unknown_is_not_said_to_be_beyond_the_rule(burden: Burden) -> None:
    judgement = judge(finding(0.08, 0.02, burden=burden), RULE)
    assert judgement.verdict is Verdict.CONDITIONAL
    assert judgement.reason_ja.endswith("を確かめられません")
    assert "超えます" not in judgement.reason_ja
