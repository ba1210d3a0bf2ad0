"""Companies whose truth is planted, many times over: how often the estimators say what is true.

`make truth` (or `python benchmarks/truth.py [companies]`) writes `truth.md` beside this file. Journeys are
simulated as arrays, without files: a physician moves on to the next phase with a monthly chance that depends
on the phase, the kind of physician, the representative's territory, and contact. What a contact adds to
"moved forward within 90 days" follows exactly from the planted chances, physician by physician.
"""

from __future__ import annotations

import calendar
import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shirube.estimation.channel_trial import TrialRule, run_trials, trial_months
from shirube.estimation.decision_ladder import Burden, NecessityRule, judge
from shirube.estimation.journey_panel import ANY_NEED, NO_NEED, START_PHASES, JourneyPanel
from shirube.estimation.necessity import Segment, answer_all
from shirube.estimation.pilot_trial import read_out_randomised

Array = npt.NDArray[Any]

RULE = NecessityRule(
    rule_version="necessity-1",
    meaningful_effect=0.03,
    minimum_units=30,
    minimum_clusters=10,
    maximum_smd=0.1,
    minimum_overlap_share=0.6,
    minimum_pre_periods=4,
    diagnostic_significance=0.05,
    tolerated_placebo_effect=0.01,
    false_discovery_rate=0.1,
    minimum_e_value_needed=1.5,
    minimum_e_value_not_needed=1.25,
    maximum_contacts_per_move=60,
    maximum_over_contact_share=0.1,
    over_contact_above=8,
    washout_months=2,
)
"""The seed's first version; a test compares."""
SEGMENTS = (
    Segment("all", "company"),
    Segment("hospital", "practice_type", "HP"),
    Segment("own_practice", "practice_type", "GP"),
    Segment("need_open", "need", need=ANY_NEED),
    Segment("need_none", "need", need=NO_NEED),
)
NEEDS = (NO_NEED, "promotional", "proper_use", "safety")
NEED_SHARES = (0.6, 0.2, 0.1, 0.1)
NEED_MONTHS = 3
"""For how long a need stays open."""
NEED_MOVES = 0.02
"""What an open need adds to the monthly chance: who asks moves on more often, contact or not."""
ALSO_BY_SEGMENT = {
    "hospital_only": ("hospital", "own_practice"),
    "need_only": ("need_open", "need_none"),
}
"""Segments that are scored beside the whole."""
FORWARD = np.array([0.02, 0.03, 0.03, 0.03, 0.02, 0.0])
"""Chance to move forward in a month, from each of START_PHASES."""
HORIZON = 3
LAST = len(FORWARD) - 1
RISE = 0.004
"""What a rising physician's monthly chance gains every month."""
TRIAL = TrialRule(RULE.washout_months, RULE.minimum_pre_periods)
WARM_UP = 5


@dataclass(frozen=True)
class Channel:
    """A channel and what is true about it. `exposure`: chance of a contact about a product in a month.

    `effect`: what a contact adds to that month's chance of moving forward (`hospital_effect`: instead, in
    hospitals; `need_effect`: instead, where something is open, whatever it is). The exposure is multiplied
    where something is open (`asked`) and for three kinds of physicians: `keen` ones, whom their many contacts
    give away; `eager` ones, whom nothing gives away but who always move forward more often; `rising` ones,
    whom nothing gives away and who move forward more often month by month.
    """

    name: str
    exposure: float
    effect: float = 0.0
    hospital_effect: float | None = None
    need_effect: float | None = None
    keen: float = 1.0
    eager: float = 1.0
    rising: float = 1.0
    asked: float = 1.0

    def effect_on(self, hospital: Array, in_need: Array) -> Array:
        """What a contact adds, for physicians (P) and their needs about products (P, R): (P, R)."""
        in_hospital = self.effect if self.hospital_effect is None else self.hospital_effect
        otherwise = np.where(hospital, in_hospital, self.effect)[:, None]
        return np.where(in_need, otherwise if self.need_effect is None else self.need_effect, otherwise)


CHANNELS = (
    Channel("works", 0.10, effect=0.09),
    Channel("null", 0.10),
    Channel("confounded", 0.06, keen=4.0),
    Channel("lasting", 0.06, eager=3.0),
    Channel("rising", 0.05, rising=5.0),
    Channel("rare", 0.004, effect=0.03),
    Channel("hospital_only", 0.10, hospital_effect=0.08),
    Channel("need_only", 0.10, need_effect=0.09),
    Channel("need_led", 0.06, asked=3.0),
)


@dataclass(frozen=True)
class Company:
    """A simulated company and, per channel, the true effect of each possible contact (P, R, T)."""

    panel: JourneyPanel
    true_effect: dict[str, Array]


