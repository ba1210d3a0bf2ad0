"""Links drawn for people to check: which, in whose words, and where nobody else can read them."""

from __future__ import annotations

import csv
import io
import stat
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shirube import cli, link_review
from shirube.contracts import load_contracts
from shirube.home import Home
from shirube.landing import land
from shirube.link_review import HEADER, DrawnLinks, draw_links
from shirube.vault import IDENTIFIERS_SCHEMA, private_folder
from shirube.warehouse.build import BuildResult
from typer.testing import CliRunner

DAY = date(2026, 10, 31)
ALWAYS, FOREVER = date(1900, 1, 1), date(9999, 12, 31)
Link = tuple[str, str, str, date, date, str | None]
# Physician p1 behind everything a log may hold; p2's account; and what must not be drawn.
LINKS: list[Link] = [
    ("crm_account", "crm_account_id", "A1", ALWAYS, FOREVER, "p1"),
    ("crm_account", "member_id", "M1", ALWAYS, FOREVER, "p1"),
    ("webinar_zoom", "email_token", "t1.mail", date(2026, 4, 1), FOREVER, "p1"),
    ("crm_account", "email_token", "t1.mail", ALWAYS, date(2026, 10, 2), "p2"),
    ("portal_delivery", "dcf_code", "00000001", ALWAYS, FOREVER, "p1"),
    ("crm_call", "crm_account_id", "A2", ALWAYS, FOREVER, "p2"),
    ("dcf_physician", "dcf_code", "00000001", ALWAYS, FOREVER, "p1"),
    ("crm_medical_inquiry", "crm_account_id", "A2", ALWAYS, FOREVER, "p2"),
    ("web_snowplow", "member_id", "M9", ALWAYS, FOREVER, None),
    ("crm_account", "member_id", "ended before the quarter", ALWAYS, date(2026, 10, 1), "p1"),
    ("crm_account", "member_id", "begins after it", date(2027, 1, 1), FOREVER, "p1"),
]
DRAWN = LINKS[:6]


