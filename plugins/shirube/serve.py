"""Serves what everyone may read of the current release, on this machine only.

Reports for one person (`reports/mr`) are files for that person and are never served; neither are marts,
audit files, or anything outside the release.
"""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from shirube.home import Home

SERVED_FILES = ("reports/index.html",)
SERVED_FOLDERS = ("reports/office", "reports/head_office", "docs")
START_PAGES = ("reports/index.html", "docs/catalogue/index.html")
"""Where `/` leads: the first of these that the release has."""


def find_page(home: Home, url_path: str) -> Path | None:
    """The file for the path of a URL, or None when there is none that may be served.

    The link `current` is followed once per call, so a page is never mixed from two releases. The decision is
    made on the resolved file: neither `..`, nor an encoded slash, nor a link inside the release leads out of
    the served folders.
    """
    try:
        release = home.current.resolve(strict=True)
        wanted = unquote(url_path, errors="strict").lstrip("/")
        page = (release / wanted).resolve(strict=True)
        if page.is_dir():
            page = (page / "index.html").resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
    if not page.is_file():
        return None
    allowed = page in [release / file for file in SERVED_FILES] or any(
        page.is_relative_to(release / folder) for folder in SERVED_FOLDERS
    )
    return page if allowed else None


NOTHING_HERE = """<!DOCTYPE html>
<html lang="ja"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>資料がありません</title></head>
<body><h1>ここに資料はありません</h1>
<p>まだ公開されていないか、場所が変わりました。<a href="/">資料の一覧へ</a></p>
<p lang="en">%(code)d %(message)s</p></body></html>
"""
"""What a reader sees instead of a page; the code and the reason stand below, for who looks after it."""


class _Handler(BaseHTTPRequestHandler):
    home: ClassVar[Home]
    error_message_format = NOTHING_HERE
    error_content_type = "text/html; charset=utf-8"
    server_version = "shirube"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        # A page from elsewhere must not read ours through a name that was made to point at this machine.
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost"):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = urlsplit(self.path).path
        if path == "/":
            self._redirect_to_start()
            return
        page = find_page(self.home, path)
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        if page.name == "index.html" and not path.endswith(("/", "/index.html")):
            self._redirect(f"{path}/")
            return
        content = page.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _content_type(page))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def _redirect_to_start(self) -> None:
        for start in START_PAGES:
            if find_page(self.home, start):
                self._redirect(f"/{start}")
                return
        self.send_error(HTTPStatus.NOT_FOUND, "Nothing is published yet")

    def _redirect(self, location: str) -> None:
        self.send_response(HTTPStatus.FOUND)
        # Two slashes in front would name another host.
        self.send_header("Location", f"/{location.lstrip('/')}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep no record of who read what."""


def _content_type(page: Path) -> str:
    kind = mimetypes.guess_type(page.name)[0] or "application/octet-stream"
    return (
        f"{kind}; charset=utf-8"
        if kind.startswith("text/") or kind.endswith(("json", "javascript"))
        else kind
    )


@contextmanager
def serving(home: Home, port: int = 0) -> Iterator[str]:
    """Serve the current release in a background thread; gives the address.

    Args:
        home: the data home.
        port: on 127.0.0.1; 0 takes a free one.

    Raises: OSError when the port is taken.
    """
    handler = type("_HomeHandler", (_Handler,), {"home": home})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, name="published-pages", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
