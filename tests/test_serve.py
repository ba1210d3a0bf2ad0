"""What the little web server shows of a release, and what it never shows."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from shirube.home import Home
from shirube.serve import find_page, serving

SECRET = "山田 太郎 先生"
FORBIDDEN = [
    "/reports/mr/E001/index.html",
    "/reports/mr/",
    "/reports/mr",
    "/reports/office/../mr/E001/index.html",
    "/reports/office/%2e%2e/mr/E001/index.html",
    "/reports/office/..%2fmr%2fE001%2findex.html",
    "/docs/../reports/mr/E001/index.html",
    "//reports/mr/E001/index.html",
    "/docs/link_to_mr/E001/index.html",
    "/docs/link_out.txt",
    "/docs/../../../vault/token.key",
    "/../vault/token.key",
    "/%2e%2e/%2e%2e/vault/token.key",
    "/..%5c..%5cvault%5ctoken.key",
    "/marts/mart_cx.parquet",
    "/manifest.json",
    "/shirube.duckdb",
    "/audit/result.json",
    "/docs/",
    "/docs/nothing_here.html",
    "/docs/%00",
    "/docs/%ff",
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose release has a page for everyone beside every kind of file that is for nobody else."""
    home = Home.resolve(tmp_path)
    release = home.releases / "2026-10-31-abc"
    for name in ("reports/index.html", "reports/office/OF01.html", "docs/catalogue/index.html", "docs/a.js"):
        page = release / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"公開 {name}", encoding="utf-8")
    for name in (
        "reports/mr/E001/index.html",
        "marts/mart_cx.parquet",
        "manifest.json",
        "shirube.duckdb",
        "audit/result.json",
        "../../vault/token.key",
    ):
        file = release / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET, encoding="utf-8")
    (release / "docs" / "link_to_mr").symlink_to(release / "reports" / "mr")
    (release / "docs" / "link_out.txt").symlink_to(home.vault / "token.key")
    home.current.symlink_to(release.name)
    return home


@pytest.fixture
def address(home: Home) -> Iterator[str]:
    with serving(home) as url:
        yield url


def get(
    address: str, path: str, host: str | None = None, method: str = "GET"
) -> tuple[int, str, dict[str, str]]:
    """Ask without tidying the path, as an attacker would."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or urlsplit(address).netloc)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode("utf-8", errors="replace")
    connection.close()
    return answer.status, body, dict(answer.getheaders())


@pytest.mark.parametrize(
    "path", ["/reports/index.html", "/reports/office/OF01.html", "/docs/catalogue/index.html"]
)
def test_pages_for_everyone_are_served(address: str, path: str) -> None:
    status, body, headers = get(address, path)
    assert (status, body) == (200, f"公開 {path[1:]}")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_folders_lead_to_their_index(address: str) -> None:
    assert get(address, "/docs/catalogue/")[:2] == (200, "公開 docs/catalogue/index.html")
    status, _, headers = get(address, "/docs/catalogue")
    assert (status, headers["Location"]) == (302, "/docs/catalogue/")
    status, _, headers = get(address, "/")
    assert (status, headers["Location"]) == (302, "/reports/index.html")
    assert get(address, "/docs/catalogue/index.html", method="HEAD")[:2] == (200, "")


@pytest.mark.parametrize("path", FORBIDDEN)
def test_everything_else_is_not_found(address: str, path: str) -> None:
    status, body, _ = get(address, path)
    assert status == 404
    assert SECRET not in body


def test_forbidden_files_are_there_to_be_found(home: Home) -> None:
    """The test above can only fail if the files exist."""
    release = home.current
    assert (release / "reports/mr/E001/index.html").read_text(encoding="utf-8") == SECRET
    assert (release / "docs/link_to_mr/E001/index.html").read_text(encoding="utf-8") == SECRET
    assert (release / "docs/../../../vault/token.key").resolve().exists()


def test_only_this_machine_is_answered(address: str) -> None:
    assert urlsplit(address).hostname == "127.0.0.1"
    assert get(address, "/reports/index.html", host="rebound.example:80")[0] == 421
    assert get(address, "/reports/index.html", host="localhost:1")[0] == 200
    assert get(address, "/reports/index.html", method="POST")[0] == 501


def test_redirects_stay_on_this_host(address: str) -> None:
    status, _, headers = get(address, "//docs/catalogue")
    assert status == 302
    assert headers["Location"] == "/docs/catalogue/"


def test_a_switched_release_is_seen_at_once(home: Home, address: str) -> None:
    newer = home.releases / "2026-11-30-def"
    (newer / "docs").mkdir(parents=True)
    (newer / "docs" / "a.js").write_text("newer", encoding="utf-8")
    link = home.releases / "current.new"
    link.symlink_to(newer.name)
    link.replace(home.current)
    assert get(address, "/docs/a.js")[:2] == (200, "newer")
    assert get(address, "/reports/index.html")[0] == 404


def test_before_the_first_release_it_says_so(tmp_path: Path) -> None:
    home = Home.resolve(tmp_path / "empty")
    assert find_page(home, "/docs/") is None
    with serving(home) as address:
        status, body, _ = get(address, "/")
    assert status == 404
    assert "Nothing is published yet" in body
    assert "まだ公開されていない" in body


def test_a_page_that_is_not_there_says_so_in_japanese_and_leads_back(address: str) -> None:
    status, body, headers = get(address, "/docs/nothing_here.html")
    assert status == 404
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<html lang="ja">' in body and "<title>資料がありません</title>" in body
    assert 'href="/"' in body
