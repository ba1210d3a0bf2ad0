"""Topics without a usable material: when they are, and that nothing of theirs is shown meanwhile."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shirube.sample import gaps, generate
from shirube.sample.company import Period, found

from tests.sample.conftest import Sample
from tests.sample.test_content import day, register, shown

TOPIC_NAMES = {"T-DOSE": "用法・用量", "T-PTYPE": "患者像"}
PRODUCT_NAMES = {"PRD-A": "シルベリン錠", "PRD-B": "ミチビキン注", "PRD-C": "アユミール錠"}
UNTOUCHED = (
    "crm_account",
    "crm_consent",
    "crm_sent_email",
    "crm_email_activity",
    "crm_medical_inquiry",
    "dcf_physician",
    "jdnet_delivery",
    "survey_qualtrics",
    "story",
)
JST = timezone(timedelta(hours=9))


def planted(sample: Any) -> list[tuple[str, str, date, date]]:
    """Product and topic by name, the first day without and the first day with a material again."""
    return [
        (
            PRODUCT_NAMES[gap["product_id"]],
            TOPIC_NAMES[gap["topic_id"]],
            date.fromisoformat(gap["from"]) if gap["from"] else date.min,
            date.fromisoformat(gap["until"]) if gap["until"] else date.max,
        )
        for gap in sample.truth["content_gaps"]["gaps"]
    ]


def test_gaps_of_a_year() -> None:
    """From the 15th of the sixth month, for two; until the 10th of the fifth; the last 46 days."""
    period = Period.ending("2026-10-31", 12)
    company = found(np.random.default_rng(1), period, 60, 8, 2)
    stated = [(gap["product_id"], gap["topic_id"], gap["from"], gap["until"])
              for gap in gaps.planted(company)["gaps"]]  # fmt: skip
    assert stated == [
        ("PRD-A", "T-PTYPE", "2026-04-15", "2026-06-15"),
        ("PRD-C", "T-PTYPE", None, "2026-03-10"),
        ("PRD-B", "T-DOSE", "2026-09-16", None),
    ]
    short = found(np.random.default_rng(1), Period.ending("2026-10-31", 7), 60, 8, 2)
    assert gaps.planted(short)["gaps"] == []


def test_the_register_has_exactly_the_gaps_that_are_stated(sample: Sample) -> None:
    approved = register(sample)
    start, end = date(2025, 11, 1), date(2026, 10, 31)
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    usable: dict[tuple[str, str], set[date]] = {}
    for row in approved.values():
        if row["対象"] != "Medical" and row["話題"] != "－":
            covered = usable.setdefault((row["製品名"], row["話題"]), set())
            covered |= {one for one in days if day(row["審査日"]) <= one <= day(row["使用期限"])}
    assert len(usable) == 20
    missing = {key: {*days} - covered for key, covered in usable.items() if len(covered) < len(days)}
    assert missing == {
        (product, topic): {one for one in days if first <= one < until}
        for product, topic, first, until in planted(sample)
    }


def test_nothing_of_a_gap_is_shown_in_it(sample: Sample) -> None:
    """On portals, own site and webinars, and in calls: every use of the gaps' contents in the files."""
    approved, uses = register(sample), Counter[str]()
    windows: dict[str, tuple[date, date]] = {}
    for (number, _), row in approved.items():
        for product, topic, first, until in planted(sample):
            if (row["製品名"], row["話題"]) == (product, topic):
                windows[number] = (first, until)
    assert len(windows) == 9

    def note(source: str, number: str, on: date) -> None:
        if number in windows:
            first, until = windows[number]
            assert not first <= on < until, (source, number, on)
            uses[source] += 1

    for page, call, content in shown(sample):
        number, on = content["Vault_Doc_Id_vod__c"], date.fromisoformat(call["Call_Date_vod__c"])
        note("call", number, on)
        if number == "C2003":  # renewed: the version follows the day
            assert page["Slide_Version_vod__c"] == ("2.0" if on >= date(2026, 6, 15) else "1.0")
    for entry in sample.files("portal_delivery"):
        if not entry["file_reason"]:
            for line in sample.portal(entry)[3:-1]:
                if float(line[13]) == 1:
                    note("portal", line[5], _portal_day(line[9] if line[9] != "－" else line[8]))
    for entry in sample.files("web_snowplow"):
        if not entry["file_reason"]:
            for fields in sample.web(entry):
                if len(fields) > 100 and "/products/" in fields[35]:
                    at = datetime.strptime(fields[4][:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
                    note("web", fields[35].rsplit("/", 1)[-1], at.astimezone(JST).date())
    for entry in sample.files("webinar_zoom"):
        facts = sample.webinar(entry)[1]
        on = date(*(int(facts[2][part]) for part in (slice(6, 10), slice(2), slice(3, 5))))
        note("webinar", facts[1].rsplit("#", 1)[-1], on)
        assert TOPIC_OF[facts[1].rsplit("#", 1)[-1]] in facts[1]
    assert min(uses[source] for source in ("call", "portal", "web", "webinar")) > 0


TOPIC_OF = {
    f"C{1001 + number}": ("用法・用量", "安全性", "患者像", "臨床試験成績", "診療ガイドライン")[
        number // 4 % 5
    ]
    for number in range(40)
}


def _portal_day(cell: Any) -> date:
    if isinstance(cell, str):
        return day(cell.replace("-", "/"))
    return cell.date() if isinstance(cell, datetime) else cell


def test_what_is_no_gap_s_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gaps the same company: as many rows, and the same bytes where no content is named."""
    size: dict[str, Any] = {"seed": 3, "physicians": 100, "months": 9, "mrs": 8, "offices": 2}
    planted_truth = generate(tmp_path / "with", **size)
    monkeypatch.setattr(gaps, "gaps", lambda company: ())
    plain = generate(tmp_path / "without", **size)
    assert planted_truth["content_gaps"]["gaps"] and not plain["content_gaps"]["gaps"]
    assert planted_truth["expected"]["totals"] == plain["expected"]["totals"]
    assert planted_truth["expected"]["facts"] == plain["expected"]["facts"]
    for source in UNTOUCHED:
        names = sorted(path.name for path in (tmp_path / "with" / source).rglob("*") if path.is_file())
        assert names
        for path in (tmp_path / "with" / source).rglob("*"):
            if path.is_file():
                other = tmp_path / "without" / path.relative_to(tmp_path / "with")
                assert path.read_bytes() == other.read_bytes(), path.name
