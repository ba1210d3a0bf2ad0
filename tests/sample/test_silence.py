"""Targets of whom nothing is recorded: nothing of theirs is in any file from their month on, all else is."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from shirube.sample import behaviour, generate
from shirube.sample.company import Period, found
from shirube.sample.silence import HEARD, silent_from

from tests.sample.conftest import Sample

JST = timezone(timedelta(hours=9))


def test_who_they_are() -> None:
    """Targets without an address; half of them from the first month on, half from the fifth."""
    company = found(np.random.default_rng(1), Period.ending("2026-10-31", 12), 2000, 80, 10)
    people, since = company.physicians, silent_from(company)
    silent = since < HEARD
    assert people.is_target[silent].all() and people.is_resolvable[silent].all()
    assert not people.has_email[silent].any()
    assert not people.is_hospital[silent].any()
    assert 0.01 < silent.sum() / (people.is_target & people.is_resolvable).sum() < 0.08
    assert Counter(since[silent].tolist()).keys() == {0, 4}
    assert abs(int((since == 0).sum()) - int((since == 4).sum())) <= 1


def test_nothing_is_recorded_of_them_from_their_month_on(sample: Sample) -> None:
    people = pq.read_table(sample.root / "truth_physician.parquet").to_pylist()
    silent = [person for person in people if person["silent_from"]]
    stated = sample.truth["silent_targets"]
    assert len(silent) == stated["physicians"] > 2
    assert sum(person["silent_from"] == "2025-11" for person in silent) == stated["from_the_first_month"]
    seen: dict[str, set[str]] = defaultdict(set)  # months by what a physician is called
    for call in sample.crm("crm_call"):
        seen[call["Account_vod__c"]].add(call["Call_Date_vod__c"][:7])
    for inquiry in sample.crm("crm_medical_inquiry"):
        at = datetime.strptime(inquiry["CreatedDate"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        seen[inquiry["Account_vod__c"]].add(f"{at.astimezone(JST):%Y-%m}")
    for mail in sample.crm("crm_sent_email"):
        seen[mail["Account_vod__c"]].add("mail")
    for entry in sample.files("portal_delivery"):
        if not entry["file_reason"]:
            period = entry["file"].split("_")[1]
            for line in sample.portal(entry)[3:-1]:
                seen[str(line[1])].add(f"{period[:4]}-{period[4:]}")
    for entry in sample.files("web_snowplow"):
        if not entry["file_reason"]:
            for fields in sample.web(entry):
                at = datetime.strptime(fields[3][:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
                seen[fields[12]].add(f"{at.astimezone(JST):%Y-%m}")
    for person in silent:
        for called in (person["account_id"], person["physician_code"], person["member_id"]):
            assert all(month < person["silent_from"] for month in seen[called]), person
    refused = {
        consent["Account_vod__c"]: consent["Capture_Datetime_vod__c"]
        for consent in sample.latest("crm_consent").values()
        if (consent["Channel__c"], consent["Opt_Type_vod__c"]) == ("mr_visit", "Opt_Out_vod")
    }
    assert refused == {
        person["account_id"]: "2026-02-28T23:00:00.000Z"  # eight in the morning of 1 March in Tokyo
        for person in silent
        if person["silent_from"] == "2026-03"
    }
    assert len(refused) == stated["said_that_they_want_no_visits"] > 0
    before = [p for p in silent if p["silent_from"] != "2025-11" and seen[p["account_id"]]]
    assert before, "the later ones were seen before"
    heard = [p for p in people if p["is_target"] and not p["silent_from"] and seen[p["account_id"]]]
    assert len(heard) > 80


def test_what_others_do_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size: dict[str, Any] = {"seed": 3, "physicians": 150, "months": 3, "mrs": 8, "offices": 2}
    told = ["crm_call", "crm_sent_email", "survey_qualtrics", "webinar_zoom"]
    silent = generate(tmp_path / "silent", **size, sources=told)
    monkeypatch.setattr(behaviour, "without_the_silent", lambda company, month: month)
    everybody = generate(tmp_path / "everybody", **size, sources=told)
    first, second = Sample(tmp_path / "silent", silent), Sample(tmp_path / "everybody", everybody)
    calls, others = first.latest("crm_call"), second.latest("crm_call")
    people = pq.read_table(tmp_path / "silent" / "truth_physician.parquet").to_pylist()
    accounts = {person["account_id"] for person in people if person["silent_from"]}
    attendees = Counter(call["Parent_Call_vod__c"] for call in calls.values())
    assert len(calls) < len(others)
    assert all(others[number] == call for number, call in calls.items())
    for number in others.keys() - calls.keys():
        parent = others[number]["Parent_Call_vod__c"] or number
        assert others[number]["Account_vod__c"] in accounts or attendees[parent] == 0
    for source in told[1:]:
        for path in (tmp_path / "silent" / source).iterdir():
            assert path.read_bytes() == (tmp_path / "everybody" / source / path.name).read_bytes()
