"""Did an initiative of head office bring physicians forward? One answer per initiative (R46, R50).

Outcome, the same for all: of the physicians who stood in a phase from which one can move on (P0 to P5) on the
last month end before the start, whoever stands in a further phase 90 days later. Whoever moved on and fell
back by then has not moved on. What the register names as outcome is free text and shown beside it.

As assigned, whatever was done; an assignment made after the start is none. One physician is one unit, however
many rows he has.

    randomised        arms compared, less what the same outcome before foretells
    staggered         Callaway and Sant'Anna over windows of 90 days; a window that touches the treatment is
                      treated, and the effect is that of the first window lying wholly in it
    comparison_only   similar physicians, difference in differences: the ladder's `matched`

Similar includes whether a need about the product was open when the month of the start began (who asks is
chosen, and moves on), and whether the physician works in several facilities, as in `channel_trial`. In a lot
or a roll-out of offices he belongs to the office whose representative he is on the books of; what he meets
elsewhere makes the sides more alike, and the difference smaller.

Whoever another initiative about the product treats within the wash-out before the start or until the outcome
is counted out is left out of both sides, as far as that was decided before: of a lot or a roll-out before it
was drawn, of similar physicians by the start. What was decided later can be a consequence, so nobody is left
out for it; how many it concerns is told.

Each also keeps what lay between the sides in every window (`periods`): before the start it should be nothing.
The estimators are in `pilot_trial`. Whatever cannot be compared has an answer too: why not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shirube.estimation.channel_trial import CONTACT_BANDS
from shirube.estimation.decision_ladder import (
    Burden,
    Design,
    Finding,
    NecessityRule,
    State,
    effect_e_value,
    hidden_e_value,
    in_state,
    judge,
    limit_e_value,
)
from shirube.estimation.journey_panel import START_PHASES, read_horizon
from shirube.estimation.multiplicity import q_values
from shirube.estimation.necessity import read_rule
from shirube.estimation.periods import PERIODS, records
from shirube.estimation.pilot_trial import (
    Comparison,
    read_out_matched,
    read_out_randomised,
    read_out_staggered,
)
from shirube.estimation.staggered import NEVER
from shirube.medical import MEDICAL_CHANNELS

Array = npt.NDArray[Any]

NAME: str = "pilot_readout"
READS: tuple[str, ...] = (
    "dim_initiative",
    "dim_topic",
    "fct_assignment",
    "fct_journey_transition",
    "fct_need_signal",
    "fct_physician_channel_product_month",
    "fct_physician_contact_month",
    "fct_physician_month",
)
SCHEMA = pa.schema(
    [
        ("initiative_id", pa.string()),
        ("design", pa.string()),
        ("first_start_on", pa.date32()),
        ("compared_from", pa.date32()),
        ("n_assigned_late", pa.int64()),
        ("n_assigned_treated", pa.int64()),
        ("n_assigned_control", pa.int64()),
        ("n_washed_out", pa.int64()),
        ("n_treated_elsewhere", pa.int64()),
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
        ("pre_trend_p_value", pa.float64()),
        ("failed_diagnostics", pa.string()),
        ("missing_diagnostics", pa.string()),
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
DESIGNS = {
    "randomised": Design.RANDOMISED,
    "staggered": Design.STAGGERED,
    "comparison_only": Design.MATCHED,
}
"""The register's designs that can be read out, and what the ladder calls them."""
NOTHING = Burden(math.nan, math.nan)


@dataclass(frozen=True)
class Initiative:
    """What the register and the list of assignments say. `first_start_on`: first day on which anybody
    assigned in time is treated."""

    initiative_id: str
    product_id: str | None
    design: str | None
    ends_on: date | None
    first_start_on: date | None
    n_assigned: int
    n_assigned_late: int


@dataclass(frozen=True)
class Calendar:
    """The month ends on record, the day of the question, and the outcome's horizon."""

    months: tuple[date, ...]
    as_of: date
    horizon_days: int
    horizon: int

    def months_before(self, day: date) -> int:
        """How many months had ended before the day: the number of the month it lies in."""
        return sum(month < day for month in self.months)


