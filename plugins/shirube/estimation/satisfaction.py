"""What went together with satisfaction in the quarter after, and how far the satisfaction index can be relied
on.

A physician counts once per quarter, with his last answer. What he does is looked for in the next quarter
only, so that nothing he did before he was asked is counted. No sales anywhere: facilities' orders are not a
physician's.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shirube.estimation.rate_difference import RateDifference, difference_of_rates
from shirube.estimation.records import records
from shirube.estimation.reliability import Reliability, cronbach_alpha, retest
from shirube.fiscal_periods import FiscalPeriod, containing, fiscal_start_month
from shirube.medical import MEDICAL_CHANNELS
from shirube.rules import rows_in_force

NAME = "satisfaction"
READS: tuple[str, ...] = (
    "dim_date",
    "fct_consent_event",
    "fct_physician_month",
    "fct_survey_response",
    "fct_touchpoint",
)
OUTCOMES = ("pull", "opt_out")
_COEFFICIENTS = ("alpha", "retest")
SCHEMA = pa.schema(
    [
        ("period_type", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("n_physicians", pa.int64()),
        ("n_satisfied", pa.int64()),
        ("n_not_satisfied", pa.int64()),
        ("n_consented_satisfied", pa.int64()),
        ("n_consented_not_satisfied", pa.int64()),
        *[
            (f"{outcome}_{part}", kind)
            for outcome in OUTCOMES
            for part, kind in (
                ("satisfied", pa.int64()),
                ("not_satisfied", pa.int64()),
                ("difference", pa.float64()),
                ("difference_low", pa.float64()),
                ("difference_high", pa.float64()),
            )
        ],
        *[
            (f"{prefix}{name}{suffix}", pa.int64() if prefix else pa.float64())
            for name in _COEFFICIENTS
            for prefix, suffix in (("n_", ""), ("", ""), ("", "_low"), ("", "_high"))
        ],
        ("min_reliability", pa.float64()),
        ("meaningful_difference", pa.float64()),
        ("rule_version", pa.string()),
    ]
)

_SETTING = f"select * from {rows_in_force('cs_setting')}"
_ITEMS = "select * from seeds.cs_index_item where rule_version = $rule_version order by item_id"

# Whoever has left the master by the end of the next quarter could not be seen in it. What was asked of
# Medical is no coming to us, and who objects to being measured on a web site has not declined to be
# written to. To decline what was declined already is no news, as in mart_contact_burden. Only who agreed
# to be written to when the quarter began can decline it: who is satisfied may have agreed more often.
_ANSWERED = f"""
    with last_answer as (
        select
            physician_key,
            cast(date_trunc('quarter', responded_on) as date) as quarter_start,
            max_by(score, (responded_on, response_key)) as score
        from core.fct_survey_response
        where item_id = 'csat' and score is not null and physician_key is not null and responded_on <= $as_of
        group by physician_key, quarter_start
    ),
    followed as (
        select
            last_answer.physician_key,
            last_answer.quarter_start,
            last_answer.score,
            coalesce(physician_month.employee_key, '~' || last_answer.physician_key) as looked_after_by,
            cast(last_answer.quarter_start + interval '3' month as date) as next_start,
            last_day(last_answer.quarter_start + interval '5' month) as next_end
        from last_answer
        inner join core.fct_physician_month as physician_month
            on
                last_answer.physician_key = physician_month.physician_key
                and physician_month.month_end = last_day(last_answer.quarter_start + interval '5' month)
                and physician_month.month_end <= $as_of
                and physician_month.is_active
    ),
    pulled as (
        select distinct followed.physician_key, followed.quarter_start
        from followed
        inner join core.fct_touchpoint as contact
            on
                followed.physician_key = contact.physician_key
                and contact.occurred_on between followed.next_start and followed.next_end
        where
            contact.direction = 'pull'
            and contact.depth >= $pull_min_depth
            and contact.channel_id not in {MEDICAL_CHANNELS}
            and contact.initiator is distinct from 'medical'
            and contact.info_class is distinct from 'non_promotional_medical'
            and not coalesce(contact.routed_to_medical, false)
    ),
    word as (
        select
            physician_key,
            captured_on,
            expires_on,
            consent_state,
            lag(consent_state) over in_order as consent_state_before,
            lead(captured_on) over in_order as next_captured_on
        from core.fct_consent_event
        where channel_id in (select consent_channel from seeds.channel_consent_rule)
        window in_order as (
            partition by physician_key, channel_id
            order by captured_on, captured_at, case consent_state when 'opted_out' then 1 else 0 end
        )
    ),
    agreed as (
        select distinct followed.physician_key, followed.quarter_start
        from followed
        inner join word
            on
                followed.physician_key = word.physician_key
                and word.captured_on < followed.next_start
                and coalesce(word.next_captured_on >= followed.next_start, true)
        where word.consent_state = 'opted_in' and coalesce(word.expires_on >= followed.next_start, true)
    ),
    opted_out as (
        select distinct followed.physician_key, followed.quarter_start
        from followed
        inner join word
            on
                followed.physician_key = word.physician_key
                and word.captured_on between followed.next_start and followed.next_end
        where word.consent_state = 'opted_out' and word.consent_state_before is distinct from 'opted_out'
    )
    select
        followed.physician_key,
        followed.quarter_start,
        followed.looked_after_by,
        followed.score >= $satisfied_from as is_satisfied,
        pulled.physician_key is not null as pull,
        agreed.physician_key is not null as has_agreed,
        opted_out.physician_key is not null as opt_out
    from followed
    left join pulled
        on followed.physician_key = pulled.physician_key and followed.quarter_start = pulled.quarter_start
    left join agreed
        on followed.physician_key = agreed.physician_key and followed.quarter_start = agreed.quarter_start
    left join opted_out
        on
            followed.physician_key = opted_out.physician_key
            and followed.quarter_start = opted_out.quarter_start
    order by followed.quarter_start, followed.physician_key
