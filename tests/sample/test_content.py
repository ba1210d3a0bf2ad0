"""Contents as the files show them: shapes of the sources, and every planted defect counted from them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import date, timedelta
from typing import Any

ERA = re.compile(r"令和(\d+)年(\d+)月(\d+)日")


def day(text: str) -> date:
    era = ERA.fullmatch(text)
    if era:
        return date(2018 + int(era[1]), int(era[2]), int(era[3]))
    year, month, number = text.split("/")
    return date(int(year), int(month), int(number))


def form(sample: Any, source: str) -> list[list[list[str]]]:
    """All lines of every monthly export, oldest first."""
    exports = []
    for entry in sorted(sample.files(source), key=lambda e: e["file"]):
        raw = sample.path(entry).read_bytes()
        assert raw.endswith(b"\r\n")
        lines = list(csv.reader(io.StringIO(raw.decode("cp932"), newline="")))
        assert len(lines) - 3 == entry["rows"] == entry["landed"]
        assert lines[0][0].endswith("出力）") and lines[-1][:2] == ["件数", str(entry["rows"])]
        exports.append(lines)
    return exports


def register(sample: Any) -> dict[tuple[str, str], dict[str, str]]:
    """The newest approval register by material and version."""
    lines = form(sample, "content_approval")[-1]
    return {(line[0], line[1]): dict(zip(lines[1], line, strict=True)) for line in lines[2:-1]}


def shown(sample: Any) -> list[tuple[dict[str, str], dict[str, str], dict[str, str]]]:
    """Pages of calls that count, with their call and their content."""
    calls, contents = sample.latest("crm_call"), sample.latest("crm_key_message")
    accounts = sample.latest("crm_account")
    attendees = Counter(call["Parent_Call_vod__c"] for call in calls.values())
    found = []
    for page in sample.latest("crm_call_key_message").values():
        call = calls[page["Call2_vod__c"]]
        counts = call["IsDeleted"] == "false" and call["Status_vod__c"] == "Submitted_vod"
        test = accounts.get(call["Account_vod__c"], {}).get("External_ID_vod__c", "").startswith("TEST")
        if counts and not test and page["IsDeleted"] == "false":
            assert attendees[call["Id"]] != 1
            found.append((page, call, contents[page["Key_Message_vod__c"]]))
    return found


def test_forms_come_monthly_and_grow(sample: Any) -> None:
    for source, keys in (("content_approval", 2), ("content_decision", 4)):
        exports = form(sample, source)
        assert len(exports) == 12
        sizes = [len(lines) for lines in exports]
        assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
        last = [tuple(line[:keys]) for line in exports[-1][2:-1]]
        assert len(last) == len(set(last)) > 40
    assert any(ERA.search(line[5]) for line in form(sample, "content_approval")[0][2:-1])


def test_uses_of_contents_that_must_be_noticed(sample: Any) -> None:
    approved, counts = register(sample), Counter[str]()
    for page, call, content in shown(sample):
        if content["Training_vod__c"] == "true":
            counts["training"] += 1
            continue
        entry = approved.get((content["Vault_Doc_Id_vod__c"], page["Slide_Version_vod__c"]))
        on = date.fromisoformat(call["Call_Date_vod__c"])
        if entry is None or on < day(entry["審査日"]):
            counts["unapproved"] += 1
        elif on > day(entry["使用期限"]):
            counts["expired"] += 1
        elif entry["対象"] == "Medical":
            counts["out_of_role"] += 1
        counts["left_open"] += int(page["Duration_vod__c"]) > 300
    planted = sample.truth["planted"]
    wrong = planted["contents_used_wrongly"]
    assert {name: counts[name] for name in ("expired", "unapproved", "out_of_role")} == {
        name: wrong[name] for name in ("expired", "unapproved", "out_of_role")
    }
    assert counts["left_open"] == planted["contents_left_open"]["rows"]
    assert counts["training"] == planted["training_presentations"]["rows"]
    assert min(counts.values()) > 0


def test_one_page_is_never_shown_and_one_is_too_new(sample: Any) -> None:
    used = Counter(content["Vault_Doc_Id_vod__c"] for _, _, content in shown(sample))
    approved = register(sample)
    never = [number for number, _ in approved if number.startswith("C2") and not used[number]]
    assert len(never) == 1
    end = date.fromisoformat(sample.truth["asked"]["end"])
    new = [number for (number, version), row in approved.items()
           if version == "1.0" and day(row["審査日"]) > end - timedelta(days=90)]  # fmt: skip
    assert len(new) == 1 and 0 < used[new[0]] <= 6  # two in each month since
    # A safety notice is shown less often than any other topic of its product.
    for first in (2001, 2006, 2011):
        uses = [used[f"C{first + place}"] for place in range(5)]
        assert uses[1] == min(uses)


def test_the_same_page_is_in_two_decks(sample: Any) -> None:
    decks: dict[str, set[str]] = {}
    for row in sample.latest("crm_key_message").values():
        if row["Object_Type__c"] == "Key_Message_vod":
            decks.setdefault(row["Vault_Doc_Id_vod__c"], set()).add(row["Presentation_Id_vod__c"])
    assert sum(len(names) == 2 for names in decks.values()) == 4
