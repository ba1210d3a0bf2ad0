"""From the design that is available to a verdict: design → estimator → diagnostics → level → verdict.

    design          how contact came about    best level   what must pass, or the level becomes
    randomised      drawn by lot              E4           balance before the start: E3
    staggered       a plan set who starts     E4           periods before, pre-trend: E2
    matched         nobody planned it         E3           overlap, balance, periods before, pre-trend,
                                                           placebo outcome, placebo date: E2
    self_selected   the physician came        E2           (no design removes his own wish to know)
    none            nothing to compare        E1

A diagnostic that could not be run has not passed. A verdict other than 判断できません needs E3 or better.

    必要             the interval lies above the effect that matters, also among many questions, the burden
                     is acceptable, and (below E4) no weak unrecorded cause could explain it away
    条件付き         as 必要, but the burden is not acceptable; or the whole shows no benefit and a segment
                     that was named in advance does
    不要             the interval lies below the effect that matters, such an effect would have been found
                     (H9), and (below E4) no weak unrecorded cause could hide it
    判断できません   everything else, with the reason
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from shirube.estimation.effects import Effect
from shirube.estimation.periods import PeriodDifference
from shirube.estimation.sensitivity import e_value, e_value_of_limit


class Design(StrEnum):
    """How it came about who was contacted; the names are those of `fct_assignment.design`, and two more."""

    RANDOMISED = "randomised"
    STAGGERED = "staggered"
    MATCHED = "matched"
    SELF_SELECTED = "self_selected"
    NONE = "none"


class Verdict(StrEnum):
    """What may be said about the need for something."""

    NEEDED = "needed"
    CONDITIONAL = "conditional"
    NOT_NEEDED = "not_needed"
    CANNOT_TELL = "cannot_tell"


class State(StrEnum):
    """What became of a diagnostic."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True)
class Diagnostic:
    """One check of a design, kept with its result whatever the verdict."""

    name: str
    state: State


@dataclass(frozen=True)
class NecessityRule:
    """The thresholds, one version of the seed `necessity_rule`. Effects and rates are fractions, not
    percent."""

    rule_version: str
    meaningful_effect: float
    minimum_units: int
    minimum_clusters: int
    maximum_smd: float
    minimum_overlap_share: float
    minimum_pre_periods: int
    diagnostic_significance: float
    tolerated_placebo_effect: float
    false_discovery_rate: float
    minimum_e_value_needed: float
    minimum_e_value_not_needed: float
    maximum_contacts_per_move: float
    maximum_over_contact_share: float
    over_contact_above: int
    washout_months: int


@dataclass(frozen=True)
class Burden:
    """What the benefit costs. contacts per treated unit; over_contact_share: share pressed beyond the
    company's rule."""

    contacts: float
    over_contact_share: float

    def contacts_per_move(self, effect: float) -> float:
        """Contacts per additional physician brought forward; nan where nobody is."""
        return self.contacts / effect if effect > 0 else math.nan


