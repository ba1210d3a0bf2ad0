"""Data Docs without a network: GX's own pages, our own stylesheet, no script and no tracker.

GX's pages load about fifteen assets from content networks and a tracking pixel. The page body is GX's own;
what the browser would fetch is taken out, and one small stylesheet in the page makes it readable.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from shirube.audit.results import AuditResult

STYLESHEET = Path(__file__).with_name("data_docs.css")
LOADED = re.compile(
    r"<script\b.*?</script\s*>|<noscript\b.*?</noscript\s*>|<link\b[^>]*>|<img\b[^>]*>|<iframe\b.*?</iframe\s*>"
    r"|<style\b.*?</style\s*>|<meta\b[^>]*http-equiv[^>]*>",
    re.DOTALL | re.IGNORECASE,
)
STATUS_JA = {
    "passed": "合格",
    "warning": "注意",
    "critical": "不合格",
    "not_arrived": "未着",
    "absent": "作られていない",
    "unaudited": "検査なし",
}


def write(audit: AuditResult, documents: dict[str, dict[str, Any]], folder: Path) -> None:
    """Write `index.html` and one page per audited table into `folder` (created; must not exist)."""
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    folder.mkdir(parents=True)
    renderer = ValidationResultsPageRenderer(run_info_at_end=True)
    view = DefaultJinjaPageView()
    for name, document in documents.items():
        result = expectationSuiteValidationResultSchema.load(document)
        page = view.render(renderer.render(result))
        (folder / f"{name}.html").write_text(offline(page), encoding="utf-8")
    (folder / "index.html").write_text(_index(audit), encoding="utf-8")


def offline(page: str) -> str:
    """The same page with nothing left that a browser would fetch, and our stylesheet inside it."""
    page = LOADED.sub("", page)
    style = f"<style>\n{STYLESHEET.read_text(encoding='utf-8')}</style>\n"
    return page.replace("</head>", style + "</head>", 1)


def _index(audit: AuditResult) -> str:
    rows = []
    for table in audit.tables:
        failed = [check for check in table.checks if check.counts_as]
        link = f'<a href="{html.escape(table.name)}.html">{html.escape(table.name)}</a>'
        why = "<br>".join(html.escape(check.why) for check in failed)
        rows.append(
            f'<tr class="{table.status}"><td>{link if table.checks else html.escape(table.name)}</td>'
            f"<td>{STATUS_JA[table.status]} <small>{table.status}</small></td>"
            f"<td>{len(table.checks) - len(failed)} / {len(table.checks)}</td><td>{why}</td></tr>"
        )
    counts = audit.counts
    page = (
        '<!DOCTYPE html>\n<html lang="ja"><head><meta charset="utf-8">'
        f"<title>データの検査 {html.escape(audit.release_id)}</title></head><body>"
        f"<h1>データの検査</h1><p>リリース {html.escape(audit.release_id)} · {audit.as_of} 時点 · "
        f"検査 {counts['checks']} 件のうち合格 {counts['passed']}、注意 {counts['warning']}、"
        f"不合格 {counts['critical']}</p>"
        "<table><thead><tr><th>表 <small>table</small></th><th>結果 <small>status</small></th>"
        "<th>合格 / 全体</th><th>通らなかった検査 <small>failed checks</small></th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></body></html>\n"
    )
    return offline(page)