def simulate(
    seed: int,
    channels: tuple[Channel, ...] = CHANNELS,
    physicians: int = 3000,
    products: int = 3,
    months: int = 24,
    representatives: int = 60,
) -> Company:
    """A company of `months` months; equal seeds give equal companies."""
    random = np.random.default_rng([seed, 68])
    shape = (physicians, products, months)
    hospital = random.random(physicians) < 0.6
    specialty = random.integers(0, 4, physicians)
    cluster = random.permutation(np.arange(physicians) % representatives)
    keen, eager, rising = (random.random(physicians) < 0.3 for _ in range(3))
    own = 0.01 * hospital + 0.05 * keen + 0.03 * eager + random.normal(0, 0.01, representatives)[cluster]
    more = {"keen": keen, "eager": eager, "rising": rising}
    contacts = random.poisson(np.where(keen, 5.0, 0.6)[:, None], (physicians, months))

    phase, reached = np.zeros(shape, np.int8), np.zeros(shape, np.uint16)
    now = random.choice(6, shape[:2], p=(0.45, 0.3, 0.15, 0.07, 0.03, 0.0)).astype(np.int8)
    expected = np.zeros((physicians, len(channels)))
    for number, channel in enumerate(channels):
        expected[:, number] = channel.exposure
        for kind, who in more.items():
            expected[:, number] *= np.where(who, getattr(channel, kind), 1.0)
    need = _needs(np.random.default_rng([seed, 50]), shape)
    own = own[:, None, None] + NEED_MOVES * (need > 0)
    effects = [  # (P, R, channels) for each month
        np.stack([channel.effect_on(hospital, need[:, :, month] > 0) for channel in channels], axis=2)
        for month in range(months)
    ]
    led = np.array([channel.asked for channel in channels])
    for month in range(months):
        phase[:, :, month] = now
        chance = FORWARD[now] + own[:, :, month] + (RISE * month * rising)[:, None]
        for number in range(len(channels)):
            chosen = np.where(need[:, :, month] > 0, led[number], 1.0)
            seen = random.random(shape[:2]) < expected[:, None, number] * chosen
            reached[:, :, month] |= seen.astype(np.uint16) << np.uint16(number)
            chance = chance + seen * effects[month][:, :, number]
        now = np.where((random.random(shape[:2]) < chance) & (now < LAST), now + 1, now).astype(np.int8)

    forward = np.full(shape, -1, np.int8)
    for start in range(WARM_UP, months - HORIZON):
        forward[:, :, start] = phase[:, :, start + HORIZON] > phase[:, :, start]
    ends = [_month_end(2024, 11 + offset) for offset in range(months)]
    flat = (physicians, months)
    panel = JourneyPanel(
        months=tuple(ends),
        products=tuple(f"PRD-{number}" for number in range(products)),
        channels=tuple(channel.name for channel in channels),
        is_push=(True,) * len(channels),
        specialties=("A", "B", "C", "D", "unknown"),
        practices=("HP", "GP", "unknown"),
        areas=("metropolitan", "regional", "unknown"),
        needs=NEEDS,
        forward=forward,
        phase=np.where(phase < len(START_PHASES), phase, -1).astype(np.int8),
        reached=reached,
        engaged=np.zeros(shape, bool),
        contacts=contacts.astype(np.int16),
        over_contact=np.zeros(flat, bool),
        specialty=np.broadcast_to(specialty[:, None], flat).astype(np.int8),
        practice=np.broadcast_to(np.where(hospital, 0, 1)[:, None], flat).astype(np.int8),
        area=np.broadcast_to((np.arange(physicians) % 2)[:, None], flat).astype(np.int8),
        several_facilities=np.zeros(flat, bool),
        need=need,
        cluster=cluster.astype(np.int32),
        delivered=np.ones((len(channels), 4)),
        horizon_months=HORIZON,
    )
    truth = {}
    for number, channel in enumerate(channels):
        effect = np.full(shape, -1.0)
        for start in range(WARM_UP, months - HORIZON):
            # A contact changes the outcome only if the physician does not move anyway in the months after it.
            stays = np.ones(shape[:2])
            for later in range(start + 1, start + HORIZON):
                often = FORWARD[phase[:, :, start]] + own[:, :, later] + (RISE * later * rising)[:, None]
                often += (
                    expected[:, None] * effects[later] * np.where(need[:, :, later, None] > 0, led, 1)
                ).sum(axis=2)
                stays *= 1 - often
            effect[:, :, start] = effects[start][:, :, number] * stays * (phase[:, :, start] < LAST)
        truth[channel.name] = effect
    return Company(panel, truth)


