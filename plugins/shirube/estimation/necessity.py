"""Does contact by a channel bring physicians forward in their journey? One answer per channel and segment
(R50).

Nobody planned these contacts, so the best that can be reached is E3: matched difference in differences
(`channel_trial`), checked and judged by `decision_ladder`. Channels on which the physician comes by himself
stay E2. Kept with each answer: what lay between the two sides in every window before and after (`periods`).
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shirube.estimation import journey_panel
from shirube.estimation.channel_trial import (
    TrialRule,
    TrialSums,
    period_differences,
    run_trials,
    trial_months,
)
from shirube.estimation.decision_ladder import (
    Burden,
    Design,
    Diagnostic,
    Finding,
    Judgement,
    NecessityRule,
    State,
    effect_e_value,
    hidden_e_value,
    judge,
    limit_e_value,
    not_passed,
)
from shirube.estimation.effects import Effect, contrast, joint_test
from shirube.estimation.journey_panel import ANY_NEED, NO_NEED, JourneyPanel, read_panel
from shirube.estimation.multiplicity import q_values
from shirube.estimation.periods import PERIODS, records
from shirube.medical import MEDICAL_CHANNELS
from shirube.rules import RuleError, rows_in_force

Array = npt.NDArray[Any]

WHOLE = "all"

NAME: str = "necessity"
READS: tuple[str, ...] = journey_panel.READS
SCHEMA = pa.schema(
    [
        ("channel_id", pa.string()),
        ("segment_id", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("design", pa.string()),
        ("n_physicians", pa.int64()),
        ("n_treated_offered", pa.int64()),
        ("n_treated", pa.int64()),
        ("n_control", pa.int64()),
        ("n_clusters", pa.int64()),
        ("moved_treated", pa.int64()),
        ("rate_treated", pa.float64()),
        ("rate_without", pa.float64()),
        ("effect", pa.float64()),
        ("effect_low", pa.float64()),
        ("effect_high", pa.float64()),
        ("minimum_detectable_effect", pa.float64()),
        ("meaningful_effect", pa.float64()),
        ("p_value", pa.float64()),
        ("q_value", pa.float64()),
        ("n_tests", pa.int64()),
        ("e_value", pa.float64()),
        ("e_value_limit", pa.float64()),
        ("e_value_hidden", pa.float64()),
        ("overlap_share", pa.float64()),
        ("maximum_smd", pa.float64()),
        ("n_pre_periods", pa.int64()),
        ("pre_trend_p_value", pa.float64()),
        ("pre_trend_largest", pa.float64()),
        ("placebo_outcome_effect", pa.float64()),
        ("placebo_outcome_low", pa.float64()),
        ("placebo_outcome_high", pa.float64()),
        ("placebo_date_effect", pa.float64()),
        ("placebo_date_low", pa.float64()),
        ("placebo_date_high", pa.float64()),
        ("failed_diagnostics", pa.string()),
        ("contacts_per_treated", pa.float64()),
        ("contacts_per_move", pa.float64()),
        ("over_contact_share", pa.float64()),
        ("evidence_level", pa.string()),
        ("verdict", pa.string()),
        ("reason_ja", pa.string()),
        ("rule_version", pa.string()),
        ("periods", PERIODS),
    ]
)


@dataclass(frozen=True)
class Segment:
    """A group named before anybody looked; None is any. Segments of one type share no physician, product and
    month.

    `need`: of what a physician wanted to know about the product when the month began: `ANY_NEED`, `NO_NEED`,
    or the kind of information (`dim_topic.info_class`) of his newest need.
    """

    segment_id: str
    segment_type: str
    practice_type: str | None = None
    specialty_group: str | None = None
    need: str | None = None

    def includes(self, panel: JourneyPanel) -> Array:
        """Which units and months (P, R, T) belong to it; (P, 1, T) where the product does not matter."""
        included = np.ones((panel.contacts.shape[0], 1, panel.contacts.shape[1]), bool)
        if self.practice_type is not None:
            included &= (panel.practice == _place(panel.practices, self.practice_type))[:, None]
        if self.specialty_group is not None:
            included &= (panel.specialty == _place(panel.specialties, self.specialty_group))[:, None]
        if self.need == ANY_NEED:
            return included & panel.in_need()
        return included if self.need is None else included & (panel.need == _place(panel.needs, self.need))

    def lies_within(self, other: Segment) -> bool:
        """Whether every unit of this one belongs to the other."""

        def implies(mine: str | None, others: str | None) -> bool:
            return others is None or mine == others

        return (
            implies(self.practice_type, other.practice_type)
            and implies(self.specialty_group, other.specialty_group)
            and (
                implies(self.need, other.need)
                or (other.need == ANY_NEED and self.need not in (None, NO_NEED))
            )
        )

    def shares_with(self, other: Segment) -> bool:
        """Whether a unit can belong to both."""

        def meets(one: str | None, two: str | None) -> bool:
            return one is None or two is None or one == two

        return (
            meets(self.practice_type, other.practice_type)
            and meets(self.specialty_group, other.specialty_group)
            and (
                meets(self.need, other.need)
                or (ANY_NEED in (self.need, other.need) and NO_NEED not in (self.need, other.need))
            )
        )


@dataclass(frozen=True)
class Answer:
    """One channel and segment, measured."""

    channel: int
    segment: Segment
    finding: Finding
    trials: TrialSums | None
    diagnosed: MappingProxyType[str, Any]


def estimate(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Read the core and the seeds, and answer for every channel but Medical's and every segment named."""
    rule, segments = read_rule(connection)
    panel = read_panel(connection, as_of, MEDICAL_CHANNELS, rule.over_contact_above)
    known = {None, ANY_NEED, *panel.needs}
    for segment in segments:
        if segment.need not in known:
            raise RuleError(
                f"seed necessity_segment: '{segment.segment_id}' asks for the need '{segment.need}'; "
                f"there are {', '.join(sorted(need for need in known if need))}"
            )
    return pa.Table.from_pylist(answer_all(panel, rule, segments), schema=SCHEMA)


