"""Data Docs without a network: GX's own pages, our own stylesheet, no script and no tracker.

GX's pages load about fifteen assets from content networks and a tracking pixel. The page body is GX's own;
what the browser would fetch is taken out, links that lead nowhere are mended, one small stylesheet in the
page makes it readable, and a table says what each check is for.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from shirube.audit.results import AuditResult, CheckResult, TableResult

STYLESHEET = Path(__file__).with_name("data_docs.css")
FETCHED = re.compile(
    r"<script\b.*?</script\s*>|<noscript\b.*?</noscript\s*>|<iframe\b.*?</iframe\s*>|<style\b.*?</style\s*>"
    r"|<(?:link|img|source|embed|object|base)\b[^>]*>|<meta\b[^>]*http-equiv[^>]*>|<footer\b.*?</footer\s*>",
    re.DOTALL | re.IGNORECASE,
)
HANDLER = re.compile(r"""\son[a-z]+=("[^"]*"|'[^']*')""", re.IGNORECASE)
HOME_LINK = re.compile(r'href="(?:\.\./)+index\.html"')
SUITE_LINK = re.compile(r'<a href="(?:\.\./)+expectations/[^"]*"\s*>(.*?)</a>', re.DOTALL)
RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TITLES = re.compile(r"<title>.*?</title>", re.DOTALL)
STATUS_JA = {
    "passed": "合格",
    "warning": "注意",
    "critical": "不合格",
    "not_arrived": "未着",
    "absent": "作られていない",
    "unaudited": "検査なし",
}
SEVERITY_JA = {"critical": "重大", "warning": "注意", "info": "参考"}
OUTCOME_JA = {"passed": "合格", "failed": "不合格", "error": "検査が動かない"}


def write(audit: AuditResult, documents: dict[str, dict[str, Any]], folder: Path) -> None:
    """Write `index.html` and one page per audited table into `folder` (created; must not exist)."""
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    folder.mkdir(parents=True)
    renderer = ValidationResultsPageRenderer(run_info_at_end=True)
    view = DefaultJinjaPageView()
    for table in audit.tables:
        if table.name in documents:
            result = expectationSuiteValidationResultSchema.load(documents[table.name])
            page = offline(view.render(renderer.render(result)), f"{table.name} {audit.release_id}")
            page = page.replace("</body>", f"{_purposes(table)}</body>", 1)
            (folder / f"{table.name}.html").write_text(page, encoding="utf-8")
    (folder / "index.html").write_text(_index(audit), encoding="utf-8")


def offline(page: str, title: str) -> str:
    """The same page with nothing left that a browser would fetch or run, and our stylesheet inside it."""
    page = RANDOM_ID.sub("detail", HANDLER.sub("", FETCHED.sub("", page)))
    page = SUITE_LINK.sub(r"\1", HOME_LINK.sub('href="index.html"', page))
    page = page.replace(">Home<", ">検査の一覧 All checks<").replace("<html>", '<html lang="en">', 1)
    style = (
        f"<title>{html.escape(title)}</title>\n<style>\n{STYLESHEET.read_text(encoding='utf-8')}</style>\n"
    )
    return TITLES.sub("", page).replace("</head>", style + "</head>", 1)


def _purposes(table: TableResult) -> str:
    rows = "".join(
        f"<tr><td>{OUTCOME_JA[check.outcome]}</td><td>{SEVERITY_JA[check.severity]}</td><td>{_named(check)}</td>"
        f"<td>{html.escape(check.why)}{_raised(check)}</td><td>{html.escape(check.owner)}</td></tr>"
        for check in table.checks
    )
    return (
        "<h5>何のための検査か <small>What each check is for</small></h5>"
        "<table><thead><tr><th>結果</th><th>重さ</th>"
        f"<th>検査</th><th>理由</th><th>担当</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _named(check: CheckResult) -> str:
    return html.escape(f"{check.expectation} {check.column}" if check.column else check.expectation)


def _raised(check: CheckResult) -> str:
    return f"<br><code>{html.escape(check.message)}</code>" if check.message else ""


def _index(audit: AuditResult) -> str:
    rows = []
    for table in audit.tables:
        failed = [check for check in table.checks if check.counts_as]
        name = html.escape(table.name)
        link = f'<a href="{name}.html">{name}</a>' if table.checks else name
        why = "<br>".join(
            f"{SEVERITY_JA[str(check.counts_as)]}: {html.escape(check.why)}" for check in failed
        )
        rows.append(
            f'<tr class="{table.status}"><td>{link}</td>'
            f"<td>{STATUS_JA[table.status]} <small>{table.status}</small></td>"
            f"<td>{len(table.checks) - len(failed)} / {len(table.checks)}</td><td>{why}</td></tr>"
        )
    counts = audit.counts
    page = (
        '<!DOCTYPE html>\n<html lang="ja"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head><body>'
        f"<h1>データの検査</h1><p>リリース {html.escape(audit.release_id)} · {audit.as_of} 時点 · "
        f"検査 {counts['checks']} 件のうち合格 {counts['passed']}、注意 {counts['warning']}、"
        f"参考 {counts['info']}、不合格 {counts['critical']}</p>"
        "<table><thead><tr><th>表 <small>table</small></th><th>結果 <small>status</small></th>"
        "<th>合格 / 全体</th><th>通らなかった検査 <small>failed checks</small></th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></body></html>\n"
    )
    return offline(page, f"データの検査 {audit.release_id}")