def _needs(random: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """What is open when each month begins: one need after another, none among them, each for NEED_MONTHS."""
    physicians, products, months = shape
    blocks = months // NEED_MONTHS + 2
    drawn = random.choice(len(NEEDS), (physicians, products, blocks), p=NEED_SHARES)
    begun = random.integers(0, NEED_MONTHS, (physicians, products, 1))
    return np.take_along_axis(drawn, (np.arange(months) + begun) // NEED_MONTHS, axis=2).astype(np.int8)


def planted_effect(company: Company, channel: int, included: Array | None = None) -> float:
    """The true mean effect on exactly those physicians whom the estimator matches."""
    name = company.panel.channels[channel]
    as_outcome = replace(company.panel, forward=company.true_effect[name])
    sums = run_trials(trial_months(as_outcome, TRIAL), channel, included)
    assert sums is not None
    return float(sums.effect.treated_sum[0] / sums.effect.treated)


def plain_difference(company: Company, channel: int, included: Array | None = None) -> float:
    """Reached minus not reached, without any regard to who they are: what must never be published."""
    forward, phase = company.panel.forward, company.panel.phase
    comparable = (forward >= 0) & (phase >= 0)
    if included is not None:
        comparable &= included
    reached = company.panel.reached >> np.uint16(channel) & 1 == 1
    return float(forward[comparable & reached].mean() - forward[comparable & ~reached].mean())


@dataclass
class Score:
    """What came out for one channel and segment over all companies."""

    planted: list[float]
    effects: list[float]
    plain: list[float]
    covered: list[bool]
    verdicts: list[str]
    levels: list[str]
    detectable: list[float]

    def share(self, *verdicts: str) -> float:
        """Share of companies with one of these verdicts."""
        return float(np.mean([verdict in verdicts for verdict in self.verdicts]))


def score(seeds: range, channels: tuple[Channel, ...] = CHANNELS, physicians: int = 6000) -> dict[str, Score]:
    """Simulate and judge one company per seed; scores of the company-wide answers by channel, and of the
    segments of ALSO_BY_SEGMENT by channel and segment ("channel: segment")."""
    asked = [(number, SEGMENTS[0]) for number in range(len(channels))]
    asked += [
        (number, segment)
        for number, channel in enumerate(channels)
        for segment in SEGMENTS
        if segment.segment_id in ALSO_BY_SEGMENT.get(channel.name, ())
    ]
    scores: dict[str, Score] = {}
    for seed in seeds:
        company = simulate(seed, channels, physicians)
        rows = {
            (row["channel_id"], row["segment_id"]): row for row in answer_all(company.panel, RULE, SEGMENTS)
        }
        for number, segment in asked:
            name, is_whole = channels[number].name, segment is SEGMENTS[0]
            row = rows[name, segment.segment_id]
            key = name if is_whole else f"{name}: {segment.segment_id}"
            one = scores.setdefault(key, Score([], [], [], [], [], [], []))
            included = None if is_whole else segment.includes(company.panel)
            planted = planted_effect(company, number, included)
            one.planted.append(planted)
            one.effects.append(row["effect"])
            one.plain.append(plain_difference(company, number, included))
            one.covered.append(row["effect_low"] <= planted <= row["effect_high"])
            one.verdicts.append(row["verdict"])
            one.levels.append(row["evidence_level"])
            one.detectable.append(row["minimum_detectable_effect"])
    return scores


@dataclass(frozen=True)
class Initiative:
    """An initiative drawn by lot over physicians or offices, and what it adds to the monthly chance."""

    name: str
    effect: float
    offices: int | None = None


INITIATIVES = (
    Initiative("lot works", 0.05),
    Initiative("lot null", 0.0),
    Initiative("lot over 14 offices null", 0.0, offices=14),
)


def simulate_initiative(
    seed: int, one: Initiative, physicians: int = 3000
) -> tuple[Array, Array, Array, float]:
    """Outcome before and after (P, 2), who is treated (P), clusters (P), and the true effect on the treated.

    The outcome is "in a further phase after 90 days" from six months before the start and from the start.
    """
    random = np.random.default_rng([seed, 46, INITIATIVES.index(one)])
    cluster = np.arange(physicians)
    own = random.normal(0, 0.01, physicians)
    if one.offices:
        cluster = np.arange(physicians) % one.offices
        own = own + random.normal(0, 0.005, one.offices)[cluster]
    drawn = random.permutation(cluster.max() + 1) < (cluster.max() + 1) // 2
    treated = drawn[cluster]
    phase = [random.choice(6, physicians, p=(0.45, 0.3, 0.15, 0.07, 0.03, 0.0))]
    start = 2 * HORIZON
    chance = np.zeros(physicians)
    for month in range(start + HORIZON):
        now = phase[-1]
        chance = np.clip(FORWARD[now] + own, 0, 1) + one.effect * treated * (month >= start)
        moves = (random.random(physicians) < chance) & (now < LAST)
        phase.append(np.where(moves, now + 1, now))
    before = phase[HORIZON] > phase[0]
    after = phase[start + HORIZON] > phase[start]
    # Each phase's chance of any move in three months, with and without; nobody falls back here.
    open_to = treated & (phase[start] < LAST)
    gain = _chance_of_a_move(phase[start], own, one.effect) - _chance_of_a_move(phase[start], own, 0.0)
    comparable = phase[start] < LAST
    outcome = np.column_stack([before, after])[comparable].astype(float)
    _, place = np.unique(cluster[comparable], return_inverse=True)
    return outcome, treated[comparable], place, float(gain[open_to].mean())


def _chance_of_a_move(phase: Array, own: Array, effect: float) -> Array:
    return 1 - (1 - np.clip(FORWARD[phase] + own, 0, 1) - effect) ** HORIZON


def score_initiatives(seeds: range) -> dict[str, Score]:
    """Simulate, read out and judge each initiative once per seed; plain difference: that of the arms."""
    scores = {one.name: Score([], [], [], [], [], [], []) for one in INITIATIVES}
    for seed in seeds:
        for one in INITIATIVES:
            outcome, treated, cluster, planted = simulate_initiative(seed, one)
            found = read_out_randomised(outcome, treated, cluster, 1, RULE, Burden(1.0, 0.0))
            judgement, score = judge(found, RULE), scores[one.name]
            assert found.effect is not None
            score.planted.append(planted)
            score.effects.append(found.effect.estimate)
            score.plain.append(float(outcome[treated, 1].mean() - outcome[~treated, 1].mean()))
            score.covered.append(found.effect.low <= planted <= found.effect.high)
            score.verdicts.append(judgement.verdict.value)
            score.levels.append(judgement.evidence_level)
            score.detectable.append(found.effect.minimum_detectable)
    return scores


def _month_end(year: int, month: int) -> date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, calendar.monthrange(year, month)[1])


HEADER = """# What the estimators say where the truth is known

{companies} companies of 6,000 physicians, 3 products and 24 months, simulated by `truth.py` (`make truth`),
each judged as a real one. Effects: physicians per 100 brought forward within 90 days; a difference matters
from 3 on.

- **works**, **null**: contact at random within what is recorded, with and without an effect.
- **confounded**: no effect; four times as much contact for keen physicians, whom their many contacts give
  away.
- **lasting**: no effect; three times as much contact for physicians who always move forward more often, which
  nothing recorded tells. Difference in differences takes a part of that away, not all of it.
- **rising**: no effect; five times as much contact for physicians who move forward more and more often, which
  nothing recorded tells. No method removes this; the diagnostics must see it.
- **rare**: an effect of about 2, and too few contacts to see it.
- **hospital_only**: works in hospitals and not in own practice.
- **need_led**: no effect; three times as much contact where something is open, and who asks moves on more
  often.
- **need_only**: works where something is open that was asked or looked for, and not otherwise.

A channel and a segment ("hospital_only: hospital") stand for what is said of that segment alone.

"""
INITIATIVES_HEADER = """
## Initiatives drawn by lot

As many companies of 3,000 physicians; half of them, or of the offices, drawn by lot.

"""
COLUMNS = (
    "channel", "planted", "estimated (mean)", "plain difference", "intervals that hold the truth", "必要",
    "条件付き", "不要", "判断できません", "at level {level}", "smallest detectable (median)",
)  # fmt: skip


def report(scores: dict[str, Score], initiatives: dict[str, Score], companies: int) -> str:
    """The scores as a page; effects per 100 physicians."""
    return (
        HEADER.format(companies=companies)
        + table(scores, "E3", "channel")
        + INITIATIVES_HEADER
        + table(initiatives, "E4", "initiative")
    )


def table(scores: dict[str, Score], level: str, what: str) -> str:
    """One line per name; `level` is the best that the design allows."""
    heads = (what, *(column.format(level=level) for column in COLUMNS[1:]))
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(COLUMNS) + "|"]
    for name, one in scores.items():
        verdicts = ("needed", "conditional", "not_needed", "cannot_tell")
        cells = [
            name,
            *(f"{100 * np.mean(values):.1f}" for values in (one.planted, one.effects, one.plain)),
            f"{100 * np.mean(one.covered):.1f} %",
            *(f"{100 * one.share(verdict):.1f} %" for verdict in verdicts),
            f"{100 * np.mean([found == level for found in one.levels]):.1f} %",
            f"{100 * np.median(one.detectable):.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    number_of_companies = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seeds = range(number_of_companies)
    page = report(score(seeds), score_initiatives(seeds), number_of_companies)
    Path(__file__).with_suffix(".md").write_text(page, encoding="utf-8")
    print(page)
