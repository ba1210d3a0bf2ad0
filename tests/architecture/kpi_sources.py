"""From which deliveries the rows come that a KPI counts, column by column through the compiled SQL.

Followed are the logs: what happened, row by row. The registers (who there is, where, which products, contents
and calendars) stand behind every number and are not followed; a number that counts their own rows names them.
A log that only decides who belongs to whom or which months have numbers has no row in the number either.
"""

from __future__ import annotations

from tests.architecture.column_lineage import (
    ROWS,
    Column,
    Manifest,
    estimates_read,
    in_order,
    made_of,
    meta,
    qualified,
    seeds,
)
from tests.architecture.row_keys import tested_keys

REGISTERS = {
    "content_approval", "crm_account", "crm_key_message", "crm_product", "crm_user", "dcf_affiliation",
    "dcf_facility", "dcf_physician",
}  # fmt: skip
FRAME = {
    "bridge_physician_facility", "bridge_physician_identity", "dim_content", "dim_content_version",
    "dim_employee", "dim_facility", "dim_organization", "dim_physician", "dim_product",
    "fct_physician_month", "int_account", "int_account_version", "int_affiliation_period",
    "int_employee_period", "int_identity", "int_product", "int_product_name", "int_stopped_reference",
    "int_user_version", "mart_period", "mart_physician_period",
}  # fmt: skip
BESIDE = {
    # What was allowed at that moment is noted; whose tracks may not be kept is decided, as who somebody is.
    "int_touchpoints__unioned": {"crm_consent"},
    "int_web_event": {"crm_consent"},
    "int_multichannel_activity": {"crm_consent"},
    # Which suggestion a call answered.
    "int_touchpoint__crm_call": {"crm_suggestion"},
    # Pages shown in a call are that call, no session of their own.
    "int_touchpoint__crm_multichannel_activity": {"crm_call_key_message"},
    # Wishes stand beside a month's contacts; fit counts them. Medical's contacts are left out here and below.
    "mart_channel_quality": {"crm_consent", "crm_medical_inquiry", "survey_qualtrics"},
    "fct_physician_channel_month": {"crm_medical_inquiry"},
    "fct_physician_channel_product_month": {"crm_medical_inquiry"},
    "fct_physician_channel_topic_month": {"crm_medical_inquiry"},
}
"""Model → logs that it reads without counting a row of theirs."""


def logs_behind(manifest: Manifest) -> dict[str, set[str]]:
    """KPI → the logs whose rows its numerator, denominator or value can be made of."""
    behind = _logs_behind_columns(manifest)
    found = {}
    for node in manifest["nodes"].values():
        for kpi in meta(node).get("kpis") or []:
            is_counted = kpi["kind"] in ("rate", "count")
            columns = (kpi["denominator"], kpi["numerator"] if is_counted else kpi["value"])
            found[str(kpi["id"])] = set().union(
                *(behind.get((node["name"], name), set()) for name in columns)
            )
    return found


def _logs_behind_columns(manifest: Manifest) -> dict[Column, set[str]]:
    tables = dict(seeds(manifest))
    keys = tested_keys(manifest)
    estimates = {
        str(source["name"]): source
        for source in manifest["sources"].values()
        if source["source_name"] == "estimates"
    }
    behind: dict[Column, set[str]] = {}
    for node in in_order(manifest):
        name = str(node["name"])
        for estimate in estimates_read(manifest, node):
            tables[estimate] = list(estimates[estimate]["columns"])
            reads = set(meta(estimates[estimate])["reads"])
            read = set().union(*(logs for (table, _), logs in behind.items() if table in reads))
            behind |= {(estimate, column): read for column in (*tables[estimate], ROWS)}
        tree = qualified(node, tables)
        tables[name] = list(tree.named_selects)
        if name in FRAME:
            continue
        if node["schema"] == "staging":
            logs = {key.split(".")[-1] for key in node["depends_on"]["nodes"] if ".lake." in key} - REGISTERS
            behind |= {(name, column): logs for column in (*tables[name], ROWS)}
            continue
        for column, parents in made_of(tree, behind.__contains__, keys).items():
            logs = set().union(*(behind[parent] for parent in parents))
            behind[name, column] = logs - BESIDE.get(name, set())
    return {column: logs for column, logs in behind.items() if logs}
