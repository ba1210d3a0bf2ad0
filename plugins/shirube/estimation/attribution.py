"""Which channels were seen before physicians moved on: paths of contacts per quarter, shared out by three
rules.

A path belongs to a physician, a company product and a quarter: the channels of the contacts that reached him
in the days before his outcome, or before the quarter's end where there was none. Equal channels in a row are
one token. The outcome is the journey's own forward transition over the quarter, or a request made to a
representative in it. What Medical does is no token, and what is asked of Medical is no request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shirube.estimation.attribution_rules import (
    RULES,
    Attribution,
    Occurrences,
    PathTable,
    attribute,
)
from shirube.estimation.records import records
from shirube.medical import MEDICAL_CHANNELS
from shirube.rules import rows_in_force

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

_SETTING = f"select * from {rows_in_force('attribution_setting')}"

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

# Numbers instead of names: physicians and channels in the order of their names, for every quarter the same.
_NUMBERS = (
    """
    create or replace temp table attribution_physician as
    select physician_key, cast(row_number() over (order by physician_key) - 1 as integer) as number
    from (select distinct physician_key from core.fct_journey_transition)
    """,
    """
    create or replace temp table attribution_channel as
    select channel_id, cast(row_number() over (order by channel_id) - 1 as tinyint) as number
    from (select distinct channel_id from core.fct_touchpoint)
    """,
)

# A physician and product counts where the journey's own rate counts him.
_UNITS = f"""
    create or replace temp table attribution_unit as
    with started as (
        select transition.physician_key, transition.product_id, transition.is_forward, phase.rank as from_rank
        from core.fct_journey_transition as transition
        inner join seeds.journey_phase as phase on transition.from_phase_id = phase.phase_id
        where
            transition.month_end = $start - 1
            and transition.end_on = $end
            and transition.is_countable
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
            and channel_id not in {MEDICAL_CHANNELS}
            and initiator <> 'medical'
            and not coalesce(routed_to_medical, false)
        group by physician_key, product_id
    )
    select
        physician.number as physician,
        started.physician_key,
        started.product_id,
        forward.outcome_on is not null or request.outcome_on is not null as is_converted,
        coalesce(least(forward.outcome_on, request.outcome_on), $end + 1) as before_on
    from started
    inner join attribution_physician as physician on started.physician_key = physician.physician_key
    left join forward
        on started.physician_key = forward.physician_key and started.product_id = forward.product_id
    left join request
        on started.physician_key = request.physician_key and started.product_id = request.product_id
"""

# A product with fewer physicians than may be shown would be what is left of the whole. Units are numbered by
# product, so that a product's units are a slice.
_SHOWN_UNITS = """
    create or replace temp table attribution_shown as
    select
        cast(row_number() over (order by product.number, unit.physician) - 1 as integer) as number,
        cast(product.number as smallint) as product,
        unit.*
    from attribution_unit as unit
    inner join (
        select product_id, row_number() over (order by product_id) - 1 as number
        from attribution_unit
        group by product_id
        having count(distinct physician) >= $least
    ) as product on unit.product_id = product.product_id
"""

_PRODUCTS = "select product_id from attribution_shown group by product, product_id order by product"
_CHANNELS = "select channel_id from attribution_channel order by number"
_READ_UNITS = "select product, physician, is_converted from attribution_shown order by number"

# Contacts on the day of the outcome are left out: the contact that is the evidence must not be credited with
# it. Two contacts by one channel at one time are one token, so no more is needed for a total order.
_TOKENS = f"""
    with contact as (
        select
            physician.number as physician,
            touchpoint.product_id,
            channel.number as channel,
            touchpoint.occurred_on,
            touchpoint.occurred_at,
            touchpoint.orchestrated_by is not null as is_orchestrated
        from core.fct_touchpoint as touchpoint
        inner join attribution_physician as physician
            on touchpoint.physician_key = physician.physician_key
        inner join attribution_channel as channel on touchpoint.channel_id = channel.channel_id
        where
            touchpoint.depth >= 1
            and touchpoint.time_precision <> 'month'
            and touchpoint.occurred_on between $start - $lookback and $end
            and touchpoint.channel_id not in {MEDICAL_CHANNELS}
            and touchpoint.initiator <> 'medical'
            and touchpoint.info_class is distinct from 'non_promotional_medical'
            and not coalesce(touchpoint.routed_to_medical, false)
    )
    select unit.number as unit, contact.channel, contact.is_orchestrated
    from attribution_shown as unit
    inner join contact
        on
            unit.physician = contact.physician
            and unit.product_id = coalesce(contact.product_id, unit.product_id)
            and contact.occurred_on < unit.before_on
            and contact.occurred_on >= unit.before_on - $lookback
    order by unit.number, contact.occurred_at, contact.channel
