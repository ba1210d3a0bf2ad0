"""The journey as arrays: physician × product × month, dense, so that "three months earlier" is a slice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from shirube.rules import rows_in_force

Array = npt.NDArray[Any]

NOT_COMPARABLE = -1
READS = (
    "dim_channel",
    "dim_topic",
    "fct_journey_transition",
    "fct_need_signal",
    "fct_physician_month",
    "fct_physician_channel_product_month",
    "fct_physician_contact_month",
)
START_PHASES = ("P0", "P1", "P2", "P3", "P4", "P5")
"""From where a physician can move forward and is not simply coming back, as in mart_journey_exposure."""
NO_NEED, ANY_NEED = "none", "open"
"""Of a physician of whom nothing open was seen (not that he wants to know nothing), and of whom anything
was."""


@dataclass(frozen=True)
class JourneyPanel:
    """P physicians, R products, T months; some 12 bytes per physician × product × month at most.

    months        (T) last days of consecutive months
    forward       (P, R, T) int8: 1 moved forward within the horizon from that month's end, 0 not, -1 not
                  comparable
    phase         (P, R, T) int8: index into START_PHASES at the month's end, -1 for any other
    reached       (P, R, T) uint16: bit b set where channel b delivered a contact about the product
    engaged       (P, R, T) bool: some contact of the month about the product reached depth 2
    contacts      (P, T) int16: contacts of all kinds in the month
    over_contact  (P, T) bool: more push contacts within 30 days than the company allows itself
    specialty     (P, T) int8: index into `specialties`, whose last is unknown
    practice      (P, T) int8: index into `practices`, whose last is unknown
    area          (P, T) int8: index into `areas`, whose last is unknown
    several_facilities (P, T) bool: worked in more than one facility at the month's end
    need          (P, R, T) int8: index into `needs` of the newest need about the product that was open when
                  the month began; 0 where none was
    cluster       (P) int32: who looks after the physician at the end; whoever nobody looks after is a
                  cluster of his own
    delivered     (channels, practices + 1) delivered contacts per physician × product × month with one;
                  last: over all practices
    """

    months: tuple[date, ...]
    products: tuple[str, ...]
    channels: tuple[str, ...]
    is_push: tuple[bool, ...]
    specialties: tuple[str, ...]
    practices: tuple[str, ...]
    areas: tuple[str, ...]
    needs: tuple[str, ...]
    forward: Array
    phase: Array
    reached: Array
    engaged: Array
    contacts: Array
    over_contact: Array
    specialty: Array
    practice: Array
    area: Array
    several_facilities: Array
    need: Array
    cluster: Array
    delivered: Array
    horizon_months: int

    def in_need(self, months: int | slice = slice(None)) -> Array:
        """Whether anything about the product was open when the month began (P, R, T); of one month (P, R)."""
        return np.not_equal(self.need[:, :, months], self.needs.index(NO_NEED))

    @property
    def n_clusters(self) -> int:
        """Clusters are numbered from 0."""
        return int(self.cluster.max(initial=-1)) + 1


def read_horizon(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """How long after its month end a transition is looked at: days, and the months that they are."""
    found = connection.execute(
        f"select transition_horizon_days, transition_horizon_months from {rows_in_force('journey_setting')}"
    ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def read_panel(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    without_channels: tuple[str, ...],
    over_contact_above: int,
) -> JourneyPanel:
    """Read the panel of the core, as of a day. Raises ValueError where more than 16 channels are left."""
    months = [
        row[0]
        for row in connection.execute(
            "select distinct month_end from core.fct_physician_month where month_end <= ? order by 1", [as_of]
        ).fetchall()
    ]
    channels = connection.execute(
        "select channel_id, is_push from core.dim_channel where not list_contains(?, channel_id) "
        "order by sort_order, channel_id",
        [list(without_channels)],
    ).fetchall()
    if len(channels) > 16:
        raise ValueError("more than 16 channels do not fit the panel")
    products = _names(connection, "select distinct product_id from core.fct_journey_transition order by 1")
    specialties = _names(
        connection,
        "select distinct specialty_group from core.fct_physician_month "
        "where specialty_group is not null order by 1",
    )
    practices, areas = ["HP", "GP", "unknown"], ["metropolitan", "regional", "unknown"]
    needs = [NO_NEED, *_names(connection, "select distinct info_class from core.dim_topic order by 1")]
    count = _number_physicians(connection, as_of)
    _number(connection, "panel_month", months, "date")
    _number(connection, "panel_product", products, "text")
    _number(connection, "panel_channel", [name for name, _ in channels], "text")
    _number(connection, "panel_specialty", specialties, "text")
    _number(connection, "panel_need", needs, "text")
    horizon = read_horizon(connection)

    cube = (count, len(products), len(months))
    forward, phase = np.full(cube, NOT_COMPARABLE, np.int8), np.full(cube, -1, np.int8)
    for place, values in _batches(
        connection,
        f"""
        select physician.number, product.number, month.number,
            cast(transition.is_forward as tinyint),
            cast(case transition.from_phase_id {_phase_numbers()} else -1 end as tinyint)
        from core.fct_journey_transition as transition
        inner join panel_physician as physician on transition.physician_key = physician.name
        inner join panel_product as product on transition.product_id = product.name
        inner join panel_month as month on transition.month_end = month.name
        where transition.horizon_days = {horizon[0]}
            and transition.is_start_observable and transition.is_observed_until_end
            and transition.is_target_throughout
        """,
        3,
    ):
        forward[place], phase[place] = values

    reached, engaged = np.zeros(cube, np.uint16), np.zeros(cube, bool)
    contacts_of = """
        from core.fct_physician_channel_product_month as contact
        inner join panel_physician as physician on contact.physician_key = physician.name
        inner join panel_channel as channel on contact.channel_id = channel.name
        inner join panel_month as month on contact.month_end = month.name
    """
    for place, (bits, deep) in _batches(
        connection,
        "select physician.number, product.number, month.number, "
        "cast(bit_or(1 << channel.number) as integer), bool_or(contact.effective_contacts > 0) "
        f"{contacts_of} "
        "inner join panel_product as product on contact.product_id = product.name "
        "where contact.delivered_contacts > 0 group by 1, 2, 3",
        3,
    ):
        reached[place], engaged[place] = bits, deep
    # A contact that names no product may have been about any.
    for (physician, month), (bits,) in _batches(
        connection,
        f"select physician.number, month.number, cast(bit_or(1 << channel.number) as integer) {contacts_of} "
        "where contact.delivered_contacts > 0 and contact.product_id is null group by 1, 2",
        2,
    ):
        reached[physician, :, month] |= bits.astype(np.uint16)[:, None]

    need = np.zeros(cube, np.int8)
    for place, (newest,) in _batches(connection, _NEEDS, 3):
        need[place] = newest

    flat = (count, len(months))
    specialty = np.full(flat, len(specialties), np.int8)
    practice, area = np.full(flat, 2, np.int8), np.full(flat, 2, np.int8)
    several_facilities = np.zeros(flat, bool)
    for place, (group, kind, region, several) in _batches(
        connection,
        """
        select physician.number, month.number,
            cast(coalesce(specialty.number, (select count(*) from panel_specialty)) as tinyint),
            cast(case physician_month.practice_type when 'HP' then 0 when 'GP' then 1 else 2 end as tinyint),
            cast(case physician_month.area_type when 'metropolitan' then 0 when 'regional' then 1 else 2 end
                as tinyint),
            coalesce(physician_month.has_several_facilities, false)
        from core.fct_physician_month as physician_month
        inner join panel_physician as physician on physician_month.physician_key = physician.name
        inner join panel_month as month on physician_month.month_end = month.name
        left join panel_specialty as specialty on physician_month.specialty_group = specialty.name
        """,
        2,
    ):
        specialty[place], practice[place], area[place] = group, kind, region
        several_facilities[place] = several
    contacts, over_contact = np.zeros(flat, np.int16), np.zeros(flat, bool)
    for place, (many, pressed) in _batches(
        connection,
        f"""
        select physician.number, month.number, cast(least(contact.contacts, 30000) as smallint),
            coalesce(contact.max_push_contacts_30d > {int(over_contact_above)}, false)
        from core.fct_physician_contact_month as contact
        inner join panel_physician as physician on contact.physician_key = physician.name
        inner join panel_month as month on contact.month_end = month.name
        """,
        2,
    ):
        contacts[place], over_contact[place] = many, pressed

    return JourneyPanel(
        months=tuple(months),
        products=tuple(products),
        channels=tuple(name for name, _ in channels),
        is_push=tuple(bool(push) for _, push in channels),
        specialties=(*specialties, "unknown"),
        practices=tuple(practices),
        areas=tuple(areas),
        needs=tuple(needs),
        forward=forward,
        phase=phase,
        reached=reached,
        engaged=engaged,
        contacts=contacts,
        over_contact=over_contact,
        specialty=specialty,
        practice=practice,
        area=area,
        several_facilities=several_facilities,
        need=need,
        cluster=_clusters(connection, count),
        delivered=_delivered(connection, len(channels), len(practices)),
        horizon_months=int(horizon[1]),
    )


# What was open when the month began: no contact of the month can have made or answered it. A need about no
# product may be about any. What Medical was asked has no topic and is left out.
_NEEDS = """
    with need as (
        select signal.physician_key, signal.product_id, signal.signalled_on, signal.open_until, class.number
        from core.fct_need_signal as signal
        inner join core.dim_topic as topic on signal.topic_id = topic.topic_id
        inner join panel_need as class on topic.info_class = class.name
    ),
    of_product as (
        select need.* replace (product.number as product_id)
        from need inner join panel_product as product on need.product_id = product.name
        union all
        select need.* replace (product.number as product_id)
        from need cross join panel_product as product
        where need.product_id is null
    )
    select physician.number, of_product.product_id, month.number,
        cast(max_by(of_product.number, (of_product.signalled_on, of_product.number)) as tinyint)
    from of_product
    inner join panel_physician as physician on of_product.physician_key = physician.name
    inner join panel_month as month
        on of_product.signalled_on < date_trunc('month', month.name)
        and of_product.open_until >= date_trunc('month', month.name)
    group by 1, 2, 3
