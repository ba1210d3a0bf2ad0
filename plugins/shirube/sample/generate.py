"""Generate the sample company's files and, beside them, what is true about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from shirube.sample.behaviour import Simulation
from shirube.sample.company import Period, found
from shirube.sample.defects import Defects
from shirube.sample.truth import Truth
from shirube.sample.writers import (
    dcf,
    initiatives,
    link_reviews,
    portal,
    qualtrics,
    snowplow,
    stories,
    strategy,
    zoom,
)
from shirube.sample.writers.content import ContentWriter
from shirube.sample.writers.crm import CrmWriter
from shirube.sample.writers.files import FileLog
from shirube.sample.writers.jdnet import JdnetWriter
from shirube.sample.writers.multichannel import MultichannelWriter
from shirube.sample.writers.suggestion import SuggestionWriter

Progress = Callable[[str, dict[str, Any]], None]


def generate(
    out: Path,
    seed: int = 7,
    physicians: int = 3000,
    months: int = 12,
    mrs: int = 120,
    offices: int = 20,
    end: str = "2026-10-31",
    sources: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write `out/<source>/<files>` and, beside them, the truth; return what truth.json holds.

    The truth is `truth.json` (parameters, effects, planted defects, expected counts, every file),
    `truth_phase.parquet` (latent phase and exposure per physician × product × month) and
    `truth_physician.parquet` (who each physician is in every source, and the preferred channel).

    The same arguments give the same bytes. `sources` restricts which files are written, not what happens.
    Raises ValueError for a company that cannot be (more offices than representatives, too few physicians).
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    period = Period.ending(end, months)
    company = found(np.random.default_rng([seed, 1]), period, physicians, mrs, offices)
    log = FileLog(out, None if sources is None else frozenset(sources))
    defects = Defects(months)
    simulation = Simulation(company, seed)
    known = Truth(out, company)
    dcf.write(log, company, defects)
    crm = CrmWriter(log, company, defects)
    content = ContentWriter(log, company, defects, seed)
    suggestions = SuggestionWriter(log, company, defects, seed)
    multichannel = MultichannelWriter(log, company, defects, seed)
    jdnet = JdnetWriter(log, company, defects, seed)
    for index in range(months):
        month = simulation.month(index)
        known.add(month)
        crm.month(month)
        content.month(month)
        suggestions.month(month)
        multichannel.month(month, content.shown, simulation.tracking_off_from)
        zoom.write(log, company, month, defects)
        portal.write(log, company, month, defects)
        qualtrics.write(log, company, month, defects, seed)
        snowplow.write(log, company, month, defects, simulation.tracking_off_from)
        jdnet.month(index)
        if progress:
            progress("sample_month", {"month": period.label(index), "done": index + 1, "of": months})
    initiatives.write(log, company, simulation.initiatives, defects)
    stories.write(log, company, seed, defects)
    strategy.write(log, company)
    reviewed = link_reviews.write(log, company, seed)
    known.close()
    asked = {
        "seed": seed,
        "physicians": physicians,
        "months": months,
        "mrs": mrs,
        "offices": offices,
        "end": str(np.datetime64(period.end_day, "D")),
        "first_month": period.label(0),
        "small_office": f"OF{company.small_office + 1:02d}",
    }
    records = crm.records() | content.records() | suggestions.records() | multichannel.records()
    truth = known.assemble(log, defects, simulation.p, asked, records)
    truth["initiatives"] = simulation.initiatives.truth()
    truth["link_reviews"] = reviewed
    (out / "truth.json").write_text(
        json.dumps(truth, ensure_ascii=False, indent=1, default=int) + "\n", encoding="utf-8"
    )
    return truth
