"""The recall list, on release folders made by hand: which files hold a physician, no more."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shirube import cli
from shirube.home import Home
from shirube.release import retire, shelf
from shirube.release.recall import recall
from shirube.stopped import STOPPED_FILE, stopped_physicians
from shirube.vault import VaultPermissionError
from typer.testing import CliRunner

STOPPED, OTHER, UNKNOWN = "a" * 12, "b" * 12, "c" * 12
NAME, CODE = "標 太郎", "0123456"
OLD, NEW = "2026-09-30-aaaaaaaaaa", "2026-10-31-bbbbbbbbbb"


def make_release(home: Home, release_id: str, *physicians: str) -> Path:
    """A release as publishing leaves it, smaller: two rows per physician in the star, one elsewhere."""
    folder = home.releases / release_id
    for part in (
        "star",
        "marts",
        "restricted",
        "exports",
        "reports/office",
        "reports/mr/e1",
        "reports/mr/e2",
    ):
        (folder / part).mkdir(parents=True)
    rows = ", ".join(f"('{key}', '{NAME}', '{CODE}')" for key in physicians)
    with duckdb.connect(str(folder / "shirube.duckdb")) as database:
        database.execute(
            f"create temp table held as select * from (values {rows}) as v(physician_key, name, code)"
        )
        for place, select in {
            "star/fct_touchpoint": "select * from held union all select * from held",
            "star/fct_physician_month": "select physician_key, case physician_key"
            f" when '{STOPPED}' then 'e1' else 'e2' end as employee_key from held",
            "star/dim_channel": "select 'mr_visit' as channel_id",
            "marts/mart_period": "select physician_key from held",
            "marts/mart_cx": "select 3 as numerator",
            "restricted/mart_use": "select physician_key as asking_physician_key, 1 as n from held",
        }.items():
            database.execute(f"copy ({select}) to '{folder / place}.parquet' (format parquet)")
        database.execute("create table mart_period as select physician_key from held")
        database.execute("create table mart_cx as select 3 as numerator")
        database.execute(f"copy held to '{folder}/exports/list.csv' (format csv, header)")
    (folder / "manifest.json").write_text('{"schema_version": 1}')
    (folder / "reports" / "office" / "OF01.html").write_text("<p>10人中3人</p>")
    (folder / "reports" / "office" / "OF01.pdf").write_bytes(b"%PDF-1.7")
    for employee in ("e1", "e2"):
        (folder / "reports" / "mr" / employee / "physicians.html").write_text(NAME)
    order = (*shelf.read_history(home).order, release_id)
    shelf.write_history(home, shelf.History(order))
    shelf.switch(home, release_id)
    return folder


def written(home: Home, key: str = STOPPED) -> dict[str, Any]:
    return dict(json.loads((home.root / "recalls" / f"{key}.json").read_text(encoding="utf-8")))


def stop(home: Home, *keys: str) -> None:
    """Put physicians on the vault's list."""
    file = home.vault / STOPPED_FILE
    home.vault.mkdir(mode=0o700, exist_ok=True)
    file.write_text("\n".join(keys))
    file.chmod(0o600)


def run(home: Home, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["recall", *words, "--home", str(home.root)])
    return result.exit_code, result.output


def test_lists_exactly_what_holds_the_key(home: Home) -> None:
    make_release(home, OLD, STOPPED, OTHER)
    (found,) = recall(home, [STOPPED])
    assert (found.holding, found.unread, found.is_clear) == ((OLD,), (), False)
    (release,) = written(home)["releases"]
    assert [(one["path"], one["table"], one["rows"]) for one in release["artefacts"]] == [
        ("exports/list.csv", None, 1),
        ("marts/mart_period.parquet", None, 1),
        ("restricted/mart_use.parquet", None, 1),
        ("shirube.duckdb", "mart_period", 1),
        ("star/fct_physician_month.parquet", None, 1),
        ("star/fct_touchpoint.parquet", None, 2),
        ("reports/mr/e1/physicians.html", None, None),
    ]


def test_a_release_is_retired_only_when_the_newest_holds_none(home: Home) -> None:
    make_release(home, OLD, STOPPED, OTHER)
    make_release(home, NEW, STOPPED, OTHER)
    recall(home, [STOPPED])
    actions = [(one["release_id"], one["action"]) for one in written(home)["releases"]]
    assert actions == [(OLD, "replace_then_retire"), (NEW, "replace_then_retire")]
    shutil.rmtree(home.releases / NEW)
    make_release(home, NEW, OTHER)
    recall(home, [STOPPED])
    assert [one["action"] for one in written(home)["releases"]] == ["retire", "keep"]
    shelf.switch(home, OLD)  # readers were taken back to one that holds the physician
    recall(home, [STOPPED])
    assert [one["action"] for one in written(home)["releases"]] == ["replace_then_retire", "keep"]


def test_it_says_which_command_comes_next(home: Home) -> None:
    make_release(home, OLD, STOPPED, OTHER)
    assert "stopped_physicians.txt" in run(home, STOPPED)[1]
    assert not written(home)["is_left_out_of_builds"]
    stop(home, STOPPED)
    said = run(home, STOPPED)[1]
    assert "shirube run" in said and "shirube retire" not in said and "stopped_physicians.txt" not in said
    assert written(home)["is_left_out_of_builds"]
    make_release(home, NEW, OTHER)
    said = run(home, STOPPED)[1]
    assert f"shirube retire {OLD}" in said and "shirube run" not in said


