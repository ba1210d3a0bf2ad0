"""Would a KPI say the same of a representative again? Split halves of his physicians, over all
representatives.

Per KPI, latest complete period of each length, and number of contacts behind a representative's value. Only
figures over representatives leave this module, never one of theirs.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from shirube.estimation.records import records
from shirube.estimation.reliability import split_half
from shirube.fiscal_periods import PERIOD_MONTHS, FiscalPeriod, fiscal_start_month, latest_complete
from shirube.rules import rows_in_force

NAME = "kpi_reliability"
READS: tuple[str, ...] = (
    "dim_channel",
    "dim_date",
    "fct_email_recipient",
    "fct_journey_transition",
    "fct_physician_channel_month",
    "fct_physician_contact_month",
    "fct_physician_month",
    "fct_survey_response",
)
SCHEMA = pa.schema(
    [
        ("kpi_id", pa.string()),
        ("kpi_version", pa.int32()),
        ("period_type", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("contact_band", pa.string()),
        ("n_mrs", pa.int64()),
        ("n_mrs_enough", pa.int64()),
        ("n_mrs_in_halves", pa.int64()),
        ("contacts_median", pa.float64()),
        ("numerator", pa.int64()),
        ("denominator", pa.int64()),
        ("reliability", pa.float64()),
        ("reliability_low", pa.float64()),
        ("reliability_high", pa.float64()),
        ("reason", pa.string()),
        ("is_within_mr_control", pa.bool_()),
        ("is_physician_outcome", pa.bool_()),
        ("contains_money", pa.bool_()),
        ("is_evaluation_use", pa.bool_()),
        ("min_reliability", pa.float64()),
        ("enough_contacts", pa.int64()),
        ("few_contacts_below", pa.int64()),
        ("rule_version", pa.string()),
    ]
)
BANDS = ("all", "few_contacts", "many_contacts")
_PUBLISHED_SETTINGS = ("min_reliability", "enough_contacts", "few_contacts_below", "rule_version")
_FACTS = (
    "kpi_id",
    "kpi_version",
    "is_within_mr_control",
    "is_physician_outcome",
    "contains_money",
    "is_evaluation_use",
)

_SETTING = f"select * from {rows_in_force('evaluation_setting')}"
_FACT = """
    select * from seeds.evaluation_fact where rule_version = $rule_version order by kpi_id, kpi_version
"""
_SPAN = """
    select
        (select min(month_end) from core.fct_physician_contact_month where contacts > 0) as first_month_end,
        (select max(month_end) from core.fct_physician_month where month_end <= $as_of) as last_month_end
"""

# A physician's last answer, from which score on it counts as the marts count it.
_SCORE = f"""
        select
            physician_key,
            cast(
                max_by(score, (responded_on, response_key))
                >= (select {{threshold}} from {rows_in_force("survey_setting")}) as integer
            ) as x,
            1 as n
        from core.fct_survey_response
        where responded_on between $start and $end and item_id = '{{item}}' and score is not null
        group by physician_key
    """

# What each physician adds to his representative's numerator (x) and denominator (n): the registry's formula,
# in the representative's own channels where a KPI is about channels.
CONTRIBUTIONS = {
    "channel.reach_rate": """
        select
            held.physician_key, max(case when contact.delivered_contacts > 0 then 1 else 0 end) as x, 1 as n
        from held
        left join core.fct_physician_channel_month as contact
            on
                held.physician_key = contact.physician_key
                and contact.month_end between $start and $end
                and contact.channel_id in (select channel_id from mr_channel)
        group by held.physician_key
    """,
    "channel.effective_contact_rate": """
        select physician_key, sum(effective_contacts) as x, sum(delivered_contacts) as n
        from core.fct_physician_channel_month
        where month_end between $start and $end and channel_id in (select channel_id from mr_channel)
        group by physician_key
    """,
    "email.unique_human_click_rate": """
        select physician_key, max(case when is_human_clicked then 1 else 0 end) as x, 1 as n
        from core.fct_email_recipient
        where
            month_end between $start and $end and is_delivered and initiator = 'mr'
            and channel_id in (select channel_id from mr_channel)
        group by physician_key
    """,
    "fit.choice_honoured_rate": """
        select
            physician_key, sum(push_contacts_honouring_choice) as x, sum(push_contacts_with_choice) as n
        from core.fct_physician_channel_month
        where month_end between $start and $end and channel_id in (select channel_id from mr_channel)
        group by physician_key
    """,
    "journey.forward_transition_rate": f"""
        select physician_key, max(case when is_forward then 1 else 0 end) as x, 1 as n
        from core.fct_journey_transition as transition
        inner join {rows_in_force("journey_setting")} as setting
            on
                transition.horizon_days = setting.transition_horizon_days
                and transition.month_end = last_day($end - to_months(setting.transition_horizon_months))
        where is_countable
        group by physician_key
    """,
    "cx.csat_top2_rate": _SCORE.format(item="csat", threshold="satisfied_from"),
    "cx.usefulness_top_rate": _SCORE.format(item="usefulness", threshold="useful_from"),
}

_MEMBERS = """
    with held as (
        select physician_key, employee_key
        from core.fct_physician_month
        where month_end = $end and is_target and is_active and employee_key is not null
    ),
    mr_channel as (
        select channel_id from core.dim_channel where is_mr_channel
    ),
    contribution as ({contribution})
    select
        dense_rank() over (order by held.employee_key) - 1 as mr,
        cast(contribution.x as double) as x,
        cast(contribution.n as double) as n
    from held
    inner join contribution on held.physician_key = contribution.physician_key
    where contribution.n > 0
    order by held.employee_key, held.physician_key
