"""Slides shown in calls, the CRM's list of contents, the approval register and the committee's decisions.

The two CRM objects come as the CRM's other objects do; register and decisions are monthly full exports of a
Japanese form: CP932, a title above the header and a count below the rows.
"""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import gaps, names
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array, Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows, size
from shirube.sample.materials import (
    DECISIONS,
    DEPARTMENTS,
    EVIDENCE,
    FOR_MEDICAL,
    INDICATIONS,
    N_SLIDES,
    N_TEMPLATES,
    N_TOPICS,
    NEVER_USED,
    NEW,
    TRAINING,
    UNAPPROVED,
    last_day_of_first_version,
    materials,
    second_versions,
    slide_material,
    slide_product,
    template_material,
    template_name,
)
from shirube.sample.parameters import BRIEFING, REMOTE, VISIT
from shirube.sample.writers.files import FileLog, IncrementPlan, Increments, day_in_utc, utc, weekly_cuts

STREAM = 404
"""Number of this module's own random stream."""

CALL_KEY_MESSAGE = [
    "Id",
    "IsDeleted",
    "Call2_vod__c",
    "Key_Message_vod__c",
    "Product_vod__c",
    "Reaction_vod__c",
    "Duration_vod__c",
    "Start_Time_vod__c",
    "Presentation_ID_vod__c",
    "CLM_Presentation_vod__c",
    "Slide_Version_vod__c",
    "Display_Order_vod__c",
    "SystemModstamp",
]
KEY_MESSAGE = [
    "Id",
    "IsDeleted",
    "Name",
    "Object_Type__c",
    "Vault_Doc_Id_vod__c",
    "Presentation_Id_vod__c",
    "Version_vod__c",
    "Start_Date_vod__c",
    "End_Date_vod__c",
    "Category_vod__c",
    "Language_vod__c",
    "Training_vod__c",
    "Product_vod__c",
    "SystemModstamp",
]
REGISTER = [
    "資材番号",
    "版",
    "資材名",
    "審査番号",
    "審査日",
    "使用期限",
    "対象",
    "情報区分",
    "製品名",
    "効能",
    "話題",
    "更新日",
]
DECISION = ["資材番号", "版", "決定", "決定日", "決定者の部署", "理由"]
# How often a slide is chosen, by topic; the one on safety is needed and unpopular.
_POPULARITY = {"T-DOSE": 0.25, "T-SAFE": 0.08, "T-PTYPE": 0.25, "T-EVID": 0.32, "T-GUIDE": 0.10}
_MINI_DECK = 900
# Pages of the month's calls that stay in the star, for those who tell of the same pages in another way.
_PAGES_OF_NO_CALL: Frame = {
    name: np.zeros(0, dtype=np.int64)
    for name in ("number", "physician", "channel", "key", "start", "seconds", "order")
}
_EPOCH = date(1970, 1, 1)


