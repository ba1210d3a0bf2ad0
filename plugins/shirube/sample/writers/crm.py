"""Veeva objects as Salesforce Bulk API 2.0 delivers them: UTF-8 CSV, LF, all quoted, weekly increments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import Array, Company, half_width
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows, size
from shirube.sample.parameters import BRIEFING, CALL_CHANNELS, REACTIONS, USAGE
from shirube.sample.writers import qualtrics, zoom
from shirube.sample.writers.files import FileLog, IncrementPlan, Increments, day_in_utc, utc, weekly_cuts

ACCOUNT = [
    "Id",
    "IsDeleted",
    "MasterRecordId",
    "IsPersonAccount",
    "LastName",
    "FirstName",
    "Furigana_vod__c",
    "PersonEmail",
    "External_ID_vod__c",
    "Specialty_1_vod__c",
    "Primary_Parent_vod__c",
    "Territory_vod__c",
    "Approved_Email_Opt_Type_vod__c",
    "Target_Physician__c",
    "Member_Id__pc",
    "SHM_Segment__c",
    "SHM_Hobby__pc",
    "CreatedDate",
    "SystemModstamp",
]
USER = [
    "Id",
    "IsDeleted",
    "Name",
    "Email",
    "EmployeeNumber",
    "IsActive",
    "ManagerId",
    "Role__c",
    "Role_Profile__c",
    "Primary_Territory_vod__c",
    "Office_Code__c",
    "Office_Name__c",
    "Branch_Code__c",
    "Branch_Name__c",
    "Effective_Date__c",
    "TimeZoneSidKey",
    "SystemModstamp",
]
PRODUCT = [
    "Id",
    "IsDeleted",
    "Name",
    "Product_Type_vod__c",
    "Parent_Product_vod__c",
    "External_ID_vod__c",
    "Company_Product_vod__c",
    "Therapeutic_Area_vod__c",
    "YJ_Code__c",
    "SystemModstamp",
]
CALL = [
    "Id",
    "IsDeleted",
    "Name",
    "Account_vod__c",
    "Call_Date_vod__c",
    "Call_Datetime_vod__c",
    "Status_vod__c",
    "Call_Type_vod__c",
    "Parent_Call_vod__c",
    "Is_Parent_Call_vod__c",
    "Attendee_Type_vod__c",
    "Territory_vod__c",
    "User_vod__c",
    "OwnerId",
    "Duration_vod__c",
    "Detailed_Products_vod__c",
    "Remote_Meeting_vod__c",
    "Call_Channel__c",
    "Reaction__c",
    "Request__c",
    "Question_Recorded__c",
    "Usage_Statement__c",
    "Topic__c",
    "Followed_Record__c",
    "Call_Comments_vod__c",
    "CreatedDate",
    "SystemModstamp",
]
DETAIL = [
    "Id",
    "IsDeleted",
    "Call2_vod__c",
    "Product_vod__c",
    "Detail_Priority_vod__c",
    "Detail_Group_vod__c",
    "Type_vod__c",
    "SystemModstamp",
]

SENT_EMAIL = [
    "Id",
    "IsDeleted",
    "Account_vod__c",
    "Account_Email_vod__c",
    "Approved_Email_Template_vod__c",
    "Email_Sent_Date_vod__c",
    "Status_vod__c",
    "Product_vod__c",
    "Open_Count_vod__c",
    "Click_Count_vod__c",
    "User_vod__c",
    "OwnerId",
    "Call2_vod__c",
    "Sender_Department__c",
    "Topic__c",
    "Survey_Wave__c",
    "Valid_Consent_Exists_vod__c",
    "Failure_Msg_vod__c",
    "Link_Count__c",
    "SHM_Campaign__c",
    "CreatedDate",
    "SystemModstamp",
]
ACTIVITY = [
    "Id",
    "IsDeleted",
    "Sent_Email_vod__c",
    "Activity_DateTime_vod__c",
    "Event_type_vod__c",
    "Click_URL_vod__c",
    "IP_Address_vod__c",
    "User_Agent_vod__c",
    "Client_Name_vod__c",
    "Device_Type_vod__c",
    "SystemModstamp",
]
CONSENT = [
    "Id",
    "IsDeleted",
    "Account_vod__c",
    "Channel_Value_vod__c",
    "Channel__c",
    "Opt_Type_vod__c",
    "Optout_Event_Type_vod__c",
    "Capture_Datetime_vod__c",
    "Opt_Expiration_Date_vod__c",
    "Consent_Type_vod__c",
    "Product_vod__c",
    "Preferred_Channel__c",
    "Preference_Topic__c",
    "Entered_By__c",
    "Consent_Text_Version__c",
    "SystemModstamp",
]
# What the guideline asks to record of an answer beyond the label.
GL_FIELDS = [
    "GL_Requester_Recorded__c",
    "GL_Request_Text_Recorded__c",
    "GL_Date_Recorded__c",
    "GL_Provider_Recorded__c",
    "GL_Material_Recorded__c",
    "GL_Evidence_Recorded__c",
    "GL_Negative_Data_Stated__c",
    "GL_Unapproved_Stated__c",
]
INQUIRY = [
    "Id",
    "IsDeleted",
    "Account_vod__c",
    "Product__c",
    "Inquiry_Text__c",
    "Delivery_Method_vod__c",
    "Status_vod__c",
    "Call2_vod__c",
    "OwnerId",
    "Assign_To_User_vod__c",
    "Fulfillment_Status_vod__c",
    "Email_vod__c",
    "Phone_Number_vod__c",
    "Inquiry_Category__c",
    "Topic__c",
    "Is_Unsolicited__c",
    "GL_Record_Complete__c",
    *GL_FIELDS,
    "Received_Datetime__c",
    "Handed_Off_Datetime__c",
    "Accepted_Datetime__c",
    "Answered_Datetime__c",
    "MR_Notified_Datetime__c",
    "CreatedDate",
    "SystemModstamp",
]

# User agents: three of people's own programs, the privacy proxy, three link scanners.
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
    "Mozilla/5.0",
    "Barracuda Link Protection/2.0",
    "Mimecast-URL-Protect/3.1",
    "Proofpoint-URL-Defense/1.0",
]
CLIENTS = ["Chrome", "Mobile Safari", "Outlook", "Apple Privacy Proxy", "", "", ""]
EVENTS = ["Delivered_vod", "Bounced_vod", "Opened_vod", "Clicked_vod", "Unsubscribed_vod"]
FIRST_DUPLICATE_ACCOUNT = 50_000_000
TEST_ACCOUNT = 90_000_001

INQUIRY_TEXTS = [
    "腎機能が低下した患者での用量について教えてほしい。",
    "承認外の用法に関する文献があるか知りたい。\n(先生からの自発的なご質問)",
    "副作用の発現時期に関する情報がほしい。",
]

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
            "crm_account": ACCOUNT,
            "crm_user": USER,
            "crm_product": PRODUCT,
            "crm_call": CALL,
            "crm_call_detail": DETAIL,
            "crm_sent_email": SENT_EMAIL,
            "crm_email_activity": ACTIVITY,
            "crm_consent": CONSENT,
            "crm_medical_inquiry": INQUIRY,
        }
        april = company.period.april_day
        april_week = int(np.searchsorted(cuts, day_in_utc(april))) if april is not None else 1
        self.april_week = april_week
        plans = {
            "crm_account": IncrementPlan(out_of_order=frozenset({april_week - 1})),
            "crm_call": IncrementPlan(late=frozenset({10}), repeated={5: 6, 30: 9}),
            "crm_sent_email": IncrementPlan(
                late=frozenset({16}), out_of_order=frozenset({8}), repeated={12: 7}
            ),
            "crm_email_activity": IncrementPlan(repeated={20: 11}),
        }
        self.files = {
            name: Increments(log, name, columns, cuts, plans.get(name, IncrementPlan()))
            for name, columns in objects.items()
        }
        middle = company.period.months // 2
        self.merge_day = company.period.month_start(middle) + 9
        self._masters()

    def month(self, month: Month) -> None:
        """Queue one month's records and write the weeks that are complete."""
        self._calls(month)
        self._emails(month)
        self._consents(month)
        self._inquiries(month)
        stop = day_in_utc(self.company.period.month_start(month.index + 1))
        last = month.index == self.company.period.months - 1
        for increments in self.files.values():
            increments.flush(int(self.cuts[-1]) if last else stop)

    def records(self) -> dict[str, int]:
        """How many distinct records each object has; what was exported beyond that are repetitions."""
        company, counts = self.company, self.defects.counts
        people = company.physicians
        return {
            "crm_account": int(people.has_account.sum())
            + len(company.facilities)
            + int(people.is_merged.sum())
            + 1,
            "crm_user": len(company.users),
            "crm_product": len(names.PRODUCTS),
            "crm_call": counts["calls"],
            "crm_call_detail": counts["call_details"],
            "crm_sent_email": counts["emails"],
            "crm_email_activity": counts["email_activities"],
            "crm_consent": counts["consents"],
            "crm_medical_inquiry": counts["inquiries"],
        }

    # ---- masters ------------------------------------------------------------------------------------------

    def _masters(self) -> None:
        self._products()
        self._users()
        self._accounts()

    def _products(self) -> None:
        count = len(names.PRODUCTS)
        modified = np.full(count, day_in_utc(self.company.period.start_day) - 90 * DAY)
        self.files["crm_product"].add(
            modified,
            np.arange(count),
            pa.table(
                {
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
                }
            ),
        )

    def _users(self) -> None:
        company, users, period = self.company, self.company.users, self.company.period
        everyone = np.arange(len(users))
        start = period.start_day
        self._user_versions(
            everyone,
            users.territory_before,
            start - 200,
            np.full(len(users), day_in_utc(start) - 30 * DAY),
        )
        if period.april_day is not None:
            moved = np.flatnonzero(users.territory_before != users.territory_after)
            modified = np.full(len(moved), day_in_utc(period.april_day) - 6 * DAY)
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
        self.files["crm_user"].add(
            modified,
            who,
            pa.table(
                {
                    "Id": col.take(users.ids, who),
                    "IsDeleted": col.constant("false", count),
                    "Name": col.join(surname, " ", given),
                    "Email": col.join("user", col.padded(who + 1, 4), "@company.example"),
                    "EmployeeNumber": col.join("E", col.padded(who + 1, 5)),
                    "IsActive": col.constant("true", count),
                    "ManagerId": _blank(col.take(users.ids, manager)),
                    "Role__c": pa.array(role.tolist()),
                    "Role_Profile__c": col.pick(["標準", "専門領域"], who % 2),
                    "Primary_Territory_vod__c": _blank(
                        col.mask(territory_name(np.maximum(held, 0)), held >= 0)
                    ),
                    "Office_Code__c": _blank(
                        col.mask(col.padded(np.maximum(office, 0) + 1, 2, "OF"), office >= 0)
                    ),
                    "Office_Name__c": _blank(col.pick([o[0] for o in names.OFFICES], office)),
                    "Branch_Code__c": _blank(col.pick(branches, branch)),
                    "Branch_Name__c": _blank(col.pick([names.BRANCHES[b] for b in branches], branch)),
                    "Effective_Date__c": col.dates(np.full(count, effective_day)),
                    "TimeZoneSidKey": col.constant("Asia/Tokyo", count),
                    "SystemModstamp": col.iso_utc(modified),
                }
            ),
        )

    def _accounts(self) -> None:
        period, people = self.company.period, self.company.physicians
        begin = day_in_utc(period.start_day)
        known = np.flatnonzero(people.has_account)
        self._person_accounts(known, period.start_day, begin - 20 * DAY - (known % 1000) * 60)
        self._facility_accounts(begin)
        self._test_account(begin)
        self._merged_accounts(begin)
        if period.april_day is not None:
            moved = np.flatnonzero(people.has_account & people.moves)
            # Touched the week before too, in a file that arrives after the one with the transfer.
            before = int(self.cuts[self.april_week - 1]) - DAY
            self._person_accounts(moved, period.start_day, np.full(len(moved), before))
            self._person_accounts(
                moved, period.april_day, np.full(len(moved), day_in_utc(period.april_day) + 7200)
            )
            self.defects.counts["april_transfers_physicians"] = int(people.moves.sum())
        self.defects.counts["shared_addresses"] = int((people.shares_email_with >= 0).sum())
        self.defects.counts["two_facility_physicians"] = int((people.second_facility >= 0).sum())
        self._touched_accounts()

    def _touched_accounts(self) -> None:
        """Every week a few accounts are saved again without a change that matters."""
        company, people = self.company, self.company.physicians
        known = np.flatnonzero(people.has_account)
        for week, cut in enumerate(self.cuts.tolist()[1:], start=1):
            chosen = known[(known * 7 + week * 13) % 101 == 0]
            day = (cut - 2 * DAY) // DAY
            self._person_accounts(
                chosen, max(day, company.period.start_day), np.full(len(chosen), cut - 2 * DAY)
            )

    def _facility_accounts(self, begin: int) -> None:
        place = self.company.facilities
        number = np.arange(len(place))
        modified = begin - 60 * DAY - number * 60
        columns = self._account_columns(self.company.facility_account_ids, modified)
        columns |= {
            "LastName": place.name,
            "Furigana_vod__c": place.kana,
            "External_ID_vod__c": place.code,
            "Territory_vod__c": col.join(";", territory_name(place.territory), ";"),
            "SHM_Segment__c": col.pick(["A", "B", "C"], number % 3),
        }
        self.files["crm_account"].add(modified, FIRST_DUPLICATE_ACCOUNT // 2 + number, pa.table(columns))

    def _account_columns(self, ids: pa.StringArray, modified: Array) -> dict[str, pa.StringArray]:
        """An account with nothing but its id: every column, to be overwritten."""
        count = len(ids)
        columns = {name: col.constant("", count) for name in ACCOUNT}
        columns |= {
            name: col.constant("false", count)
            for name in ("IsDeleted", "IsPersonAccount", "Target_Physician__c")
        }
        columns["Id"] = ids
        columns["CreatedDate"] = col.iso_utc(modified - 400 * DAY)
        columns["SystemModstamp"] = col.iso_utc(modified)
        return columns

    def _test_account(self, begin: int) -> None:
        modified = np.array([begin - 50 * DAY])
        columns = self._account_columns(self._test_id(1), modified)
        columns |= {
            name: pa.array([text])
            for name, text in (
                ("IsPersonAccount", "true"),
                ("LastName", "研修用"),
                ("FirstName", "テスト"),
                ("External_ID_vod__c", "TEST0001"),
                ("Member_Id__pc", "TEST0001"),
                ("PersonEmail", "training@company.example"),
                ("Territory_vod__c", ";T001;"),
            )
        }
        self.files["crm_account"].add(modified, np.array([TEST_ACCOUNT]), pa.table(columns))

    def _test_id(self, count: int) -> pa.StringArray:
        return col.salesforce_ids("001", np.full(count, TEST_ACCOUNT))

    def _merged_accounts(self, begin: int) -> None:
        """Second accounts of the same person, merged into the first one half-way through."""
        company, people = self.company, self.company.physicians
        who = np.flatnonzero(people.is_merged)
        ids = col.salesforce_ids("001", FIRST_DUPLICATE_ACCOUNT + who)
        for modified, merged in (
            (begin - 10 * DAY, False),
            (day_in_utc(self.merge_day) + 3600 * 4, True),
        ):
            when = np.full(len(who), modified)
            columns = self._account_columns(ids, when)
            columns |= {
                "IsPersonAccount": col.constant("true", len(who)),
                "LastName": col.pick([s for s, _ in names.SURNAMES], people.surname[who]),
                "FirstName": col.pick([g for g, _ in names.GIVEN_NAMES], people.given[who]),
                "Territory_vod__c": col.join(
                    ";", territory_name(company.territory_of(self.merge_day)[who]), ";"
                ),
            }
            if merged:
                columns["IsDeleted"] = col.constant("true", len(who))
                columns["MasterRecordId"] = col.take(company.account_ids, who)
            self.files["crm_account"].add(when, FIRST_DUPLICATE_ACCOUNT + who, pa.table(columns))
        self.defects.details["merged_accounts"] = dict(
            zip(ids.to_pylist(), company.account_ids.take(pa.array(who)).to_pylist(), strict=True)
        )

    def _account_of(self, who: Array, day: Array, number: Array) -> pa.StringArray:
        """The account a record points at: before a merge, every second one points at the lost one."""
        company, people = self.company, self.company.physicians
        lost = people.is_merged[who] & (day < self.merge_day) & (number % 2 == 0)
        return pa.compute.if_else(
            pa.array(lost),
            col.salesforce_ids("001", FIRST_DUPLICATE_ACCOUNT + who),
            col.take(company.account_ids, who),
        )

    def _person_accounts(self, who: Array, day: int, modified: Array) -> None:
        company, people = self.company, self.company.physicians
        place = company.facility_of(day)[who]
        codes = pa.compute.if_else(
            pa.array(people.has_unknown_code[who]),
            col.padded(99_000_000 + who, 8),
            col.take(people.code, who),
        )
        columns = self._account_columns(col.take(company.account_ids, who), modified)
        columns |= {
            "IsPersonAccount": col.constant("true", len(who)),
            "LastName": col.pick([s for s, _ in names.SURNAMES], people.surname[who]),
            "FirstName": col.pick([g for g, _ in names.GIVEN_NAMES], people.given[who]),
            "Furigana_vod__c": col.join(
                col.pick([half_width(k) for _, k in names.SURNAMES], people.surname[who]),
                " ",
                col.pick([half_width(k) for _, k in names.GIVEN_NAMES], people.given[who]),
            ),
            "PersonEmail": _blank(col.take(company.emails, who)),
            "External_ID_vod__c": _blank(col.mask(codes, people.has_external_id[who])),
            "Specialty_1_vod__c": col.pick([name for _, name in names.SPECIALTIES], people.specialty[who]),
            "Primary_Parent_vod__c": col.take(company.facility_account_ids, place),
            "Territory_vod__c": col.join(";", territory_name(company.facilities.territory[place]), ";"),
            "Approved_Email_Opt_Type_vod__c": col.pick(["", "Opt_In_vod"], people.has_email[who].astype(int)),
            "Target_Physician__c": col.booleans(people.is_target[who]),
            "Member_Id__pc": _blank(col.take(company.member_ids, who)),
            "SHM_Segment__c": col.pick(["A", "B", "C"], who % 3),
            "SHM_Hobby__pc": col.pick(["", "ゴルフ;読書", "登山"], who % 3),
        }
        self.files["crm_account"].add(modified, who, pa.table(columns))

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
        saved = rows(calls, (calls["status"] == 1) & ~calls["deleted"] & (calls["number"] % 4 != 0))
        submitted_at = np.minimum(utc(saved["day"] * DAY + saved["clock"]) + 9 * DAY, stop)
        self._call_versions(saved, submitted_at, np.zeros(size(saved), dtype=bool), saved["status"] + 1)
        self._count_calls(calls, saved)
        self._details(calls, modified)

    def _count_calls(self, calls: Frame, submitted_later: Frame) -> None:
        people, counts = self.company.physicians, self.defects.counts
        final = (calls["status"] == 2) | np.isin(calls["number"], submitted_later["number"])
        alive, header, test = ~calls["deleted"], calls["is_parent"], calls["test"]
        counted = final & alive & ~header & ~test
        lost = ~people.is_resolvable[calls["physician"]]
        contacts = np.maximum(1, _details_of(calls))
        merged = (
            people.is_merged[calls["physician"]]
            & (calls["day"] < self.merge_day)
            & (calls["number"] % 2 == 0)
        )
        for name, amount in (
            ("calls", len(final)),
            ("soft_deleted_calls", (~alive).sum()),
            ("group_call_parents", header.sum()),
            ("group_call_attendees", (calls["parent"] > 0).sum()),
            ("calls_not_submitted", (alive & ~final & ~header).sum()),
            ("calls_test_records", test.sum()),
            ("calls_test_submitted", (test & final & alive).sum()),
            ("calls_linked", (calls["followed_kind"] > 0).sum()),
            ("calls_on_merged_accounts", (merged & counted).sum()),
            ("touchpoints_crm_call", contacts[counted].sum()),
            ("details_of_rejected_calls", _details_of(calls)[~counted].sum()),
            ("unresolved_crm_call", contacts[counted & lost].sum()),
        ):
            counts[name] += int(amount)

    def _call_versions(self, calls: Frame, modified: Array, deleted: Array, status: Array) -> None:
        company = self.company
        account = self._account_of(calls["physician"], calls["day"], calls["number"])
        account = pa.compute.if_else(pa.array(calls["test"]), self._test_id(size(calls)), account)
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
        self.files["crm_call"].add(
            modified,
            calls["number"],
            pa.table(
                {
                    "Id": ids,
                    "IsDeleted": col.booleans(deleted),
                    "Name": col.padded(calls["number"], 9, "C"),
                    "Account_vod__c": account,
                    "Call_Date_vod__c": col.dates(calls["day"]),
                    "Call_Datetime_vod__c": col.iso_utc(moment),
                    "Status_vod__c": col.pick(["Planned_vod", "Saved_vod", "Submitted_vod"], status),
                    "Call_Type_vod__c": col.pick(["Detail Only", "Group Detail"], group.astype(int)),
                    "Parent_Call_vod__c": _blank(
                        col.mask(col.salesforce_ids("a04", calls["parent"]), calls["parent"] > 0)
                    ),
                    "Is_Parent_Call_vod__c": col.pick(["0", "1"], calls["is_parent"].astype(int)),
                    "Attendee_Type_vod__c": col.pick(
                        ["", "Group_Account_vod", "Speaker_vod"],
                        np.where(calls["speaker"], 2, (calls["attendee"] > 0).astype(int)),
                    ),
                    "Territory_vod__c": territory_name(calls["territory"]),
                    "User_vod__c": user,
                    "OwnerId": user,
                    "Duration_vod__c": col.integers(calls["duration"]),
                    "Detailed_Products_vod__c": _blank(detailed),
                    "Remote_Meeting_vod__c": _blank(
                        col.mask(col.salesforce_ids("a0R", calls["number"]), remote)
                    ),
                    "Call_Channel__c": col.pick(CALL_CHANNELS, calls["channel"]),
                    "Reaction__c": col.pick(REACTIONS, calls["reaction"]),
                    "Request__c": col.booleans(calls["request"]),
                    "Question_Recorded__c": col.booleans(calls["question"]),
                    "Usage_Statement__c": col.pick(USAGE, calls["usage"]),
                    "Topic__c": col.pick([t for t, _ in names.TOPICS], calls["topic"]),
                    "Followed_Record__c": _blank(followed),
                    "Call_Comments_vod__c": col.pick(
                        COMMENTS, np.where(calls["duration"] == 0, 2, calls["number"] % 5)
                    ),
                    "CreatedDate": col.iso_utc(moment + 600),
                    "SystemModstamp": col.iso_utc(modified),
                }
            ),
        )

    def _details(self, calls: Frame, modified: Array) -> None:
        frames = []
        for priority, product in ((1, calls["product"]), (2, calls["second_product"])):
            has = product >= 0
            frames.append(
                {
                    "call": calls["number"][has],
                    "product": product[has],
                    "modified": modified[has],
                    "priority": np.full(int(has.sum()), priority),
                }
            )
        table = {name: np.concatenate([f[name] for f in frames]) for name in frames[0]}
        count = len(table["call"])
        numbers = table["call"] * 2 + table["priority"] - 1
        self.defects.counts["call_details"] += count
        self.files["crm_call_detail"].add(
            table["modified"],
            numbers,
            pa.table(
                {
                    "Id": col.salesforce_ids("a05", numbers),
                    "IsDeleted": col.constant("false", count),
                    "Call2_vod__c": col.salesforce_ids("a04", table["call"]),
                    "Product_vod__c": col.take(self.company.product_ids, table["product"]),
                    "Detail_Priority_vod__c": col.integers(table["priority"]),
                    "Detail_Group_vod__c": col.constant("", count),
                    "Type_vod__c": col.pick(["EDetail_vod", "Paper_Detail_vod"], numbers % 2),
                    "SystemModstamp": col.iso_utc(table["modified"]),
                }
            ),
        )

    # ---- e-mail -------------------------------------------------------------------------------------------

    def _emails(self, month: Month) -> None:
        company, people, mails, counts = (
            self.company,
            self.company.physicians,
            month.emails,
            self.defects.counts,
        )
        count = size(mails)
        who, kind = mails["physician"], mails["kind"]
        day = mails["moment"] // DAY
        moment = utc(mails["moment"])
        modified = moment + 7200 + mails["number"] % 3600
        account = self._account_of(who, day, mails["number"])
        account = pa.compute.if_else(pa.array(kind == 1), self._test_id(count), account)
        is_mr = mails["channel"] == 0
        april = company.period.april_day
        holder = company.mr_of_territory(company.period.start_day)[
            company.territory_of(company.period.start_day)[who]
        ]
        if april is not None:
            later = company.mr_of_territory(april)[company.territory_of(april)[who]]
            holder = np.where(day >= april, later, holder)
        headquarters = company.n_mrs + company.n_offices
        user = col.take(company.users.ids, np.where(is_mr, holder, headquarters + mails["number"] % 5))
        wave = qualtrics.wave_of(company.period.label(month.index))
        is_survey = mails["wave"] > 0
        sent = {
            "Id": col.salesforce_ids("a0A", mails["number"]),
            "IsDeleted": col.constant("false", count),
            "Account_vod__c": _blank(col.mask(account, kind != 2)),
            "Account_Email_vod__c": _blank(
                col.mask(col.take(company.emails, who), (kind == 0) | (kind == 3))
            ),
            "Approved_Email_Template_vod__c": col.salesforce_ids("a06", mails["template"] + 1),
            "Email_Sent_Date_vod__c": col.iso_utc(moment),
            "Status_vod__c": col.pick(["Delivered_vod", "Bounced_vod", "Dropped_vod"], mails["state"]),
            "Product_vod__c": _blank(col.take(company.product_ids, mails["product"])),
            "Open_Count_vod__c": col.integers(mails["opens"]),
            "Click_Count_vod__c": col.integers(mails["click_count"]),
            "User_vod__c": user,
            "OwnerId": user,
            "Call2_vod__c": col.constant("", count),
            "Sender_Department__c": col.pick(["mr", "hq"], mails["channel"]),
            "Topic__c": _blank(col.pick([t for t, _ in names.TOPICS], mails["topic"])),
            "Survey_Wave__c": _blank(col.mask(col.constant(wave, count), is_survey)),
            "Valid_Consent_Exists_vod__c": col.booleans(kind != 3),
            "Failure_Msg_vod__c": col.pick(
                ["", "550 mailbox unavailable", "Dropped by provider"], mails["state"]
            ),
            "Link_Count__c": col.integers(mails["links"]),
            "SHM_Campaign__c": col.pick(
                ["", "秋の情報提供\n(改訂)"], (mails["number"] % 10 == 0).astype(int)
            ),
            "CreatedDate": col.iso_utc(moment - 60),
            "SystemModstamp": col.iso_utc(modified),
        }
        self.files["crm_sent_email"].add(modified, mails["number"], pa.table(sent))
        self._activities(month)
        normal = (kind == 0) | (kind == 3)
        counts["emails"] += count
        counts["emails_test_records"] += int((kind == 1).sum())
        counts["emails_anonymous_stubs"] += int((kind == 2).sum())
        counts["sends_after_opt_out"] += int((kind == 3).sum())
        counts["touchpoints_crm_sent_email"] += int(normal.sum())
        counts["emails_unresolved"] += int((normal & ~people.is_resolvable[who]).sum())
        counts["emails_delivered"] += int((normal & (mails["state"] == 0)).sum())
        counts["emails_human_clicked"] += int((normal & mails["human_click"]).sum())
        counts["emails_privacy_proxy_opened"] += int((normal & mails["proxy_open"]).sum())
        counts["survey_invitations"] += int(is_survey.sum())
        for way, name in enumerate(("under_two_seconds", "most_links_at_once", "hidden_link", "user_agent")):
            counts["emails_bot_" + name] += int((mails["bot_way"] == way).sum())

    def _activities(self, month: Month) -> None:
        acts = month.activities
        count = size(acts)
        moment = utc(acts["moment"])
        modified = moment + 300
        shown = acts["special"] != 2
        clicked = acts["kind"] == 3
        tracked = np.isin(acts["kind"], [2, 3, 4])
        link = col.pick(
            [*(f"link{n}" for n in range(7)), "hidden"],
            np.where(acts["link"] == 99, 7, np.maximum(acts["link"], 0)),
        )
        url = col.join("https://mail.company.example/r/", col.integers(acts["email"]), "/", link)
        self.files["crm_email_activity"].add(
            modified,
            acts["number"],
            pa.table(
                {
                    "Id": col.salesforce_ids("a0B", acts["number"]),
                    "IsDeleted": col.constant("false", count),
                    "Sent_Email_vod__c": col.salesforce_ids("a0A", acts["email"]),
                    "Activity_DateTime_vod__c": col.iso_utc(moment),
                    "Event_type_vod__c": col.pick(EVENTS, acts["kind"]),
                    "Click_URL_vod__c": _blank(col.mask(url, clicked & shown)),
                    "IP_Address_vod__c": _blank(
                        col.mask(
                            col.join("203.0.113.", col.integers(acts["physician"] % 250 + 1)), tracked & shown
                        )
                    ),
                    "User_Agent_vod__c": _blank(col.mask(col.pick(AGENTS, acts["agent"]), tracked & shown)),
                    "Client_Name_vod__c": _blank(col.mask(col.pick(CLIENTS, acts["agent"]), tracked & shown)),
                    "Device_Type_vod__c": _blank(
                        col.mask(
                            col.pick(["Desktop", "Mobile", "Desktop", "", "", "", ""], acts["agent"]),
                            tracked & shown,
                        )
                    ),
                    "SystemModstamp": col.iso_utc(modified),
                }
            ),
        )
        self.defects.counts["email_activities"] += count
        self.defects.counts["activities_of_stubs"] += int((acts["special"] == 2).sum())
        self.defects.counts["activities_of_test_records"] += int((acts["special"] == 1).sum())

    def _consents(self, month: Month) -> None:
        company, frame = self.company, month.consents
        count = size(frame)
        who = frame["physician"]
        moment = utc(frame["moment"])
        modified = moment + 900
        stated = frame["preferred"] >= 0
        by_mail = frame["by_mail"]
        is_mail_channel = frame["channel"] < 2
        self.files["crm_consent"].add(
            modified,
            frame["number"],
            pa.table(
                {
                    "Id": col.salesforce_ids("a0C", frame["number"]),
                    "IsDeleted": col.constant("false", count),
                    "Account_vod__c": col.take(company.account_ids, who),
                    "Channel_Value_vod__c": _blank(col.mask(col.take(company.emails, who), is_mail_channel)),
                    "Channel__c": col.pick(
                        ["mr_email", "hq_email", "preference", "web_tracking", "mr_visit"], frame["channel"]
                    ),
                    "Opt_Type_vod__c": _blank(
                        col.mask(
                            col.pick(["Opt_Out_vod", "Opt_In_vod"], frame["opt_in"].astype(int)), ~stated
                        )
                    ),
                    "Optout_Event_Type_vod__c": col.pick(["", "Unsubscribed_vod"], by_mail.astype(int)),
                    "Capture_Datetime_vod__c": col.iso_utc(moment),
                    "Opt_Expiration_Date_vod__c": col.constant("", count),
                    "Consent_Type_vod__c": col.pick(["Approved_Email_vod", "Preference"], stated.astype(int)),
                    "Product_vod__c": col.constant("", count),
                    "Preferred_Channel__c": _blank(col.pick(names.CHANNELS, frame["preferred"])),
                    "Preference_Topic__c": _blank(col.pick([t for t, _ in names.TOPICS], frame["topic"])),
                    "Entered_By__c": col.pick(["mr", "physician"], frame["by_physician"].astype(int)),
                    "Consent_Text_Version__c": col.constant("2025-04", count),
                    "SystemModstamp": col.iso_utc(modified),
                }
            ),
        )
        self.defects.counts["consents"] += count
        self.defects.counts["opt_outs"] += int((~frame["opt_in"] & is_mail_channel).sum())
        self.defects.counts["tracking_objections"] += int((frame["channel"] == 3).sum())
        self.defects.counts["stated_preferences"] += int(stated.sum())

    def _inquiries(self, month: Month) -> None:
        frame, counts = month.inquiries, self.defects.counts
        first = frame | {
            name: np.zeros_like(frame[name]) for name in ("handed", "accepted", "answered", "notified")
        }
        self._inquiry_versions(first, utc(frame["received"]) + 1200)
        last = np.maximum.reduce([frame["handed"], frame["accepted"], frame["answered"], frame["notified"]])
        changed = last > 0
        if changed.any():
            self._inquiry_versions(rows(frame, changed), utc(last[changed]) + 600)
        counts["inquiries"] += size(frame)
        counts["inquiries_open"] += int((frame["answered"] == 0).sum())
        counts["inquiries_off_label"] += int((frame["category"] == 1).sum())
        counts["inquiries_off_label_incomplete"] += int((~frame["gl_complete"]).sum())
        solicited = _solicited(frame)
        counts["inquiries_off_label_solicited"] += int((solicited == 1).sum())
        counts["inquiries_off_label_solicitation_unknown"] += int((solicited == 2).sum())
        counts["inquiries_from_calls"] += int((frame["call"] > 0).sum())
        counts["inquiries_unresolved"] += int(
            (~self.company.physicians.is_resolvable[frame["physician"]]).sum()
        )

    def _inquiry_versions(self, frame: Frame, modified: Array) -> None:
        company = self.company
        count, who = size(frame), frame["physician"]
        medical = len(company.users) - 3 + frame["number"] % 3
        answered = frame["answered"] > 0
        times = {
            header: _blank(col.mask(col.iso_utc(utc(np.maximum(frame[name], DAY))), frame[name] > 0))
            for header, name in (
                ("Received_Datetime__c", "received"),
                ("Handed_Off_Datetime__c", "handed"),
                ("Accepted_Datetime__c", "accepted"),
                ("Answered_Datetime__c", "answered"),
                ("MR_Notified_Datetime__c", "notified"),
            )
        }
        owner = company.mr_of_territory(company.period.start_day)[
            company.territory_of(company.period.start_day)[who]
        ]
        april = company.period.april_day
        if april is not None:
            later = company.mr_of_territory(april)[company.territory_of(april)[who]]
            owner = np.where(frame["received"] // DAY >= april, later, owner)
        from_call = frame["call"] > 0
        self.files["crm_medical_inquiry"].add(
            modified,
            frame["number"],
            pa.table(
                {
                    "Id": col.salesforce_ids("a0D", frame["number"]),
                    "IsDeleted": col.constant("false", count),
                    "Account_vod__c": col.take(company.account_ids, who),
                    "Product__c": col.pick([p[1] for p in names.PRODUCTS], frame["product"]),
                    "Inquiry_Text__c": col.pick(INQUIRY_TEXTS, frame["category"]),
                    "Delivery_Method_vod__c": col.pick(["Email_vod", "Phone_vod"], frame["number"] % 2),
                    "Status_vod__c": col.constant("Submitted_vod", count),
                    "Call2_vod__c": _blank(col.mask(col.salesforce_ids("a04", frame["call"]), from_call)),
                    "OwnerId": col.take(company.users.ids, np.where(from_call, owner, medical)),
                    "Assign_To_User_vod__c": col.take(company.users.ids, medical),
                    "Fulfillment_Status_vod__c": col.pick(["New_vod", "Completed_vod"], answered.astype(int)),
                    "Email_vod__c": _blank(col.take(company.emails, who)),
                    "Phone_Number_vod__c": col.join("03-0000-", col.padded(who % 10_000, 4)),
                    "Inquiry_Category__c": col.pick(["on_label", "off_label", "safety"], frame["category"]),
                    "Topic__c": col.pick([t for t, _ in names.TOPICS], frame["topic"]),
                    "Is_Unsolicited__c": _blank(col.pick(["true", "false", None], _solicited(frame))),
                    "GL_Record_Complete__c": col.booleans(frame["gl_complete"]),
                    **_gl_fields(frame),
                    **times,
                    "CreatedDate": col.iso_utc(utc(frame["received"]) + 300),
                    "SystemModstamp": col.iso_utc(modified),
                }
            ),
        )


def _solicited(inquiries: Frame) -> Array:
    """0 where the physician asked unprompted, 1 where he did not, 2 where nobody noted it; by its number."""
    return np.where(inquiries["category"] == 1, np.maximum(inquiries["number"] % 20 - 17, 0), 0)


def _gl_fields(inquiries: Frame) -> dict[str, pa.StringArray]:
    """The record of each answer beyond the label; where it is incomplete, one or two fields are missing."""
    is_kept = (inquiries["category"] == 1) & (inquiries["answered"] > 0)
    number = inquiries["number"]
    fields = {}
    for place, header in enumerate(GL_FIELDS):
        is_missing = (number % 8 == place) | ((number % 3 == 0) & ((number + 1) % 8 == place))
        is_there = inquiries["gl_complete"] | ~is_missing
        fields[header] = _blank(col.mask(col.booleans(is_there), is_kept))
    return fields


def _details_of(calls: Frame) -> Array:
    """Number of detail rows of each call."""
    return (calls["product"] >= 0).astype(int) + (calls["second_product"] >= 0)


def territory_name(territory: Array) -> pa.StringArray:
    """`T0001` for territory 0."""
    return col.padded(np.asarray(territory) + 1, 4, "T")


def meeting_ids(numbers: Array) -> pa.StringArray:
    """Webinar numbers as Zoom meeting ids."""
    return col.integers(zoom.FIRST_MEETING + np.asarray(numbers) * 7919)


def _blank(column: pa.StringArray) -> pa.StringArray:
    return column.fill_null("")