@dataclass(frozen=True)
class Finding:
    """All that a verdict is made from. `baseline`: the outcome's rate without contact, for the E-value.

    `n_treated` and `n_control` count units; `n_physicians` the physicians behind the treated ones, where one
    of them can be several units. `periods`: the same difference window by window, for who looks at it.
    """

    design: Design
    effect: Effect | None
    n_treated: int
    n_control: int
    n_clusters: int
    baseline: float
    diagnostics: tuple[Diagnostic, ...]
    burden: Burden
    q_value: float = math.nan
    shortage_ja: str = ""
    n_physicians: int | None = None
    periods: tuple[PeriodDifference, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """The verdict, how strong the evidence is, and why, for a reader."""

    verdict: Verdict
    evidence_level: str
    reason_ja: str


BEST_LEVEL = {
    Design.RANDOMISED: "E4",
    Design.STAGGERED: "E4",
    Design.MATCHED: "E3",
    Design.SELF_SELECTED: "E2",
    Design.NONE: "E1",
}
LOWERED_TO = {
    Design.RANDOMISED: {"balance": "E3"},
    Design.STAGGERED: {"pre_periods": "E2", "pre_trend": "E2"},
    Design.MATCHED: dict.fromkeys(
        ("overlap", "balance", "pre_periods", "pre_trend", "placebo_outcome", "placebo_date"), "E2"
    ),
    Design.SELF_SELECTED: {},
    Design.NONE: {},
}
DIAGNOSTIC_JA = {
    "overlap": "比べる相手に似た先生が足りない",
    "balance": "比べる2つの集まりが似ていない",
    "pre_periods": "始まる前の期間が短い",
    "pre_trend": "始まる前から差の開き方が違った",
    "placebo_outcome": "関係のない製品でも差が出た",
    "placebo_date": "何もしていない時期でも差が出た",
}
NOT_RUN_JA = {
    "overlap": "比べられる先生がいるかを確かめられない",
    "balance": "比べる2つの集まりが似ているかを確かめられない",
    "pre_periods": "始まる前の期間が短い",
    "pre_trend": "始まる前の動きを確かめられない",
    "placebo_outcome": "関係のない製品での差を確かめられない",
    "placebo_date": "何もしていない時期の差を確かめられない",
}
"""What did not come out must not read as if it had come out badly."""


def evidence_level(design: Design, diagnostics: tuple[Diagnostic, ...]) -> str:
    """The design's best level, lowered for each of its diagnostics that has not passed."""
    states = {diagnostic.name: diagnostic.state for diagnostic in diagnostics}
    lowered = [
        level
        for name, level in LOWERED_TO[design].items()
        if states.get(name, State.NOT_RUN) is not State.PASSED
    ]
    return min([BEST_LEVEL[design], *lowered])


def not_passed(finding: Finding) -> tuple[str, ...]:
    """Names of the design's diagnostics that have not passed, in the ladder's order."""
    return tuple(name for name in LOWERED_TO[finding.design] if _state(finding, name) is not State.PASSED)


def in_state(finding: Finding, state: State) -> tuple[str, ...]:
    """Names of the design's diagnostics that are in this state, in the ladder's order."""
    return tuple(name for name in LOWERED_TO[finding.design] if _state(finding, name) is state)


def _state(finding: Finding, name: str) -> State:
    """What became of a diagnostic; one that nobody mentions was not run."""
    return {diagnostic.name: diagnostic.state for diagnostic in finding.diagnostics}.get(name, State.NOT_RUN)


def judge(finding: Finding, rule: NecessityRule, segments: tuple[Judgement, ...] = ()) -> Judgement:
    """Climb the ladder. `segments`: judgements of the segments named in advance, when the finding is the
    whole."""
    level = evidence_level(finding.design, finding.diagnostics)
    effect = finding.effect
    if finding.design is Design.NONE or effect is None:
        # However it was planned: nothing has been compared yet.
        return _cannot_tell("E1", finding.shortage_ja or "比べられる記録がありません")
    # Thirty contacts with ten physicians are ten physicians (H10).
    treated = finding.n_treated if finding.n_physicians is None else finding.n_physicians
    if min(treated, finding.n_treated, finding.n_control) < rule.minimum_units:
        return _cannot_tell(level, f"比べた先生が少なすぎます（どちらの側も{rule.minimum_units}以上が必要）")
    if finding.n_clusters < rule.minimum_clusters or not effect.is_known:
        return _cannot_tell(
            level, f"比べた営業所や担当者の数が少なすぎます（{rule.minimum_clusters}以上が必要）"
        )
    if level < "E3":
        return _cannot_tell(level, _why_lowered(finding))
    whole = _judge_effect(finding, effect, rule, level)
    if whole.verdict in (Verdict.NOT_NEEDED, Verdict.CANNOT_TELL) and any(
        segment.verdict in (Verdict.NEEDED, Verdict.CONDITIONAL) for segment in segments
    ):
        return Judgement(
            Verdict.CONDITIONAL, level, "全体では認められず、前もって決めた区分の一部でだけ差がありました"
        )
    return whole


def _judge_effect(finding: Finding, effect: Effect, rule: NecessityRule, level: str) -> Judgement:
    matters = rule.meaningful_effect
    target = f"100人あたり{matters * 100:g}人"
    if effect.low > matters:
        if not finding.q_value <= rule.false_discovery_rate:
            return _cannot_tell(level, "多くの問いを同時に調べたため、偶然の差と区別できません")
        if level < "E4" and not limit_e_value(finding, effect) >= rule.minimum_e_value_needed:
            return _cannot_tell(level, "記録にない事情が少しあるだけで説明できてしまう差です")
        words = "効果がありました" if level == "E4" else "比べると差がありました"
        burden = _burden_ja(finding.burden, effect, rule)
        if burden:
            return Judgement(Verdict.CONDITIONAL, level, f"{words}（{target}を上回る）。ただし{burden}")
        return Judgement(Verdict.NEEDED, level, f"{words}（{target}を上回る）。負担も決まりの範囲です")
    if effect.high < matters and effect.minimum_detectable <= matters:
        if level < "E4" and not hidden_e_value(finding, effect, rule) >= rule.minimum_e_value_not_needed:
            return _cannot_tell(level, "記録にない事情が少しあるだけで、差が隠れていることがあります")
        words = "効果は認められませんでした" if level == "E4" else "比べても、目安ほどの差はありませんでした"
        return Judgement(Verdict.NOT_NEEDED, level, f"{words}（{target}に届かない）")
    if effect.minimum_detectable > matters:
        found = f"100人あたり{effect.minimum_detectable * 100:.1f}人"
        return _cannot_tell(level, f"見つけられる差は{found}からで、目安の{target}には人数が足りません")
    return _cannot_tell(level, f"差の幅が目安の{target}をまたいでいます")


def _cannot_tell(level: str, reason_ja: str) -> Judgement:
    return Judgement(Verdict.CANNOT_TELL, level, reason_ja)


def _why_lowered(finding: Finding) -> str:
    if finding.design is Design.SELF_SELECTED:
        return "先生がご自身で選んだ接点です。もともとの関心の強さと分けられません"
    words = [
        (NOT_RUN_JA if _state(finding, name) is State.NOT_RUN else DIAGNOSTIC_JA)[name]
        for name in not_passed(finding)
    ]
    return "・".join(words) + "ため、差の理由を絞れません"


def _burden_ja(burden: Burden, effect: Effect, rule: NecessityRule) -> str:
    """What about the burden is beyond the rule; empty where nothing is. Unknown burden is not acceptable."""
    if math.isnan(burden.contacts_per_move(effect.estimate)):
        return "1人進むまでの接点の数を確かめられません"
    if math.isnan(burden.over_contact_share):
        return "接点の多すぎる先生の割合を確かめられません"
    if not burden.contacts_per_move(effect.estimate) <= rule.maximum_contacts_per_move:
        return f"1人進むまでの接点の数が決まり（{rule.maximum_contacts_per_move:g}回）を超えます"
    if not burden.over_contact_share <= rule.maximum_over_contact_share:
        return (
            f"接点の多すぎる先生（30日に{rule.over_contact_above}回超）が、"
            f"決まりの100人中{rule.maximum_over_contact_share * 100:g}人を超えます"
        )
    return ""


def effect_e_value(finding: Finding, effect: Effect) -> float:
    """E-value of the estimate: rate with contact against rate without."""
    return e_value(_ratio(finding.baseline, effect.estimate))


def limit_e_value(finding: Finding, effect: Effect) -> float:
    """E-value of the end of the interval nearer to no effect."""
    return e_value_of_limit(_ratio(finding.baseline, effect.low), _ratio(finding.baseline, effect.high))


def hidden_e_value(finding: Finding, effect: Effect, rule: NecessityRule) -> float:
    """E-value of "the true effect is the one that matters": what could hide it; 1 where it is not below
    it."""
    if effect.estimate >= rule.meaningful_effect:
        return 1.0
    return e_value(
        _ratio(finding.baseline, rule.meaningful_effect) / _ratio(finding.baseline, effect.estimate)
    )


def _ratio(baseline: float, effect: float) -> float:
    """Risk ratio of a difference; an end below nothing is held just above nothing."""
    return max(baseline + effect, 1e-9) / baseline if baseline > 0 else math.nan