class ContentWriter:
    """Keeps the weekly increments of the two CRM objects open; writes register and decisions monthly."""

    def __init__(self, log: FileLog, company: Company, defects: Defects, seed: int) -> None:
        self.log, self.company, self.defects, self.seed = log, company, defects, seed
        self.cuts = weekly_cuts(company.period.start_day, company.period.end_day)
        self.files = {
            "crm_call_key_message": Increments(
                log, "crm_call_key_message", CALL_KEY_MESSAGE, self.cuts, IncrementPlan(repeated={15: 8})
            ),
            "crm_key_message": Increments(log, "crm_key_message", KEY_MESSAGE, self.cuts, IncrementPlan()),
        }
        self.materials = materials(company)
        self.second_versions = second_versions(company)
        self.next_row = 1
        self.shown: Frame = _PAGES_OF_NO_CALL
        self._contents()

    def month(self, month: Month) -> None:
        """Write one month."""
        self._uses(month)
        self._register(month.index)
        self._decisions(month.index)
        period = self.company.period
        last = month.index == period.months - 1
        stop = int(self.cuts[-1]) if last else day_in_utc(period.month_start(month.index + 1))
        for increments in self.files.values():
            increments.flush(stop)

    def records(self) -> dict[str, int]:
        """How many distinct records each source has; what was exported beyond that are repetitions."""
        counts = self.defects.counts
        return {
            "crm_call_key_message": counts["call_key_messages"],
            "crm_key_message": N_SLIDES + N_PRODUCTS + N_TEMPLATES,
            "content_approval": sum(len(material.versions) for material in self.materials),
            "content_decision": counts["content_decisions"],
        }

    # ---- the CRM's list of contents -----------------------------------------------------------------------

    def _contents(self) -> None:
        start = self.company.period.start_day
        first = day_in_utc(start) - 40 * DAY
        late = {
            gap.product * N_TOPICS + gap.topic: gap.until_day
            for gap in gaps.gaps(self.company)
            if not gap.is_lapse
        }
        self._content_versions([slide for slide in range(N_SLIDES) if slide not in late], "1.0", first)
        mini = [_MINI_DECK + product for product in range(N_PRODUCTS)]
        self._content_versions(mini, "1.0", first)
        for slide, day in late.items():
            self._content_versions([slide], "1.0", day_in_utc(day), day)
        renewed: dict[int, list[int]] = {}
        for slide, day in self.second_versions.items():
            renewed.setdefault(day, []).append(slide)
        for day, slides in sorted(renewed.items()):
            self._content_versions(slides, "2.0", day_in_utc(day))
        self._templates(first)

    def _content_versions(
        self, slides: list[int], version: str, modified: int, usable_from: int | None = None
    ) -> None:
        start, end = self.company.period.start_day, self.company.period.end_day
        usable_from = start - 40 if usable_from is None else usable_from
        number = np.array(slides)
        count = len(number)
        original = np.array([_original(slide) for slide in slides])
        product = np.array([slide_product(int(slide)) for slide in original])
        when = np.full(count, modified)
        self.files["crm_key_message"].add(
            when,
            number,
            pa.table(
                {
                    "Id": col.salesforce_ids("a0K", number + 1),
                    "IsDeleted": col.constant("false", count),
                    "Name": pa.array([f"スライド{int(slide) + 1:02d}" for slide in original]),
                    "Object_Type__c": col.constant("Key_Message_vod", count),
                    "Vault_Doc_Id_vod__c": pa.array([slide_material(int(slide)) for slide in original]),
                    "Presentation_Id_vod__c": _decks(number, product),
                    "Version_vod__c": col.constant(version, count),
                    "Start_Date_vod__c": col.dates(np.full(count, usable_from)),
                    "End_Date_vod__c": col.dates(np.full(count, end + 300)),
                    "Category_vod__c": col.constant("Detail", count),
                    "Language_vod__c": col.constant("Japanese", count),
                    "Training_vod__c": col.booleans(number == TRAINING),
                    "Product_vod__c": col.take(self.company.product_ids, product),
                    "SystemModstamp": col.iso_utc(when),
                }
            ),
        )

    def _templates(self, modified: int) -> None:
        number = np.arange(N_TEMPLATES)
        product = np.where(number < 2 * N_PRODUCTS, number // 2, -1)
        when = np.full(N_TEMPLATES, modified)
        start, end = self.company.period.start_day, self.company.period.end_day
        self.files["crm_key_message"].add(
            when,
            10_000 + number,
            pa.table(
                {
                    "Id": col.salesforce_ids("a06", number + 1),
                    "IsDeleted": col.constant("false", N_TEMPLATES),
                    "Name": pa.array([template_name(int(template)) for template in number]),
                    "Object_Type__c": col.constant("Approved_Email_Template_vod", N_TEMPLATES),
                    "Vault_Doc_Id_vod__c": pa.array(
                        [template_material(int(template)) for template in number]
                    ),
                    "Presentation_Id_vod__c": col.constant("", N_TEMPLATES),
                    "Version_vod__c": col.constant("1.0", N_TEMPLATES),
                    "Start_Date_vod__c": col.dates(np.full(N_TEMPLATES, start - 40)),
                    "End_Date_vod__c": col.dates(np.full(N_TEMPLATES, end + 200)),
                    "Category_vod__c": col.constant("Email", N_TEMPLATES),
                    "Language_vod__c": col.constant("Japanese", N_TEMPLATES),
                    "Training_vod__c": col.constant("false", N_TEMPLATES),
                    "Product_vod__c": col.take(self.company.product_ids, product).fill_null(""),
                    "SystemModstamp": col.iso_utc(when),
                }
            ),
        )

    # ---- slides shown in calls ----------------------------------------------------------------------------

    def _uses(self, month: Month) -> None:
        """Slides of the month's calls; a briefing's are on the row of the whole group only, as in the CRM."""
        rng = np.random.default_rng([self.seed, STREAM, month.index])
        calls = month.calls
        fit = (calls["product"] >= 0) & (calls["status"] == 2) & (calls["parent"] == 0)
        fit &= np.isin(calls["channel"], [VISIT, REMOTE, BRIEFING])
        fit &= rng.random(size(calls)) < np.where(calls["duration"] >= 3, 0.55, 0.12)
        shown = self._drawn(rng, rows(calls, np.flatnonzero(fit)))
        self.shown = _PAGES_OF_NO_CALL
        if not size(shown):
            return
        shown = self._planted(rng, shown)
        self._write_uses(rng, shown)

    def _drawn(self, rng: np.random.Generator, calls: Frame) -> Frame:
        """One to four different slides of the call's product, the popular ones more often (Gumbel top k)."""
        count = size(calls)
        weight = np.array([_POPULARITY[topic] for topic, _ in names.TOPICS])
        score = np.log(weight) + rng.gumbel(size=(count, N_TOPICS))
        slide = calls["product"][:, None] * N_TOPICS + np.arange(N_TOPICS)
        score[slide == NEVER_USED] = -np.inf
        day = calls["day"][:, None]
        score[gaps.closed(self.company, calls["product"][:, None], np.arange(N_TOPICS), day)] = -np.inf
        order = np.argsort(-score, axis=1)
        many = rng.integers(1, 5, count)
        place = np.arange(N_TOPICS)[None, :] < many[:, None]
        which, nth = np.nonzero(place)
        frame = rows(calls, which)
        frame["slide"] = np.take_along_axis(slide, order, axis=1)[which, nth]
        frame["display"] = nth + 1
        return frame

    def _planted(self, rng: np.random.Generator, shown: Frame) -> Frame:
        """Versions, and the uses that must be noticed: out of date, never approved, for Medical, training."""
        counts, count = self.defects.counts, size(shown)
        clean = ~shown["deleted"] & ~shown["test"] & ~shown["is_parent"] & (shown["display"] == 1)
        free = iter(np.flatnonzero(clean).tolist())
        kinds = [(UNAPPROVED, 2, "content_unapproved_uses"), (FOR_MEDICAL, 1, "content_out_of_role_uses")]
        kinds.append((TRAINING, 2, "content_training_rows"))
        newest = next(material for material in self.materials if material.slide == NEW).versions[0]
        for slide, wanted, name in kinds:
            for row, _ in zip(free, range(wanted), strict=False):
                shown["slide"][row] = slide
                counts[name] += 1
        late = [row for row in free if shown["day"][row] >= newest.approved_day][:2]
        shown["slide"][late] = NEW
        is_evidence = (shown["slide"] < N_PRODUCTS * N_TOPICS) & (shown["slide"] % N_TOPICS == EVIDENCE)
        changed = np.zeros(count, dtype=bool)
        for slide, approved in self.second_versions.items():
            changed |= (shown["slide"] == slide) & (shown["day"] >= approved)
        over = shown["day"] > last_day_of_first_version(self.company)
        stale = is_evidence & over & clean & (rng.random(count) < 0.06)
        shown["second"] = changed & ~stale
        counts["content_expired_uses"] += int(stale.sum())
        return shown

    def _write_uses(self, rng: np.random.Generator, shown: Frame) -> None:
        company, counts, count = self.company, self.defects.counts, size(shown)
        number = np.arange(self.next_row, self.next_row + count)
        self.next_row += count
        seconds = np.minimum(rng.gamma(1.4, 30.0, count).astype(np.int64) + 2, 290)
        forgotten = rng.random(count) < 0.02  # left open on the desk
        seconds = np.where(forgotten, rng.integers(1500, 6000, count), seconds)
        mini = (
            (shown["slide"] < N_PRODUCTS * N_TOPICS)
            & (shown["slide"] % N_TOPICS == 0)
            & (rng.random(count) < 0.3)
        )
        product = np.array([slide_product(int(slide)) for slide in shown["slide"]])
        key = np.where(mini, _MINI_DECK + product, shown["slide"])
        unpopular = shown["slide"] % N_TOPICS == 1
        judged = np.where(shown["reaction"] > 0, rng.random(count), 0.0)
        reaction = np.where(
            judged > np.where(unpopular, 0.9, 0.45), 1, np.where(judged > 0.1, 2, np.where(judged > 0, 3, 0))
        )
        started = shown["day"] * DAY + shown["clock"] + (shown["display"] - 1) * 60
        modified = utc(started) + 1800 + (number % 2000)
        gone = (number % 97 == 0) & ~shown["is_parent"] & (shown["slide"] < N_PRODUCTS * N_TOPICS)
        gone &= ~(
            (shown["slide"] % N_TOPICS == EVIDENCE)
            & (shown["day"] > last_day_of_first_version(company))
            & ~shown["second"]
        )
        self.files["crm_call_key_message"].add(
            modified,
            number,
            pa.table(
                {
                    "Id": col.salesforce_ids("a0S", number),
                    "IsDeleted": col.booleans(gone),
                    "Call2_vod__c": col.salesforce_ids("a04", shown["number"]),
                    "Key_Message_vod__c": col.salesforce_ids("a0K", key + 1),
                    "Product_vod__c": col.take(company.product_ids, product),
                    "Reaction_vod__c": col.pick(["", "Positive", "Neutral", "Negative"], reaction),
                    "Duration_vod__c": col.integers(seconds),
                    "Start_Time_vod__c": col.iso_utc(utc(started)),
                    "Presentation_ID_vod__c": _decks(key, product),
                    "CLM_Presentation_vod__c": col.salesforce_ids("a0P", product + 1),
                    "Slide_Version_vod__c": col.pick(["1.0", "2.0"], shown["second"].astype(int)),
                    "Display_Order_vod__c": col.integers(shown["display"]),
                    "SystemModstamp": col.iso_utc(modified),
                }
            ),
        )
        lost = shown["deleted"] | shown["test"] | (shown["slide"] == TRAINING)
        stays = ~gone & ~lost & ~shown["is_parent"] & (shown["facility"] < 0)
        listed = shown | {"key": key, "seconds": seconds, "start": started, "order": shown["display"]}
        self.shown = rows({name: listed[name] for name in _PAGES_OF_NO_CALL}, stays)
        counts["call_key_messages"] += count
        counts["content_rows_deleted"] += int(gone.sum())
        counts["content_rows_out_of_scope"] += int((lost & ~gone).sum())
        counts["content_left_open"] += int((forgotten & ~lost & ~gone).sum())

    # ---- approval register and decisions ------------------------------------------------------------------

    def _register(self, index: int) -> None:
        day = self.company.period.month_start(index) + 2
        cells = []
        for place, material in enumerate(self.materials):
            for version in material.versions:
                if version.approved_day > day:
                    continue
                last = _day(version.last_day)
                in_era = place % 5 == 0  # some departments write the era's year
                shown_last = (
                    f"令和{last.year - 2018}年{last.month}月{last.day}日" if in_era else f"{last:%Y/%m/%d}"
                )
                cells.append(
                    [
                        material.number,
                        version.number,
                        material.title,
                        version.approval,
                        f"{_day(version.approved_day):%Y/%m/%d}",
                        shown_last,
                        material.audience,
                        material.info_class,
                        names.PRODUCTS[material.product][1] if material.product >= 0 else "－",
                        INDICATIONS[material.product] if material.product >= 0 else "－",
                        names.TOPICS[material.topic][1] if material.topic >= 0 else "－",
                        f"{_day(version.approved_day):%Y/%m/%d}",
                    ]
                )
        content = _form(f"資材審査台帳　承認済み一覧（{_day(day):%Y/%m/%d} 出力）", REGISTER, cells)
        self.log.write("content_approval", f"資材審査台帳_{_day(day):%Y%m%d}.csv", content, len(cells))

    def _decisions(self, index: int) -> None:
        """The committee meets before the period begins and then every third month, on the 16th."""
        period = self.company.period
        day = period.month_start(index) + 20
        meetings = [period.start_day - 30] + [
            period.month_start(number) + 15 for number in range(index + 1) if number % 3 == 2
        ]
        cells = []
        for meeting, held in enumerate(meetings):
            for place in range(12):
                material = self.materials[(meeting * 17 + place * 7) % len(self.materials)]
                approved = [version for version in material.versions if version.approved_day <= held]
                if not approved:
                    continue
                version = approved[-1]
                decision = DECISIONS[(meeting + place) % len(DECISIONS)]
                cells.append(
                    [
                        material.number,
                        version.number,
                        decision,
                        f"{_day(held):%Y/%m/%d}",
                        DEPARTMENTS[place % len(DEPARTMENTS)],
                        f"{decision}理由：反応と次の行動を確認した。",
                    ]
                )
        if index == period.months - 1:
            self.defects.counts["content_decisions"] = len(cells)
        content = _form(f"資材委員会　決定台帳（{_day(day):%Y/%m/%d} 出力）", DECISION, cells)
        self.log.write("content_decision", f"資材委員会決定台帳_{_day(day):%Y%m%d}.csv", content, len(cells))


def _original(slide: int) -> int:
    """The slide whose copy in the short deck this is, or itself: one document, two decks."""
    return (slide - _MINI_DECK) * N_TOPICS if slide >= _MINI_DECK else slide


def _decks(key: Array, product: Array) -> pa.StringArray:
    short = np.asarray(key) >= _MINI_DECK
    codes = product * 2 + short
    letters = [product_id[-1] for product_id, *_ in names.PRODUCTS]
    words = [f"DECK-{letter}-{kind}" for letter in letters for kind in ("FULL", "MINI")]
    return col.pick(words, codes)


def _day(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _form(title: str, header: list[str], cells: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    count = ["件数", str(len(cells)), *[""] * (len(header) - 2)]
    writer.writerows([[title], header, *cells, count])
    return text.getvalue().encode("cp932")