def read_rule(connection: duckdb.DuckDBPyConnection) -> tuple[NecessityRule, tuple[Segment, ...]]:
    """The newest version of the thresholds, and its segments in their order.

    Raises: RuleError where what is hidden of one segment could be had from another: of one type they share
    somebody, or one lies within another.
    """
    names = [field.name for field in fields(NecessityRule)]
    found = connection.execute(f"select {', '.join(names)} from {rows_in_force('necessity_rule')}").fetchone()
    assert found is not None
    rule = NecessityRule(*found)
    names = [field.name for field in fields(Segment)]
    rows = connection.execute(
        f"select {', '.join(names)} from seeds.necessity_segment "
        "where rule_version = ? order by sort_order, segment_id",
        [rule.rule_version],
    ).fetchall()
    segments = tuple(Segment(*row) for row in rows)
    for one, other in itertools.permutations(segments, 2):
        if WHOLE in (one.segment_id, other.segment_id):
            continue
        if one.segment_type == other.segment_type and one.shares_with(other):
            raise RuleError(
                f"seed necessity_segment: '{one.segment_id}' and '{other.segment_id}' are both of the type "
                f"'{one.segment_type}', and somebody can belong to both; name groups that share nobody"
            )
        if one.lies_within(other):
            raise RuleError(
                f"seed necessity_segment: '{one.segment_id}' lies within '{other.segment_id}'; the rest "
                "could be had by subtraction: name the groups that the larger one is made of instead"
            )
    return rule, segments


