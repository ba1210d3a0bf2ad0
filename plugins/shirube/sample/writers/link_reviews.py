"""What the data owner's people found of the links that `shirube draw-links` drew: one filled table a quarter.

Only links of CRM accounts and member ids are among them: an address is a token, made by landing.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from typing import Any

import numpy as np

from shirube.sample.company import Array, Company
from shirube.sample.writers.files import FileLog
from shirube.sample.writers.forms import day

STREAM = 614
PER_QUARTER = 200
FALSE_SHARE, UNDECIDED_SHARE = 0.01, 0.03
"""Planted: of the drawn links, how many the reviewers find false, and how many they cannot decide."""
HEADER = ["四半期の初日", "結びつけの番号", "判定", "確かめた日", "source", "method", "physician_key"]
"""The columns of the drawn table that are read again; those with names of people are not written here."""
_BEGINNING = "1900-01-01"


def write(log: FileLog, company: Company, seed: int) -> dict[str, Any]:
    """Write one file for each fiscal quarter whose first month the period holds.

    Returns what was found: first day of the quarter → links checked, false and undecided ones. Fewer links
    than `PER_QUARTER` are all that the company has.
    """
    period = company.period
    found: dict[str, Any] = {}
    links = _links(company)
    for index in range(period.months):
        first = np.datetime64(period.month_start(index), "D").astype("datetime64[M]")
        if int(str(first)[5:7]) % 3 != 1:
            continue
        rng = np.random.default_rng([seed, STREAM, index])
        quarter, reviewed = f"{first}-01", day(period.month_start(index) + 19)
        drawn = rng.permutation(len(links))[:PER_QUARTER]
        answers = _answers(rng, len(drawn))
        rows = [
            [quarter, link_id, answer, f"{reviewed:%Y/%m/%d}", source, method, physician]
            for (link_id, source, method, physician), answer in zip(
                (links[place] for place in drawn), answers, strict=True
            )
        ]
        log.write("link_review", f"結びつけの確認_{quarter[:7]}.csv", _table(rows), len(rows))
        found[quarter] = {
            "links": len(rows),
            "false": answers.count("誤り"),
            "undecided": answers.count("分からない"),
        }
    return found


def _answers(rng: np.random.Generator, links: int) -> list[str]:
    """As many of each as planted, in any order."""
    false, undecided = round(FALSE_SHARE * links), round(UNDECIDED_SHARE * links)
    words = np.array(["誤り"] * false + ["分からない"] * undecided + ["正しい"] * (links - false - undecided))
    return [str(word) for word in rng.permutation(words)]


def _links(company: Company) -> list[tuple[str, str, str, str]]:
    """Every link of an account or a member id to its physician: number, source, method, physician_key."""
    people = company.physicians
    links = []
    for kind, method, names, known in (
        ("crm_account_id", "account_external_id", company.account_ids, people.is_resolvable),
        ("member_id", "account_member_id", company.member_ids, people.is_resolvable & people.has_member_id),
    ):
        who: Array = np.flatnonzero(known)
        for place in who:
            physician = _key("physician", str(people.code[int(place)]))
            number = "L" + _key("crm_account", kind, str(names[int(place)]), _BEGINNING, physician)
            links.append((number, "crm_account", method, physician))
    return links


def _key(*parts: str) -> str:
    """As the macro `surrogate_key` makes it."""
    digest = hashlib.md5("|".join(parts).encode(), usedforsecurity=False).hexdigest()[:18]
    return base64.b64encode(bytes.fromhex(digest)).decode().replace("+", "A").replace("/", "a")


def _table(rows: list[list[str]]) -> bytes:
    """UTF-8 with a byte order mark and CRLF, as spreadsheets save it."""
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\r\n").writerows([HEADER, *rows])
    return sink.getvalue().encode("utf-8-sig")
