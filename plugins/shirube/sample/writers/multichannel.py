"""Sessions as the CRM exports them: a header per session and a line per event inside it.

Sessions only tell what the rest of the sample did anyway: slides of a call, a document behind an e-mail,
another site read on a day on which the physician read the same product on the own site. Nothing else depends
on them, so they draw from a stream of their own.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import Array, Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows, size, stack
from shirube.sample.parameters import REMOTE
from shirube.sample.writers.crm import TEST_ACCOUNT
from shirube.sample.writers.files import FileLog, IncrementPlan, Increments, day_in_utc, utc, weekly_cuts

ACTIVITY = [
    "Id",
    "IsDeleted",
    "Account_vod__c",
    "Record_Type_Name_vod__c",
    "Start_DateTime_vod__c",
    "Total_Duration_vod__c",
    "Session_Id_vod__c",
    "URL_vod__c",
    "Site_vod__c",
    "Referring_Site_vod__c",
    "Sent_Email_vod__c",
    "Call_vod__c",
    "VExternal_Id_vod__c",
    "MCD_Primary_Key_vod__c",
    "SHM_Device__c",
    "SystemModstamp",
]
LINE = [
    "Id",
    "IsDeleted",
    "Multichannel_Activity_vod__c",
    "Event_Type_vod__c",
    "Event_Subtype_vod__c",
    "DateTime_vod__c",
    "Duration_vod__c",
    "Key_Message_vod__c",
    "View_Order_vod__c",
    "Video_Length_vod__c",
    "Video_Last_Viewed_Time_vod__c",
    "Video_Total_Time_Spent_vod__c",
    "SystemModstamp",
]
SITES = ["medport.example", "drgate.example", "medical.company.example"]
OWN_SITE = 2
RECORD_TYPES = ["CLM_vod", "Engage_vod", "Approved_Email_vod", "External_Channel"]
CLM, ENGAGE, EMAIL, EXTERNAL = range(4)
# What each session is to a pipeline: a contact, a part of one, or out of the star and why.
KINDS = [
    "contact",
    "part_of_contact",
    "duplicate",
    "opted_out_of_tracking",
    "anonymous",
    "test_record",
    "deleted_in_source",
    "out_of_scope",
]
CONTACT, PART, DUPLICATE, OPTED_OUT, ANONYMOUS, TEST, DELETED, NO_CALL = range(8)
_STREAM = 57
_SHARE_OF_CALLS, _SHARE_OF_REMOTE_CALLS, _SHARE_OF_CLICKS, _SHARE_OF_VIEWS = 0.05, 0.4, 0.05, 0.03


class MultichannelWriter:
    """Keeps the weekly increments of sessions and their events open while the months go by."""

    def __init__(self, log: FileLog, company: Company, defects: Defects, seed: int) -> None:
        self.company, self.defects, self.seed = company, defects, seed
        self.sessions_drawn = self.lines_drawn = 0
        self.cuts = weekly_cuts(company.period.start_day, company.period.end_day)
        self.header = Increments(
            log, "crm_multichannel_activity", ACTIVITY, self.cuts, IncrementPlan(repeated={17: 4})
        )
        self.line = Increments(log, "crm_multichannel_activity_line", LINE, self.cuts, IncrementPlan())

    def month(self, month: Month, shown: Frame, tracking_off_from: Array) -> None:
        """Queue one month's sessions and write the weeks that are complete.

        `shown`: the pages of calls that stay in the star, one row each; `tracking_off_from`: local
        second from which each physician refuses tracking.
        """
        rng = np.random.default_rng([self.seed, _STREAM, month.index])
        sessions, pages = self._in_calls(rng, shown)
        mails = self._behind_emails(rng, month)
        frame = stack([sessions, mails, *self._elsewhere(rng, month, tracking_off_from)])
        first, count = self.sessions_drawn + 1, size(frame)
        self.sessions_drawn += count
        frame["id"] = first + np.arange(count)
        # What was sent twice keeps the sender's key: the first contact elsewhere.
        original = first + size(sessions) + size(mails)
        frame["key"] = np.where(frame["is_copy"] > 0, original, frame["id"])
        pages["session"] = first + pages["session"]
        self._headers(frame)
        self._events(frame, pages)
        last = month.index == self.company.period.months - 1
        end = day_in_utc(self.company.period.month_start(month.index + 1))
        for increments in (self.header, self.line):
            increments.flush(int(self.cuts[-1]) if last else end)

    def records(self) -> dict[str, int]:
        """How many distinct records there are; what was exported beyond that are repetitions."""
        return {
            "crm_multichannel_activity": self.sessions_drawn,
            "crm_multichannel_activity_line": self.lines_drawn,
        }

    def _sessions(self, kind: int, record_type: Array | int, frame: Frame, **known: Array | int) -> Frame:
        """Sessions of one kind for rows that have physician, start and seconds; the rest is -1 or 0."""
        columns: dict[str, Array | int] = {"kind": kind, "record_type": record_type, "site": -1, "call": 0}
        columns |= {"email": 0, "web_session": 0, "content": -1, "product": -1, "is_copy": 0, "download": 0}
        columns |= {name: frame[name] for name in ("physician", "start", "seconds")} | known
        return {
            name: np.broadcast_to(np.asarray(values), (size(frame),)).astype(np.int64)
            for name, values in columns.items()
        }

    def _in_calls(self, rng: np.random.Generator, shown: Frame) -> tuple[Frame, Frame]:
        """Sessions of calls with the pages that the call's own list has too; and a few that no call owns."""
        if not size(shown):
            nothing = {name: np.zeros(0, dtype=np.int64) for name in ("physician", "start", "seconds")}
            pages = {
                name: np.zeros(0, dtype=np.int64) for name in ("session", "key", "start", "seconds", "order")
            }
            return self._sessions(PART, CLM, nothing), pages
        numbers, first, where = np.unique(shown["number"], return_index=True, return_inverse=True)
        remote = shown["channel"][first] == REMOTE
        chosen = rng.random(len(numbers)) < np.where(remote, _SHARE_OF_REMOTE_CALLS, _SHARE_OF_CALLS)
        chosen |= np.arange(len(numbers)) == 0
        place = np.cumsum(chosen) - 1
        of_chosen = chosen[where]
        pages = {name: shown[name][of_chosen] for name in ("key", "start", "seconds", "order")}
        pages["session"] = place[where][of_chosen]
        calls = rows(shown, first[chosen])
        calls["seconds"] = np.bincount(pages["session"], pages["seconds"], len(calls["number"]))
        orphan = rows(calls, np.arange(1))
        sessions = self._sessions(PART, np.where(remote[chosen], ENGAGE, CLM), calls, call=calls["number"])
        # A deck that was opened at a desk: no call, no e-mail, no site.
        return stack([sessions, self._sessions(NO_CALL, CLM, orphan)]), pages

    def _behind_emails(self, rng: np.random.Generator, month: Month) -> Frame:
        """A document opened from an approved e-mail a minute after a person's click."""
        acts = month.activities
        fit = acts["human"] & (acts["special"] == 0) & (rng.random(size(acts)) < _SHARE_OF_CLICKS)
        frame = rows(acts, fit)
        frame["start"] = frame["moment"] + 60
        frame["seconds"] = rng.integers(10, 240, size(frame))
        return self._sessions(PART, EMAIL, frame, email=frame["email"])

    def _elsewhere(self, rng: np.random.Generator, month: Month, off_from: Array) -> list[Frame]:
        """Sessions on other sites and, from the CRM, on the own one; spoilt ones among them."""
        people, web = self.company.physicians, month.web
        fit = (web["visitor"] == 0) & (web["action"] > 0) & (web["content"] >= 0)
        pool = rows(web, fit)
        pool = rows(pool, people.has_account[pool["physician"]])
        pool = rows(pool, np.unique(pool["session"], return_index=True)[1])
        pool["start"] = pool["moment"] + 1800
        pool["seconds"] = rng.integers(5, 300, size(pool))
        pool["download"] = (pool["action"] == 3) & (rng.random(size(pool)) < 0.5)
        refused = pool["start"] >= off_from[pool["physician"]]
        drawn = rng.random(size(pool)) < _SHARE_OF_VIEWS
        drawn[:1] = True
        usual = rows(pool, np.flatnonzero(~refused & drawn))

        def told(kind: int, frame: Frame, own: bool = False) -> Frame:
            who = frame["physician"]
            site = np.full(len(who), OWN_SITE) if own else people.portal_vendor[who] % 2
            known: dict[str, Array | int] = {name: frame[name] for name in ("content", "product", "download")}
            known["web_session"] = frame["session"] if own else 0
            return self._sessions(kind, EXTERNAL, frame, site=site, **known)

        contact = told(CONTACT, usual)
        late = rows(pool, np.flatnonzero(refused)[:2])
        free = np.flatnonzero(~refused & ~drawn)
        sure = free[people.is_resolvable[pool["physician"][free]] & people.has_member_id[
            pool["physician"][free]
        ]]  # fmt: skip
        twins = rows(pool, sure[:3])
        twins["start"] = twins["moment"] - 5
        spoilt = [
            told(kind, rows(pool, free[first : first + 2]))
            for kind, first in ((ANONYMOUS, 3), (TEST, 5), (DELETED, 7))
        ]
        copy = rows(contact, np.arange(min(1, size(contact))))
        copy["kind"][:] = DUPLICATE
        copy["is_copy"][:] = 1
        return [contact, told(OPTED_OUT, late), told(DUPLICATE, twins, own=True), *spoilt, copy]

    def _headers(self, frame: Frame) -> None:
        company, count, kind = self.company, size(frame), frame["kind"]
        counts = self.defects.counts
        external = frame["record_type"] == EXTERNAL
        own = frame["web_session"] > 0

        def where(keep: Array, column: pa.StringArray) -> pa.StringArray:
            return col.mask(column, keep).fill_null("")

        slug = col.pick([p[0].lower() for p in names.PRODUCTS], frame["product"])
        site = col.pick(SITES, frame["site"])
        url = col.join(
            "https://", site, "/products/", slug, "/", col.pick(company.contents.ids, frame["content"])
        )
        account = where(kind != ANONYMOUS, col.take(company.account_ids, frame["physician"]))
        trial = col.salesforce_ids("001", np.full(count, TEST_ACCOUNT))
        session = pa.compute.if_else(
            pa.array(own), col.uuids(frame["web_session"], 8), col.uuids(frame["key"], 57)
        )
        modified = utc(frame["start"]) + frame["seconds"] + 3600
        table = {
            "Id": col.salesforce_ids("a0M", frame["id"]),
            "IsDeleted": col.constant("false", count),
            "Account_vod__c": pa.compute.if_else(pa.array(kind == TEST), trial, account),
            "Record_Type_Name_vod__c": col.pick(RECORD_TYPES, frame["record_type"]),
            "Start_DateTime_vod__c": col.iso_utc(utc(frame["start"])),
            "Total_Duration_vod__c": col.integers(frame["seconds"]),
            "Session_Id_vod__c": session,
            "URL_vod__c": url.fill_null(""),
            "Site_vod__c": site.fill_null(""),
            "Referring_Site_vod__c": where(
                external & (frame["id"] % 3 == 0), col.constant("search.example", count)
            ),
            "Sent_Email_vod__c": where(frame["email"] > 0, col.salesforce_ids("a0A", frame["email"])),
            "Call_vod__c": where(frame["call"] > 0, col.salesforce_ids("a04", frame["call"])),
            "VExternal_Id_vod__c": where(external & ~own, col.padded(frame["key"], 9, "EXT-")),
            "MCD_Primary_Key_vod__c": col.padded(frame["key"], 9, "MCD-"),
            "SHM_Device__c": col.pick(["iPad", "PC"], frame["id"] % 2),
            "SystemModstamp": col.iso_utc(modified),
        }
        self.header.add(modified, frame["id"], pa.table(table))
        gone = np.flatnonzero(kind == DELETED)
        later = np.minimum(modified[gone] + 2 * DAY, int(self.cuts[-1]) - 60)
        removed = pa.table(table).take(pa.array(gone))
        for name, column in (
            ("IsDeleted", col.constant("true", len(gone))),
            ("SystemModstamp", col.iso_utc(later)),
        ):
            removed = removed.set_column(removed.column_names.index(name), name, column)
        self.header.add(later, frame["id"][gone], removed)
        for number, name in enumerate(KINDS):
            counts[f"sessions_{name}"] += int((kind == number).sum())
        lost = ~self.company.physicians.is_resolvable[frame["physician"]]
        counts["sessions_unresolved"] += int(((kind == CONTACT) & lost).sum())

    def _events(self, frame: Frame, pages: Frame) -> None:
        """One line per page of a call; one per view elsewhere, and one more where it ended in a download."""
        counts = self.defects.counts
        viewed = rows(frame, (frame["record_type"] == EXTERNAL) | (frame["record_type"] == EMAIL))
        taken = rows(viewed, viewed["download"] > 0)
        parts: list[tuple[int, Array, Array, Array, Array | int, Array | int]] = [
            (0, pages["session"], pages["start"], pages["seconds"], pages["key"] + 1, pages["order"]),
            (1, viewed["id"], viewed["start"], viewed["seconds"], np.zeros(size(viewed), int), 1),
            (2, taken["id"], taken["start"] + taken["seconds"], np.zeros(size(taken), int), 0, 2),
        ]
        kind_of = dict(zip(frame["id"].tolist(), frame["kind"].tolist(), strict=True))
        for event, session, start, seconds, key, order in parts:
            count = len(session)
            number = self.lines_drawn + 1 + np.arange(count)
            self.lines_drawn += count
            key, order = np.broadcast_to(key, (count,)), np.broadcast_to(order, (count,))
            ended = utc(start) + seconds + 3660
            message = col.mask(col.salesforce_ids("a0K", np.maximum(key, 1)), key > 0).fill_null("")
            self.line.add(
                ended,
                number,
                pa.table(
                    {
                        "Id": col.salesforce_ids("a0N", number),
                        "IsDeleted": col.constant("false", count),
                        "Multichannel_Activity_vod__c": col.salesforce_ids("a0M", session),
                        "Event_Type_vod__c": col.constant(
                            ("Slide_View_vod", "Page_View_vod", "Download_vod")[event], count
                        ),
                        "Event_Subtype_vod__c": col.constant("", count),
                        "DateTime_vod__c": col.iso_utc(utc(start)),
                        "Duration_vod__c": col.integers(seconds),
                        "Key_Message_vod__c": message,
                        "View_Order_vod__c": col.integers(order),
                        "Video_Length_vod__c": col.constant("", count),
                        "Video_Last_Viewed_Time_vod__c": col.constant("", count),
                        "Video_Total_Time_Spent_vod__c": col.constant("", count),
                        "SystemModstamp": col.iso_utc(ended),
                    }
                ),
            )
            for one in session.tolist():
                # Pages of a call are on the call's own list already.
                name = "duplicate" if event == 0 else KINDS[kind_of[one]]
                counts[f"session_lines_{name}"] += 1