"""


def _names(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [row[0] for row in connection.execute(query).fetchall()]


def _number(connection: duckdb.DuckDBPyConnection, table: str, names: list[Any], kind: str) -> None:
    connection.execute(f"create or replace temp table {table} (name {kind}, number integer)")
    if names:
        connection.executemany(f"insert into {table} values (?, ?)", [[n, i] for i, n in enumerate(names)])


def _number_physicians(connection: duckdb.DuckDBPyConnection, as_of: date) -> int:
    """Number whoever was a target once: nobody else is ever compared. Returns how many."""
    connection.execute(
        """
        create or replace temp table panel_physician as
        select
            physician_key as name,
            cast(row_number() over (order by physician_key) - 1 as integer) as number,
            last_employee_key
        from (
            select physician_key, max_by(employee_key, month_end) as last_employee_key
            from core.fct_physician_month where month_end <= ? group by 1 having bool_or(is_target)
        )
        """,
        [as_of],
    )
    found = connection.execute("select count(*) from panel_physician").fetchone()
    assert found is not None
    return int(found[0])


def _phase_numbers() -> str:
    return " ".join(f"when '{phase}' then {number}" for number, phase in enumerate(START_PHASES))


def _batches(connection: duckdb.DuckDBPyConnection, query: str, axes: int) -> Any:
    """Yield (index arrays, value arrays); the first `axes` columns say where the others belong."""
    reader = connection.execute(query).to_arrow_reader(500_000)
    for batch in reader:
        columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
        yield tuple(columns[:axes]), columns[axes:]


def _clusters(connection: duckdb.DuckDBPyConnection, count: int) -> Array:
    cluster = np.zeros(count, np.int32)
    for place, (number,) in _batches(
        connection,
        "select number, dense_rank() over (order by coalesce(last_employee_key, '~' || name)) - 1 "
        "from panel_physician",
        1,
    ):
        cluster[place] = number
    return cluster


def _delivered(connection: duckdb.DuckDBPyConnection, channels: int, practices: int) -> Array:
    """Delivered contacts per physician × product × month with at least one (channels, practices + 1)."""
    mean = np.full((channels, practices + 1), np.nan)
    for channel, practice, contacts in connection.execute(
        """
        with contact as (
            select channel.number as channel,
                case physician_month.practice_type when 'HP' then 0 when 'GP' then 1 else 2 end as practice,
                contact.delivered_contacts
            from core.fct_physician_channel_product_month as contact
            inner join panel_channel as channel on contact.channel_id = channel.name
            inner join panel_month as month on contact.month_end = month.name
            inner join core.fct_physician_month as physician_month
                on contact.physician_key = physician_month.physician_key
                and contact.month_end = physician_month.month_end
            where contact.delivered_contacts > 0
        )
        select channel, practice, avg(delivered_contacts) from contact group by 1, 2
        union all
        select channel, -1, avg(delivered_contacts) from contact group by 1
        """
    ).fetchall():
        mean[channel, practice] = contacts
    return mean
