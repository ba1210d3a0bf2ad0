"""The CX survey as Qualtrics exports it: names, question texts and ImportId in the first three rows."""

from __future__ import annotations

import csv
import io
import json

import numpy as np

from shirube.sample import columns as col
from shirube.sample import names, opinions
from shirube.sample.columns import DAY
from shirube.sample.company import Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows, size
from shirube.sample.parameters import STAGES
from shirube.sample.writers.files import FileLog

# Column name in the export, question text, ImportId
_COLUMNS: list[tuple[str, str, str]] = [
    ("StartDate", "開始日", "startDate"),
    ("EndDate", "終了日", "endDate"),
    ("Status", "回答タイプ", "status"),
    ("Progress", "進行状況", "progress"),
    ("Duration (in seconds)", "所要時間（秒単位）", "duration"),
    ("Finished", "完了", "finished"),
    ("RecordedDate", "記録日", "recordedDate"),
    ("ResponseId", "回答ID", "_recordId"),
    ("RecipientEmail", "受信者メール", "recipientEmail"),
    ("ExternalReference", "外部データ参照", "externalDataReference"),
    ("DistributionChannel", "配布チャネル", "distributionChannel"),
    ("UserLanguage", "ユーザー言語", "userLanguage"),
    ("Q1", "当社の情報提供に満足していますか（1〜5）", "QID1"),
    ("Q2", "同僚の先生に勧めますか（0〜10）", "QID2_NPS"),
    ("Q3", "診療に役立ちましたか（0〜10）", "QID3"),
    ("Q4", "必要な情報にたどり着くのは簡単でしたか（1〜7）", "QID4"),
    ("Q5", "情報を受け取りたい方法", "QID5"),
    ("Q6", "製品の使用について", "QID6"),
    ("Q7", "ご意見（自由記述）", "QID7_TEXT"),
    ("wave", "wave", "wave"),
    ("product", "product", "product"),
    ("channel", "channel", "channel"),
    *((f"Q{key[3:]}", question, key) for _, question, key in opinions.QUESTIONS),
]
_ANSWERS = ["MR訪問", "MRリモート面談", "MRメール", "本社メール", "自社サイト", "Web講演会", "医療系ポータル"]
_COMMENTS = [
    "",
    "資料がわかりやすかった。",
    "もう少し短くしてほしい。\n忙しいため。",
    "",
    "Web講演会の時間を早めてほしい。",
]


def wave_of(label: str) -> str:
    """`2026Q1` for the month 2026-03."""
    return f"{label[:4]}Q{(int(label[5:]) - 1) // 3 + 1}"


def write(log: FileLog, company: Company, month: Month, defects: Defects, seed: int) -> None:
    """Write the wave sent this month: an export half-way and the full one on the 20th of the next."""
    frame = month.survey
    if not size(frame):
        return
    period = company.period
    wave = wave_of(period.label(month.index))
    frame = rows(frame, np.argsort(frame["started"], kind="stable"))
    frame = frame | opinions.opinions(seed, month.index, company, frame)
    previews = 2
    half_way = period.month_start(month.index) + 12
    early = rows(frame, frame["started"] < half_way * DAY)
    for part, day, note in (
        (early, half_way, "superseded"),
        (frame, period.month_start(month.index + 1) + 19, None),
    ):
        if size(part):
            content = _export(company, wave, part, previews, defects)
            name = f"cx_survey_{wave}_{np.datetime64(day, 'D')}".replace("-", "") + ".csv"
            log.write("survey_qualtrics", name, content, size(part) + previews, note=note)
    defects.counts["survey_responses"] += size(frame)
    defects.counts["survey_finished"] += int(frame["finished"].sum())
    defects.counts["survey_test_records"] += previews
    repeated = size(early) + previews if size(early) else 0
    defects.counts["survey_superseded_rows"] += repeated


def _export(company: Company, wave: str, frame: Frame, previews: int, defects: Defects) -> bytes:
    count = size(frame)
    who = frame["physician"]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for name, _, _ in _COLUMNS])
    writer.writerow([question for _, question, _ in _COLUMNS])
    zoned = {"startDate", "endDate", "recordedDate"}
    writer.writerow(
        [
            json.dumps(
                {"ImportId": key, "timeZone": "Asia/Tokyo"} if key in zoned else {"ImportId": key},
                separators=(",", ":"),
            )
            for _, _, key in _COLUMNS
        ]
    )
    started = col.plain_instants(frame["started"]).to_pylist()
    ended = col.plain_instants(frame["started"] + frame["seconds"]).to_pylist()
    recorded = col.plain_instants(frame["started"] + frame["seconds"] + 1).to_pylist()
    member = company.member_ids.take(who).to_pylist()
    email = company.emails.take(who).to_pylist()
    identifiers = col.hashes(frame["number"], 9).to_pylist()
    for row in range(count):
        done = bool(frame["finished"][row])
        writer.writerow(
            [
                started[row],
                ended[row],
                0,
                100 if done else 60,
                int(frame["seconds"][row]),
                int(done),
                recorded[row],
                "R_" + identifiers[row][:15],
                email[row] or "",
                member[row] or "",
                ("email", "mr")[int(frame["by_mr"][row])],
                "JA",
                int(frame["csat"][row]),
                int(frame["nps"][row]),
                int(frame["useful"][row]) if done else "",
                int(frame["ces"][row]) if done else "",
                _ANSWERS[int(frame["preferred"][row])] if done else "",
                STAGES[int(frame["stage"][row])] if done else "",
                _COMMENTS[int(frame["number"][row]) % 5] if done else "",
                wave,
                names.PRODUCTS[int(frame["product"][row])][0],
                names.CHANNELS[int(frame["about_channel"][row])],
                *(_opinion(column, int(frame[column][row])) for column, _, _ in opinions.QUESTIONS),
            ]
        )
    for number in range(previews):  # previews by the people who made the survey
        first = started[0]
        writer.writerow(
            [
                first,
                first,
                1,
                100,
                5,
                1,
                first,
                f"R_preview{wave}{number}",
                "",
                "",
                "preview",
                "JA",
                5,
                10,
                10,
                7,
                "",
                "",
                "テスト",
                wave,
                "PRD-A",
                "webinar",
                *([""] * len(opinions.QUESTIONS)),
            ]
        )
    return ("\ufeff" + text.getvalue()).encode()


def _opinion(column: str, value: int) -> str:
    if value == opinions.NOT_ANSWERED:
        return ""
    return opinions.CODED[column][value] if column in opinions.CODED else str(value)
