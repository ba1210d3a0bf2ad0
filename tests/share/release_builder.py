"""A small release written by hand: two offices, four MRs, numbers whose right sentences can be read off."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from shirube.home import Home
from shirube.vault import IDENTIFIERS_SCHEMA, private_folder

Row = dict[str, Any]

AS_OF = date(2026, 10, 31)
MONTHS = ((date(2026, 9, 1), date(2026, 9, 30)), (date(2026, 10, 1), date(2026, 10, 31)))
RELEASE_ID = "2026-10-31-0123456789"

# id: order, name, kind, direction, unit, numerator, denominator, what must not be concluded, audience
KPIS: dict[str, tuple[int, str, str, str, str, str, str, str, str]] = {
    "cx.usefulness_top_rate": (
        *(10, "情報が診療に役立った先生の割合", "rate", "higher_better", "人"),
        *("「必要な情報が役に立った」と答えた先生", "役立ち度に回答した先生"),
        *("役に立った理由がMRの活動だったとは言えません。", "mr,office_manager"),
    ),
    "cx.csat_top2_rate": (
        *(
            12,
            "満足した先生の割合",
            "rate",
            "higher_better",
            "人",
            "満足していると答えた先生",
            "回答した先生",
        ),
        *("他社の調査とは比べられません。", "office_manager"),
    ),
    "journey.forward_transition_rate": (
        *(20, "次の段階に進んだ先生の割合", "rate", "higher_better", "人"),
        *("90日の間に次の段階へ進んだ先生", "90日前から見えていた先生"),
        *("当社の活動が先生を進めたとは言えません。", "mr"),
    ),
    "journey.physicians_in_phase": (
        *(30, "段階ごとの先生の人数", "count", "neutral", "人", "その段階にいる先生", "対象の先生"),
        *("人数を売上の見込みとして読んではいけません。", "mr"),
    ),
    "fit.choice_honoured_rate": (
        *(40, "先生の希望に沿った連絡の割合", "rate", "higher_better", "件"),
        *("希望に沿った連絡", "希望を登録した先生への連絡"),
        *("希望を登録していない先生が満足しているとは言えません。", "mr"),
    ),
    "channel.over_contact_rate": (
        *(50, "連絡が多すぎた先生の割合", "rate", "lower_better", "人"),
        *("30日に8回を超えて連絡した先生", "当社から連絡した先生"),
        *("回数が少なければ先生が満足しているとは言えません。", "mr"),
    ),
    "journey.unseen_rate": (
        *(
            60,
            "見えていない先生の割合",
            "rate",
            "lower_better",
            "人",
            "半年の間に記録のない先生",
            "対象の先生",
        ),
        *("記録がないことは、先生に関心がないことを意味しません。", "mr"),
    ),
    "moment.coverage_rate": (
        *(68, "大事な場面に担当者が連絡した割合", "rate", "higher_better", "件"),
        *("期限内に連絡した場面", "期限の過ぎた場面"),
        *("連絡しないという判断が正しい場面もあります。", "mr"),
    ),
}
VERDICT_REASONS = {
    "improved": "偶然では説明しにくい、意味のある差でした",
    "worsened": "偶然では説明しにくい、意味のある差でした",
    "unchanged": "差があっても、意味のある大きさには届きません",
    "cannot_tell": "この差は偶然でも起こります",
}


def wilson(numerator: int, denominator: int) -> tuple[float, float]:
    """95 % Wilson interval, written out once more so that the tests do not lean on the macro."""
    z, p = 1.959963984540054, numerator / denominator
    middle = (p + z * z / (2 * denominator)) / (1 + z * z / denominator)
    half = z * math.sqrt(p * (1 - p) / denominator + z * z / (4 * denominator**2)) / (1 + z * z / denominator)
    return middle - half, middle + half


def value_row(
    kpi_id: str,
    office: str,
    month: int,
    numerator: int | None,
    denominator: int | None,
    **given: Any,
) -> Row:
    """One row of `fct_kpi_value`; `month` 0 is September, 1 is October; `given` overrides any column."""
    row: Row = {
        "kpi_id": kpi_id,
        "kpi_version": 1,
        "period_type": "month",
        "period_start": MONTHS[month][0],
        "period_end": MONTHS[month][1],
        "scope_type": "office",
        "scope_id": office,
        "channel_id": None,
        "product_id": None,
        "phase_id": None,
        "breakdown": None,
        "numerator": None if numerator is None else float(numerator),
        "denominator": None if denominator is None else float(denominator),
        "value": None,
        "ci_low": None,
        "ci_high": None,
        "n_physicians": denominator,
        "evidence_level": "E1",
        "verdict": None,
        "verdict_reason": VERDICT_REASONS.get(given.get("verdict")),
        "previous_value": None,
        "previous_numerator": None,
        "previous_denominator": None,
        "difference": None,
        "difference_low": None,
        "difference_high": None,
        "minimum_detectable_difference": None,
        "display_state": "shown",
        "reason": None,
        "trust_arrival": "enough",
        "trust_linkage": "enough",
        "trust_count": "enough",
        "delivered_until": AS_OF,
        "sources_not_arrived": None,
        "as_of": AS_OF,
        "config_version": "c0ffee000000",
        "release_id": RELEASE_ID,
    }
    if numerator is not None and denominator:
        row["value"] = numerator / denominator
        row["ci_low"], row["ci_high"] = wilson(numerator, denominator)
        if denominator < 10:
            row |= {"display_state": "counts_only", "value": None, "ci_low": None, "ci_high": None}
            row["reason"] = "対象が10に満たないため、件数だけを出しています"
        elif denominator < 30:
            row |= {"display_state": "reference", "reason": "対象が30に満たないため、参考値です"}
        row["trust_count"] = "lacking" if denominator < 10 else "caution" if denominator < 30 else "enough"
    return row | given


def phase_rows(office: str, month: int, counts: dict[str, int | None]) -> list[Row]:
    """The picture's rows: physicians per phase, None for a suppressed cell."""
    total = sum(count or 0 for count in counts.values())
    rows = []
    for phase, count in counts.items():
        row = value_row("journey.physicians_in_phase", office, month, count, total, phase_id=phase)
        if count is None:
            row |= {"display_state": "suppressed", "value": None, "reason": "5人未満のため出しません"}
        else:
            low, high = wilson(count, total)
            row |= {
                "value": float(count),
                "ci_low": low * total,
                "ci_high": high * total,
                "display_state": "shown",
            }
        rows.append(row)
    return rows