"""

# A questionnaire answered in full, scaled to 0-1 with higher being better; the last one per physician and
# quarter.
_INDEX = """
    with scaled as (
        select
            answer.physician_key,
            answer.response_id,
            answer.responded_on,
            answer.item_id,
            case when item.is_reversed then item.highest - answer.score else answer.score - item.lowest end
                / cast(item.highest - item.lowest as double) as score
        from core.fct_survey_response as answer
        inner join seeds.cs_index_item as item
            on answer.item_id = item.item_id and item.rule_version = $rule_version
        where answer.physician_key is not null and answer.score is not null and answer.responded_on <= $as_of
    ),
    complete as (
        select
            physician_key,
            response_id,
            max(responded_on) as responded_on,
            list(score order by item_id) as scores
        from scaled
        group by physician_key, response_id
        having count(*) = $items
    )
    select
        physician_key,
        cast(date_trunc('quarter', responded_on) as date) as quarter_start,
        max_by(scores, (responded_on, response_id)) as scores
    from complete
    group by physician_key, quarter_start
    order by quarter_start, physician_key
"""


def estimate(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Rows per quarter, half and fiscal year in which physicians were asked and the quarter after is over."""
    setting = records(connection.execute(_SETTING))[0]
    version = {"rule_version": setting["rule_version"]}
    published = version | {name: setting[name] for name in ("min_reliability", "meaningful_difference")}
    items = connection.execute(_ITEMS, version).fetchall()
    wanted = {name: setting[name] for name in ("satisfied_from", "pull_min_depth")}
    answered = connection.execute(_ANSWERED, {"as_of": as_of} | wanted).fetchnumpy()
    index = connection.execute(_INDEX, {"as_of": as_of, "items": len(items)} | version).fetchall()
    quarters = sorted({_day(start) for start in answered["quarter_start"]})
    year_begins = fiscal_start_month(connection)
    rows = []
    for kind in ("quarter", "half", "fiscal_year"):
        periods = {containing(start, kind, year_begins) for start in quarters}
        for period in sorted(periods, key=lambda one: one.start):
            # A half is told once both its quarters can be followed up.
            last_quarter = containing(period.end, "quarter", year_begins)
            if last_quarter.start <= quarters[-1]:
                rows.append(_row(period, answered, index, setting) | published)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(
    period: FiscalPeriod, answered: dict[str, Any], index: list[tuple[Any, ...]], setting: dict[str, Any]
) -> dict[str, Any]:
    inside = _inside(answered["quarter_start"], period)
    person = np.asarray(answered["physician_key"][inside], dtype=str)
    cluster = np.asarray(answered["looked_after_by"][inside], dtype=str)
    satisfied = np.asarray(answered["is_satisfied"][inside], dtype=bool)
    least = setting["min_group"]
    row: dict[str, Any] = {"period_type": period.period_type, "period_start": period.start}
    row |= {"period_end": period.end}
    agreed = np.asarray(answered["has_agreed"][inside], dtype=bool)
    # Either group being too small to be shown, the other would give it away.
    if not _has_few(least, person, satisfied, ~satisfied):
        row |= {"n_physicians": len(np.unique(person))}
        pulled = np.asarray(answered["pull"][inside], dtype=bool)
        found = difference_of_rates(pulled, satisfied, person, cluster)
        row |= {"n_satisfied": found.cases, "n_not_satisfied": found.other_cases} | _difference("pull", found)
        if not _has_few(
            least, person, *(side & part for side in (satisfied, ~satisfied) for part in (agreed, ~agreed))
        ):
            declined = np.asarray(answered["opt_out"][inside], dtype=bool)[agreed]
            found = difference_of_rates(declined, satisfied[agreed], person[agreed], cluster[agreed])
            row |= {"n_consented_satisfied": found.cases, "n_consented_not_satisfied": found.other_cases}
            row |= _difference("opt_out", found)
    asked = [(physician, scores) for physician, quarter, scores in index if _in(quarter, period)]
    last = dict(asked)
    answers = np.array(list(last.values()), dtype=np.float64).reshape(len(last), -1 if last else 0)
    row |= _coefficient("alpha", cronbach_alpha(answers), least)
    return row | _coefficient("retest", _retest(index, period), least)


