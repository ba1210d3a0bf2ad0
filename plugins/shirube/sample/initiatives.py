"""Planted initiatives of head office: who was assigned to what, and what that truly does to the phases.

Five initiatives, each with a lesson: two that work and are designed so that it can be proven (randomised by
physician; rolled out over offices in steps), one without effect on a product chosen because it is easy, one
far too small to tell, and one without effect whose targets were active already, so that a plain comparison
flatters it.

All draws come from streams of their own: without an effect every other draw of the simulation stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shirube.sample import names
from shirube.sample.company import Array, Company
from shirube.sample.parameters import P0, P1, P2, P3, P4, P5, P6, PHASES, PX, Parameters

HORIZON_MONTHS = 3
NEVER = 10_000
_RANK = np.array([0, 1, 2, 3, 4, 5, 6, 0])
"""How far on each phase is; the dormant are as far as the untouched."""
SMALL_PILOT = 12
"""Physicians of the initiative that is too small."""


@dataclass
class Initiative:
    """One planted initiative.

    `treated_from` is the month index from which each physician is treated (NEVER if not). `effect` is the
    monthly chance that a treated physician who would have stayed in a phase from P0 to P4 moves forward.
    `phase_before` and `phase_after` are everybody's phases at the ends of the horizon of the first to start.
    """

    number: int
    name_ja: str
    kind: str
    product: int
    design: str
    unit_type: str
    effect: float
    start: int
    lesson: str
    departments: tuple[str, ...]
    field_mrs: int | None
    selection_reason: str
    named_outcome: str
    comparison: str
    willing_offices: int
    event_in_window: bool | None
    treated_from: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    is_assigned: Array = field(default_factory=lambda: np.zeros(0, dtype=bool))
    office_from: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    phase_at_start: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int8))
    phase_before: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int8))
    phase_after: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int8))

    @property
    def id(self) -> str:
        """`INI-01`."""
        return f"INI-{self.number:02d}"

    @property
    def is_easy(self) -> bool:
        """Whether the product was chosen because it moves easily anyway."""
        return self.selection_reason.startswith("選びやすい製品")

    @property
    def product_id(self) -> str:
        """`PRD-A`."""
        return names.PRODUCTS[self.product][0]


class Initiatives:
    """The five initiatives of a company; `lift` is asked once at the end of each simulated month."""

    def __init__(self, company: Company, seed: int, parameters: Parameters) -> None:
        self.company, self.seed, self.p = company, seed, parameters
        months = company.period.months
        late, early = max(0, months - 4), max(0, months - 5)
        works, small = parameters.initiative_effect_per_month, parameters.small_pilot_effect_per_month
        self.all = [
            Initiative(
                1, "講演会のあとに要点を届ける案内", "順序の設計", 2, "randomised", "physician", works, late,
                "works, and randomising shows it", ("営業企画", "デジタル推進"), 4,
                "資材がそろい、許可を得た先生が多いため", "90日のうちに次の段階へ進んだ先生の割合",
                "くじで選ばれなかった先生", 6, False,
            ),
            Initiative(
                2, "営業所ごとの連携の打ち合わせ", "運営の変更", 3, "staggered", "office", works, early,
                "works, and the steps of the roll-out show it", ("営業企画",), 2,
                "すべての営業所で扱う製品のため", "90日のうちに次の段階へ進んだ先生の割合",
                "まだ始めていない営業所", 8, False,
            ),
            Initiative(
                3, "動きやすい製品での早い成功づくり", "情報の追加", 0, "randomised", "office", 0.0, late,
                "no effect; the product was chosen because it is easy", ("ブランド",), 1,
                "選びやすい製品のため（もともと動きやすい）", "90日のうちに次の段階へ進んだ先生の割合",
                "くじで選ばれなかった営業所", 5, True,
            ),
            Initiative(
                4, "少人数への個別の案内", "情報の追加", 1, "randomised", "physician", small, late,
                "too few physicians to tell anything", ("デジタル推進",), 0,
                "担当者の希望による", "90日のうちに次の段階へ進んだ先生の割合",
                "くじで選ばれなかった先生", 1, None,
            ),
            Initiative(
                5, "関心の高い先生への集中した案内", "情報の追加", 1, "comparison_only", "physician", 0.0,
                late,
                "no effect; the targets were the physicians who were active already", ("ブランド",), None,
                "反応のある先生が多い製品のため", "", "案内しなかった先生", 0, False,
            ),
        ]  # fmt: skip
        self._assign(np.random.default_rng([seed, 611]))

    def _assign(self, rng: np.random.Generator) -> None:
        """Draw the arms; the arms of the fifth follow from what is known just before it starts."""
        people, count, offices = self.company.physicians, len(self.company.physicians), self.company.n_offices
        listed = np.flatnonzero(people.is_target & people.is_resolvable & (people.deleted_month > NEVER - 1))
        order = rng.permutation(listed)
        self._by_physician(self.all[0], order, len(order) // 2)
        wave = rng.permutation(offices)
        third = offices // 3
        second = self.all[1]
        starts = np.full(offices, NEVER)
        starts[wave[:third]] = second.start
        starts[wave[third : 2 * third]] = min(second.start + 2, self.company.period.months - 1)
        self._by_office(second, starts)
        half = rng.permutation(offices)[: offices // 2]
        starts = np.full(offices, NEVER)
        starts[half] = self.all[2].start
        self._by_office(self.all[2], starts)
        few = rng.permutation(listed)[: min(SMALL_PILOT, len(listed))]
        self._by_physician(self.all[3], few, len(few) // 2)
        fifth = self.all[4]
        fifth.treated_from, fifth.is_assigned = np.full(count, NEVER), np.zeros(count, dtype=bool)
        for initiative in self.all:
            initiative.phase_at_start = np.full(count, -1, dtype=np.int8)

    def _by_physician(self, initiative: Initiative, order: Array, treated: int) -> None:
        count = len(self.company.physicians)
        initiative.is_assigned = np.zeros(count, dtype=bool)
        initiative.is_assigned[order] = True
        initiative.treated_from = np.full(count, NEVER)
        initiative.treated_from[order[:treated]] = initiative.start

    def _by_office(self, initiative: Initiative, starts: Array) -> None:
        period = self.company.period
        day = period.month_start(initiative.start)
        office = self.company.facilities.office[self.company.facility_of(day)]
        initiative.office_from = starts
        initiative.treated_from = starts[office]
        initiative.is_assigned = np.ones(len(office), dtype=bool)

    def lift(self, index: int, phase: Array) -> Array:
        """Who is moved forward by an initiative at the end of month `index` (physician × product).

        What is done in a month shows in its own phase, so that the move into the month of the start counts.
        Draws are spread evenly among the treated: a small company shows what is true, not a lucky draw.
        """
        lifted = np.zeros(phase.shape, dtype=bool)
        rng = np.random.default_rng([self.seed, 612, index])
        for initiative in self.all:
            mine = phase[:, initiative.product]
            if initiative.number == 5 and index + 1 == max(initiative.start, 1):
                self._choose_active(initiative, mine)
            starting = index + 1 == np.maximum(initiative.treated_from, 1)
            initiative.phase_at_start = np.where(starting, mine, initiative.phase_at_start).astype(np.int8)
            if index + 1 == max(initiative.start, 1):
                initiative.phase_before = mine.copy()
            if index + 1 == max(initiative.start, 1) + HORIZON_MONTHS:
                initiative.phase_after = mine.copy()
            open_to = (initiative.treated_from <= index + 1) & (mine <= P4)
            chosen = np.flatnonzero(open_to)
            if initiative.effect and len(chosen):
                place = (rng.permutation(len(chosen)) + rng.random()) / len(chosen)
                lifted[chosen[place < initiative.effect], initiative.product] = True
        return lifted

    def _choose_active(self, initiative: Initiative, phase: Array) -> None:
        people = self.company.physicians
        listed = people.is_target & people.is_resolvable & (people.deleted_month > NEVER - 1)
        active = listed & (phase >= P1) & (phase <= P3)
        initiative.is_assigned = active | (listed & (phase == P0))
        initiative.treated_from = np.where(active, initiative.start, NEVER)

    def true_effect_per_100(self, initiative: Initiative) -> float:
        """More treated physicians of 100 who are further on after the horizon than without the initiative.

        The outcome that is read out: of those who stood in P0 to P5 just before their start, who stands in a
        further phase three months later. Expected from each one's phase at the start, by the monthly chances
        of moving on (with the phase's share of webinars) and of lapsing; dormant counts as not further.
        """
        phases = initiative.phase_at_start[
            (initiative.phase_at_start >= P0) & (initiative.phase_at_start <= P5)
        ]
        if not len(phases):
            return 0.0
        return float(self._gain_per_100(initiative.effect)[phases].mean())

    def _gain_per_100(self, effect: float) -> Array:
        """How many more of 100 are further on after the horizon, by the phase at its start (8)."""
        return 100 * (self._further(effect) - self._further(0.0))

    def _further(self, effect: float) -> Array:
        """Chance of being further on after the horizon, by the phase at its start (8)."""
        moves = np.array(self.p.forward_per_month, dtype=float)
        moves[: P4 + 1] += (np.array(self.p.webinar_exposure) * self.p.webinar_effect_per_month)[: P4 + 1]
        moves[: P4 + 1] = 1 - (1 - moves[: P4 + 1]) * (1 - effect)
        month = np.zeros((len(PHASES), len(PHASES)))
        for phase in range(len(PHASES)):
            lapses = (1 - moves[phase]) * self.p.lapse_per_month if P2 <= phase <= P5 else 0.0
            month[phase, P2 if phase == PX else min(phase + 1, P6)] += moves[phase]
            month[phase, PX] += lapses
            month[phase, phase] += 1 - moves[phase] - lapses
        reached = np.linalg.matrix_power(month, HORIZON_MONTHS)
        return np.asarray((reached * (_RANK[None, :] > _RANK[:, None])).sum(axis=1))

    def _outcome(self, initiative: Initiative) -> dict[str, Any]:
        """What became of both arms in the horizon from the first start on, among listed targets.

        Of a roll-out the first to start, and those who never do. None where the period ends before.
        """
        before, after = initiative.phase_before, initiative.phase_after
        if not len(after):
            return {"treated": None, "control": None}
        people = self.company.physicians
        seen = people.is_target & people.is_resolvable & (people.deleted_month > NEVER - 1)
        seen &= initiative.is_assigned & (before >= P0) & (before <= P5)
        return {
            arm: {
                "physicians": int((seen & members).sum()),
                "further": int((_RANK[after] > _RANK[before])[seen & members].sum()),
            }
            for arm, members in (
                ("treated", initiative.treated_from == initiative.start),
                ("control", initiative.treated_from == NEVER),
            )
        }

    def truth(self) -> list[dict[str, Any]]:
        """The section `initiatives` of truth.json."""
        return [
            {
                "initiative_id": one.id,
                "product_id": one.product_id,
                "design": one.design,
                "unit_type": one.unit_type,
                "lesson": one.lesson,
                "starts_month": self.company.period.label(one.start),
                "treated_physicians": int((one.treated_from < NEVER).sum()),
                "control_physicians": int((one.is_assigned & (one.treated_from == NEVER)).sum()),
                "treated_offices": int((one.office_from < NEVER).sum()) if len(one.office_from) else None,
                "true_effect_per_month": one.effect,
                "true_effect_per_100_over_horizon": round(self.true_effect_per_100(one), 2),
                "true_effect_per_100_by_phase": {
                    PHASES[phase]: round(float(self._gain_per_100(one.effect)[phase]), 2)
                    for phase in range(P5 + 1)
                },
                "horizon_months": HORIZON_MONTHS,
                "outcome": "of those in P0-P5 before the start, in a further phase after the horizon",
                "outcome_by_arm": self._outcome(one),
                "phases_at_start": {
                    PHASES[phase]: int((one.phase_at_start == phase).sum()) for phase in range(P6 + 1)
                },
            }
            for one in self.all
        ]
