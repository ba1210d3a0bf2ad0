"""Suggestions to representatives as the CRM exports them: signal, suggested action and answer in one row.

Suggestions only tell what the rest of the sample did anyway: one that was acted on points at the follow-up
call that the company made, and nothing else in the sample depends on them. So they draw from a stream of
their own.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import Array, Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows, size
from shirube.sample.writers.crm import TEST_ACCOUNT, meeting_ids
from shirube.sample.writers.files import FileLog, IncrementPlan, Increments, day_in_utc, utc, weekly_cuts

SUGGESTION = [
    "Id",
    "IsDeleted",
    "Account_vod__c",
    "OwnerId",
    "Record_Type_Name_vod__c",
    "Suggested_Channel__c",
    "Title_vod__c",
    "Product_vod__c",
    "Topic__c",
    "Signal_Record__c",
    "Posted_Date_vod__c",
    "Expiration_Date_vod__c",
    "Actioned_vod__c",
    "Marked_As_Complete_vod__c",
    "Dismissed_vod__c",
    "Dismiss_Reason__c",
    "Feedback_Datetime__c",
    "Executed_Call__c",
    "SHM_Priority__c",
    "CreatedDate",
    "SystemModstamp",
]
REASONS = ["", "今回は不要", "既に対応済み", "先生が希望していない", "内容が先生に合わない", "その他"]
TITLES = ["", "メールの内容に関心がありました", "Web講演会を視聴されました", "サイトで資料を見ています"]
NONE, ACTED, COMPLETED, DISMISSED = range(4)
DAYS_VALID = 14
_STREAM = 41
_SHARE_OF_SIGNALS = np.array([0.0, 0.4, 0.9, 0.4])
"""By kind of signal; whoever watched a webinar to its end is nearly always suggested."""
# Shares of the unfollowed suggestions that are marked as done, dismissed with a reason, dismissed without
# one: offices that practise orchestration answer more often than the others.
_ANSWERS = {True: (0.05, 0.30, 0.03), False: (0.02, 0.10, 0.03)}


class SuggestionWriter:
    """Keeps the weekly increments of the suggestions open while the months go by."""

    def __init__(self, log: FileLog, company: Company, defects: Defects, seed: int) -> None:
        self.company, self.defects, self.seed, self.drawn = company, defects, seed, 0
        self.cuts = weekly_cuts(company.period.start_day, company.period.end_day)
        plan = IncrementPlan(late=frozenset({18}), repeated={14: 5})
        self.file = Increments(log, "crm_suggestion", SUGGESTION, self.cuts, plan)

    def month(self, month: Month) -> None:
        """Queue the suggestions that one month's signals cause, and write the weeks that are complete."""
        frame = self._frame(month, np.random.default_rng([self.seed, _STREAM, month.index]))
        unanswered = frame | {
            "answer": np.zeros_like(frame["answer"]),
            "reason": np.zeros_like(frame["reason"]),
        }
        self._versions(unanswered, utc(frame["created"]) + 60, np.zeros(size(frame), dtype=bool))
        answered = rows(frame, frame["answer"] != NONE)
        self._versions(answered, utc(answered["answered"]) + 60, np.zeros(size(answered), dtype=bool))
        gone = rows(frame, frame["deleted"])
        stop = int(self.cuts[-1]) - 60
        at = np.minimum(utc(np.maximum(gone["created"], gone["answered"])) + 2 * DAY, stop)
        self._versions(gone, at, np.ones(size(gone), dtype=bool))
        self._count(frame)
        last = month.index == self.company.period.months - 1
        end = day_in_utc(self.company.period.month_start(month.index + 1))
        self.file.flush(int(self.cuts[-1]) if last else end)

    def records(self) -> dict[str, int]:
        """How many distinct records there are; what was exported beyond that are repetitions."""
        return {"crm_suggestion": self.defects.counts["suggestions"]}

    def _frame(self, month: Month, rng: np.random.Generator) -> Frame:
        company, end_day = self.company, self.company.period.end_day
        signals = month.signals
        chosen = (rng.random(size(signals)) < _SHARE_OF_SIGNALS[signals["kind"]]) & (signals["product"] >= 0)
        chosen &= company.physicians.has_account[signals["physician"]]
        frame = dict(rows(signals, chosen))
        count = size(frame)
        frame["id"] = self.drawn + 1 + np.arange(count)
        self.drawn += count
        frame["created"] = (frame["moment"] // DAY + 1) * DAY + 6 * 3600
        home = company.facility_of(company.period.month_start(month.index))
        office = company.facilities.office[home[frame["physician"]]]
        acting = company.orchestrating_offices[office]
        shares = np.cumsum(np.where(acting[:, None], _ANSWERS[True], _ANSWERS[False]), axis=1)
        kind = (rng.random(count)[:, None] >= shares).sum(
            axis=1
        )  # 0 done, 1 with a reason, 2 without, 3 no answer
        frame["answer"] = np.choose(kind, [COMPLETED, DISMISSED, DISMISSED, NONE])
        reason = rng.choice(np.arange(1, len(REASONS)), count, p=[0.4, 0.2, 0.15, 0.15, 0.1])
        frame["reason"] = np.where(kind == 1, reason, 0)
        frame["answered"] = (
            frame["created"] + rng.integers(0, 5, count) * DAY + rng.integers(3, 12, count) * 3600
        )
        call, called_at = self._follow_ups(month, frame)
        frame["call"] = call
        frame["answer"] = np.where(call > 0, ACTED, frame["answer"])
        frame["reason"] = np.where(call > 0, 0, frame["reason"])
        frame["answered"] = np.where(call > 0, called_at + 1800, frame["answered"])
        late = frame["answered"] // DAY > end_day
        frame["answer"] = np.where(late, NONE, frame["answer"])
        frame["reason"] = np.where(late, 0, frame["reason"])
        frame["channel"] = rng.choice(4, count, p=[0.5, 0.2, 0.1, 0.2])
        frame["deleted"] = rng.random(count) < 0.01
        frame["test"] = np.zeros(count, dtype=bool)
        frame["test"][:2] = ~frame["deleted"][:2]
        return frame

    def _follow_ups(self, month: Month, frame: Frame) -> tuple[Array, Array]:
        """Number and local second of the call that followed each suggestion's signal; 0 for none."""

        def key(kind: Array, number: Array, physician: Array) -> Array:
            return (kind.astype(np.int64) * 10**9 + number) * 10**9 + physician

        calls = rows(month.calls, (month.calls["followed_kind"] > 0) & ~month.calls["deleted"])
        known = key(calls["followed_kind"], calls["followed"], calls["physician"])
        order = np.argsort(known, kind="stable")
        wanted = key(frame["kind"], frame["number"], frame["physician"])
        place = np.searchsorted(known[order], wanted)
        inside = place < len(known)
        row = order[np.where(inside, place, 0)] if len(known) else np.zeros(len(wanted), dtype=np.int64)
        if not len(known):
            return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.int64)
        found = inside & (known[row] == wanted)
        at = calls["day"][row] * DAY + calls["clock"][row]
        return np.where(found, calls["number"][row], 0), np.where(found, at, 0)

    def _owner(self, frame: Frame) -> Array:
        """The representative who holds the physician's territory when the suggestion is made."""
        company, who = self.company, frame["physician"]
        start, april = company.period.start_day, company.period.april_day
        owner = company.mr_of_territory(start)[company.territory_of(start)[who]]
        if april is not None:
            later = company.mr_of_territory(april)[company.territory_of(april)[who]]
            owner = np.where(frame["created"] // DAY >= april, later, owner)
        return owner

    def _signal(self, frame: Frame) -> pa.StringArray:
        """The record a signal is in its own system: an e-mail activity, a webinar, an event of the site."""
        number, kind = frame["number"], frame["kind"]
        ids = col.salesforce_ids("a0B", number)
        ids = pa.compute.if_else(pa.array(kind == 2), meeting_ids(number), ids)
        return pa.compute.if_else(pa.array(kind == 3), col.uuids(number, 5), ids)

    def _versions(self, frame: Frame, modified: Array, deleted: Array) -> None:
        company, count, answer = self.company, size(frame), frame["answer"]
        account = pa.compute.if_else(
            pa.array(frame["test"]),
            col.salesforce_ids("001", np.full(count, TEST_ACCOUNT)),
            col.take(company.account_ids, frame["physician"]),
        )
        posted = frame["created"] // DAY
        executed = answer == ACTED
        by_mail = frame["channel"] == 3

        def blank(column: pa.StringArray, keep: Array) -> pa.StringArray:
            return col.mask(column, keep).fill_null("")

        self.file.add(
            modified,
            frame["id"],
            pa.table(
                {
                    "Id": col.salesforce_ids("a0S", frame["id"]),
                    "IsDeleted": col.booleans(deleted),
                    "Account_vod__c": account,
                    "OwnerId": col.take(company.users.ids, self._owner(frame)),
                    "Record_Type_Name_vod__c": col.pick(["Call_vod", "Email_vod"], by_mail.astype(int)),
                    "Suggested_Channel__c": col.pick(["visit", "remote", "phone", "email"], frame["channel"]),
                    "Title_vod__c": col.pick(
                        [
                            "",
                            "メールの内容に関心がありました",
                            "Web講演会を視聴されました",
                            "サイトで資料を見ています",
                        ],
                        frame["kind"],
                    ),
                    "Product_vod__c": col.take(company.product_ids, frame["product"]),
                    "Topic__c": col.pick([t for t, _ in names.TOPICS], frame["topic"]),
                    "Signal_Record__c": self._signal(frame),
                    "Posted_Date_vod__c": col.dates(posted),
                    "Expiration_Date_vod__c": col.dates(posted + DAYS_VALID),
                    "Actioned_vod__c": col.integers(executed.astype(int)),
                    "Marked_As_Complete_vod__c": col.integers((answer == COMPLETED).astype(int)),
                    "Dismissed_vod__c": col.integers((answer == DISMISSED).astype(int)),
                    "Dismiss_Reason__c": col.pick(REASONS, frame["reason"]),
                    "Feedback_Datetime__c": blank(col.iso_utc(utc(frame["answered"])), answer != NONE),
                    "Executed_Call__c": blank(
                        col.salesforce_ids("a04", np.maximum(frame["call"], 1)),
                        executed & (frame["call"] > 0),
                    ),
                    "SHM_Priority__c": col.pick(["High", "Normal"], frame["id"] % 2),
                    "CreatedDate": col.iso_utc(utc(frame["created"])),
                    "SystemModstamp": col.iso_utc(modified),
                }
            ),
        )

    def _count(self, frame: Frame) -> None:
        counts, alive = self.defects.counts, ~frame["deleted"]
        kept = alive & ~frame["test"]
        reasoned = (frame["answer"] == DISMISSED) & (frame["reason"] > 0)
        for name, amount in (
            ("suggestions", len(alive)),
            ("suggestions_deleted", (~alive).sum()),
            ("suggestions_test_records", (alive & frame["test"]).sum()),
            ("suggestions_acted", (kept & np.isin(frame["answer"], [ACTED, COMPLETED])).sum()),
            ("suggestions_dismissed", (kept & (frame["answer"] == DISMISSED)).sum()),
            ("suggestions_dismissed_with_reason", (kept & reasoned).sum()),
        ):
            counts[name] += int(amount)