def _has_few(least: int, person: NDArray[Any], *groups: NDArray[np.bool_]) -> bool:
    """Whether one of the groups holds somebody, but fewer than may be shown."""
    return any(0 < len(np.unique(person[group])) < least for group in groups)


def _retest(index: list[tuple[Any, ...]], period: FiscalPeriod) -> Reliability:
    """A physician's last index in the period against his one before it, whenever that was."""
    pairs: dict[str, tuple[float, float]] = {}
    before: dict[str, float] = {}
    for physician, quarter, scores in index:
        value = float(np.mean(scores))
        if _in(quarter, period) and physician in before:
            pairs[physician] = (before[physician], value)
        before[physician] = value
    earlier, later = np.array(list(pairs.values()), float).reshape(-1, 2).T
    return retest(earlier, later)


def _difference(outcome: str, found: RateDifference) -> dict[str, Any]:
    return {
        f"{outcome}_satisfied": found.events,
        f"{outcome}_not_satisfied": found.other_events,
        f"{outcome}_difference": found.difference,
        f"{outcome}_difference_low": found.low,
        f"{outcome}_difference_high": found.high,
    }


def _coefficient(name: str, found: Reliability, least: int) -> dict[str, Any]:
    if 0 < found.n < least:
        return {}
    return {f"n_{name}": found.n, name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _inside(quarters: NDArray[Any], period: FiscalPeriod) -> NDArray[np.bool_]:
    return np.array([_in(_day(start), period) for start in quarters], dtype=bool)


def _in(quarter_start: date, period: FiscalPeriod) -> bool:
    return period.start <= quarter_start <= period.end


def _day(moment: Any) -> date:
    return date.fromisoformat(str(moment)[:10])
