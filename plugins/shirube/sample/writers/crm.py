"""Veeva objects as Salesforce Bulk API 2.0 delivers them: UTF-8 CSV, LF, every value quoted, weekly increments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import names
from shirube.sample.behaviour import (
    BRIEFING,
    CALL_CHANNELS,
    REACTIONS,
    USAGE,
    Frame,
    Month,
    rows,
    size,
)
from shirube.sample.columns import DAY
from shirube.sample.company import Array, Company, half_width
from shirube.sample.defects import Defects
from shirube.sample.writers import zoom
from shirube.sample.writers.files import FileLog, Increments, utc, weekly_cuts

ACCOUNT = [
    "Id", "IsDeleted", "MasterRecordId", "IsPersonAccount", "LastName", "FirstName", "Furigana_vod__c", "PersonEmail",
    "External_ID_vod__c", "Specialty_1_vod__c", "Primary_Parent_vod__c", "Territory_vod__c",
    "Approved_Email_Opt_Type_vod__c", "Target_Physician__c", "Member_Id__pc", "SHM_Segment__c", "SHM_Hobby__pc",
    "CreatedDate", "SystemModstamp",
]  # fmt: skip
USER = [
    "Id", "IsDeleted", "Name", "Email", "EmployeeNumber", "IsActive", "ManagerId", "Role__c", "Role_Profile__c",
    "Primary_Territory_vod__c", "Office_Code__c", "Office_Name__c", "Branch_Code__c", "Branch_Name__c",
    "Effective_Date__c", "TimeZoneSidKey", "SystemModstamp",
]  # fmt: skip
PRODUCT = [
    "Id", "IsDeleted", "Name", "Product_Type_vod__c", "Parent_Product_vod__c", "External_ID_vod__c",
    "Company_Product_vod__c", "Therapeutic_Area_vod__c", "YJ_Code__c", "SystemModstamp",
]  # fmt: skip
CALL = [
    "Id", "IsDeleted", "Name", "Account_vod__c", "Call_Date_vod__c", "Call_Datetime_vod__c", "Status_vod__c",
    "Call_Type_vod__c", "Parent_Call_vod__c", "Is_Parent_Call_vod__c", "Attendee_Type_vod__c", "Territory_vod__c",
    "User_vod__c", "OwnerId", "Duration_vod__c", "Detailed_Products_vod__c", "Remote_Meeting_vod__c",
    "Call_Channel__c", "Reaction__c", "Request__c", "Question_Recorded__c", "Usage_Statement__c", "Topic__c",
    "Followed_Record__c", "Call_Comments_vod__c", "CreatedDate", "SystemModstamp",
]  # fmt: skip
DETAIL = [
    "Id", "IsDeleted", "Call2_vod__c", "Product_vod__c", "Detail_Priority_vod__c", "Detail_Group_vod__c",
    "Type_vod__c", "SystemModstamp",
]  # fmt: skip

COMMENTS = [
    "本日は説明会の日程を確認した。\n次回は資料を持参する。",
    "診療の合間に短時間で面談。\n・用法の確認\n・次回の予定",
    "ご不在のため名刺のみ。",
    '先生から"患者さんへの説明資料"の話題があった。\n',
    "",
]


class CrmWriter:
    """Keeps the weekly increments of every CRM object open while the months go by."""

    def __init__(self, log: FileLog, company: Company, defects: Defects) -> None:
        self.log, self.company, self.defects = log, company, defects
        cuts = weekly_cuts(company.period.start_day, company.period.end_day)
        self.cuts = cuts
        objects = {
            "crm_account": ACCOUNT, "crm_user": USER, "crm_product": PRODUCT, "crm_call": CALL, "crm_call_detail": DETAIL,
        }  # fmt: skip
        self.files = {name: Increments(log, name, columns, cuts) for name, columns in objects.items()}
        self._masters()

    def month(self, month: Month) -> None:
        """Queue one month's records and write the weeks that are complete."""
        self._calls(month)
        stop = int(utc(self.company.period.month_start(month.index + 1) * DAY))
        last = month.index == self.company.period.months - 1
        for increments in self.files.values():
            increments.flush(int(self.cuts[-1]) if last else stop)

    # ---- masters ------------------------------------------------------------------------------------------

    def _masters(self) -> None:
        self._products()
        self._users()
        self._accounts()

    def _products(self) -> None:
        count = len(names.PRODUCTS)
        modified = np.full(count, int(utc(self.company.period.start_day * DAY)) - 90 * DAY)
        self.files["crm_product"].add(modified, pa.table({
            "Id": self.company.product_ids,
            "IsDeleted": col.constant("false", count),
            "Name": pa.array([p[1] for p in names.PRODUCTS]),
            "Product_Type_vod__c": col.constant("Detail", count),
            "Parent_Product_vod__c": col.constant("", count),
            "External_ID_vod__c": pa.array([p[0] for p in names.PRODUCTS]),
            "Company_Product_vod__c": col.constant("true", count),
            "Therapeutic_Area_vod__c": pa.array([p[2] for p in names.PRODUCTS]),
            "YJ_Code__c": pa.array([p[3] for p in names.PRODUCTS]),
            "SystemModstamp": col.iso_utc(modified),
        }))  # fmt: skip

    def _users(self) -> None:
        company, users, period = self.company, self.company.users, self.company.period
        everyone = np.arange(len(users))
        start = period.start_day
        self._user_versions(
            everyone,
            users.territory_before,
            start - 200,
            np.full(len(users), int(utc(start * DAY)) - 30 * DAY),
        )
        if period.april_day is not None:
            moved = np.flatnonzero(users.territory_before != users.territory_after)
            modified = np.full(len(moved), int(utc(period.april_day * DAY)) - 6 * DAY)
            self._user_versions(moved, users.territory_after, period.april_day, modified)
            self.defects.details["april_transfers_users"] = company.users.ids.take(
                pa.array(moved)
            ).to_pylist()

    def _user_versions(self, who: Array, territory: Array, effective_day: int, modified: Array) -> None:
        company, users = self.company, self.company.users
        held = territory[who]
        office = np.where(held >= 0, company.territory_office[np.maximum(held, 0)], users.office[who])
        surname = col.pick([s for s, _ in names.SURNAMES], users.surname[who])
        given = col.pick([g for g, _ in names.GIVEN_NAMES], users.given[who])
        branches = sorted(names.BRANCHES)
        branch = np.array([branches.index(names.OFFICES[o][1]) if o >= 0 else -1 for o in office])
        role = users.role[who]
        msl = np.flatnonzero(role == "MSL")
        branch[msl] = np.arange(len(msl))
        manager = np.where(held >= 0, company.n_mrs + office, users.manager[who])
        count = len(who)
        self.files["crm_user"].add(modified, pa.table({
            "Id": col.take(users.ids, who),
            "IsDeleted": col.constant("false", count),
            "Name": col.join(surname, " ", given),
            "Email": col.join("user", col.padded(who + 1, 4), "@company.example"),
            "EmployeeNumber": col.join("E", col.padded(who + 1, 5)),
            "IsActive": col.constant("true", count),
            "ManagerId": _blank(col.take(users.ids, manager)),
            "Role__c": pa.array(role.tolist()),
            "Role_Profile__c": col.pick(["標準", "専門領域"], who % 2),
            "Primary_Territory_vod__c": _blank(col.mask(territory_name(np.maximum(held, 0)), held >= 0)),
            "Office_Code__c": _blank(col.mask(col.padded(np.maximum(office, 0) + 1, 2, "OF"), office >= 0)),
            "Office_Name__c": _blank(col.pick([o[0] for o in names.OFFICES], office)),
            "Branch_Code__c": _blank(col.pick(branches, branch)),
            "Branch_Name__c": _blank(col.pick([names.BRANCHES[b] for b in branches], branch)),
            "Effective_Date__c": col.dates(np.full(count, effective_day)),
            "TimeZoneSidKey": col.constant("Asia/Tokyo", count),
            "SystemModstamp": col.iso_utc(modified),
        }))  # fmt: skip

    def _accounts(self) -> None:
        company, period, people = self.company, self.company.period, self.company.physicians
        begin = int(utc(period.start_day * DAY))
        count = len(people)
        known = np.flatnonzero(people.has_account)
        self._person_accounts(known, period.start_day, begin - 20 * DAY - (known % 1000) * 60)
        place = company.facilities
        number = np.arange(len(place))
        modified = begin - 60 * DAY - number * 60
        blank = col.constant("", len(place))
        self.files["crm_account"].add(modified, pa.table({
            "Id": company.facility_account_ids,
            "IsDeleted": col.constant("false", len(place)),
            "MasterRecordId": blank,
            "IsPersonAccount": col.constant("false", len(place)),
            "LastName": place.name,
            "FirstName": blank,
            "Furigana_vod__c": place.kana,
            "PersonEmail": blank,
            "External_ID_vod__c": place.code,
            "Specialty_1_vod__c": blank,
            "Primary_Parent_vod__c": blank,
            "Territory_vod__c": col.join(";", territory_name(place.territory), ";"),
            "Approved_Email_Opt_Type_vod__c": blank,
            "Target_Physician__c": col.constant("false", len(place)),
            "Member_Id__pc": blank,
            "SHM_Segment__c": col.pick(["A", "B", "C"], number % 3),
            "SHM_Hobby__pc": blank,
            "CreatedDate": col.iso_utc(modified - 300 * DAY),
            "SystemModstamp": col.iso_utc(modified),
        }))  # fmt: skip
        if period.april_day is not None:
            # The CRM learns a day early: territories and parents of those who move, and of reassigned ones.
            moved = np.flatnonzero(people.has_account & people.moves)
            self._person_accounts(
                moved, period.april_day, np.full(len(moved), int(utc(period.april_day * DAY)) - DAY + 7200)
            )
            self.defects.counts["april_transfers_physicians"] = int(people.moves.sum())
        self.defects.counts["two_facility_physicians"] = int((people.second_facility >= 0).sum())
        del count

    def _person_accounts(self, who: Array, day: int, modified: Array) -> None:
        company, people = self.company, self.company.physicians
        place = company.facility_of(day)[who]
        count = len(who)
        consent = np.where(people.has_email[who], 0, 1)
        self.files["crm_account"].add(modified, pa.table({
            "Id": col.take(company.account_ids, who),
            "IsDeleted": col.constant("false", count),
            "MasterRecordId": col.constant("", count),
            "IsPersonAccount": col.constant("true", count),
            "LastName": col.pick([s for s, _ in names.SURNAMES], people.surname[who]),
            "FirstName": col.pick([g for g, _ in names.GIVEN_NAMES], people.given[who]),
            "Furigana_vod__c": col.join(col.pick([half_width(k) for _, k in names.SURNAMES], people.surname[who]), " ",
                                        col.pick([half_width(k) for _, k in names.GIVEN_NAMES], people.given[who])),
            "PersonEmail": _blank(col.take(company.emails, who)),
            "External_ID_vod__c": _blank(col.mask(col.take(people.code, who), people.has_external_id[who])),
            "Specialty_1_vod__c": col.pick([name for _, name in names.SPECIALTIES], people.specialty[who]),
            "Primary_Parent_vod__c": col.take(company.facility_account_ids, place),
            "Territory_vod__c": col.join(";", territory_name(company.facilities.territory[place]), ";"),
            "Approved_Email_Opt_Type_vod__c": col.pick(["Opt_In_vod", ""], consent),
            "Target_Physician__c": col.booleans(people.is_target[who]),
            "Member_Id__pc": _blank(col.take(company.member_ids, who)),
            "SHM_Segment__c": col.pick(["A", "B", "C"], who % 3),
            "SHM_Hobby__pc": col.pick(["", "ゴルフ;読書", "登山"], who % 3),
            "CreatedDate": col.iso_utc(modified - 400 * DAY),
            "SystemModstamp": col.iso_utc(modified),
        }))  # fmt: skip

    # ---- calls --------------------------------------------------------------------------------------------

    def _calls(self, month: Month) -> None:
        calls = month.calls
        local = calls["day"] * DAY + calls["clock"]
        modified = utc(local) + 1800 + (calls["number"] % 3000)
        self._call_versions(calls, modified, np.zeros(size(calls), dtype=bool), calls["status"])
        gone = rows(calls, calls["deleted"])
        stop = int(self.cuts[-1]) - 60
        removed_at = np.minimum(
            utc(gone["day"] * DAY + gone["clock"]) + (3 + gone["number"] % 17) * DAY, stop
        )
        self._call_versions(gone, removed_at, np.ones(size(gone), dtype=bool), gone["status"])
        self.defects.counts["soft_deleted_calls"] += size(gone)
        saved = rows(calls, (calls["status"] == 1) & ~calls["deleted"] & (calls["number"] % 4 != 0))
        submitted_at = np.minimum(utc(saved["day"] * DAY + saved["clock"]) + 9 * DAY, stop)
        self._call_versions(saved, submitted_at, np.zeros(size(saved), dtype=bool), saved["status"] + 1)
        self.defects.counts["calls_submitted_later"] += size(saved)
        self.defects.counts["group_call_parents"] += int(calls["is_parent"].sum())
        self.defects.counts["group_call_attendees"] += int((calls["parent"] > 0).sum())
        self.defects.counts["calls"] += size(calls)
        self._details(calls, modified)

    def _call_versions(self, calls: Frame, modified: Array, deleted: Array, status: Array) -> None:
        company, people = self.company, self.company.physicians
        who, count = calls["physician"], size(calls)
        account = col.take(company.account_ids, who)
        at_place = calls["facility"]
        account = pa.compute.if_else(
            pa.array(at_place >= 0), col.take(company.facility_account_ids, np.maximum(at_place, 0)), account
        )
        moment = utc(calls["day"] * DAY + calls["clock"])
        ids = col.salesforce_ids("a04", calls["number"])
        product_names = col.pick([p[1] for p in names.PRODUCTS], calls["product"])
        second = col.pick([p[1] for p in names.PRODUCTS], calls["second_product"])
        detailed = pa.compute.if_else(
            second.is_valid(), col.join(product_names, " ; ", second.fill_null("")), product_names
        )
        user = col.take(company.users.ids, calls["user"])
        remote = calls["channel"] == 1
        group = (calls["channel"] == BRIEFING) | calls["is_parent"]
        followed = pa.compute.coalesce(
            col.mask(
                col.salesforce_ids("a0B", np.where(calls["followed_kind"] == 1, calls["followed"], 0)),
                calls["followed_kind"] == 1,
            ),
            col.mask(meeting_ids(calls["followed"]), calls["followed_kind"] == 2),
            col.mask(col.uuids(calls["followed"], 5), calls["followed_kind"] == 3),
        )
        self.files["crm_call"].add(modified, pa.table({
            "Id": ids,
            "IsDeleted": col.booleans(deleted),
            "Name": col.padded(calls["number"], 9, "C"),
            "Account_vod__c": account,
            "Call_Date_vod__c": col.dates(calls["day"]),
            "Call_Datetime_vod__c": col.iso_utc(moment),
            "Status_vod__c": col.pick(["Planned_vod", "Saved_vod", "Submitted_vod"], status),
            "Call_Type_vod__c": col.pick(["Detail Only", "Group Detail"], group.astype(int)),
            "Parent_Call_vod__c": _blank(col.mask(col.salesforce_ids("a04", calls["parent"]), calls["parent"] > 0)),
            "Is_Parent_Call_vod__c": col.pick(["0", "1"], calls["is_parent"].astype(int)),
            "Attendee_Type_vod__c": col.pick(["", "Group_Account_vod", "Speaker_vod"], np.where(
                calls["speaker"], 2, (calls["attendee"] > 0).astype(int))),
            "Territory_vod__c": territory_name(calls["territory"]),
            "User_vod__c": user,
            "OwnerId": user,
            "Duration_vod__c": col.integers(calls["duration"]),
            "Detailed_Products_vod__c": _blank(detailed),
            "Remote_Meeting_vod__c": _blank(col.mask(col.salesforce_ids("a0R", calls["number"]), remote)),
            "Call_Channel__c": col.pick(CALL_CHANNELS, calls["channel"]),
            "Reaction__c": col.pick(REACTIONS, calls["reaction"]),
            "Request__c": col.booleans(calls["request"]),
            "Question_Recorded__c": col.booleans(calls["question"]),
            "Usage_Statement__c": col.pick(USAGE, calls["usage"]),
            "Topic__c": col.pick([t for t, _ in names.TOPICS], calls["topic"]),
            "Followed_Record__c": _blank(followed),
            "Call_Comments_vod__c": col.pick(COMMENTS, np.where(calls["duration"] == 0, 2, calls["number"] % 5)),
            "CreatedDate": col.iso_utc(moment + 600),
            "SystemModstamp": col.iso_utc(modified),
        }))  # fmt: skip
        del people, count

    def _details(self, calls: Frame, modified: Array) -> None:
        frames = []
        for priority, product in ((1, calls["product"]), (2, calls["second_product"])):
            has = product >= 0
            frames.append({
                "call": calls["number"][has], "product": product[has], "modified": modified[has],
                "priority": np.full(int(has.sum()), priority),
            })  # fmt: skip
        table = {name: np.concatenate([f[name] for f in frames]) for name in frames[0]}
        count = len(table["call"])
        numbers = table["call"] * 2 + table["priority"] - 1
        self.defects.counts["call_details"] += count
        self.files["crm_call_detail"].add(table["modified"], pa.table({
            "Id": col.salesforce_ids("a05", numbers),
            "IsDeleted": col.constant("false", count),
            "Call2_vod__c": col.salesforce_ids("a04", table["call"]),
            "Product_vod__c": col.take(self.company.product_ids, table["product"]),
            "Detail_Priority_vod__c": col.integers(table["priority"]),
            "Detail_Group_vod__c": col.constant("", count),
            "Type_vod__c": col.pick(["EDetail_vod", "Paper_Detail_vod"], numbers % 2),
            "SystemModstamp": col.iso_utc(table["modified"]),
        }))  # fmt: skip


def territory_name(territory: Array) -> pa.StringArray:
    """`T001` for territory 0."""
    return col.padded(np.asarray(territory) + 1, 3, "T")


def meeting_ids(numbers: Array) -> pa.StringArray:
    """Webinar numbers as Zoom meeting ids."""
    return col.integers(zoom.FIRST_MEETING + np.asarray(numbers) * 7919)


def _blank(column: pa.StringArray) -> pa.StringArray:
    return column.fill_null("")
