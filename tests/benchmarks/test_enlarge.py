"""A company made larger in the lake is as many companies: nothing shared that names a person or a record."""

from __future__ import annotations

import importlib.util
import sqlite3
from types import ModuleType

import duckdb
import pytest
from shirube.home import Home, project_root
from shirube.landing import land
from shirube.sample import generate

COPIES = 3
SHARED = {
    "content_approval", "content_decision", "crm_key_message", "crm_product", "crm_user", "initiative",
    "link_review", "story", "strategy_document",
}  # fmt: skip
# Child, its column, parent, its column: as many pairs as before, times the copies.
LINKS = [
    ("crm_call", "account_id", "crm_account", "id"),
    ("crm_account", "external_id", "dcf_physician", "physician_code"),
    ("dcf_affiliation", "facility_code", "dcf_facility", "facility_code"),
    ("crm_call_detail", "call_id", "crm_call", "id"),
    ("crm_call_key_message", "call_id", "crm_call", "id"),
    ("crm_email_activity", "sent_email_id", "crm_sent_email", "id"),
    ("crm_multichannel_activity_line", "activity_id", "crm_multichannel_activity", "id"),
    ("webinar_zoom", "email_token", "crm_account", "email_token"),
    ("web_snowplow", "user_id", "crm_account", "member_id"),
    ("portal_delivery", "physician_code", "dcf_physician", "physician_code"),
]


@pytest.fixture(scope="module")
def enlarge() -> ModuleType:
    spec = importlib.util.spec_from_file_location("enlarge", project_root() / "benchmarks" / "enlarge.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(home: Home, source: str) -> int:
    (found,) = duckdb.sql(f"select count(*) from '{home.lake / source}/*.parquet'").fetchall()
    return int(found[0])


def links(home: Home, link: tuple[str, str, str, str]) -> int:
    child, key, parent, parent_key = link
    (found,) = duckdb.sql(
        f"select count(*) from '{home.lake / child}/*.parquet' as child"
        f" semi join '{home.lake / parent}/*.parquet' as parent on child.{key} = parent.{parent_key}"
    ).fetchall()
    return int(found[0])


def test_every_copy_is_a_company_of_its_own(
    enlarge: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home(tmp_path_factory.mktemp("enlarge") / "home")
    generate(home.inbox, seed=7, physicians=60, months=12, mrs=12, offices=2)
    land(home)
    sources = {folder.name for folder in home.lake.iterdir()}
    assert len(sources) == 29 and sources - SHARED == set(enlarge.IDENTIFIERS)
    before = {source: rows(home, source) for source in sources}
    linked = {link: links(home, link) for link in LINKS}
    assert min(linked.values()) > 0

    total = enlarge.enlarge(home.root, COPIES)

    after = {source: rows(home, source) for source in sources}
    assert {source for source in sources if after[source] == before[source]} == SHARED
    in_part = {source for source in sources - SHARED if after[source] != COPIES * before[source]}
    assert in_part <= {"initiative_assignment"}
    assert total == sum(after[source] for source in enlarge.IDENTIFIERS)
    assert {link: links(home, link) for link in LINKS} == {link: COPIES * n for link, n in linked.items()}
    with sqlite3.connect(home.root / "ledger" / "ledger.sqlite") as ledger:
        told = dict(ledger.execute("select source, sum(rows_landed) from batch group by source"))
    assert told == after
    for source in ("crm_call", "web_snowplow"):
        key = "id" if source == "crm_call" else "event_id"
        (shared,) = duckdb.sql(
            f"select count(*) from (select {key} from '{home.lake / source}/*.parquet' group by {key}"
            f" having count(distinct _row_number // {enlarge.ROWS_OF_A_FILE}) > 1)"
        ).fetchall()
        assert shared == (0,)


@pytest.mark.parametrize("copies", [1, 11])
def test_no_other_number_of_copies(enlarge: ModuleType, copies: int) -> None:
    with pytest.raises(ValueError, match="2 to 10"):
        enlarge.enlarge(project_root(), copies)
