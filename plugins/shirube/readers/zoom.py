"""Zoom participant reports in the shapes Zoom has exported so far.

With or without the two-line preamble about the meeting, a blank or comma-only line after it, the "unique"
export with `Total Duration (Minutes)`, and either casing of the name column. What the preamble says about the
meeting is repeated on every row; without it, the meeting id comes from the file's name.
"""

from __future__ import annotations

import re
from typing import Final

from shirube.contracts.model import SourceContract, header_key
from shirube.readers.batch import Reader, match_header, unknown_columns
from shirube.readers.delimited import DelimitedReader, Layout, head_rows, no_rows
from shirube.readers.text import TextFile, not_a

_PREAMBLE_MARK: Final = header_key("Meeting ID")
_LEAST_COLUMNS: Final = 2


def open_zoom(contract: SourceContract, text: TextFile, constants: dict[str, str]) -> Reader:
    """A reader for one participant report; raises `FileRejected` if no participant header is found."""
    rows = list(head_rows(text.head(1 << 16), ",", 4))
    if not rows:
        raise no_rows()
    preamble = next(
        (at for at, (_, cells, _) in enumerate(rows) if _PREAMBLE_MARK in map(header_key, cells)), None
    )
    from_preamble: dict[str, str] = {}
    if preamble is not None and len(rows) > preamble + 1:
        match = match_header(contract, rows[preamble][1], set())
        values = rows[preamble + 1][1]
        from_preamble = {name: values[at].strip() for name, at in match.positions.items() if at < len(values)}
    candidates = rows if preamble is None else rows[preamble + 2 :]
    matches = [(match_header(contract, cells, set()), cells, after) for _, cells, after in candidates]
    if not matches:
        raise no_rows() if preamble is not None else not_a("zoom_participants", "別の形の表", "another table")
    best, header, after = max(matches, key=lambda found: len(found[0].positions))
    if len(best.positions) < _LEAST_COLUMNS:
        raise not_a("zoom_participants", "別の形の表", "another table")
    known = {**constants, **{k: v for k, v in from_preamble.items() if k not in best.positions and v}}
    if "meeting_id" in known:
        known["meeting_id"] = re.sub(r"[\s-]", "", known["meeting_id"])
    match = match_header(contract, header, set(known))
    if match.missing_required:
        raise unknown_columns(contract, [name for name in header if name.strip()], match.missing_required)
    named = max(position for position, name in enumerate(header) if name.strip()) + 1
    return DelimitedReader(
        contract, text, Layout(",", len(header), match, after, pad_from=named, constants=known)
    )
