"""Contracts: all of the project's own load, a short one is enough, and every mistake has a file and line."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from shirube.contracts import ContractError, load_contract, load_contracts, source_names
from shirube.contracts.load import COLUMN_PROPERTIES, FILE_PROPERTIES
from shirube.home import project_root

SOURCES = [
    "content_approval",
    "content_decision",
    "crm_account",
    "crm_call",
    "crm_call_detail",
    "crm_call_key_message",
    "crm_consent",
    "crm_email_activity",
    "crm_key_message",
    "crm_medical_inquiry",
    "crm_multichannel_activity",
    "crm_multichannel_activity_line",
    "crm_product",
    "crm_sent_email",
    "crm_suggestion",
    "crm_user",
    "dcf_affiliation",
    "dcf_facility",
    "dcf_physician",
    "initiative",
    "initiative_assignment",
    "jdnet_delivery",
    "link_review",
    "portal_delivery",
    "story",
    "strategy_document",
    "survey_qualtrics",
    "web_snowplow",
    "webinar_zoom",
]

SHORT = """\
apiVersion: v3.2.0
kind: DataContract
id: field_request
version: 1.0.0
schema:
  - name: field_request
    properties:
      - name: request_id
        logicalType: string
        primaryKey: true
      - name: requested_on
        logicalType: date
      - name: text
        logicalType: string
        physicalName: 本文