@dataclass(frozen=True)
class Pilot:
    """One initiative's n physicians over T months.

    moved (n, T): 1 further on after the horizon from that month's end, 0 not, nan not comparable; known
    (n, T): the same, nan also where the records are too young to be sure of the phase. start (n): number of
    the month in which treatment begins, `NEVER` for controls. phase (n): place in START_PHASES at the
    baseline, -1 for any other. other (2, n): mean of the outcome over the other products, from the baseline
    and from one horizon before it. cluster (n) from 0: what was assigned, or who looks after the physician
    where nobody drew lots. kind (n): specialty × practice × area × one or several facilities. contacts (n):
    delivered push contacts in the horizon before the baseline's end. in_need (n): whether a need about the
    product was open when the month of the first start began.
    """

    moved: Array
    known: Array
    start: Array
    phase: Array
    other: Array
    cluster: Array
    kind: Array
    contacts: Array
    in_need: Array
    burden: Burden
    horizon: int

    @property
    def baseline(self) -> int:
        """Number of the last month that ends before the first start."""
        return int(self.start.min()) - 1

    def months_from_start(self, window: int) -> int:
        """Months from that of the first start to the first of the window that is counted from a month end."""
        return window - self.baseline

    @property
    def is_treated(self) -> Array:
        """Who is of the arm that is treated, whenever that begins (n)."""
        return self.start < NEVER


@dataclass(frozen=True)
class Elsewhere:
    """Target physicians assigned who were treated by another initiative about the product at that time:
    `washed_out` for what was decided before and so left out, `kept` for what was decided later."""

    washed_out: int = 0
    kept: int = 0


@dataclass(frozen=True)
class ReadOut:
    """One initiative's finding, with what the mart shows beside it."""

    initiative: Initiative
    finding: Finding
    compared_from: date | None = None
    n_assigned_treated: int = 0
    n_assigned_control: int = 0
    pre_trend_p_value: float = math.nan
    elsewhere: Elsewhere | None = None