def test_nothing_remains_once_the_old_release_is_retired(home: Home) -> None:
    make_release(home, OLD, STOPPED, OTHER)
    make_release(home, NEW, OTHER)
    code, said = run(home, STOPPED)
    assert code == 1 and OLD in said and NEW not in said
    retire(home, OLD)
    code, said = run(home, STOPPED)
    assert code == 0 and "no release holds it any more" in said
    document = written(home)
    assert document["is_clear"] and document["releases"][0]["artefacts"] == []
    assert document["releases_ever_found"] == [OLD], "copies elsewhere are still to be called back"
    assert document["releases_retired"] == [OLD]


def test_a_key_that_was_never_found_is_told(home: Home) -> None:
    make_release(home, OLD, STOPPED, OTHER)
    code, said = run(home, UNKNOWN)
    assert code == 0 and "check that the key is right" in said
    assert written(home, UNKNOWN)["is_clear"]


def test_no_release_yet(home: Home) -> None:
    code, _ = run(home, STOPPED)
    assert code == 0 and written(home)["releases"] == []


def test_the_list_holds_nothing_personal(home: Home) -> None:
    make_release(home, OLD, STOPPED, OTHER)
    recall(home, [STOPPED])
    file = home.root / "recalls" / f"{STOPPED}.json"
    text = file.read_text(encoding="utf-8")
    assert not [word for word in (NAME, CODE, OTHER, str(home.root)) if word in text]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    recall(home, [STOPPED])
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("wrong", [NAME, CODE, "../vault", "A" * 32, "あ" * 12, ""])
def test_what_is_no_key_is_refused_and_not_repeated(home: Home, wrong: str) -> None:
    with pytest.raises(ValueError, match="12") as told:
        recall(home, [wrong])
    assert not wrong or wrong not in str(told.value)
    assert not (home.root / "recalls").exists()


@pytest.mark.parametrize("name", ["marts/broken.parquet", "broken.duckdb", "exports/list.xlsx"])
def test_a_file_that_cannot_be_searched_is_no_clean_file(home: Home, name: str) -> None:
    (make_release(home, OLD, OTHER) / name).write_bytes(b"no such format")
    (found,) = recall(home, [STOPPED])
    assert (found.holding, found.unread, found.is_clear) == ((), (f"{OLD}/{name}",), False)
    assert written(home)["releases"][0]["action"] == "inspect"


def test_a_folder_that_may_not_be_entered_is_no_clean_folder(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_release(home, OLD, OTHER)
    listed = os.scandir

    def scandir(path: Any) -> Any:  # the superuser, who may run the tests, is refused nowhere
        if str(path).endswith("/restricted"):
            raise PermissionError(13, "refused", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert recall(home, [STOPPED])[0].unread == (f"{folder.name}/restricted",)


def test_half_written_sheets_are_not_taken_as_clean(home: Home) -> None:
    left = make_release(home, OLD, OTHER) / ".share.4711" / "reports" / "mr" / "e1"
    left.mkdir(parents=True)
    (left / "physicians.html").write_text(NAME)
    assert recall(home, [STOPPED])[0].unread == (f"{OLD}/.share.4711/reports/mr/e1/physicians.html",)


def test_sheets_without_the_table_they_come_from_are_not_taken_as_clean(home: Home) -> None:
    (make_release(home, OLD, OTHER) / "star" / "fct_physician_month.parquet").unlink()
    assert recall(home, [STOPPED])[0].unread == (f"{OLD}/reports/mr",)


def test_a_mention_in_a_text_counts(home: Home) -> None:
    page = make_release(home, OLD, OTHER) / "reports" / "office" / "OF01.html"
    page.write_text(f"<p>{STOPPED}</p>")
    recall(home, [STOPPED])
    assert written(home)["releases"][0]["artefacts"] == [
        {"path": "reports/office/OF01.html", "table": None, "found_by": "text", "rows": 1}
    ]


def test_rows_that_lost_the_key_and_keep_the_reference_are_found(home: Home) -> None:
    """Taking a physician out of the master alone leaves the contacts, without key but with reference."""
    before, after = make_release(home, OLD, STOPPED, OTHER), make_release(home, NEW, OTHER)
    for folder, rows in {
        before: f"('{STOPPED}', 'crm_account_id', '001X'), ('{OTHER}', 'crm_account_id', '002X')",
        # One of the stopped physician; of others: another reference, another type, a new holder.
        after: "(null, 'crm_account_id', '001X'), (null, 'crm_account_id', '003X'),"
        f" (null, 'member_id', '001X'), ('{OTHER}', 'crm_account_id', '001X'), (null, null, null)",
    }.items():
        duckdb.sql(
            f"copy (select * from (values {rows}) v(physician_key, physician_reference_type,"
            f" physician_reference)) to '{folder}/star/fct_touchpoint.parquet' (format parquet)"
        )
    (found,) = recall(home, [STOPPED])
    assert found.holding == (OLD, NEW)
    assert written(home)["releases"][1]["artefacts"] == [
        {"path": "star/fct_touchpoint.parquet", "table": None, "found_by": "reference", "rows": 1}
    ]
    assert "001X" not in found.file.read_text(encoding="utf-8")


def test_the_vaults_list_is_taken_where_no_key_is_given(home: Home) -> None:
    make_release(home, OLD, STOPPED, OTHER)
    assert run(home)[0] == 1, "neither a key nor a list"
    file = home.vault / STOPPED_FILE
    file.write_text(f"# asked to stop\n{UNKNOWN}\n{STOPPED}  # by letter\n\n{STOPPED}\n")
    file.chmod(0o644)
    with pytest.raises(VaultPermissionError):
        stopped_physicians(home)
    file.chmod(0o600)
    code, _ = run(home)
    assert code == 1
    assert (written(home)["is_clear"], written(home, UNKNOWN)["is_clear"]) == (False, True)
