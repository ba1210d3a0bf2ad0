"""What becomes of the rows of `fct_kpi_value` when a mart is withheld, carried over or warned about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

KPI_TABLE = "fct_kpi_value"
RESTRICTED_KPI_TABLE = "fct_kpi_value_restricted"
"""The same rows of the KPIs whose marts are restricted: they are in no other file."""

# Takes the reason as its one parameter.
STALE = (
    "case when display_state in ('shown', 'reference') then 'stale' else display_state end as display_state,"
    " case when display_state in ('shown', 'reference', 'stale') then ? else reason end as reason"
)
EMPTIED = (
    "numerator",
    "denominator",
    "value",
    "ci_low",
    "ci_high",
    "n_physicians",
    "verdict",
    "verdict_reason",
    "previous_value",
    "previous_numerator",
    "previous_denominator",
    "difference",
    "difference_low",
    "difference_high",
    "minimum_detectable_difference",
)


@dataclass(frozen=True)
class Carried:
    """Where an earlier value comes from: the KPI file of its release, why it stands there (`reason`), and why
    nothing does if that release has none either (`reason_without`); Japanese, for readers."""

    file: Path
    reason: str
    reason_without: str


@dataclass(frozen=True)
class KpiChanges:
    """`withheld`: KPI id → reason, in Japanese. `carried`: KPI id → the earlier value. `caution`: trust
    mark → KPI ids whose mark a failed warning lowers."""

    withheld: dict[str, str]
    carried: dict[str, Carried]
    caution: dict[str, set[str]]


def adapt(connection: duckdb.DuckDBPyConnection, relation: str, changes: KpiChanges) -> str:
    """Make a temporary table with the rows to publish and return its name.

    A withheld KPI keeps its rows, emptied, with the reason; a carried-over one gets the rows of the earlier
    release, `stale` where they were shown; a KPI without earlier rows is withheld. A failed warning turns the
    trust mark it names from enough to caution.
    """
    columns = [
        (str(name), str(kind))
        for name, kind, *_ in connection.execute(f"describe select * from {relation}").fetchall()
    ]
    connection.execute(f"create or replace temp table published_kpi as select * from {relation}")
    withheld = dict(changes.withheld)
    for kpi, carried in sorted(changes.carried.items()):
        file = carried.file
        earlier = {
            str(row[0])
            for row in connection.execute("describe select * from read_parquet(?)", [str(file)]).fetchall()
        }
        found = connection.execute(
            "select count(*) from read_parquet(?) where kpi_id = ?", [str(file), kpi]
        ).fetchone()
        if not found or not found[0]:
            withheld[kpi] = carried.reason_without
            continue
        connection.execute("delete from published_kpi where kpi_id = ?", [kpi])
        selected = ", ".join(
            f"cast({_name(name) if name in earlier else 'null'} as {kind}) as {_name(name)}"
            for name, kind in columns
        )
        connection.execute(
            f"insert into published_kpi select * replace ({STALE})"
            f" from (select {selected} from read_parquet(?) where kpi_id = ?)",
            [carried.reason, str(file), kpi],
        )
    emptied = ", ".join(f"{name} = null" for name, _ in columns if name in EMPTIED)
    for kpi, reason in sorted(withheld.items()):
        connection.execute(
            f"update published_kpi set {emptied}, display_state = 'withheld', reason = ? where kpi_id = ?",
            [reason, kpi],
        )
    for mark, kpis in sorted(changes.caution.items()):
        connection.execute(
            f"update published_kpi set trust_{mark} = 'caution'"
            f" where trust_{mark} = 'enough' and display_state <> 'stale' and list_contains(?, kpi_id)",
            [sorted(kpis)],
        )
    return "published_kpi"


def stale(connection: duckdb.DuckDBPyConnection, file: Path, reason: str) -> str:
    """An earlier release's whole KPI table, `stale` where it was shown; the name of a temporary table."""
    connection.execute(
        f"create or replace temp table published_kpi as select * replace ({STALE}) from read_parquet(?)",
        [reason, str(file)],
    )
    return "published_kpi"


def share_of(relation: str, restricted: list[str], is_restricted: bool) -> str:
    """A subquery with the rows of `relation` about the restricted KPIs, or with all the others."""
    listed = ", ".join("'" + kpi.replace("'", "''") + "'" for kpi in restricted) or "null"
    belongs = f"coalesce(kpi_id in ({listed}), false)"
    return f"(select * from {relation} where {belongs if is_restricted else 'not ' + belongs})"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