def with_previous(rows: list[Row]) -> list[Row]:
    """Put September's values beside October's, and the difference with Newcombe's interval."""
    keys = ("kpi_id", "scope_id", "channel_id", "product_id", "phase_id", "breakdown")
    september = {tuple(row[key] for key in keys): row for row in rows if row["period_end"] == MONTHS[0][1]}
    for row in rows:
        before = september.get(tuple(row[key] for key in keys))
        if row["period_end"] != MONTHS[1][1] or before is None or before["value"] is None:
            continue
        row |= {f"previous_{part}": before[part] for part in ("value", "numerator", "denominator")}
        if row["value"] is not None and row["display_state"] == before["display_state"] == "shown":
            change = row["value"] - before["value"]
            low = math.hypot(row["value"] - row["ci_low"], before["ci_high"] - before["value"])
            high = math.hypot(row["ci_high"] - row["value"], before["value"] - before["ci_low"])
            row |= {"difference": change, "difference_low": change - low, "difference_high": change + high}
    return rows


def default_values() -> list[Row]:
    """OF01 with 150 physicians and everything shown; OF02, four MRs, with its small groups suppressed."""
    rows = [
        value_row("cx.usefulness_top_rate", "OF01", 0, 28, 48, verdict="cannot_tell"),
        value_row("cx.usefulness_top_rate", "OF01", 1, 31, 50, verdict="cannot_tell"),
        value_row("cx.csat_top2_rate", "OF01", 1, 40, 50),
        value_row("fit.choice_honoured_rate", "OF01", 0, 301, 400),
        value_row("fit.choice_honoured_rate", "OF01", 1, 378, 420, verdict="improved"),
        value_row("journey.forward_transition_rate", "OF01", 0, 11, 80),
        value_row("journey.forward_transition_rate", "OF01", 1, 12, 82, verdict="cannot_tell"),
        value_row("channel.over_contact_rate", "OF01", 0, 9, 15),
        value_row("channel.over_contact_rate", "OF01", 1, 2, 16, verdict="cannot_tell"),
        value_row("journey.unseen_rate", "OF01", 0, 24, 150),
        value_row("journey.unseen_rate", "OF01", 1, 27, 150, verdict="cannot_tell", trust_linkage="caution"),
        value_row("moment.coverage_rate", "OF01", 0, 2450, 5200),
        value_row("moment.coverage_rate", "OF01", 1, 2510, 5300, verdict="unchanged"),
        value_row("cx.usefulness_top_rate", "OF02", 1, 4, 6, verdict="cannot_tell"),
        value_row(
            "journey.forward_transition_rate",
            "OF02",
            1,
            None,
            None,
            display_state="suppressed",
            trust_count="lacking",
            verdict="cannot_tell",
            reason="先生の人数が少なく、個人が分かるおそれがあるため、出していません",
        ),
    ]
    before = {"P0": 44, "P1": 38, "P2": 31, "P3": 14, "P4": 9, "P5": 8, "P6": None, "PX": 6}
    after = {"P0": 40, "P1": 36, "P2": 35, "P3": 17, "P4": 9, "P5": 8, "P6": None, "PX": 5}
    return with_previous(rows + phase_rows("OF01", 0, before) + phase_rows("OF01", 1, after))