"""


def write(folder: Path, text: str, name: str = "field_request") -> Path:
    path = folder / f"{name}.odcs.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    return [problem.split("field_request.odcs.yaml:", 1)[1] for problem in caught.value.problems]


def test_only_webinars_and_registers_come_as_they_happen() -> None:
    assert {name for name, contract in load_contracts().items() if not contract.is_periodic} == {
        "webinar_zoom",
        "initiative",
        "initiative_assignment",
        "story",
        "strategy_document",
    }


def test_all_sources_load_in_name_order():
    contracts = load_contracts()
    assert list(contracts) == SOURCES == source_names()
    assert sum(len(contract.columns) for contract in contracts.values()) == 469


def test_every_file_obeys_the_published_schema_of_the_standard():
    schema = json.loads(OpenDataContractStandard.json_schema())
    seen = 0
    for path in (project_root() / "expectations" / "sources").glob("*.odcs.yaml"):
        jsonschema.Draft201909Validator(schema).validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        seen += 1
    assert seen == 29


def test_a_contract_of_a_plain_csv_needs_fifteen_lines(tmp_path: Path):
    contract = load_contract(write(tmp_path, SHORT))
    assert len(SHORT.splitlines()) <= 15
    assert contract.formats == ("delimited",)
    assert contract.encodings == ("utf-8-sig", "cp932")
    assert contract.supersede.mode == "append"
    assert contract.key_columns == ("request_id",)
    assert contract.lake_schema() == pa.schema(
        [
            ("request_id", pa.string()),
            ("requested_on", pa.date32()),
            ("text", pa.string()),
            ("_landing_id", pa.string()),
            ("_row_number", pa.int64()),
            ("_extra", pa.string()),
        ]
    )


def test_identifiers_leave_the_lake_as_tokens():
    contract = load_contracts()["dcf_physician"]
    assert contract.identifier_columns == {
        "name_kanji": "name",
        "name_kana": "kana",
        "birth_date": "birth_date",
    }
    names = contract.lake_schema().names
    assert "birth_date_token" in names
    assert "birth_date" not in names
    assert contract.lake_schema().field("birth_date_token").type == pa.string()
    assert contract.cast_schema().field("birth_date").type == pa.date32()


def test_every_person_column_of_the_sources_is_declared_as_an_identifier():
    found = {name: sorted(set(c.identifier_columns.values())) for name, c in load_contracts().items()}
    assert {name: kinds for name, kinds in found.items() if kinds} == {
        "content_decision": ["free_text"],
        "crm_account": ["email", "kana", "name"],
        "crm_call": ["free_text"],
        "crm_consent": ["email"],
        "crm_email_activity": ["ip"],
        "crm_medical_inquiry": ["email", "free_text", "phone"],
        "crm_sent_email": ["email"],
        "crm_user": ["email", "name"],
        "dcf_facility": ["phone"],
        "dcf_physician": ["birth_date", "kana", "name"],
        "story": ["free_text"],
        "survey_qualtrics": ["email", "free_text"],
        "webinar_zoom": ["email", "name"],
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("kind: DataContract\n", "kind: DataContract\nowner: me\n", 3, "owner is not a field"),
        ("      - name: text\n", "      - nmae: text\n", 13, "'name' is a required property"),
        ("        primaryKey: true", "        primaryKey: sure", 10, "'sure' is not of type 'boolean'"),
        ("logicalType: date", "logicalType: dates", 12, "'dates' is not one of"),
        ("        logicalType: date\n", "", 11, "logicalType is missing"),
        ("logicalType: date", "logicalType: time", 12, "landing knows string"),
        ("        physicalName: 本文\n", "        physicalNmae: 本文\n", 15, "physicalNmae is not a field"),
        ("  - name: field_request\n", "  - name: other\n", 6, "must be called field_request"),
        ("name: requested_on", "name: Requested On", 11, "lower case"),
        ("name: requested_on", "name: request_id", 11, "declared twice"),
        ("physicalName: 本文", "physicalName: REQUEST_ID", 13, "claimed by request_id and text"),
        ("physicalName: 本文", "classification: direct_identifier", 15, "needs the custom property"),
        ("        physicalName: 本文\n", "        description: a: b\n", 15, "not readable as YAML"),
        ("version: 1.0.0\n", "version: 1.0.0\nversion: 2.0.0\n", 5, "written twice"),
        ("version: 1.0.0\n", "version: 1.0.0 \x01\n", 1, "character that YAML does not allow"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str):
    assert old in SHORT
    found = problems(write(tmp_path, SHORT.replace(old, new, 1)))
    assert any(problem.startswith(f"{line}:") and says in problem for problem in found), found


@pytest.mark.parametrize(
    ("custom", "says"),
    [
        ("{property: format, value: parquet}", "format is one of"),
        ("{property: formt, value: delimited}", "unknown custom property formt"),
        ("{property: titleRows, value: two}", "wrong kind"),
        ("{property: titleRows, value: true}", "wrong kind"),
        ("{property: titleRows, value: 99}", "between 0 and 50"),
        ("{property: headerRows, value: 0}", "between 1 and 3"),
        ("{property: headerRows, value: 2}\n  - {property: header, value: false}", "with a header"),
        ("{property: headerRows, value: 2}\n  - {property: format, value: qualtrics}", "with a header"),
        ("{property: encodings, value: [shift_jis]}", "use cp932"),
        ("{property: delimiter, value: '::'}", "one character"),
        ("{property: emptyFile, value: maybe}", "accept or reject"),
        ("{property: supersede, value: {mode: latest}}", "supersede.mode is one of"),
        ("{property: supersede, value: {mode: replace_period}}", "needs `by`"),
        ("{property: supersede, value: {mode: latest_by_key}}", "needs `orderBy`"),
        ("{property: supersede, value: {mode: append, by: [x]}}", "names the column x"),
        ("{property: supersede, value: {mod: append}}", "has the members"),
        ("{property: eventTime, value: {column: when}}", "names the column when"),
        ("{property: eventTime, value: {column: text, zone: Tokyo}}", "not a time zone"),
        ("{property: eventTime, value: {column: text, precision: hour}}", "day, minute or second"),
        ("{property: deliveredAt, value: {pattern: '('}}", "not a regular expression"),
        ("{property: deliveredAt, value: {pattern: 'x'}}", "named groups day, month, year"),
        ("{property: period, value: {pattern: 'x'}}", "named groups year and month"),
        ("{property: period, value: {}}", "either a pattern"),
        ("{property: fileNameColumns, value: {pattern: '(?P<vendor>x)'}}", "names the column vendor"),
    ],
)
def test_a_wrong_custom_property_is_named(tmp_path: Path, custom: str, says: str):
    text = SHORT.replace("schema:\n", f"customProperties:\n  - {custom}\nschema:\n", 1)
    found = problems(write(tmp_path, text))
    assert any(problem.startswith("6:") and says in problem for problem in found), found


def test_all_mistakes_in_all_files_are_reported_at_once(tmp_path: Path):
    write(
        tmp_path, SHORT.replace("logicalType: date", "logicalType: time").replace("name: text", "name: Text")
    )
    write(
        tmp_path,
        SHORT.replace("field_request", "other").replace("primaryKey: true", "primary: true"),
        "other",
    )
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path)
    assert [problem.rsplit("/", 1)[-1].split(": ")[0] for problem in caught.value.problems] == [
        "field_request.odcs.yaml:12",
        "field_request.odcs.yaml:13",
        "other.odcs.yaml:10",
    ]


def test_an_empty_folder_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        load_contracts(tmp_path)


def test_the_fingerprint_follows_what_changes_rows_and_nothing_else(tmp_path: Path):
    first = load_contract(write(tmp_path, SHORT)).landing_fingerprint
    words = SHORT.replace(
        "physicalName: 本文", "physicalName: 本文\n        businessName: 本文\n        description: 何か"
    )
    rule = SHORT.replace("logicalType: date", "logicalType: timestamp")
    alias = SHORT.replace("physicalName: 本文", "physicalName: 本文\n        synonyms: [{synonym: 内容}]")
    assert load_contract(write(tmp_path, SHORT)).landing_fingerprint == first
    assert load_contract(write(tmp_path, words)).landing_fingerprint == first
    assert load_contract(write(tmp_path, rule)).landing_fingerprint != first
    assert load_contract(write(tmp_path, alias)).landing_fingerprint != first
    assert len(first) == 16


@pytest.mark.parametrize(
    ("source", "name", "delivered_at", "period", "values"),
    [
        ("dcf_physician", "DCF_PHYSICIAN_20251101.csv", "2025-11-01", None, {}),
        ("crm_call", "crm_call_20251103T0100.csv", "2025-11-03 01:00", None, {}),
        ("crm_call", "crm_call_2025-11-03.csv", "2025-11-03", None, {}),
        ("crm_call", "calls.csv", None, None, {}),
        ("crm_call", "crm_call_20250231.csv", None, None, {}),
        (
            "webinar_zoom",
            "webinar_87654321098_20260415_2.csv",
            "2026-04-15",
            "87654321098",
            {"meeting_id": "87654321098"},
        ),
        (
            "portal_delivery",
            "MedPort_202604_20260508.xlsx",
            "2026-05-08",
            "2026-04",
            {"vendor": "MedPort", "period": "202604"},
        ),
        ("portal_delivery", "四月分.xlsx", None, None, None),
        ("survey_qualtrics", "cx_survey_2026Q1_20260420.csv", "2026-04-20", None, {}),
        ("web_snowplow", "web_20260401.tsv.gz", "2026-04-01", None, {}),
        ("initiative_assignment", "割付表_INI-01_20260617.csv", "2026-06-17", None, {}),
        ("web_snowplow", "run=2026-04-01-02-30-00/part-00000.tsv.gz", "2026-04-01 02:30", None, {}),
    ],
)
def test_what_a_file_name_says(
    source: str, name: str, delivered_at: str | None, period: str | None, values: dict[str, str] | None
):
    contract = load_contracts()[source]
    expected = datetime.fromisoformat(delivered_at) if delivered_at else None
    assert contract.delivered_at(name) == expected
    assert contract.period_of(name) == period
    assert contract.values_from_name(name) == values


def test_the_readme_names_every_custom_property_and_its_example_loads(tmp_path: Path):
    readme = (project_root() / "expectations" / "sources" / "README.md").read_text(encoding="utf-8")
    example = readme.split("```yaml\n")[1].split("```")[0]
    assert load_contract(write(tmp_path, example)).name == "field_request"
    known = [*FILE_PROPERTIES, *COLUMN_PROPERTIES]
    assert len(known) == 24
    assert [name for name in known if f"`{name}" not in readme] == []