def answer_all(panel: JourneyPanel, rule: NecessityRule, segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Rows of `SCHEMA`: measure every channel and segment, count the tests, then judge."""
    trial_rule = TrialRule(rule.washout_months, rule.minimum_pre_periods)
    months = trial_months(panel, trial_rule)
    groups = _groups(panel, segments)
    answers = []
    for channel in range(len(panel.channels)):
        sums = {members: run_trials(months, channel, included) for members, included in groups.items()}
        for number, segment in enumerate(segments):
            mine = [one for members, one in sums.items() if number in members and one is not None]
            total = functools.reduce(operator.add, mine) if mine else None
            answers.append(_measure(panel, rule, trial_rule, channel, segment, total))
    period = (months[0].month, months[-1].month) if months else None
    # "At most the effect that matters" is the claim that a 必要 denies; its p-values are the ones to correct.
    p_values = np.array(
        [
            answer.finding.effect.probability_above(rule.meaningful_effect)
            if answer.finding.effect is not None and answer.finding.design is Design.MATCHED
            else math.nan
            for answer in answers
        ]
    )
    corrected = q_values(p_values)
    n_tests = int(np.isfinite(p_values).sum())
    rows = []
    for channel in range(len(panel.channels)):
        asked = [number for number, answer in enumerate(answers) if answer.channel == channel]
        found = {
            number: replace(answers[number].finding, q_value=float(corrected[number])) for number in asked
        }
        parts = {
            number: judge(found[number], rule)
            for number in asked
            if answers[number].segment.segment_id != WHOLE
        }
        for number in asked:
            judgement = parts.get(number) or judge(found[number], rule, tuple(parts.values()))
            rows.append(
                _row(
                    panel,
                    rule,
                    answers[number],
                    found[number],
                    judgement,
                    float(p_values[number]),
                    n_tests,
                    period,
                )
            )
    return rows


def _groups(panel: JourneyPanel, segments: Sequence[Segment]) -> dict[frozenset[int], Array]:
    """The groups of units whose sums make the segments', by the segments that each belongs to.

    Matching crosses neither practice types and specialty groups nor whether a need is open: the sums of
    segments by those, the whole among them, are the sums of the disjoint groups that they are made of. It
    does cross kinds of needs, so a segment with one is a group of its own, matched within.
    """
    together = [segment.need in (None, ANY_NEED, NO_NEED) for segment in segments]
    pattern = np.zeros(panel.need.shape, np.int32)
    for number, segment in enumerate(segments):
        if together[number]:
            pattern |= segment.includes(panel).astype(np.int32) << number
    groups = {
        frozenset(number for number in range(len(segments)) if value >> number & 1): pattern == value
        for value in np.unique(pattern)
        if value
    }
    return groups | {
        frozenset([number]): segment.includes(panel)
        for number, segment in enumerate(segments)
        if not together[number]
    }


def _place(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else -1


def _measure(
    panel: JourneyPanel,
    rule: NecessityRule,
    trial_rule: TrialRule,
    channel: int,
    segment: Segment,
    trials: TrialSums | None,
) -> Answer:
    design = Design.MATCHED if panel.is_push[channel] else Design.SELF_SELECTED
    nothing = Burden(math.nan, math.nan)
    if trials is None:
        finding = Finding(
            Design.NONE, None, 0, 0, 0, math.nan, (), nothing, shortage_ja=_shortage(panel, trial_rule)
        )
        return Answer(channel, segment, finding, None, MappingProxyType({}))
    if not trials.effect.treated:
        offered = trials.effect.treated_offered
        words = "比べられる先生がいません" if offered else "この手段で新しく接点のあった先生がいません"
        finding = Finding(Design.NONE, None, 0, 0, 0, math.nan, (), nothing, shortage_ja=words)
        return Answer(channel, segment, finding, trials, MappingProxyType({}))
    estimates, covariance = trials.effect.estimates(), trials.effect.covariance()
    clusters = trials.effect.n_clusters
    effect = contrast(estimates, covariance, trial_rule.effect_weights, clusters)
    diagnosed = _diagnose(trials, trial_rule, estimates, covariance, clusters)
    rate = trials.effect.treated_sum[0] / trials.effect.treated
    practice = _place(panel.practices, segment.practice_type) if segment.practice_type else -1
    finding = Finding(
        design,
        effect,
        trials.effect.treated,
        trials.effect.controls,
        clusters,
        float(rate - effect.estimate),
        _states(diagnosed, rule),
        Burden(
            float(panel.delivered[channel, practice]),
            trials.over_contact / trials.effect.treated_offered,
        ),
        n_physicians=int(trials.reached.sum()),
        periods=period_differences(trials.effect, trial_rule, panel.horizon_months),
    )
    return Answer(channel, segment, finding, trials, MappingProxyType(diagnosed))


def _diagnose(
    trials: TrialSums, rule: TrialRule, estimates: Array, covariance: Array, clusters: int
) -> dict[str, Any]:
    """The diagnostics' numbers: overlap, balance, trend before, placebo outcome, placebo date."""
    before = rule.trend_contrasts @ estimates
    placebo = None
    if trials.placebo.treated:
        placebo = contrast(
            trials.placebo.estimates(),
            trials.placebo.covariance(),
            rule.effect_weights,
            trials.placebo.n_clusters,
        )
    return {
        "overlap_share": trials.effect.overlap_share,
        "maximum_smd": float(np.abs(trials.effect.standardised_differences()).max()),
        "n_pre_periods": rule.pre_periods,
        "pre_trend_p_value": joint_test(estimates, covariance, rule.trend_contrasts, clusters),
        "pre_trend_largest": float(np.abs(before).max()),
        "placebo_outcome": placebo,
        "placebo_date": contrast(estimates, covariance, rule.placebo_date_weights, clusters),
    }


def _states(diagnosed: dict[str, Any], rule: NecessityRule) -> tuple[Diagnostic, ...]:
    def state(passed: bool, was_run: bool = True) -> State:
        return (State.PASSED if passed else State.FAILED) if was_run else State.NOT_RUN

    def no_effect(effect: Effect | None) -> State:
        """Nothing where nothing can be: what it shows can be chance, or is too small to matter."""
        if effect is None or not effect.is_known:
            return State.NOT_RUN
        return state(effect.p_value >= significance or abs(effect.estimate) <= rule.tolerated_placebo_effect)

    # Three tests: together they void a sound comparison no more often than the rule says (Bonferroni).
    significance = rule.diagnostic_significance / 3
    p_value = diagnosed["pre_trend_p_value"]
    return (
        Diagnostic("overlap", state(diagnosed["overlap_share"] >= rule.minimum_overlap_share)),
        Diagnostic("balance", state(diagnosed["maximum_smd"] <= rule.maximum_smd)),
        Diagnostic("pre_periods", state(diagnosed["n_pre_periods"] >= rule.minimum_pre_periods)),
        Diagnostic(
            "pre_trend",
            state(
                p_value >= significance or diagnosed["pre_trend_largest"] <= rule.tolerated_placebo_effect,
                math.isfinite(p_value),
            ),
        ),
        Diagnostic("placebo_outcome", no_effect(diagnosed["placebo_outcome"])),
        Diagnostic("placebo_date", no_effect(diagnosed["placebo_date"])),
    )


def _shortage(panel: JourneyPanel, rule: TrialRule) -> str:
    """How many months of comparable starts there are, and how many it takes."""
    seen = int((panel.forward >= 0).any(axis=(0, 1)).sum())
    needed = rule.first_month(panel.horizon_months) + 1
    return f"比べるには出発点が{needed}か月分必要です（今は{seen}か月分）"


def _row(
    panel: JourneyPanel,
    rule: NecessityRule,
    answer: Answer,
    finding: Finding,
    judgement: Judgement,
    p_value: float,
    n_tests: int,
    period: tuple[int, int] | None,
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    trials, effect = answer.trials, finding.effect
    row |= {
        "channel_id": panel.channels[answer.channel],
        "segment_id": answer.segment.segment_id,
        "design": finding.design.value,
        "n_physicians": int(trials.reached.sum()) if trials else 0,
        "n_treated_offered": trials.effect.treated_offered if trials else 0,
        "n_treated": finding.n_treated,
        "n_control": finding.n_control,
        "n_clusters": finding.n_clusters,
        "meaningful_effect": rule.meaningful_effect,
        "n_tests": n_tests,
        "failed_diagnostics": ",".join(not_passed(finding)),
        "evidence_level": judgement.evidence_level,
        "verdict": judgement.verdict.value,
        "reason_ja": judgement.reason_ja,
        "rule_version": rule.rule_version,
    }
    if period:
        row["period_start"] = panel.months[period[0]].replace(day=1)
        row["period_end"] = panel.months[period[1]]
    if trials is None or effect is None:
        return row
    diagnosed = answer.diagnosed
    row |= {
        name: _number(diagnosed[name])
        for name in ("overlap_share", "maximum_smd", "pre_trend_p_value", "pre_trend_largest")
    }
    for name in ("placebo_outcome", "placebo_date"):
        placebo: Effect | None = diagnosed[name]
        if placebo is not None:
            row[f"{name}_effect"] = _number(placebo.estimate)
            row[f"{name}_low"], row[f"{name}_high"] = _number(placebo.low), _number(placebo.high)
    row |= {
        "moved_treated": int(trials.effect.treated_sum[0]),
        "rate_treated": float(trials.effect.treated_sum[0] / trials.effect.treated),
        "rate_without": _number(finding.baseline),
        "effect": _number(effect.estimate),
        "effect_low": _number(effect.low),
        "effect_high": _number(effect.high),
        "minimum_detectable_effect": _number(effect.minimum_detectable),
        "p_value": _number(p_value),
        "q_value": _number(finding.q_value),
        "e_value": _number(effect_e_value(finding, effect)),
        "e_value_limit": _number(limit_e_value(finding, effect)),
        "e_value_hidden": _number(hidden_e_value(finding, effect, rule)),
        "n_pre_periods": diagnosed["n_pre_periods"],
        "contacts_per_treated": _number(finding.burden.contacts),
        "contacts_per_move": _number(finding.burden.contacts_per_move(effect.estimate)),
        "over_contact_share": _number(finding.burden.over_contact_share),
        "periods": records(finding.periods),
    }
    return row


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