def write_table(folder: Path, name: str, rows: list[Row]) -> None:
    """Write rows as `<folder>/<name>.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")


def registry_rows() -> list[Row]:
    """`dim_kpi` for the KPIs above."""
    rows = []
    for kpi_id, facts in KPIS.items():
        order, name, kind, direction, unit, numerator, denominator, warning, audience = facts
        rows.append(
            {
                "kpi_id": kpi_id,
                "kpi_version": 1,
                "display_order": order,
                "mart": "mart_" + kpi_id.split(".")[0],
                "name_ja": name,
                "name_en": kpi_id,
                "formula_ja": f"{numerator} ÷ {denominator}",
                "formula_en": f"Formula of {kpi_id}",
                "numerator": "n_x",
                "denominator": "n",
                "numerator_ja": numerator,
                "denominator_ja": denominator,
                "kind": kind,
                "minimum_sample": 30,
                "period": "month",
                "owner": "hq_marketing",
                "decision_ja": "次の会議で何を話すか",
                "must_not_conclude_ja": warning,
                "audience": audience,
                "evidence_level": "E1",
                "meaningful_difference": 0.03,
                "sources": "crm_call",
                "sources_if_present": "portal_delivery,crm_multichannel_activity",
                "unit_ja": unit,
                "direction": direction,
            }
        )
    return rows


# The people of the sheets: (physician, name, employee, fact that decides the next step).
PHYSICIANS = (
    ("p01", "青山 一郎", "e1", "is_known"),
    ("p02", "石川 二葉", "e1", "has_open_request"),
    ("p03", "上野 三奈", "e1", "has_open_signal"),
    ("p04", "遠藤 四郎", "e1", "is_unseen"),
    ("p05", "岡田 五月", "e1", "is_over_contacted"),
    ("p06", "加藤 六花", "e1", "has_opted_out_of_mr"),
    ("p07", "木村 七海", "e1", "has_unknown_preference"),
    ("p08", "久保 八重", "e1", "is_known"),
    ("p09", "小林 九郎", "e1", "has_opted_out_of_preferred"),
    ("p10", "髙橋 十和", "e2", "is_known"),
    ("p11", "佐藤 十一", "e3", "is_known"),
    ("p12", "鈴木 十二", "e4", "is_unseen"),
    ("p13", "関 十三", "e1", "has_open_moment"),
)
EMPLOYEE_NAMES = ("営業 太郎", "営業 花子", "営業 次郎", "営業 桜")
OFFICE_OF = {"e1": "OF01", "e2": "OF01", "e3": "OF02", "e4": "OF02"}


def token(person: str) -> str:
    """The token that the star holds instead of a name."""
    return f"t1.{person:0>32}"


def touchpoint(
    physician: str, employee: str | None, day: date, channel: str, depth: int, direction: str
) -> Row:
    return {
        "touchpoint_key": f"{physician}{day}{channel}{depth}",
        "physician_key": physician,
        "employee_key": employee,
        "occurred_on": day,
        "visible_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
        "channel_id": channel,
        "depth": depth,
        "direction": direction,
        "initiator": "physician" if direction == "pull" else "mr",
        "is_planned": False,
        "routed_to_medical": False,
    }


def moment(physician: str, employee: str, moment_id: str, opened: date, expires: date, **given: Any) -> Row:
    """A row of `fct_moment` that is open: opened for its representative, without a contact since."""
    return {
        "moment_key": f"{physician}{moment_id}{opened}",
        "physician_key": physician,
        "employee_key": employee,
        "moment_id": moment_id,
        "product_id": None,
        "opened_on": opened,
        "expires_on": expires,
        "is_opened": True,
        "not_opened_reason": None,
        "contacted_on": None,
    } | given


def write_star(folder: Path) -> None:
    """The star tables that the sheets read, so that each one's next step is the fact in `PHYSICIANS`."""
    far = date(9999, 12, 31)
    touchpoints, preferences, consents, phases = [], [], [], []
    for index, (physician, _, employee, fact) in enumerate(PHYSICIANS):
        if fact != "is_unseen":
            touchpoints.append(touchpoint(physician, employee, date(2026, 9, 20), "mr_visit", 2, "push"))
        # A wish for one topic is no wish in general: who stated only such a one is still to be asked.
        preferences.append(
            {
                "physician_key": physician,
                "channel_id": "mr_email",
                "topic_id": "T-SAFE" if fact == "has_unknown_preference" else None,
                "recorded_on": date(2026, 3, 1),
                "rank": 1,
                "preference_source": "survey",
            }
        )
        if fact == "has_open_request":
            touchpoints.append(touchpoint(physician, employee, date(2026, 10, 20), "webinar", 4, "pull"))
        if fact == "has_open_signal":
            touchpoints.append(touchpoint(physician, None, date(2026, 10, 25), "webinar", 2, "pull"))
        if fact == "is_over_contacted":
            touchpoints += [
                touchpoint(physician, None, date(2026, 10, day), "hq_email", 1, "push")
                for day in range(5, 14)
            ]
        state = "opted_out" if fact == "has_opted_out_of_mr" else "opted_in"
        consents.append(
            {
                "consent_event_key": f"c{physician}",
                "physician_key": physician,
                "channel_id": "mr_visit",
                "consent_state": state,
                "captured_at": datetime(2026, 8, 1, tzinfo=UTC),
                "captured_on": date(2026, 8, 1),
                "is_about_representatives": True,
            }
        )
        if fact == "has_opted_out_of_preferred":
            consents.append(
                consents[-1]
                | {
                    "consent_event_key": f"m{physician}",
                    "channel_id": "mr_email",
                    "consent_state": "opted_out",
                    "is_about_representatives": False,
                }
            )
        phases.append(
            {
                "physician_key": physician,
                "product_id": "PRD-A",
                "snapshot_on": date(2026, 10, 31),
                "phase_id": f"P{index % 7}",
                "evidence_level": "C" if index % 7 == 4 else "B",
            }
        )
    questioned = moment("p13", "e1", "M-QUESTION", date(2026, 10, 18), date(2026, 11, 1), product_id="PRD-A")
    contacted = moment("p02", "e1", "M-RETURN", date(2026, 10, 20), date(2026, 11, 3))
    contacted |= {"contacted_on": date(2026, 10, 21), "not_opened_reason": None}
    held = moment("p04", "e1", "M-WEBINAR", date(2026, 10, 19), date(2026, 11, 2))
    held |= {"is_opened": False, "not_opened_reason": "over_cap"}
    write_table(folder, "fct_moment", [questioned, contacted, held])
    write_table(
        folder,
        "dim_moment",
        [
            {"moment_id": moment_id, "name_ja": name, "priority": priority, "max_opened_per_mr_week": 5}
            for priority, (moment_id, name) in enumerate(
                (
                    ("M-SAFETY", "使っている薬に安全性のお知らせが出た"),
                    ("M-QUESTION", "質問や依頼に14日たっても答えていない"),
                    ("M-RETURN", "半年ぶりに反応があった"),
                    ("M-WEBINAR", "Web講演会を最後まで見た"),
                ),
                start=1,
            )
        ],
    )
    write_table(folder, "fct_touchpoint", touchpoints)
    write_table(folder, "fct_stated_preference", preferences)
    write_table(folder, "fct_consent_event", consents)
    write_table(folder, "fct_journey_phase", phases)
    write_table(
        folder,
        "fct_physician_month",
        [
            {
                "physician_key": physician,
                "month_end": AS_OF,
                "is_target": True,
                "is_active": True,
                "specialty_group": "循環器内科",
                "practice_type": "HP",
                "facility_key": "f1",
                "employee_key": employee,
                "office_id": OFFICE_OF[employee],
            }
            for physician, _, employee, _ in PHYSICIANS
        ],
    )
    write_table(
        folder,
        "dim_physician",
        [
            {"physician_key": physician, "name_token": token(physician), "is_current": True, "valid_to": far}
            for physician, *_ in PHYSICIANS
        ],
    )
    write_table(
        folder, "dim_facility", [{"facility_key": "f1", "facility_name": "青葉総合病院", "is_current": True}]
    )
    write_table(folder, "dim_product", [{"product_id": "PRD-A", "name": "シルベジン"}])
    write_table(
        folder,
        "dim_channel",
        [
            {"channel_id": "mr_visit", "name_ja": "面談", "is_mr_channel": True},
            {"channel_id": "mr_email", "name_ja": "MRのメール", "is_mr_channel": True},
            {"channel_id": "hq_email", "name_ja": "本社のメール", "is_mr_channel": False},
            {"channel_id": "webinar", "name_ja": "Web講演会", "is_mr_channel": False},
        ],
    )
    write_table(
        folder,
        "dim_employee",
        [{"employee_key": f"e{n}", "name_token": token(f"e{n}"), "is_current": True} for n in range(1, 5)],
    )


