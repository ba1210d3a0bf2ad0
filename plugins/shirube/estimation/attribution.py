"""Which channels were seen before physicians moved on: paths of contacts per quarter, shared out by three
rules.

A path belongs to a physician, a company product and a quarter: the channels of the contacts that reached him
in the days before his outcome, or before the quarter's end where there was none. Equal channels in a row are
one token. The outcome is the journey's own forward transition over the quarter, or a request made to a
representative in it. What Medical does is no token, and what is asked of Medical is no request.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from shirube.estimation.attribution_rules import (
    RULES,
    Attribution,
    Occurrences,
    PathTable,
    attribute,
)
from shirube.estimation.records import records

NAME = "attribution"
READS: tuple[str, ...] = (
    "fct_journey_transition",
    "fct_journey_phase",
    "fct_journey_evidence",
    "fct_touchpoint",
)
_WEIGHTS = [
    (f"{rule}_{part}", pa.float64())
    for rule in ("position", "markov", "shapley", "markov2")
    for part in ("weight", "low", "high")
]
SCHEMA = pa.schema(
    [
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("product_id", pa.string()),
        ("channel_id", pa.string()),
        ("n_physicians", pa.int64()),
        ("n_paths", pa.int64()),
        ("n_conversions", pa.int64()),
        ("n_physicians_orchestrated", pa.int64()),
        ("n_paths_orchestrated", pa.int64()),
        ("n_conversions_orchestrated", pa.int64()),
        ("n_physicians_without_contact", pa.int64()),
        ("n_paths_without_contact", pa.int64()),
        ("n_conversions_without_contact", pa.int64()),
        *_WEIGHTS,
        ("is_same_order", pa.bool_()),
        ("reason", pa.string()),
        ("lookback_days", pa.int64()),
        ("min_paths", pa.int64()),
        ("min_conversions", pa.int64()),
        ("rule_version", pa.string()),
    ]
)

_PUBLISHED_SETTINGS = ("lookback_days", "min_paths", "min_conversions", "rule_version")
_SMALL_GROUPS = ("orchestrated", "without_contact")

_SETTING = "select * from seeds.attribution_setting order by rule_version desc limit 1"

_QUARTERS = """
    select distinct cast(date_trunc('quarter', end_on) as date) as period_start, end_on as period_end
    from core.fct_journey_transition
    where
        is_start_observable
        and end_on <= $as_of
        and end_on = last_day(end_on)
        and month(end_on) % 3 = 0
        and month_end = cast(date_trunc('quarter', end_on) as date) - 1
    order by period_start
"""

# A physician and product counts where the journey's own rate counts him: a target at both ends, who can move
# on.
_UNITS = """
    create or replace temp table attribution_unit as
    with started as (
        select transition.physician_key, transition.product_id, transition.is_forward, phase.rank as from_rank
        from core.fct_journey_transition as transition
        inner join seeds.journey_phase as phase on transition.from_phase_id = phase.phase_id
        where
            transition.month_end = $start - 1
            and transition.end_on = $end
            and transition.is_start_observable
            and transition.is_observed_until_end
            and transition.is_target_throughout
            and transition.from_phase_id not in ('P6', 'PX')
    ),
    rise as (
        select
            started.physician_key,
            started.product_id,
            min(snapshot.month_end) as month_end,
            min_by(snapshot.phase_id, snapshot.month_end) as phase_id
        from started
        inner join core.fct_journey_phase as snapshot
            on
                started.physician_key = snapshot.physician_key
                and started.product_id = snapshot.product_id
                and snapshot.month_end between $start and $end
        inner join seeds.journey_phase as phase
            on snapshot.phase_id = phase.phase_id and phase.rank > started.from_rank
        where started.is_forward
        group by started.physician_key, started.product_id
    ),
    forward as (
        select rise.physician_key, rise.product_id, min(evidence.evidence_on) as outcome_on
        from rise
        inner join core.fct_journey_evidence as evidence
            on
                rise.physician_key = evidence.physician_key
                and rise.product_id = evidence.product_id
                and evidence.evidence_on between date_trunc('month', rise.month_end) and rise.month_end
        inner join (select distinct evidence_kind, phase_id from seeds.journey_phase_rule) as rule
            on evidence.evidence_kind = rule.evidence_kind and rise.phase_id = rule.phase_id
        group by rise.physician_key, rise.product_id
    ),
    request as (
        select physician_key, product_id, min(occurred_on) as outcome_on
        from core.fct_touchpoint
        where
            depth = 4
            and occurred_on between $start and $end
            and physician_key is not null
            and product_id is not null
            and channel_id not in ('medical_inquiry', 'msl_visit')
            and initiator <> 'medical'
            and not coalesce(routed_to_medical, false)
        group by physician_key, product_id
    )
    select
        row_number() over (order by started.physician_key, started.product_id) as unit,
        dense_rank() over (order by started.physician_key) as physician,
        started.physician_key,
        started.product_id,
        forward.outcome_on is not null or request.outcome_on is not null as is_converted,
        coalesce(least(forward.outcome_on, request.outcome_on), $end + 1) as before_on
    from started
    left join forward
        on started.physician_key = forward.physician_key and started.product_id = forward.product_id
    left join request
        on started.physician_key = request.physician_key and started.product_id = request.product_id