def estimate(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Read out every initiative of the register, or say why it cannot be."""
    rule, _ = read_rule(connection)
    calendar = _read_calendar(connection, as_of)
    found = []
    for initiative in _read_initiatives(connection):
        shortage = _shortage(initiative, calendar)
        if shortage:
            found.append(ReadOut(initiative, _empty(initiative, shortage)))
            continue
        elsewhere = _read_elsewhere(connection, initiative, calendar, rule)
        pilot = _read_pilot(connection, initiative, calendar, rule)
        found.append(replace(_read_out(initiative, calendar, pilot, elsewhere, rule), elsewhere=elsewhere))
    return pa.Table.from_pylist(rows(found, rule), schema=SCHEMA)


def _empty(initiative: Initiative, words: str) -> Finding:
    design = DESIGNS.get(initiative.design or "", Design.NONE)
    return Finding(design, None, 0, 0, 0, math.nan, (), NOTHING, shortage_ja=words)


def _shortage(initiative: Initiative, calendar: Calendar) -> str:
    """Why there is nothing to read yet, by the register and the calendar; empty where there is."""
    if initiative.design is None:
        return "比べ方の設計が、台帳にありません"
    if initiative.design not in DESIGNS:
        return "比べる相手を決めずに始めた施策です"
    if initiative.product_id is None:
        return "対象の製品が、台帳から分かりません"
    first = initiative.first_start_on
    if first is None and initiative.n_assigned_late:
        return "割付が、始まったあとに記録されています"
    if first is None:
        return "割付の記録がありません" if not initiative.n_assigned else "実施する側の割付がありません"
    if first > calendar.as_of:
        return f"まだ始まっていません（開始は{_day(first)}）"
    start = calendar.months_before(first)
    if start == 0:
        return "始まる前の月の記録がありません"
    if start - 1 + calendar.horizon >= len(calendar.months):
        return f"始まってから{calendar.horizon_days}日の結果が、まだそろっていません"
    return ""


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _read_out(
    initiative: Initiative,
    calendar: Calendar,
    pilot: Pilot | None,
    elsewhere: Elsewhere,
    rule: NecessityRule,
) -> ReadOut:
    if pilot is None or not pilot.is_treated.any():
        words = "割り付けた先生のうち、対象の先生として追える人がいません"
        if elsewhere.washed_out:
            words = "実施する側の先生が、同じ製品のほかの施策と重なり、残りません"
        return ReadOut(initiative, _empty(initiative, words))
    finding, p_value = read_out(pilot, initiative, rule)
    return ReadOut(
        initiative,
        finding,
        calendar.months[pilot.baseline],
        int(pilot.is_treated.sum()),
        int((~pilot.is_treated).sum()),
        p_value,
    )


def read_out(pilot: Pilot, initiative: Initiative, rule: NecessityRule) -> tuple[Finding, float]:
    """The finding of one initiative and the p-value of its trend before (nan where none was computed)."""
    design = DESIGNS[initiative.design or ""]
    if design is Design.STAGGERED:
        # A window from t covers the months t + 1 to t + horizon: the first to touch month s is s - horizon.
        start = np.where(pilot.is_treated, np.maximum(pilot.start - pilot.horizon, 0), NEVER)
        return read_out_staggered(pilot.known, start, pilot.cluster, rule, pilot.burden, pilot.horizon)
    outcome = pilot.moved if design is Design.RANDOMISED else pilot.known
    latest = pilot.baseline - pilot.horizon
    windows = [latest - number for number in range(rule.minimum_pre_periods)]
    windows = [t for t in windows if t >= 0 and np.isfinite(outcome[:, t]).mean() > 0.5]
    kept = np.isfinite(outcome[:, pilot.baseline])
    for window in windows if design is Design.MATCHED else ():
        kept &= np.isfinite(pilot.known[:, window])
    treated = pilot.is_treated[kept]
    if treated.all() or not treated.any():
        return _empty(initiative, "どちらかの側に、比べられる先生がいません"), math.nan
    _, cluster = np.unique(pilot.cluster[kept], return_inverse=True)
    if design is Design.RANDOMISED:
        earlier = [(pilot.months_from_start(window), outcome[kept, window]) for window in windows]
        compared = np.column_stack([_before(pilot)[kept], outcome[kept, pilot.baseline]]).astype(float)
        return read_out_randomised(compared, treated, cluster, 1, rule, pilot.burden, earlier), math.nan
    return _matched(pilot, kept, windows, cluster, rule)


def _before(pilot: Pilot) -> Array:
    """What foretells the outcome (n): how often the physician moved on in the windows that ended before.

    The mean of all where he has none; the phase at the baseline where nobody has any.
    """
    earlier = pilot.moved[:, : max(0, pilot.baseline - pilot.horizon + 1)]
    seen = np.isfinite(earlier)
    count = seen.sum(axis=1)
    if not count.any():
        return pilot.phase.astype(float)
    share = np.where(seen, earlier, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, share, share[count > 0].mean())


def _matched(
    pilot: Pilot, kept: Array, windows: list[int], cluster: Array, rule: NecessityRule
) -> tuple[Finding, float]:
    band = np.searchsorted(CONTACT_BANDS, pilot.contacts[kept])
    phase = pilot.phase[kept].astype(int)
    stratum = (pilot.kind[kept] * (len(START_PHASES) + 1) + phase + 1) * (len(CONTACT_BANDS) + 1) + band
    stratum = stratum * 2 + pilot.in_need[kept]
    before = pilot.known[kept][:, windows].T.astype(float)
    log_contacts = np.log1p(pilot.contacts[kept].astype(float))
    earlier = before.mean(axis=0) if windows else phase.astype(float)
    return read_out_matched(
        Comparison(
            pilot.is_treated[kept],
            stratum,
            cluster,
            pilot.known[kept, pilot.baseline].astype(float),
            before,
            [pilot.months_from_start(window) for window in windows],
            pilot.other[:, kept].astype(float),
            np.stack([log_contacts, earlier]),
        ),
        rule,
        pilot.burden,
    )


def rows(found: Sequence[ReadOut], rule: NecessityRule) -> list[dict[str, Any]]:
    """Rows of `SCHEMA`: count the questions that can be answered, correct for them, then judge."""
    p_values = np.array(
        [_probability(one.finding, rule) if _is_tested(one.finding, rule) else math.nan for one in found]
    )
    corrected, n_tests = q_values(p_values), int(np.isfinite(p_values).sum())
    return [
        _row(replace(one, finding=replace(one.finding, q_value=float(q_value))), rule)
        | {"p_value": _number(p_value), "q_value": _number(q_value), "n_tests": n_tests}
        for one, p_value, q_value in zip(found, p_values, corrected, strict=True)
    ]


def _is_tested(finding: Finding, rule: NecessityRule) -> bool:
    """Whether a verdict can come of it: what is too small to be shown is no question that was asked."""
    return (
        finding.effect is not None
        and finding.effect.is_known
        and min(finding.n_treated, finding.n_control) >= rule.minimum_units
        and finding.n_clusters >= rule.minimum_clusters
    )


def _probability(finding: Finding, rule: NecessityRule) -> float:
    # "At most the effect that matters" is the claim that a 必要 denies.
    return finding.effect.probability_above(rule.meaningful_effect) if finding.effect else math.nan


def _row(one: ReadOut, rule: NecessityRule) -> dict[str, Any]:
    finding, effect = one.finding, one.finding.effect
    judgement = judge(finding, rule)
    row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    row |= {
        "initiative_id": one.initiative.initiative_id,
        "design": finding.design.value,
        "first_start_on": one.initiative.first_start_on,
        "compared_from": one.compared_from,
        "n_assigned_late": one.initiative.n_assigned_late,
        "n_assigned_treated": one.n_assigned_treated,
        "n_assigned_control": one.n_assigned_control,
        "n_washed_out": one.elsewhere.washed_out if one.elsewhere else None,
        "n_treated_elsewhere": one.elsewhere.kept if one.elsewhere else None,
        "meaningful_effect": rule.meaningful_effect,
        "failed_diagnostics": ",".join(in_state(finding, State.FAILED)),
        "missing_diagnostics": ",".join(in_state(finding, State.NOT_RUN)) if effect else "",
        "evidence_level": judgement.evidence_level,
        "verdict": judgement.verdict.value,
        "reason_ja": judgement.reason_ja,
        "rule_version": rule.rule_version,
    }
    if effect is None:
        return row
    rate = finding.baseline + effect.estimate
    row |= {
        "n_treated": finding.n_treated,
        "n_control": finding.n_control,
        "n_clusters": finding.n_clusters,
        "pre_trend_p_value": _number(one.pre_trend_p_value),
        "moved_treated": round(rate * finding.n_treated),
        "rate_treated": _number(rate),
        "rate_without": _number(finding.baseline),
        "effect": _number(effect.estimate),
        "effect_low": _number(effect.low),
        "effect_high": _number(effect.high),
        "minimum_detectable_effect": _number(effect.minimum_detectable),
        "contacts_per_treated": _number(finding.burden.contacts),
        "contacts_per_move": _number(finding.burden.contacts_per_move(effect.estimate)),
        "over_contact_share": _number(finding.burden.over_contact_share),
        "periods": records(finding.periods),
    }
    if judgement.evidence_level < "E4":
        row |= {
            "e_value": _number(effect_e_value(finding, effect)),
            "e_value_limit": _number(limit_e_value(finding, effect)),
            "e_value_hidden": _number(hidden_e_value(finding, effect, rule)),
        }
    return row


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _read_calendar(connection: duckdb.DuckDBPyConnection, as_of: date) -> Calendar:
    """Also numbers the months for the queries that follow."""
    connection.execute(
        "create or replace temp table pilot_month as "
        "select month_end, cast(row_number() over (order by month_end) - 1 as integer) as number "
        "from (select distinct month_end from core.fct_physician_month where month_end <= ?)",
        [as_of],
    )
    months = connection.execute("select month_end from pilot_month order by number").fetchall()
    return Calendar(tuple(month for (month,) in months), as_of, *read_horizon(connection))


def _read_initiatives(connection: duckdb.DuckDBPyConnection) -> list[Initiative]:
    # A treated unit that names no day of its own begins with the initiative; a control has none.
    found = connection.execute(
        """
        select
            initiative.initiative_id, initiative.product_id, initiative.design, initiative.ends_on,
            min(coalesce(assignment.starts_on, initiative.starts_on))
                filter (assignment.arm = 'treatment' and assignment.is_assigned_before_start),
            count(assignment.assignment_key),
            count(*) filter (not assignment.is_assigned_before_start)
        from core.dim_initiative as initiative
        left join core.fct_assignment as assignment using (initiative_id)
        group by 1, 2, 3, 4
        order by 1
        """
    ).fetchall()
    return [Initiative(*row) for row in found]


def _read_elsewhere(
    connection: duckdb.DuckDBPyConnection, initiative: Initiative, calendar: Calendar, rule: NecessityRule
) -> Elsewhere:
    """Name the target physicians assigned in time (`pilot_member`) and those of them who are left out
    (`pilot_washed_out`).

    An initiative that names no product may be about any; one without an end goes on. Who of an office it
    treated is known by the office before the start.
    """
    assert initiative.first_start_on is not None
    baseline = calendar.months_before(initiative.first_start_on) - 1
    _name_members(connection, initiative, calendar, baseline)
    connection.execute(
        f"""
        create or replace temp table pilot_treated_elsewhere as
        with own as (
            select
                $first_start - to_months($washout) as washout_from,
                last_day(
                    case when $design = 'staggered' then max(begins_on) filter (arm = 'treatment')
                        else $first_start end
                    + to_months($horizon - 1)
                ) as outcome_until,
                case when $design = 'comparison_only' then $first_start
                    else min(assigned_on) - 1 end as decided_until
            from pilot_member
        ),
        unit as (
            {_first_assignments("assignment.initiative_id <> $initiative")}
            and (initiative.product_id = $product or initiative.product_id is null)
            qualify place = 1
        ),
        treated as (
            select unit.*, coalesce(unit.assigned_on <= own.decided_until, false) as is_decided_before
            from unit cross join own
            where unit.arm = 'treatment' and unit.begins_on <= own.outcome_until
                and coalesce(unit.ends_on >= own.washout_from, true)
        )
        select member.physician_key, treated.is_decided_before
        from pilot_member as member inner join treated
            on treated.unit_type = 'physician' and member.physician_key = treated.unit_id
        union all
        select member.physician_key, treated.is_decided_before
        from pilot_member as member inner join treated
            on treated.unit_type = 'office' and member.office_id = treated.unit_id
        -- Who is named himself is not taken with his office too.
        where (treated.initiative_id, member.physician_key) not in (
            select (initiative_id, unit_id) from unit where unit_type = 'physician'
        )
        """,
        {
            "initiative": initiative.initiative_id,
            "product": initiative.product_id,
            "design": initiative.design,
            "first_start": initiative.first_start_on,
            "washout": rule.washout_months,
            "horizon": calendar.horizon,
        },
    )
    connection.execute(
        "create or replace temp table pilot_washed_out as "
        "select distinct physician_key from pilot_treated_elsewhere where is_decided_before"
    )
    found = connection.execute(
        "select (select count(*) from pilot_washed_out), count(distinct physician_key) "
        "from pilot_treated_elsewhere"
    ).fetchone()
    assert found is not None
    washed_out, everybody = found
    return Elsewhere(washed_out, everybody - washed_out)


def _read_pilot(
    connection: duckdb.DuckDBPyConnection, initiative: Initiative, calendar: Calendar, rule: NecessityRule
) -> Pilot | None:
    """Those of `pilot_member` who are not left out, where they were before the start; None without any."""
    assert initiative.first_start_on is not None
    baseline = calendar.months_before(initiative.first_start_on) - 1
    units = _read_units(connection, initiative)
    count, horizon = len(units["start"]), calendar.horizon
    if not count:
        return None
    moved, known, phase = _read_outcome(connection, initiative, calendar, count, baseline)
    contacts = np.zeros(count, np.float32)
    found = connection.execute(
        "select unit.number, cast(sum(contact.push_contacts) as integer) as contacts "
        "from core.fct_physician_contact_month as contact "
        "inner join pilot_unit as unit on contact.physician_key = unit.physician_key "
        "inner join pilot_month as month on contact.month_end = month.month_end "
        "where month.number > ? and month.number <= ? group by 1",
        [baseline - horizon, baseline],
    ).fetchnumpy()
    contacts[found["number"]] = found["contacts"]
    return Pilot(
        moved,
        known,
        units["start"].astype(np.int64),
        phase,
        _read_other(connection, initiative, calendar, count, baseline),
        units["cluster"],
        units["kind"].astype(np.int64),
        contacts,
        _read_in_need(connection, initiative, calendar, count, baseline),
        _read_burden(connection, initiative, calendar, rule),
        horizon,
    )


def _first_assignments(which: str) -> str:
    """Assignments that meet the condition; those with `place` 1 count, as two codes can be one physician."""
    return f"""
            select
                assignment.initiative_id, assignment.unit_type, assignment.unit_id, assignment.arm,
                assignment.assigned_on, coalesce(assignment.starts_on, initiative.starts_on) as begins_on,
                initiative.ends_on,
                row_number() over (
                    partition by assignment.initiative_id, assignment.unit_type, assignment.unit_id
                    order by assignment.assigned_on, assignment.assignment_key
                ) as place
            from core.fct_assignment as assignment
            inner join core.dim_initiative as initiative using (initiative_id)
            where assignment.unit_id is not null and {which}
    """


def _name_members(
    connection: duckdb.DuckDBPyConnection, initiative: Initiative, calendar: Calendar, baseline: int
) -> None:
    """`pilot_member`: the target physicians assigned in time, by themselves or with their office."""
    connection.execute(
        f"""
        create or replace temp table pilot_member as
        with unit as (
            {_first_assignments("assignment.initiative_id = $initiative")}
            and assignment.is_assigned_before_start
            qualify place = 1
        ),
        listed as (
            select physician_key, specialty_group, practice_type, area_type, has_several_facilities,
                office_id, employee_key
            from core.fct_physician_month where month_end = $month_end and is_target
        )
        select listed.*, unit.* from listed
        inner join unit on unit.unit_type = 'physician' and listed.physician_key = unit.unit_id
        union all
        select listed.*, unit.* from listed
        inner join unit on unit.unit_type = 'office' and listed.office_id = unit.unit_id
        -- Who is named himself is not taken with his office too.
        where listed.physician_key not in (select unit_id from unit where unit_type = 'physician')
        """,
        {"initiative": initiative.initiative_id, "month_end": calendar.months[baseline]},
    )


def _read_units(connection: duckdb.DuckDBPyConnection, initiative: Initiative) -> dict[str, Array]:
    """Number the physicians (`pilot_unit`): start, cluster and kind of each (n)."""
    looks_after = initiative.design == "comparison_only"
    connection.execute(
        f"""
        create or replace temp table pilot_unit as
        select
            physician_key,
            cast(row_number() over (order by physician_key) - 1 as integer) as number,
            cast(case
                when arm = 'treatment' then (select count(*) from pilot_month where month_end < begins_on)
                else {NEVER}
            end as integer) as start,
            cast(dense_rank() over (order by
                case when unit_type = 'physician' and {looks_after}
                    then coalesce(employee_key, '~' || physician_key) else unit_id end
            ) - 1 as integer) as cluster,
            cast(dense_rank() over (
                order by specialty_group, practice_type, area_type, has_several_facilities
            ) - 1 as integer) as kind
        from pilot_member
        where physician_key not in (select physician_key from pilot_washed_out)
        """
    )
    found = connection.execute("select start, cluster, kind from pilot_unit order by number").fetchnumpy()
    return {name: np.asarray(values) for name, values in found.items()}


def _read_outcome(
    connection: duckdb.DuckDBPyConnection,
    initiative: Initiative,
    calendar: Calendar,
    count: int,
    baseline: int,
) -> tuple[Array, Array, Array]:
    """`moved`, `known` (n, T) and `phase` (n) of `Pilot`."""
    shape = (count, len(calendar.months))
    moved, known = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    phase = np.full(count, -1, np.int8)
    numbers = " ".join(f"when '{name}' then {number}" for number, name in enumerate(START_PHASES))
    found = connection.execute(
        f"""
        select unit.number as unit, month.number as month,
            cast(transition.is_forward as tinyint) as moved,
            cast(case transition.from_phase_id {numbers} end as tinyint) as phase,
            coalesce(transition.is_start_observable, false) as is_sure
        {_transitions(calendar)} and transition.product_id = ?
        """,
        [initiative.product_id],
    ).fetchnumpy()
    place = (found["unit"], found["month"])
    moved[place] = found["moved"]
    known[place] = np.where(found["is_sure"], found["moved"], np.nan)
    here = found["month"] == baseline
    phase[found["unit"][here]] = found["phase"][here]
    return moved, known, phase


def _transitions(calendar: Calendar) -> str:
    """Horizons that can be compared: of physicians who stayed and were targets at both ends."""
    starts = ", ".join(f"'{name}'" for name in START_PHASES)
    return f"""
        from core.fct_journey_transition as transition
        inner join pilot_unit as unit on transition.physician_key = unit.physician_key
        inner join pilot_month as month on transition.month_end = month.month_end
        where transition.horizon_days = {calendar.horizon_days} and transition.is_forward is not null
            and transition.is_observed_until_end and transition.is_target_throughout
            and transition.from_phase_id in ({starts})
    """


def _read_other(
    connection: duckdb.DuckDBPyConnection,
    initiative: Initiative,
    calendar: Calendar,
    count: int,
    baseline: int,
) -> Array:
    """`other` of `Pilot` (2, n): the placebo, products that the initiative is not about."""
    other = np.full((2, count), np.nan, np.float32)
    if initiative.design != "comparison_only":
        return other
    for place, month in enumerate((baseline, baseline - calendar.horizon)):
        found = connection.execute(
            "select unit.number, avg(cast(transition.is_forward as integer)) as moved "
            f"{_transitions(calendar)} and transition.product_id <> ? and month.number = ? "
            "and transition.is_start_observable group by 1",
            [initiative.product_id, month],
        ).fetchnumpy()
        other[place, found["number"]] = found["moved"]
    return other


def _read_in_need(
    connection: duckdb.DuckDBPyConnection,
    initiative: Initiative,
    calendar: Calendar,
    count: int,
    baseline: int,
) -> Array:
    """`in_need` of `Pilot` (n), where it is matched: as in `journey_panel`, a need about no product may be
    about any, and what Medical was asked has no topic and is left out."""
    in_need = np.zeros(count, np.int64)
    if initiative.design != "comparison_only":
        return in_need
    found = connection.execute(
        "select distinct unit.number from core.fct_need_signal as signal "
        "inner join core.dim_topic as topic on signal.topic_id = topic.topic_id "
        "inner join pilot_unit as unit on signal.physician_key = unit.physician_key "
        "where (signal.product_id = $product or signal.product_id is null) "
        "and signal.signalled_on <= $before and signal.open_until > $before",
        {"product": initiative.product_id, "before": calendar.months[baseline]},
    ).fetchnumpy()
    in_need[found["number"]] = 1
    return in_need


def _read_burden(
    connection: duckdb.DuckDBPyConnection, initiative: Initiative, calendar: Calendar, rule: NecessityRule
) -> Burden:
    """What the treated physicians were asked to bear while they were treated, up to the outcome's end.

    From the month in which each one's treatment begins, for the horizon, or until the initiative ends. Only
    those whose horizon is over. Contacts: delivered, about the product, without Medical's. The share pressed
    beyond the company's rule is one of physicians × months, as the rule is one for 30 days.
    """
    found = connection.execute(
        """
        with treated as (
            select physician_key, start from pilot_unit where start + $horizon <= $months
        ),
        treated_month as (
            select treated.physician_key, month.month_end from treated
            inner join pilot_month as month
                on month.number >= treated.start and month.number < treated.start + $horizon
            where date_trunc('month', month.month_end) <= coalesce($ends_on, month.month_end)
        ),
        contact as (
            select sum(contact.delivered_contacts) as contacts
            from core.fct_physician_channel_product_month as contact
            inner join treated_month using (physician_key, month_end)
            where contact.product_id = $product and not list_contains($medical, contact.channel_id)
        ),
        pressed as (
            select count(*) as months
            from core.fct_physician_contact_month as contact
            inner join treated_month using (physician_key, month_end)
            where contact.max_push_contacts_30d > $most
        )
        select
            coalesce(contact.contacts, 0), pressed.months,
            (select count(*) from treated), (select count(*) from treated_month)
        from contact cross join pressed
        """,
        {
            "horizon": calendar.horizon,
            "months": len(calendar.months),
            "ends_on": initiative.ends_on,
            "product": initiative.product_id,
            "medical": list(MEDICAL_CHANNELS),
            "most": rule.over_contact_above,
        },
    ).fetchone()
    assert found is not None
    contacts, pressed, treated, months = found
    return Burden(float(contacts) / treated, pressed / months) if months else NOTHING