"""


def estimate(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Rows per KPI × period (the latest complete one of each length) × band of contacts."""
    setting = records(connection.execute(_SETTING))[0]
    facts = records(connection.execute(_FACT, {"rule_version": setting["rule_version"]}))
    first, last = connection.execute(_SPAN, {"as_of": as_of}).fetchone() or (None, None)
    rows: list[dict[str, Any]] = []
    if first and last:
        year_begins = fiscal_start_month(connection)
        periods = [latest_complete(last, kind, year_begins) for kind in PERIOD_MONTHS]
        for period in periods:
            # Where the logs do not reach back to, no value can be had.
            if period.start >= first.replace(day=1):
                for fact in facts:
                    rows += _kpi(connection, period, fact, setting)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _kpi(
    connection: duckdb.DuckDBPyConnection, period: FiscalPeriod, fact: dict[str, Any], setting: dict[str, Any]
) -> list[dict[str, Any]]:
    query = _MEMBERS.format(contribution=CONTRIBUTIONS[fact["kpi_id"]])
    wanted = {
        name: value for name, value in (("start", period.start), ("end", period.end)) if f"${name}" in query
    }
    members = connection.execute(query, wanted).fetchnumpy()
    mr = np.asarray(members["mr"], dtype=np.int64)
    x, n = (np.asarray(members[name], dtype=np.float64) for name in ("x", "n"))
    contacts = np.bincount(mr, n)
    few = contacts < setting["few_contacts_below"]
    bands = {"all": np.ones(len(contacts), dtype=bool), "few_contacts": few, "many_contacts": ~few}
    if min((int(few.sum()), int((~few).sum()))) in range(1, setting["min_group"]):
        # One band is too small to be shown, and the other would give it away.
        bands = {"all": bands["all"]}
    found = []
    for band, inside in bands.items():
        mrs = int(inside.sum())
        row: dict[str, Any] = {name: fact[name] for name in _FACTS}
        row |= {name: setting[name] for name in _PUBLISHED_SETTINGS}
        row |= {"period_type": period.period_type, "period_start": period.start, "period_end": period.end}
        row |= {"contact_band": band, "n_mrs": mrs, "reason": None}
        if mrs == 0:
            row["reason"] = "no_mrs"
        elif mrs < setting["min_group"]:
            row |= {"n_mrs": None, "reason": "too_few_mrs"}
        else:
            kept = inside[mr]
            row |= _figures(mr[kept], x[kept], n[kept], contacts[inside], setting)
        found.append(row)
    return found


def _figures(mr: Any, x: Any, n: Any, contacts: Any, setting: dict[str, Any]) -> dict[str, Any]:
    enough = int((contacts >= setting["enough_contacts"]).sum())
    _, mr = np.unique(mr, return_inverse=True)
    found = split_half(mr, x, n, splits=setting["splits"], draws=setting["draws"])
    row: dict[str, Any] = {
        "n_mrs_enough": enough,
        "n_mrs_in_halves": found.n,
        "contacts_median": float(np.median(contacts)),
        "numerator": int(x.sum()),
        "denominator": int(n.sum()),
    }
    if found.n < setting["min_mrs"]:
        return row | {"reason": "too_few_mrs"}
    if found.value is None:
        return row | {"reason": "no_spread"}
    return row | {
        "reliability": found.value,
        "reliability_low": found.low,
        "reliability_high": found.high,
    }
