"""Zoom participant reports: a file per webinar with a preamble, UTF-8 with BOM, CRLF, account-zone times."""

from __future__ import annotations

import csv
import io

import numpy as np

from shirube.sample import columns as col
from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows, size
from shirube.sample.writers.files import FileLog

FIRST_MEETING = 85_000_000_000
_HEADER = [
    "Name (Original Name)",
    "User Email",
    "Join Time",
    "Leave Time",
    "Duration (Minutes)",
    "Guest",
    "Recording Consent",
]


def meeting_id(number: int) -> str:
    """11-digit meeting id of a webinar number."""
    return str(FIRST_MEETING + number * 7919)


def write(log: FileLog, company: Company, month: Month, defects: Defects) -> None:
    """Write the reports of one month's webinars, corrected re-deliveries included."""
    frame = month.webinars
    order = np.lexsort((frame["joined"], frame["session"]))
    frame = rows(frame, order)
    session, first, counts = np.unique(frame["session"], return_index=True, return_counts=True)
    for number, begin, count in zip(session.tolist(), first.tolist(), counts.tolist(), strict=True):
        part = rows(frame, np.arange(begin, begin + count))
        day = int(part["start"][0]) // DAY
        plan = defects.webinar(number)
        report, stats = _report(company, number, part, defects)
        name = f"webinar_{meeting_id(number)}_{_compact(day + 1)}.csv"
        if plan.redelivered and count > plan.missing_at_first:  # corrected: the first missed people
            kept = rows(part, np.arange(count - plan.missing_at_first))
            early, _ = _report(company, number, kept, defects)
            log.write("webinar_zoom", name, early, size(kept), note="superseded")
            name = f"webinar_{meeting_id(number)}_{_compact(day + 8)}_2.csv"
            defects.count_superseded_webinar(size(kept))
        elif plan.late:
            name = f"webinar_{meeting_id(number)}_{_compact(min(day + 40, company.period.end_day + 2))}.csv"
        defects.count_attendances(
            company,
            part["physician"],
            defects.webinar_identity(part["physician"], part["session"]),
            part["session"],
        )
        defects.count_webinar(stats)
        log.write("webinar_zoom", name, report, count, note="late" if plan.late else None)


def _compact(day: int) -> str:
    return str(np.datetime64(day, "D")).replace("-", "")


def _past_midnight(first: str, clock: int) -> str:
    """A moment after midnight, still dated on the evening it belongs to: `04/15/2026 25:30:00`."""
    return f"{first[:10]} {clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"


def _report(company: Company, number: int, part: Frame, defects: Defects) -> tuple[bytes, dict[str, int]]:
    people = company.physicians
    who = part["physician"]
    identity = defects.webinar_identity(who, part["session"])
    start, end = int(part["start"][0]), int(part["end"][0])
    topic = names.TOPICS[int(part["topic"][0])][1]
    content = company.contents.ids[int(part["content"][0])]
    product = names.PRODUCTS[int(part["product"][0])]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    instants = col.us_instants(np.array([start, end])).to_pylist()
    if end // DAY > start // DAY:
        instants[1] = _past_midnight(instants[0], end - start // DAY * DAY)
    writer.writerow(
        ["Meeting ID", "Topic", "Start Time", "End Time", "User Email", "Duration (Minutes)", "Participants"]
    )
    title = f"【{product[0]}】{product[1]} Web講演会 {topic} #{content}"
    participants = len(np.unique(who))
    writer.writerow(
        [
            meeting_id(number),
            title,
            *instants,
            "webinar-host@company.example",
            (end - start) // 60,
            participants,
        ]
    )
    writer.writerow([""] * 7)
    writer.writerow(_HEADER)
    joined = col.us_instants(part["joined"]).to_pylist()
    left = col.us_instants(part["left"]).to_pylist()
    past_midnight = bool(part["late"][0]) & (part["left"] // DAY > start // DAY)
    emails = company.emails.take(who).to_pylist()
    stats = {
        "guests": 0,
        "unknown_address": 0,
        "past_midnight_24h": 0,
        "rejoins": int((part["segment"] == 1).sum()),
    }
    for row in range(len(who)):
        email = emails[row] or ""
        if identity[row] == 1:
            email = ""
        elif identity[row] == 2:
            email = f"home{int(who[row]):06d}@private.example"
            stats["unknown_address"] += 1
        stats["guests"] += email == ""
        leave = left[row]
        if past_midnight[row]:  # written by hand as the Japanese broadcasters do: 24:10, 25:30
            leave = _past_midnight(instants[0], int(part["left"][row]) - start // DAY * DAY)
            stats["past_midnight_24h"] += 1
        name = (
            names.SURNAMES[int(people.surname[who[row]])][0]
            + " "
            + names.GIVEN_NAMES[int(people.given[who[row]])][0]
        )
        minutes = -(-(int(part["left"][row]) - int(part["joined"][row])) // 60)
        writer.writerow([name, email, joined[row], leave, minutes, "Yes" if email == "" else "No", "Y"])
    return ("\ufeff" + text.getvalue()).encode(), stats