"""

# Contacts on the day of the outcome are left out: the contact that is the evidence must not be credited with
# it.
_TOKENS = """
    create or replace temp table attribution_token as
    with contact as (
        select
            physician_key, product_id, channel_id, occurred_on, occurred_at, touchpoint_key, orchestrated_by
        from core.fct_touchpoint
        where
            depth >= 1
            and time_precision <> 'month'
            and occurred_on between $start - $lookback and $end
            and physician_key is not null
            and channel_id not in ('medical_inquiry', 'msl_visit')
            and initiator <> 'medical'
            and info_class is distinct from 'non_promotional_medical'
            and not coalesce(routed_to_medical, false)
    )
    select
        unit.unit,
        unit.physician,
        unit.product_id,
        contact.channel_id,
        contact.orchestrated_by is not null as is_orchestrated,
        row_number() over (
            partition by unit.unit order by contact.occurred_at, contact.channel_id, contact.touchpoint_key
        ) as place
    from attribution_unit as unit
    inner join contact
        on
            unit.physician_key = contact.physician_key
            and unit.product_id = coalesce(contact.product_id, unit.product_id)
            and contact.occurred_on < unit.before_on
            and contact.occurred_on >= unit.before_on - $lookback
"""

# A channel counts for a product where it reached enough of its physicians, for all products together as well:
# what the whole had beyond its products would be the few of one of them.
_DROP_FEW = """
    delete from attribution_token where (product_id, channel_id) in (
        select (product_id, channel_id) from attribution_token
        group by product_id, channel_id having count(distinct physician) < $least
    )
"""

_PATHS = """
    create or replace temp table attribution_path as
    with counted as (
        select * from attribution_token
        where $product is null or product_id = $product
    ),
    ordered as (
        select
            counted.*,
            lag(channel_id) over (partition by unit order by place) as earlier_channel_id
        from counted
    )
    select
        unit,
        string_agg(channel_id, '>' order by place)
            filter (where channel_id is distinct from earlier_channel_id) as path,
        bool_or(is_orchestrated) as is_orchestrated
    from ordered
    group by unit
"""

_OCCURRENCES = """
    select
        dense_rank() over (order by unit.physician) - 1 as physician,
        dense_rank() over (order by path.path) - 1 as path,
        count(*) filter (where unit.is_converted) as converted,
        count(*) filter (where not unit.is_converted) as not_converted
    from attribution_path as path
    inner join attribution_unit as unit on path.unit = unit.unit
    group by unit.physician, path.path
    order by physician, path
"""

_DISTINCT_PATHS = "select distinct path from attribution_path order by path"

_WHOLE = """
    select
        count(distinct unit.physician) as n_physicians,
        count(*) filter (where path.unit is not null) as n_paths,
        count(*) filter (where path.unit is not null and unit.is_converted) as n_conversions,
        count(distinct unit.physician) filter (where path.is_orchestrated) as n_physicians_orchestrated,
        count(*) filter (where path.is_orchestrated) as n_paths_orchestrated,
        count(*) filter (where path.is_orchestrated and unit.is_converted) as n_conversions_orchestrated,
        count(distinct unit.physician) filter (where path.unit is null) as n_physicians_without_contact,
        count(*) filter (where path.unit is null) as n_paths_without_contact,
        count(*) filter (where path.unit is null and unit.is_converted) as n_conversions_without_contact
    from attribution_unit as unit
    left join attribution_path as path on unit.unit = path.unit
    where $product is null or unit.product_id = $product
