"""A shared release: whole or not at all, the same each time, offline, one sheet each, and without a leak."""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from shirube.home import Home
from shirube.share import pages, share
from shirube.share.dbt_docs import page_template
from shirube.share.render import Renderer, pages_in

from tests.share import release_builder as builder
from tests.share.release_builder import AS_OF, EMPLOYEE_NAMES, PHYSICIANS, RELEASE_ID

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def shared(home: Home, dbt_manifest: Path) -> Path:
    docs = home.current.resolve() / "audit" / "data_docs"
    docs.mkdir(parents=True)
    (docs / "index.html").write_text("<html><body>点検</body></html>", encoding="utf-8")
    (docs / "marts.fct_kpi_value.html").write_text("<html><body>表</body></html>", encoding="utf-8")
    share(home, dbt_manifest=dbt_manifest)
    return home.current.resolve()


def test_a_release_of_an_earlier_program_says_so(home: Home) -> None:
    """Its consents do not say yet whom they are about: what people can do about it is told, in words."""
    folder = home.current.resolve()
    (file,) = folder.glob("*/fct_consent_event.parquet")
    table = pq.read_table(file)
    file.chmod(0o600)
    pq.write_table(table.drop_columns(["is_about_representatives"]), file)
    with pytest.raises(ValueError, match=r"前のプログラムで.*shirube run.*is_about_representatives"):
        share(home)
    assert not (folder / "reports").exists() and not (folder / "docs").exists()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for part in ("reports", "docs")
        for file in sorted((folder / part).rglob("*"))
        if file.is_file()
    }


def test_everything_is_written_and_listed_with_its_hash(shared: Path) -> None:
    listed = json.loads((shared / "reports" / "index.json").read_text(encoding="utf-8"))
    assert listed["release_id"] == RELEASE_ID
    written = files(shared)
    written.pop("reports/index.json")
    assert {page["path"] for page in listed["pages"]} == set(written)
    assert {page["path"]: page["sha256"] for page in listed["pages"]} == {
        name: hashlib.sha256(content).hexdigest() for name, content in written.items()
    }
    roles = {page["path"]: page["role"] for page in listed["pages"]}
    assert roles["reports/office/OF01.pdf"] == "office"
    assert roles["reports/mr/e1/physicians.html"] == "mr:e1"
    assert roles["docs/catalogue/index.html"] == "everyone"
    assert roles["reports/head_office/index.html"] == "head_office"
    assert roles["reports/head_office/physicians.pdf"] == "head_office"
    # offices, sheets, head office, index, catalogue, dbt docs, data docs
    assert len(written) == 2 * 2 + 4 * 2 + 2 * 2 + 1 + 1 + 1 + 2


