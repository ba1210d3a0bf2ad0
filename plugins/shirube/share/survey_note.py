"""Whose answers a survey score is: how many of those asked, who asked them, who did not answer (H5).

One note stands under the numbers of a page that has such a score. Its words are declared in `wording.yaml`;
nothing is calculated here.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from shirube.share.number_lines import COUNTED, months, whole
from shirube.share.release_files import Kpi, ReleaseFiles, Value
from shirube.share.wording import declared

Period = tuple[date, date]
_NONRESPONSE = "mart_survey_nonresponse"


def who_answered(
    release: ReleaseFiles, values: list[Value], chosen: list[Kpi], current: dict[str, Value]
) -> str:
    """The note on the survey scores among the chosen numbers of a page; empty without any.

    Sentences per period: 「調査の数字（7〜9月）は、案内した32人のうち10人の回答です。」 and, where a
    representative asked anybody, 「満足度に答えた10人のうち4人は、MRからの案内で答えました。」; then what
    that means, and for the newest period how those who did not answer differ, in the whole company.
    """
    rules = declared("wording")["survey"]
    periods: dict[Period, str] = {}
    for kpi in chosen:
        score = current[kpi.kpi_id]
        if kpi.kpi_id in rules["scores"] and score.display_state in COUNTED:
            periods.setdefault((score.period_start, score.period_end), months(score))
    return answered_note(release, values, periods)


def answered_note(release: ReleaseFiles, values: list[Value], periods: dict[Period, str]) -> str:
    """The same note on the answers of these periods, each with its name; empty without any."""
    rules = declared("wording")["survey"]
    if not periods:
        return ""
    note, is_asker_known = "", False
    for period, name in periods.items():
        asked = _counted_total(values, rules["response"], period)
        note += str(rules["answered" if asked else "unknown"]).format(months=name, **_of(asked, "asked"))
        share = _counted_total(values, rules["by_representative"], period)
        if share is None:
            note += str(rules["asker_unknown"])
        elif share.numerator:
            note += str(rules["known_asker"]).format(**_of(share, "all"))
            is_asker_known = True
    note += str(rules["known_asker_means"]) * is_asker_known
    return note + _who_did_not(release, max(periods, key=lambda period: (period[1], period[0])))


def _who_did_not(release: ReleaseFiles, period: Period) -> str:
    """How those who did not answer differ from those who did, as the mart judges it."""
    words = declared("wording")["survey"]["not_answered"]
    rows = _compared(release, period)
    more = [_group(row) for row in rows if _differs(row) and row["standardised_difference"] > 0]
    fewer = [_group(row) for row in rows if _differs(row) and row["standardised_difference"] < 0]
    if more or fewer:
        join = str(words["joined_by"]).join
        found = [
            str(words[side]).format(groups=join(groups))
            for side, groups in (("more", more), ("fewer", fewer))
            if groups
        ]
        return str(words["differs"]).format(found="、".join(found))
    is_alike = bool(rows) and all(row["verdict"] == "alike" for row in rows)
    return str(words["alike" if is_alike else "cannot_tell"])


def _compared(release: ReleaseFiles, period: Period) -> list[dict[str, Any]]:
    if release.file(_NONRESPONSE) is None:
        return []
    return release.query(
        f"select characteristic, level_id, verdict, standardised_difference from {{{_NONRESPONSE}}} "
        "where period_start = $start and period_end = $end "
        "order by abs(standardised_difference) desc nulls last, characteristic, level_id",
        {"start": period[0], "end": period[1]},
    )


def _differs(row: dict[str, Any]) -> bool:
    """A band of prior contacts says again what their mean says."""
    return row["verdict"] == "differs" and row["characteristic"] != "prior_contact_band"


def _group(row: dict[str, Any]) -> str:
    """Specialty groups are called by their own name."""
    names = declared("wording")["survey"]["not_answered"]["groups"]
    return str(names.get(row["characteristic"], {}).get(row["level_id"], row["level_id"]))


def _counted_total(values: list[Value], kpi_id: str, period: Period) -> Value | None:
    """The number of all that counts somebody in the period, or None where none may be told."""
    return next(
        (
            value
            for value in values
            if value.kpi_id == kpi_id
            and value.is_total
            and (value.period_start, value.period_end) == period
            and value.display_state in COUNTED
            and value.denominator
        ),
        None,
    )


def _of(value: Value | None, whole_name: str) -> dict[str, str]:
    """The two counts of a share, as the sentences name them; nothing of one that may not be told."""
    if value is None:
        return {}
    return {whole_name: f"{whole(value.denominator):,}", "answered": f"{whole(value.numerator):,}"}