def write_vault(home: Home) -> None:
    """The names behind the tokens, of physicians and of employees, as landing would have put them there."""
    rows = [{"token": token(p), "kind": "name", "value": name} for p, name, *_ in PHYSICIANS]
    rows += [
        {"token": token(f"e{n}"), "kind": "name", "value": name}
        for n, name in enumerate(EMPLOYEE_NAMES, start=1)
    ]
    folder = private_folder(home, "identifiers", "dcf_physician")
    pq.write_table(pa.Table.from_pylist(rows, schema=IDENTIFIERS_SCHEMA), folder / "0000.parquet")
    (folder / "0000.parquet").chmod(0o600)


def _entry(folder: Path, file: Path) -> Row:
    return {
        "name": file.stem,
        "status": "published",
        "file": str(file.relative_to(folder)),
        "rows": pq.read_metadata(file).num_rows,
        "reason_ja": None,
        "source_as_of": None,
        "warnings": [],
    }


def write_release(root: Path, values: list[Row] | None = None) -> Path:
    """Write `releases/<id>` below `root` and point `current` at it; returns the release folder."""
    folder = root / "releases" / RELEASE_ID
    write_star(folder / "star")
    write_table(folder / "marts", "fct_kpi_value", default_values() if values is None else values)
    write_table(folder / "marts", "dim_kpi", registry_rows())
    write_table(
        folder / "star",
        "dim_organization",
        [
            {
                "organization_key": "o1",
                "organization_id": "OF01",
                "level": "office",
                "name_ja": "東京第一営業所",
                "parent_organization_key": "b1",
            },
            {
                "organization_key": "o2",
                "organization_id": "OF02",
                "level": "office",
                "name_ja": "山陰営業所",
                "parent_organization_key": "b1",
            },
            {
                "organization_key": "b1",
                "organization_id": "BR1",
                "level": "branch",
                "name_ja": "東日本支店",
                "parent_organization_key": None,
            },
        ],
    )
    sources = [
        ("crm_call", "面談の記録", "2026-10-31", 200),
        ("dcf_physician", "医師の名簿", "2026-10-01", 1000),
        ("portal_delivery", "医療ポータルの記録", None, 1000),
        ("crm_multichannel_activity", "外部サイトの記録", None, 240),
    ]
    manifest = {
        "release_id": RELEASE_ID,
        "as_of": AS_OF.isoformat(),
        "config_version": "c0ffee000000",
        "sources": [
            {
                "source": source,
                "business_name": name,
                "is_expected": source != "crm_multichannel_activity",
                "freshness_hours": hours,
                "batches_landed": 3 if last else 0,
                "rows_landed": 1200 if last else 0,
                "rows_quarantined": 4 if last else 0,
                "last_delivered_on": last,
            }
            for source, name, last, hours in sources
        ],
        "marts": [_entry(folder, file) for file in sorted((folder / "marts").glob("*.parquet"))],
        "star": [_entry(folder, file) for file in sorted((folder / "star").glob("*.parquet"))],
        "audit": {"counts": {}, "tables": [{"name": "marts.fct_kpi_value", "status": "warning"}]},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    current = root / "releases" / "current"
    if not current.is_symlink():
        current.symlink_to(RELEASE_ID)
    return folder


def dbt_manifest() -> Row:
    """What dbt would leave of a project with one source, one staging, one core and one mart model."""

    def model(name: str, schema: str, parents: list[str], **given: Any) -> Row:
        return {
            "unique_id": f"model.shirube.{name}",
            "resource_type": "model",
            "package_name": "shirube",
            "name": name,
            "schema": schema,
            "database": "warehouse",
            "alias": name,
            "path": f"{schema}/{name}.sql",
            "original_file_path": f"models/{schema}/{name}.sql",
            "fqn": ["shirube", schema, name],
            "raw_code": "select 1",
            "compiled_code": "select * from read_parquet('/srv/secret-machine/lake/crm_call/*.parquet')",
            "root_path": "/srv/secret-machine",
            "description": "",
            "columns": {},
            "tags": [],
            "refs": [],
            "sources": [],
            "config": {"materialized": "table", "meta": {}},
            "depends_on": {"nodes": parents, "macros": []},
        } | given

    kpis = [{"id": "cx.usefulness_top_rate"}]
    models = [
        model("stg_crm_call", "staging", ["source.shirube.lake.crm_call"]),
        model("fct_touchpoint", "core", ["model.shirube.stg_crm_call"]),
        model(
            "fct_kpi_value",
            "marts",
            ["model.shirube.fct_touchpoint"],
            description="One row per KPI, period, scope and breakdown. </script> Every published number.",
            config={"materialized": "table", "meta": {"kpis": kpis, "owner": "digital", "audience": ["mr"]}},
            columns={
                "kpi_id": {
                    "name": "kpi_id",
                    "description": "The registry entry.",
                    "meta": {"name_ja": "数字の番号"},
                }
            },
        ),
    ]
    source = {
        "unique_id": "source.shirube.lake.crm_call",
        "resource_type": "source",
        "package_name": "shirube",
        "name": "crm_call",
        "source_name": "lake",
        "schema": "lake",
        "database": "warehouse",
        "fqn": ["shirube", "lake", "crm_call"],
        "path": "models/staging/sources.yml",
        "original_file_path": "models/staging/sources.yml",
        "description": "Calls.",
        "columns": {},
        "tags": [],
        "relation_name": "read_parquet('/srv/secret-machine/lake/crm_call/*.parquet')",
        "config": {
            "meta": {"external_location": "read_parquet('/srv/secret-machine/lake/{name}/*.parquet')"}
        },
        "unrendered_config": {"meta": {"external_location": "/srv/secret-machine"}},
        "source_meta": {"external_location": "/srv/secret-machine"},
    }
    return {
        "metadata": {
            "project_name": "shirube",
            "adapter_type": "duckdb",
            "dbt_version": "1.11.0",
            "generated_at": "2026-11-01T00:00:00Z",
            "invocation_id": "run-17",
            "user_id": "someone",
            "send_anonymous_usage_stats": True,
        },
        "nodes": {node["unique_id"]: node for node in models},
        "sources": {source["unique_id"]: source},
        "macros": {},
        "exposures": {},
        "docs": {},
        "metrics": {},
        "groups": {},
        "selectors": {},
        "disabled": {},
        "parent_map": {},
        "child_map": {},
        "group_map": {},
        "semantic_models": {},
        "unit_tests": {},
        "saved_queries": {},
    }