def test_only_the_owner_can_read_the_sheets(shared: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    own = shared / "reports" / "mr"
    assert mode(own) == 0o700
    sheets = [path for path in own.rglob("*") if path.is_file()]
    assert len(sheets) == 8
    assert {mode(path) for path in sheets} == {0o600}
    assert {mode(path) for path in own.iterdir()} == {0o700}
    assert mode(shared / "reports") == mode(shared / "docs") == 0o755


def test_no_name_leaks(shared: Path) -> None:
    found = 0
    for name, content in files(shared).items():
        if not name.endswith((".html", ".json")):
            continue
        text = content.decode("utf-8")
        owner = re.match(r"reports/mr/(\w+)/", name)
        assert not any(employee in text for employee in EMPLOYEE_NAMES), name
        assert "t1.0" not in text, name
        for _, person, employee, _ in PHYSICIANS:
            found += person in text
            assert (person in text) == (owner is not None and owner.group(1) == employee), (name, person)
    assert found >= len(PHYSICIANS)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext")
def test_no_name_leaks_into_print(shared: Path) -> None:
    found = 0
    for pdf in sorted((shared / "reports").rglob("*.pdf")):
        text = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout
        text = re.sub(r"\s", "", text)
        assert not any(re.sub(r"\s", "", employee) in text for employee in EMPLOYEE_NAMES)
        for _, person, employee, _ in PHYSICIANS:
            is_here = re.sub(r"\s", "", person) in text
            assert is_here == (pdf.parent.name == employee), (pdf.name, person)
            found += is_here
    assert found == len(PHYSICIANS)


class _Loads(HTMLParser):
    """Collects what a browser would fetch by itself, and the links a reader may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if tag == "a" and name == "href":
                self.links.append(value or "")
            elif name in ("src", "srcset", "data", "poster", "background") or (
                tag == "link" and name == "href"
            ):
                self.loaded.append(value or "")


def test_no_page_fetches_anything(shared: Path) -> None:
    seen = 0
    for name, content in files(shared).items():
        if not name.endswith(".html") or name == "docs/dbt/index.html":
            continue
        text = content.decode("utf-8")
        parser = _Loads()
        parser.feed(text)
        assert parser.loaded == [], name
        assert not re.search(r"@import|url\(\s*['\"]?(?!data:)|https?://(?!www\.w3\.org/2000/svg)", text), (
            name
        )
        for link in parser.links:
            if link.startswith("#"):
                assert f'id="{link[1:]}"' in text, (name, link)
            else:
                target, _, anchor = link.partition("#")
                file = (shared / name).parent.joinpath(target).resolve()
                assert file.is_file(), (name, link)
                assert not anchor or f'id="{anchor}"' in file.read_text(encoding="utf-8"), (name, link)
        seen += 1
    assert seen == 2 + 4 + 2 + 1 + 1 + 2


def test_dbt_docs_are_whole_and_ask_nobody(shared: Path) -> None:
    text = (shared / "docs" / "dbt" / "index.html").read_text(encoding="utf-8")
    for host in ("cloudfront.net", "sinter-collect", "fuzzed.getdbt.com"):
        assert host not in text
    assert "turn_on_tracking()," not in text
    for private in ("secret-machine", "run-17", "2026-11-01T00:00:00Z", "someone"):
        assert private not in text
    assert "INLINE DATA" not in text
    assert "One row per KPI, period, scope and breakdown. <\\/script>" in text
    assert '"rows"' in text


def test_a_changed_dbt_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shirube.share.dbt_docs._TRACKER", (("a tracker nobody knows yet", ""),))
    with pytest.raises(ValueError, match="look for its new tracker"):
        page_template()


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser")
@pytest.mark.parametrize("page", ["office/OF01", "office/OF02", "mr/e1/physicians"])
def test_a_page_prints_on_one_sheet(shared: Path, tmp_path: Path, page: str) -> None:
    assert CHROMIUM is not None
    out = tmp_path / "print.pdf"
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]
    flags += ["--disable-component-update", "--disable-sync", "--no-pdf-header-footer"]
    subprocess.run(
        [CHROMIUM, *flags, f"--user-data-dir={tmp_path / 'chrome'}", f"--print-to-pdf={out}",
         (shared / "reports" / f"{page}.html").as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert len(re.findall(rb"/Type\s*/Page\b", out.read_bytes())) == 1


def test_every_pdf_is_one_sheet(shared: Path) -> None:
    pdfs = sorted((shared / "reports").rglob("*.pdf"))
    assert len(pdfs) == 8
    # The head office's first is printed on both sides, its second where the marts have something to say.
    assert [pages_in(pdf.read_bytes()) for pdf in pdfs] == [2] + [1] * 7


def test_a_crowded_page_is_set_smaller_and_an_impossible_one_refused() -> None:
    renderer = Renderer(AS_OF)
    line = {
        "name": "山田 太郎 先生",
        "where": "とても長い名前の総合医療センター附属病院・循環器内科",
        "phase": "検討",
    }
    line |= {
        "phase_note": "",
        "preferred": "まだ不明",
        "preferred_note": "記録からの推測: Web講演会",
        "last_contact": "10/1 面談",
        "step": "次に会うとき、尋ねます" * 4,
    }
    page = {"month": "2026年10月", "office": "営業所", "as_of": "10/31時点", "physicians": 30, "unseen": 2}
    page |= {"known_preference": 3, "open_moments": 2, "notes": ["注" * 40] * 4, "release_id": RELEASE_ID}
    assert pages_in(renderer.pdf("own_physicians", page | {"lines": [line] * 14})) == 1
    with pytest.raises(ValueError, match="does not fit on one sheet"):
        renderer.pdf("own_physicians", page | {"lines": [line] * 60})
    assert pages_in(renderer.pdf("own_physicians", page | {"lines": [line] * 60}, sides_at_worst=9)) > 1
    assert pages_in(renderer.pdf("own_physicians", page | {"lines": [line] * 14}, sides_at_worst=9)) == 1


def test_sharing_again_writes_nothing_and_force_writes_the_same(
    shared: Path, home: Home, dbt_manifest: Path
) -> None:
    before = files(shared)
    stamp = (shared / "reports").stat().st_ino
    again = share(home)
    assert again.was_shared
    assert len(again.pages) == len(before) - 1
    assert (shared / "reports").stat().st_ino == stamp
    forced = share(home, RELEASE_ID, force=True, dbt_manifest=dbt_manifest)
    assert not forced.was_shared
    assert files(shared) == before
    assert not list(shared.glob(".share*"))


def test_a_share_that_fails_leaves_nothing_to_see(
    home: Home, dbt_manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(Renderer, "pdf", broken)
    with pytest.raises(OSError, match="disk full"):
        share(home, dbt_manifest=dbt_manifest)
    release = home.current.resolve()
    assert sorted(path.name for path in release.iterdir()) == ["manifest.json", "marts", "star"]
    monkeypatch.undo()
    assert not share(home, dbt_manifest=dbt_manifest).was_shared


def test_a_share_that_was_killed_between_the_two_folders_is_finished(
    home: Home, dbt_manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pages.swap

    def killed(new: Path, place: Path) -> None:
        if place.name == "reports":
            raise KeyboardInterrupt
        real(new, place)

    monkeypatch.setattr(pages, "swap", killed)
    with pytest.raises(KeyboardInterrupt):
        share(home, dbt_manifest=dbt_manifest)
    release = home.current.resolve()
    assert (release / "docs").is_dir()
    assert not (release / "reports").exists()
    monkeypatch.undo()
    assert not share(home, dbt_manifest=dbt_manifest).was_shared
    assert (release / "reports" / "index.json").is_file()


def test_leftovers_of_a_dead_process_are_cleared(home: Home, dbt_manifest: Path) -> None:
    leftover = home.current.resolve() / ".share.999999" / "reports"
    leftover.mkdir(parents=True)
    share(home, dbt_manifest=dbt_manifest)
    assert not leftover.exists()


def test_no_release_is_a_clear_message(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="公開された資料がありません"):
        share(Home.resolve(tmp_path))
    with pytest.raises(FileNotFoundError, match="no release to share: nothing"):
        share(Home.resolve(tmp_path), "nothing")


def test_the_vault_must_be_private(home: Home, dbt_manifest: Path) -> None:
    file = next((home.vault / "identifiers").rglob("*.parquet"))
    file.chmod(0o644)
    with pytest.raises(PermissionError):
        share(home, dbt_manifest=dbt_manifest)
    assert not (home.current / "reports").exists()


def test_numbers_of_a_withheld_table_leave_honest_pages(home: Home, dbt_manifest: Path) -> None:
    (home.current.resolve() / "marts" / "fct_kpi_value.parquet").unlink()
    share(home, dbt_manifest=dbt_manifest)
    text = (home.current / "reports" / "office" / "OF01.html").read_text(encoding="utf-8")
    assert "先生から見た数字は、まだ届いていません。" in text
    assert "判断できません" in text


def test_the_umask_cannot_open_the_sheets(home: Home, dbt_manifest: Path) -> None:
    before = os.umask(0o000)
    try:
        share(home, dbt_manifest=dbt_manifest)
    finally:
        os.umask(before)
    sheet = home.current / "reports" / "mr" / "e1" / "physicians.pdf"
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600


def test_the_office_page_carries_its_picture_and_its_words(shared: Path) -> None:
    text = (shared / "reports" / "office" / "OF01.html").read_text(encoding="utf-8")
    blocks = [
        "先生にとって",
        "判定",
        "なぜ",
        "先生の段階ごとの人数",
        "数字",
        "今月の一歩",
        "まだ言えないこと",
        "現場の声",
    ]
    blocks += ["この資料が言っていないこと", "用語の説明", "数字の決め方"]
    places = [text.index(block, text.index("<main>")) for block in blocks]
    assert places == sorted(places)
    assert text.count("<svg") == 1
    assert 'name="viewport"' in text
    assert "size: A4" in text


def test_the_index_links_every_office_and_no_person(shared: Path) -> None:
    text = (shared / "reports" / "index.html").read_text(encoding="utf-8")
    for office in ("OF01", "OF02"):
        assert f'href="office/{office}.html"' in text
        assert f'href="office/{office}.pdf"' in text
    assert 'href="mr/' not in text
    assert builder.EMPLOYEE_NAMES[0] not in text


def test_the_audit_of_a_table_for_few_is_not_among_the_pages_for_everyone(
    home: Home, dbt_manifest: Path
) -> None:
    """What a check found in Medical's table is as little for everyone as the table."""
    release = home.current.resolve()
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    entry = {"name": "mart_medical_access", "status": "published", "rows": 3}
    manifest["marts"].append(entry | {"file": "restricted/mart_medical_access.parquet"})
    (release / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    made = release / "audit" / "data_docs"
    made.mkdir(parents=True)
    named = [f'<a href="{name}.html">{name}</a>' for name in ("marts.mart_medical_access", "marts.mart_cx")]
    (made / "index.html").write_text(f"<html><body>{''.join(named)}</body></html>", encoding="utf-8")
    for name in ("marts.mart_medical_access", "marts.mart_cx"):
        (made / f"{name}.html").write_text("<html><body>14</body></html>", encoding="utf-8")
    share(home, dbt_manifest=dbt_manifest)
    docs = release / "docs" / "data_docs"
    assert [file.name for file in sorted(docs.iterdir())] == ["index.html", "marts.mart_cx.html"]
    index = (docs / "index.html").read_text(encoding="utf-8")
    assert 'href="marts.mart_medical_access.html"' not in index
    assert 'href="marts.mart_cx.html"' in index
    assert 'href="../catalogue/index.html"' in index, "the way back"
    catalogue = (release / "docs" / "catalogue" / "index.html").read_text(encoding="utf-8")
    assert "marts.mart_medical_access.html" not in catalogue
