"""Turn assembled pages into files: HTML by Jinja templates and PDF by Typst, both from `templates/`.

Nothing is fetched: styles and pictures are inline; the PDF's typeface is IPAex Gothic from a package.
"""

from __future__ import annotations

import importlib.util
import json
import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import jinja2
import typst
from markupsafe import Markup

# Sizes tried in turn, as shares of the designed one; at the last the smallest print is still 6.5 points.
FITS = (1.0, 0.94, 0.88, 0.83)
TEMPLATES = Path(__file__).with_name("templates")


def font_folder() -> Path:
    """The folder with the IPAex Gothic font; found without importing its package, which loads matplotlib.

    Raises ModuleNotFoundError if the package with the font is not installed.
    """
    found = importlib.util.find_spec("matplotlib_fontja")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("matplotlib-fontja, which carries the IPAex Gothic font, is not installed")
    return Path(found.submodule_search_locations[0]) / "fonts"


class Renderer:
    """Compiled templates, loaded once for all pages of a release."""

    def __init__(self, as_of: date) -> None:
        self._html = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(font_folder())]
        )
        self._typst = typst.Compiler(root=str(TEMPLATES), font_paths=fonts)
        self._stamp = datetime.combine(as_of, time(), tzinfo=UTC)

    def html(self, template: str, **names: Any) -> str:
        """Render `templates/<template>.html.j2`; every value is escaped unless it is `Markup`."""
        return self._html.get_template(f"{template}.html.j2").render(style=self.style("sheet"), **names)

    def style(self, name: str) -> Markup:
        """The stylesheet `templates/<name>.css`, to stand inside a page."""
        return Markup((TEMPLATES / f"{name}.css").read_text(encoding="utf-8"))

    def pdf(self, template: str, page: dict[str, Any], sides: int = 1, sides_at_worst: int = 1) -> bytes:
        """Compile `templates/<template>.typ` with `page` as its data; the same page gives the same bytes.

        It is always one sheet, printed on one side or on both: where the words run over, everything is set a
        little smaller, and if that is not enough it may take `sides_at_worst`. Raises ValueError if even the
        smallest readable size does not fit.
        """
        for fit, most in [*((fit, sides) for fit in FITS), (FITS[-1], max(sides, sides_at_worst))]:
            compiled = self._typst.compile(
                input=str(TEMPLATES / f"{template}.typ"),
                format="pdf",
                sys_inputs={"page": json.dumps(page, ensure_ascii=False, sort_keys=True), "fit": str(fit)},
                timestamp=self._stamp,
            )
            if isinstance(compiled, bytes) and pages_in(compiled) <= most:
                return compiled
        raise ValueError(f"{template} does not fit on one sheet, even at {FITS[-1]:.0%} of its size")


def pages_in(pdf: bytes) -> int:
    """The number of pages of a PDF that Typst wrote; raises ValueError for anything else."""
    found = re.search(rb"/Type/Pages/Count (\d+)", pdf)
    if found is None:
        raise ValueError("not a PDF written by Typst")
    return int(found.group(1))