"""

Array = NDArray[Any]


@dataclass(frozen=True)
class _Quarter:
    """The units of a quarter (physician × product), and the tokens of their paths.

    product, physician, is_converted: (units,) sorted by product. unit, channel, is_orchestrated: (tokens,)
    sorted by unit and time.
    """

    product: Array
    physician: Array
    is_converted: Array
    unit: Array
    channel: Array
    is_orchestrated: Array

    def without_few(self, least: int) -> _Quarter:
        """Without the channels that reached fewer than `least` of a product's physicians.

        They count for all products together neither: what the whole had beyond its products would be the few
        of one of them.
        """
        if not len(self.unit):
            return self
        product, physician = self.product[self.unit], self.physician[self.unit]
        shape = (product.max() + 1, self.channel.max() + 1, physician.max() + 1)
        physicians = _seen(shape, product, self.channel, physician).sum(axis=2)
        kept = physicians[product, self.channel] >= least
        tokens = (self.unit[kept], self.channel[kept], self.is_orchestrated[kept])
        return _Quarter(self.product, self.physician, self.is_converted, *tokens)

    def of(self, product: int) -> _Quarter:
        """One product's units and tokens; units numbered from 0 again."""
        first, last = np.searchsorted(self.product, [product, product + 1])
        begin, end = np.searchsorted(self.unit, [first, last])
        units, tokens = slice(first, last), slice(begin, end)
        return _Quarter(
            self.product[units],
            self.physician[units],
            self.is_converted[units],
            self.unit[tokens] - first,
            self.channel[tokens],
            self.is_orchestrated[tokens],
        )


def estimate(connection: duckdb.DuckDBPyConnection, as_of: date) -> pa.Table:
    """Rows per quarter × product (null: all) × channel (null: the paths as a whole, with the reason if no
    weights).
    """
    setting = records(connection.execute(_SETTING))[0]
    quarters = connection.execute(_QUARTERS, {"as_of": as_of}).fetchall()
    for numbers in _NUMBERS if quarters else ():
        connection.execute(numbers)
    rows: list[dict[str, Any]] = []
    for start, end in quarters:
        connection.execute(_UNITS, {"start": start, "end": end})
        connection.execute(_SHOWN_UNITS, {"least": setting["min_physicians"]})
        period = {"start": start, "end": end, "lookback": setting["lookback_days"]}
        quarter = _Quarter(
            **connection.execute(_READ_UNITS).fetchnumpy(),
            **connection.execute(_TOKENS, period).fetchnumpy(),
        ).without_few(setting["min_physicians"])
        channels = [name for (name,) in connection.execute(_CHANNELS).fetchall()]
        products = [name for (name,) in connection.execute(_PRODUCTS).fetchall()]
        for product in (None, *range(len(products))):
            cell = {"period_start": start, "period_end": end}
            cell |= {"product_id": None if product is None else products[product]}
            cell |= {name: setting[name] for name in _PUBLISHED_SETTINGS}
            part = quarter if product is None else quarter.of(product)
            rows += [cell | row for row in _cell(part, channels, setting, is_whole=product is None)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _cell(
    cell: _Quarter, channels: list[str], setting: dict[str, Any], *, is_whole: bool
) -> list[dict[str, Any]]:
    people, person = np.unique(cell.physician, return_inverse=True)
    physicians_of = _seen((len(people), len(channels)), person[cell.unit], cell.channel).sum(axis=0)
    is_kept = physicians_of >= setting["min_physicians"]
    counted = is_kept[cell.channel]
    unit, channel = cell.unit[counted], cell.channel[counted]
    has_path, is_orchestrated = (
        _seen(cell.physician.shape, places) for places in (unit, unit[cell.is_orchestrated[counted]])
    )

    def counts(units: Array, suffix: str = "") -> dict[str, Any]:
        return {
            f"n_physicians{suffix}": len(np.unique(person[units])),
            f"n_paths{suffix}": int(units.sum()),
            f"n_conversions{suffix}": int((units & cell.is_converted).sum()),
        }

    whole = counts(has_path) | counts(is_orchestrated, "_orchestrated")
    whole |= counts(~has_path, "_without_contact") | {"n_physicians": len(people)}
    for group in _SMALL_GROUPS:
        # By product the group that is too small to be shown could be found by subtraction.
        if not is_whole or whole[f"n_physicians_{group}"] < setting["min_physicians"]:
            whole |= dict.fromkeys(f"n_{count}_{group}" for count in ("physicians", "paths", "conversions"))
    whole["reason"] = _reason(whole, setting)
    if whole["reason"]:
        return [whole]
    path_of = np.cumsum(has_path) - 1
    code_of = np.cumsum(is_kept) - 1
    is_new = np.r_[True, (unit[1:] != unit[:-1]) | (channel[1:] != channel[:-1])]
    table = PathTable(
        n_paths=whole["n_paths"],
        n_channels=int(is_kept.sum()),
        path=path_of[unit[is_new]],
        channel=code_of[channel[is_new]],
    )
    converted = cell.is_converted[has_path].astype(np.int64)
    found = attribute(
        table,
        Occurrences(person[has_path], np.arange(table.n_paths), converted, 1 - converted),
        first_share=setting["first_share"],
        last_share=setting["last_share"],
        with_second_order=whole["n_paths"] >= setting["min_second_order_paths"],
        draws=setting["draws"],
    )
    whole["is_same_order"] = found.is_same_order
    uses = _seen((len(cell.physician), len(channels)), unit, channel)
    by_channel = {
        number: {
            "channel_id": channels[number],
            "n_physicians": int(physicians_of[number]),
            "n_paths": int(uses[:, number].sum()),
            "n_conversions": int((uses[:, number] & cell.is_converted).sum()),
        }
        for number in np.flatnonzero(is_kept)
    }
    return [whole, *(row | _weights(found, int(code_of[number])) for number, row in by_channel.items())]


def _seen(shape: tuple[int, ...], *places: Array) -> Array:
    seen = np.zeros(shape, dtype=bool)
    seen[places] = True
    return seen


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