"""

_BY_CHANNEL = """
    select
        channel.channel_id,
        count(distinct unit.physician) as n_physicians,
        count(*) as n_paths,
        count(*) filter (where unit.is_converted) as n_conversions
    from attribution_path as path
    inner join attribution_unit as unit on path.unit = unit.unit
    inner join
        (select distinct unit, channel_id from attribution_token) as channel
        on path.unit = channel.unit
    group by channel.channel_id
    order by channel.channel_id
"""


def estimate(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Rows per quarter × product (null: all) × channel (null: the paths as a whole, with the reason if no
    weights).
    """
    setting = records(connection.execute(_SETTING))[0]
    rows: list[dict[str, Any]] = []
    for start, end in connection.execute(_QUARTERS, {"as_of": as_of}).fetchall():
        connection.execute(_UNITS, {"start": start, "end": end})
        connection.execute(_TOKENS, {"start": start, "end": end, "lookback": setting["lookback_days"]})
        # A product with fewer physicians than may be shown would be what is left of the whole.
        connection.execute(
            "delete from attribution_unit where product_id in (select product_id from attribution_unit"
            " group by product_id having count(distinct physician) < $least)",
            {"least": setting["min_physicians"]},
        )
        connection.execute(_DROP_FEW, {"least": setting["min_physicians"]})
        products = connection.execute("select distinct product_id from attribution_unit order by product_id")
        for product in (None, *(name for (name,) in products.fetchall())):
            cell = {"period_start": start, "period_end": end, "product_id": product}
            cell |= {name: setting[name] for name in _PUBLISHED_SETTINGS}
            rows += [cell | row for row in _cell(connection, product, setting)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _cell(
    connection: duckdb.DuckDBPyConnection, product: str | None, setting: dict[str, Any]
) -> list[dict[str, Any]]:
    connection.execute(_PATHS, {"product": product})
    whole = records(connection.execute(_WHOLE, {"product": product}))[0]
    for group in _SMALL_GROUPS:
        # By product the group that is too small to be shown could be found by subtraction.
        if product is not None or whole[f"n_physicians_{group}"] < setting["min_physicians"]:
            whole |= dict.fromkeys(f"n_{count}_{group}" for count in ("physicians", "paths", "conversions"))
    whole["reason"] = _reason(whole, setting)
    if whole["reason"]:
        return [whole]
    by_channel = {row["channel_id"]: row for row in records(connection.execute(_BY_CHANNEL))}
    paths = [path.split(">") for (path,) in connection.execute(_DISTINCT_PATHS).fetchall()]
    channels = sorted({channel for path in paths for channel in path})
    code = {channel: number for number, channel in enumerate(channels)}
    lengths = [len(path) for path in paths]
    table = PathTable(
        n_paths=len(paths),
        n_channels=len(channels),
        path=np.repeat(np.arange(len(paths)), lengths),
        channel=np.fromiter((code[channel] for path in paths for channel in path), np.int64, sum(lengths)),
    )
    seen = connection.execute(_OCCURRENCES).fetchnumpy()
    found = attribute(
        table,
        Occurrences(**{name: np.asarray(values, dtype=np.int64) for name, values in seen.items()}),
        first_share=setting["first_share"],
        last_share=setting["last_share"],
        with_second_order=whole["n_paths"] >= setting["min_second_order_paths"],
        exact_up_to=setting["max_exact_channels"],
        draws=setting["draws"],
    )
    whole["is_same_order"] = found.is_same_order
    return [whole, *(by_channel[name] | _weights(found, number) for name, number in code.items())]


def _reason(whole: dict[str, Any], setting: dict[str, Any]) -> str | None:
    if whole["n_paths"] < setting["min_paths"]:
        return "too_few_paths"
    return "too_few_conversions" if whole["n_conversions"] < setting["min_conversions"] else None


def _weights(found: Attribution, channel: int) -> dict[str, Any]:
    row: dict[str, Any] = {"is_same_order": found.is_same_order}
    for rule in (*RULES, "markov2"):
        shares = found.shares.get(rule)
        for part in ("weight", "low", "high"):
            row[f"{rule}_{part}"] = float(getattr(shares, part)[channel]) if shares else None
    return row