def identity(links: list[Link]) -> pa.Table:
    columns = ("source", "reference_type", "reference", "valid_from", "valid_to", "physician_key")
    rows = [dict(zip(columns, link, strict=True)) for link in links]
    for number, row in enumerate(rows):
        row |= {
            "link_id": row["physician_key"] and f"L{number:012d}",
            "method": f"by {row['reference_type']}",
        }
    return pa.Table.from_pylist(rows)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A built home in small: the links above, what the lake holds under them, and the names in the vault."""
    home = Home.resolve(tmp_path)
    warehouse(home, LINKS, 200)
    account = {"first_name_token": "t1.given", "system_modstamp": "2026-01-01", "specialty": "内科"}
    in_lake(
        home,
        "crm_account",
        [
            account | {"id": "A1", "member_id": "M1", "last_name_token": "t1.old"},
            account
            | {"id": "A1", "member_id": "M1", "last_name_token": "t1.family", "primary_parent_id": "F1"}
            | {"email_token": "t1.mail", "system_modstamp": "2026-04-01"},
            account | {"id": "A2", "last_name_token": "t1.other", "email_token": "t1.mail"},
            {"id": "F1", "external_id": "H1", "system_modstamp": "2026-01-01"},
        ],
    )
    in_lake(
        home,
        "webinar_zoom",
        [{"email_token": "t1.mail", "participant_name_token": "t1.typed", "joined_at": "2026-09-01"}],
    )
    in_lake(
        home,
        "portal_delivery",
        [{"physician_code": "00000001", "specialty_name": "外科", "delivered_on": "2026-09-01"}],
    )
    words = {
        "t1.old": "旧姓", "t1.family": "新姓", "t1.given": "太郎", "t1.other": "別人",
        "t1.typed": "=病院(代理)", "t1.master1": "新姓　太郎", "t1.master2": "別人　太郎",
    }  # fmt: skip
    found = [{"token": token, "kind": "name", "value": value} for token, value in words.items()]
    found.append({"token": "t1.mail", "kind": "email", "value": "taro@example.jp"})
    file = private_folder(home, "identifiers", "crm_account") / "1.parquet"
    pq.write_table(pa.Table.from_pylist(found, IDENTIFIERS_SCHEMA), file)
    file.chmod(0o600)
    return home


def warehouse(home: Home, links: list[Link], per_quarter: int) -> Path:
    file = home.warehouse / "small.duckdb"
    file.unlink(missing_ok=True)
    tables = {
        "core.bridge_physician_identity": identity(links),
        "core.bridge_physician_facility": pa.table(
            {
                "physician_key": ["p1", "p1", "p2"],
                "facility_key": ["f1", "f2", "f2"],
                "is_primary": [True, False, True],
                "valid_from": [ALWAYS] * 3,
                "valid_to": [FOREVER] * 3,
            }
        ),
        "core.dim_facility": pa.table(
            {
                "facility_key": ["f1", "f2"],
                "facility_code": ["H1", "H2"],
                "facility_name": ["第一病院", "第二病院"],
                "is_current": [True, True],
            }
        ),
        "core.dim_physician": pa.table(
            {
                "physician_key": ["p1", "p2"],
                "name_token": ["t1.master1", "t1.master2"],
                "is_current": [True, True],
                "specialty_group": ["内科", "外科"],
            }
        ),
        "core.dim_date": pa.table({"date_on": [ALWAYS, date(2026, 4, 1)], "fiscal_year": [2025, 2026]}),
        "core.dim_source": pa.table({"source": ["crm_account"], "name_ja": ["CRM 取引先"]}),
        "seeds.identity_rule": pa.table({"reference_type": ["member_id"], "method_ja": ["会員番号で"]}),
        "seeds.link_review_rule": pa.table(
            {
                "rule_version": ["link-review-1"],
                "links_per_quarter": [per_quarter],
            }
        ),
    }
    with duckdb.connect(str(file)) as connection:
        for name, table in tables.items():
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.register("given", table)
            connection.execute(f"create table {name} as from given")
    return file


def in_lake(home: Home, source: str, rows: list[dict[str, Any]]) -> None:
    schema = load_contracts()[source].lake_schema()
    columns = ", ".join(f"cast({field.name} as {_kind(field.type)}) as {field.name}" for field in schema)
    given = [{name: row.get(name) for name in schema.names} for row in rows]
    for number, row in enumerate(given):
        row |= {"_landing_id": "landing", "_row_number": number}
    folder = home.lake / source
    folder.mkdir(parents=True)
    text = pa.schema([(name, pa.int64() if name == "_row_number" else pa.string()) for name in schema.names])
    with duckdb.connect() as connection:
        connection.register("given", pa.Table.from_pylist(given, text))
        connection.execute(f"copy (select {columns} from given) to '{folder / 'landing.parquet'}'")


def _kind(kind: pa.DataType) -> str:
    for known, name in ((pa.types.is_timestamp, "timestamptz"), (pa.types.is_date, "date")):
        if known(kind):
            return name
    return {"bool": "boolean", "int64": "bigint", "double": "double"}.get(str(kind), "varchar")


def draw(home: Home, day: date = DAY) -> DrawnLinks:
    return draw_links(home, home.warehouse / "small.duckdb", day)


def rows(drawn: DrawnLinks) -> list[dict[str, str]]:
    text = drawn.file.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def numbers(links: list[Link]) -> set[str]:
    return {f"L{LINKS.index(link):012d}" for link in links}


def test_links_of_the_quarter_that_lead_to_somebody_are_drawn(home: Home) -> None:
    drawn = draw(home)
    assert (drawn.links, drawn.quarter_start) == (6, date(2026, 10, 1))
    assert {row["結びつけの番号"] for row in rows(drawn)} == numbers(DRAWN)
    # On 31 March the quarter is January's: the address is p2's alone, whoever has it later.
    before = rows(draw(home, date(2026, 3, 31)))
    assert {row["結びつけの番号"] for row in before} == numbers(
        [link for link in DRAWN if link[3] == ALWAYS] + [LINKS[9]]
    )


def test_both_sides_stand_in_words(home: Home) -> None:
    by_number = {row["結びつけの番号"]: row for row in rows(draw(home))}
    said = {
        number: tuple(row[name] for name in HEADER[6:14])
        for number, row in by_number.items()
    }  # fmt: skip
    first = ("新姓　太郎", "第一病院", "内科")
    second = ("別人　太郎", "第二病院", "外科")
    assert said == {
        # The newest version of the account, with the facility it stands under.
        "L000000000000": ("A1", "新姓 太郎", "第一病院", "内科", "", *first),
        "L000000000001": ("M1", "新姓 太郎", "第一病院", "内科", "", *first),
        # What was typed at the webinar, and not as a formula.
        "L000000000002": ("", "'=病院(代理)", "", "", "taro@example.jp", *first),
        "L000000000003": ("", "新姓 太郎", "第一病院", "内科", "taro@example.jp", *second),
        "L000000000004": ("00000001", "", "", "外科", "", *first),
        # A call has no name of its own; its account has.
        "L000000000005": ("A2", "別人 太郎", "", "内科", "", *second),
    }
    member = by_number["L000000000001"]
    assert (member["記録の種類"], member["結びつけ方"]) == ("CRM 取引先", "会員番号で")
    assert (member["source"], member["method"], member["physician_key"]) == (
        *("crm_account", "by member_id"),
        "p1",
    )
    assert {(row["判定"], row["確かめた日"], row["四半期の初日"]) for row in by_number.values()} == {
        ("", "", "2026-10-01")
    }


def test_the_table_is_its_owners_alone_and_never_written_over(home: Home) -> None:
    drawn = draw(home)
    assert drawn.file.is_relative_to(home.vault)
    assert stat.S_IMODE(drawn.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(drawn.file.parent.stat().st_mode) == 0o700
    before = drawn.file.read_bytes()
    with pytest.raises(FileExistsError):
        draw(home, date(2026, 12, 31))
    assert drawn.file.read_bytes() == before


def test_a_quarter_without_links_is_told(home: Home) -> None:
    warehouse(home, LINKS[6:], 200)
    with pytest.raises(LookupError):
        draw(home)
    assert list((home.vault / "link_review").iterdir()) == []


def many(home: Home, per_quarter: int, links: int = 4000) -> None:
    """One link in four of another source, all of them standing."""
    sources = ("crm_account", "crm_account", "crm_account", "crm_call")
    warehouse(
        home,
        [(sources[number % 4], "member_id", f"M{number}", ALWAYS, FOREVER, "p1") for number in range(links)],
        per_quarter,
    )


def drawn_again(home: Home, day: date = DAY) -> list[str]:
    drawn = draw(home, day)
    found = [row["結びつけの番号"] for row in rows(drawn)]
    drawn.file.unlink()
    return found


def test_the_same_quarter_draws_the_same_links(home: Home) -> None:
    many(home, 200)
    october = drawn_again(home)
    assert len(october) == len(set(october)) == 200
    assert drawn_again(home, date(2026, 12, 31)) == october
    # A smaller sample is the beginning of the larger one: who stops early has looked at a sample too.
    many(home, 50)
    assert drawn_again(home) == october[:50]
    many(home, 200)
    assert set(drawn_again(home, date(2026, 9, 30))) != set(october)


def test_every_link_has_the_same_chance(home: Home) -> None:
    # 25 quarters of 200 of 4,000: sources and old links as they are. 3.3 standard deviations.
    many(home, 200)
    drawn = [number for year in range(2002, 2027) for number in drawn_again(home, date(year, 10, 31))]
    of_calls = sum(int(number[1:]) % 4 == 3 for number in drawn)
    assert abs(of_calls - 1250) < 3.3 * (5000 * 0.25 * 0.75) ** 0.5
    early = sum(int(number[1:]) < 2000 for number in drawn)
    assert abs(early - 2500) < 3.3 * (5000 * 0.5 * 0.5) ** 0.5
    never = 4000 - len(set(drawn))
    # Not drawn in 25 quarters: 0.95^25 = 27.7 of 100.
    assert abs(never - 4000 * 0.95**25) < 3.3 * (4000 * 0.277 * 0.723) ** 0.5


def test_the_filled_table_lands_without_a_name(home: Home) -> None:
    drawn = draw(home)
    filled = rows(drawn)
    for place, row in enumerate(filled):
        row |= {"判定": ("正しい", "誤り", "分からない")[place % 3], "確かめた日": "2026/11/05"}
    inbox = home.inbox / "link_review"
    inbox.mkdir()
    with (inbox / drawn.file.name).open("w", encoding="cp932", newline="") as handle:
        lines = csv.DictWriter(handle, HEADER)
        lines.writeheader()
        lines.writerows(filled)
    assert land(home).rows_landed == 6
    landed = pq.read_table(home.lake / "link_review")
    assert set(landed["answer"].to_pylist()) == {"正しい", "誤り", "分からない"}
    assert set(landed["reviewed_on"].to_pylist()) == {date(2026, 11, 5)}
    assert set(landed["link_id"].to_pylist()) == numbers(DRAWN)
    text = str(landed.to_pylist())
    assert not any(word in text for word in ("太郎", "taro", "病院", "A1", "t1."))


def test_the_command_says_where_and_how_many_and_no_name(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home.warehouse / "small.duckdb"
    built = BuildResult(file, file, file, "release", DAY, "config", [])
    monkeypatch.setattr("shirube.warehouse.last_build", lambda _: built)
    told = CliRunner().invoke(cli.app, ["draw-links", "--home", str(home.root)])
    assert told.exit_code == 0, told.output
    assert "6 件を引きました" in told.output and str(home.vault / link_review.FOLDER) in told.output
    assert not any(word in told.output for word in ("太郎", "taro", "病院", "A1"))
    late = CliRunner().invoke(cli.app, ["draw-links", "--home", str(home.root), "--as-of", "2026-11-01"])
    assert late.exit_code == 1 and "shirube build" in late.output
