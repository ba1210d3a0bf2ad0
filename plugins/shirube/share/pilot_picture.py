"""The picture of one initiative: what lay between the sides before its start, and what after it.

Of a lot, the time before shows whether it was fair; of a roll-out in steps and of similar physicians, whether
they can be compared at all. Differences come from `mart_effect_period`, words from `page_hq.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shirube.share import chart
from shirube.share.release_files import ReleaseFiles, Row
from shirube.share.wording import declared


@dataclass(frozen=True)
class PilotPicture:
    """A picture (one `<svg>`) with its heading and what to look for in it; all empty where there is none."""

    title: str = ""
    svg: str = ""
    note: str = ""


def pilot_picture(release: ReleaseFiles, tried: Sequence[Row]) -> PilotPicture:
    """The picture of the first of the initiatives that has a verdict, else of the first; none where nothing
    is shown on either side of the start. `tried`: rows of mart_pilot_readout, the newest first."""
    words = declared("page_hq")["pilots"]["picture"]
    shown = _windows(release)
    for row in sorted(tried, key=lambda row: bool(row["verdict"] == "cannot_tell")):
        windows = shown.get(row["initiative_id"], [])
        compared_with = words["compared_with"].get(row["design"])
        if compared_with is None or len({one.months < 0 for one in windows}) < 2:
            continue
        title = str(words["title"]).format(name=row["name_ja"])
        sides = (str(words["before"]), str(words["after"]))
        svg = chart.before_and_after(windows, sides, str(words["unit"]), str(words["axis"]), title)
        return PilotPicture(title, svg, f"{compared_with}{words['note']}{words['otherwise'][row['design']]}")
    return PilotPicture()


def _windows(release: ReleaseFiles) -> dict[str, list[chart.Window]]:
    """Initiative → its windows with a difference that is shown, the earliest first."""
    rows = release.query_if_held(
        "mart_effect_period",
        "select * from {mart_effect_period} where subject_type = 'initiative'"
        " and difference_per_100 is not null order by subject_id, months_from_start",
    )
    found: dict[str, list[chart.Window]] = {}
    for row in rows:
        low, high = row["difference_low_per_100"], row["difference_high_per_100"]
        window = chart.Window(int(row["months_from_start"]), row["difference_per_100"], low, high)
        found.setdefault(str(row["subject_id"]), []).append(window)
    return found
