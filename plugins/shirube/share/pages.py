"""Write what people read about one release: reports per role, the catalogue, the linked documents."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from shirube import durable
from shirube.home import Home
from shirube.locks import held
from shirube.share import catalogue, dbt_docs
from shirube.share.own_physicians import own_physicians_page, physicians_by_employee
from shirube.share.release_files import Kpi, ReleaseFiles, is_for_few
from shirube.share.render import Renderer
from shirube.share.report_hq import HeadOfficePage, head_office_page
from shirube.share.report_hq_physicians import physicians_page
from shirube.share.report_mr import OfficePage, office_page
from shirube.share.wording import declared, full_day
from shirube.vault import reveal

Progress = Callable[[str, dict[str, Any]], None]

INDEX = "index.json"
# Drafts lie inside the release, where a rename is atomic; what a dead process left is cleared next time.
DRAFT = ".share."


@dataclass(frozen=True)
class Page:
    """One written file: its place below the release folder, who may read it, and the hash of its bytes."""

    path: str
    role: str
    sha256: str


@dataclass(frozen=True)
class ShareResult:
    """The pages of one release; `was_shared` says that they were there already and nothing was written."""

    release_id: str
    folder: Path
    was_shared: bool
    pages: tuple[Page, ...] = field(default=())


def share(
    home: Home,
    release_id: str | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
    dbt_manifest: Path | None = None,
) -> ShareResult:
    """Write `reports/` and `docs/` of a release (default: the current one), each by one rename of a folder.

    A release that has been shared is left as it is, unless `force`. Lineage and dbt's documentation come from
    `dbt_manifest` (default: the warehouse's, if it still holds the build) or are left out.
    Raises FileNotFoundError where there is no such
    release, ValueError where a page would break a rule of wording.
    """
    folder = (home.releases / release_id if release_id else home.current).resolve()
    if not (folder / "manifest.json").exists():
        raise FileNotFoundError(
            f"公開された資料がありません。 / no release to share: {release_id or 'current'}"
        )
    say = progress or (lambda _event, _facts: None)
    with held(home.releases / ".share.lock"):
        index = folder / "reports" / INDEX
        if index.exists() and not force:
            listed = json.loads(index.read_text(encoding="utf-8"))
            say("share_skipped", {"release_id": listed["release_id"], "pages": len(listed["pages"])})
            found = tuple(Page(**page) for page in listed["pages"])
            return ShareResult(listed["release_id"], folder, was_shared=True, pages=found)
        for leftover in folder.glob(f"{DRAFT}*"):
            _discard(leftover)
        draft = folder / f"{DRAFT}{os.getpid()}"
        draft.mkdir(mode=0o700)
        try:
            with ReleaseFiles(folder) as release:
                pages = _write(home, release, draft, dbt_manifest or _manifest_of(home, release), say)
                release_name = release.release_id
            for part in ("docs", "reports"):
                (draft / part).chmod(0o755)
                swap(draft / part, folder / part)
        finally:
            _discard(draft)
    say("shared", {"release_id": release_name, "pages": len(pages)})
    return ShareResult(release_name, folder, was_shared=False, pages=tuple(pages))


def _manifest_of(home: Home, release: ReleaseFiles) -> Path | None:
    """dbt's manifest, if the warehouse still holds the build that the release was made from."""
    from shirube.warehouse import load_build  # here: a share with a manifest given needs no warehouse

    try:
        return load_build(home, release.release_id).dbt_manifest
    except FileNotFoundError:
        return None


def _write(
    home: Home, release: ReleaseFiles, draft: Path, dbt_manifest: Path | None, say: Progress
) -> list[Page]:
    """Write both folders into the draft; returns the list of pages that also goes into `index.json`."""
    registry = release.registry()
    renderer = Renderer(release.as_of)
    reports, docs = draft / "reports", draft / "docs"
    reports.mkdir(mode=0o755)
    docs.mkdir(mode=0o755)
    offices = _write_offices(release, registry, renderer, reports / "office")
    say("office_pages", {"pages": len(offices)})
    head_office = _write_head_office(release, registry, renderer, reports / "head_office")
    say("head_office_page", {"verdicts": len(head_office.necessity)})
    sheets = _write_own_physicians(home, release, renderer, reports / "mr")
    say("own_physician_pages", {"pages": sheets})
    _write_documents(release, renderer, docs, dbt_manifest)
    say("catalogue", {"tables": len(release.manifest["marts"]) + len(release.manifest["star"])})
    _write_text(
        reports / "index.html",
        renderer.html(
            "index",
            offices=offices,
            head_office=head_office,
            release_id=release.release_id,
            as_of=full_day(release.as_of),
        ),
    )
    pages = [
        Page(str(file.relative_to(draft)), _role(file.relative_to(draft)), _sha256(file))
        for file in sorted(draft.rglob("*"))
        if file.is_file()
    ]
    document = {"release_id": release.release_id, "pages": [dataclasses.asdict(page) for page in pages]}
    _write_text(reports / INDEX, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    return pages


def _write_offices(
    release: ReleaseFiles, registry: dict[str, Kpi], renderer: Renderer, folder: Path
) -> list[OfficePage]:
    folder.mkdir(mode=0o755)
    pages = []
    for office_id, office in release.offices():
        page = office_page(release, registry, office_id, office)
        html = renderer.html(
            "office", page=page, picture=Markup(page.picture), catalogue="../../docs/catalogue/index.html"
        )
        _write_text(folder / f"{office_id}.html", html)
        # A busy month is longer than a side; a page that is not made tells nobody anything.
        printed = renderer.pdf("office", dataclasses.asdict(page), sides_at_worst=2)
        (folder / f"{office_id}.pdf").write_bytes(printed)
        pages.append(page)
    return pages


def _write_head_office(
    release: ReleaseFiles, registry: dict[str, Kpi], renderer: Renderer, folder: Path
) -> HeadOfficePage:
    folder.mkdir(mode=0o755)
    page = head_office_page(release, registry)
    html = renderer.html(
        "head_office",
        page=page,
        picture=Markup(page.picture),
        pilot_picture=Markup(page.pilot_picture.svg),
        catalogue="../../docs/catalogue/index.html",
    )
    _write_text(folder / "index.html", html)
    (folder / "head_office.pdf").write_bytes(renderer.pdf("head_office", dataclasses.asdict(page), sides=2))
    _write_physicians_view(release, registry, renderer, folder)
    return page


def _write_physicians_view(
    release: ReleaseFiles, registry: dict[str, Kpi], renderer: Renderer, folder: Path
) -> None:
    """The second page of head office, beside the first: what physicians want and whether it is met."""
    page = physicians_page(release, registry)
    html = renderer.html(
        "head_office_physicians",
        page=page,
        picture=Markup(page.picture),
        catalogue="../../docs/catalogue/index.html",
    )
    _write_text(folder / "physicians.html", html)
    printed = renderer.pdf("head_office_physicians", dataclasses.asdict(page), sides=2)
    (folder / "physicians.pdf").write_bytes(printed)


def _write_own_physicians(home: Home, release: ReleaseFiles, renderer: Renderer, folder: Path) -> int:
    """One folder per medical representative, which only the files' owner can enter; returns their number."""
    folder.mkdir(mode=0o700)
    by_employee = physicians_by_employee(release)
    names = reveal(home, {row["name_token"] for rows in by_employee.values() for row in rows}, "name")
    offices = dict(release.offices())
    for employee_key, rows in by_employee.items():
        page = own_physicians_page(release, employee_key, rows, names, offices.get(rows[0]["office_id"], ""))
        own = folder / employee_key
        own.mkdir(mode=0o700)
        for ending, content in (
            ("html", renderer.html("own_physicians", page=page).encode("utf-8")),
            ("pdf", renderer.pdf("own_physicians", dataclasses.asdict(page))),
        ):
            with durable.replacing(own / f"physicians.{ending}", durable.PRIVATE) as handle:
                handle.write(content)
    return len(by_employee)


def _write_documents(
    release: ReleaseFiles, renderer: Renderer, docs: Path, dbt_manifest: Path | None
) -> None:
    """The catalogue, dbt's documentation and the audit's pages; each links to the others that exist."""
    manifest = json.loads(dbt_manifest.read_text(encoding="utf-8")) if dbt_manifest else None
    if manifest is not None:
        (docs / "dbt").mkdir(mode=0o755)
        _write_text(docs / "dbt" / "index.html", dbt_docs.offline_page(manifest, release))
    data_docs = release.folder / "audit" / "data_docs"
    if data_docs.is_dir():
        _copy_data_docs(release, data_docs, docs / "data_docs")
    (docs / "catalogue").mkdir(mode=0o755)
    tables = catalogue.tables(release, manifest)
    numbers = catalogue.numbers(release, manifest)
    html = renderer.html(
        "catalogue",
        catalogue_style=renderer.style("catalogue"),
        as_of=full_day(release.as_of),
        release_id=release.release_id,
        config_version=release.manifest["config_version"],
        numbers=numbers,
        readers=catalogue.readers(numbers, tables),
        tables=tables,
        published={table.name for table in tables},
        sources=catalogue.sources(release),
        words=declared("glossary")["terms"],
        phases=catalogue.phases(),
        evidence=declared("wording")["evidence"],
        has_dbt_docs=manifest is not None,
        has_data_docs=data_docs.is_dir(),
    )
    _write_text(docs / "catalogue" / "index.html", html)


def _copy_data_docs(release: ReleaseFiles, made: Path, place: Path) -> None:
    """The audit's pages for everyone: without those of tables that few may see, with a way back."""
    few = {f"marts.{entry['name']}" for entry in release.manifest["marts"] if is_for_few(entry)}
    shutil.copytree(
        made,
        place,
        copy_function=shutil.copyfile,
        ignore=lambda _folder, names: [name for name in names if name.removesuffix(".html") in few],
    )
    index = place / "index.html"
    text = index.read_text(encoding="utf-8")
    for name in few:
        text = text.replace(f'<a href="{name}.html">{name}</a>', name)
    back = '<p><a href="../catalogue/index.html">数字と表のカタログ</a></p>'
    _write_text(index, text.replace("<body>", f"<body>{back}", 1))


def _role(path: Path) -> str:
    """Who a file is for: `office`, `head_office`, `mr:<employee key>` or `everyone`."""
    if path.parts[:2] == ("reports", "mr"):
        return f"mr:{path.parts[2]}"
    is_for_some = path.parts[0] == "reports" and path.parts[1] in ("office", "head_office")
    return path.parts[1] if is_for_some else "everyone"


def _write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def swap(new: Path, place: Path) -> None:
    """Put a finished folder in its place; an old one steps aside first, so that no mixture is ever seen."""
    aside = new.with_name(f"{place.name}.old")
    if place.exists():
        place.rename(aside)
    new.rename(place)


def _discard(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
