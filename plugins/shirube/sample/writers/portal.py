"""Monthly reports of two portals: MedPort as Excel, DrGate as CP932 CSV, with title and total rows."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import xlsxwriter

from shirube.sample import names
from shirube.sample.company import Company
from shirube.sample.defects import Defects
from shirube.sample.frames import Frame, Month, rows
from shirube.sample.writers.files import FileLog

VENDORS = ("MedPort", "DrGate")
_HEADER = [
    "配信ID",
    "",
    "会員ID",
    "診療科",
    "製品名",
    "コンテンツID",
    "コンテンツ名",
    "トピックID",
    "配信日",
    "既読日",
    "視聴完了",
    "閲覧秒数",
    "反応",
    "配信数",
    "既読数",
    "ポイント増減",
]
_EPOCH = date(1970, 1, 1)


def code_header(month: int, months: int) -> str:
    """The portals renamed the physician code twice: after a third of the period and after two thirds."""
    return ("DCF医師コード", "医師コード", "ドクターコード")[min(2, month * 3 // max(months, 3))]


def write(log: FileLog, company: Company, month: Month, defects: Defects) -> None:
    """Write both vendors' reports of one month, with corrected and spoilt deliveries."""
    for vendor in range(len(VENDORS)):
        mine = company.physicians.portal_vendor[month.portal["physician"]] == vendor
        frame = rows(month.portal, mine)
        frame = rows(frame, np.lexsort((frame["number"], frame["delivered_day"])))
        _vendor_month(log, company, month.index, vendor, frame, defects)


def _vendor_month(
    log: FileLog, company: Company, month: int, vendor: int, frame: Frame, defects: Defects
) -> None:
    plan = defects.portal(month, vendor)
    table, stats = _rows(company, month, vendor, frame, defects)
    header = [*_HEADER]
    header[1] = code_header(month, company.period.months)
    title = [
        [f"{VENDORS[vendor]} 月次配信実績レポート"],
        [f"対象期間：{company.period.label(month).replace('-', '年')}月（単位：件）"],
    ]
    due = company.period.month_start(month + 1) + 7

    def deliver(
        cells: list[list[Any]], day: int, counts: dict[str, int], note: str | None, spoilt: bool = False
    ) -> None:
        name = f"{VENDORS[vendor]}_{company.period.label(month).replace('-', '')}_{_day(day):%Y%m%d}"
        if vendor == 0:
            content, name = _workbook(title, header, cells, _day(day)), name + ".xlsx"
        else:
            content, name = _text(title, header, cells), name + ".csv"
        if spoilt:
            content = content.decode("cp932").encode("utf-16-le")
        bad = {key: counts[key] for key in ("lost_leading_zero", "scientific_notation")}
        log.write(
            "portal_delivery",
            name,
            content,
            len(cells),
            quarantined={} if spoilt else bad,
            file_reason="wrong_encoding" if spoilt else None,
            note=note,
        )

    if plan.corrected:
        keep = len(table) * 4 // 5
        early = {key: sum(row[-1] == key for row in table[:keep]) for key in stats}
        deliver([row[:-1] for row in table[:keep]], due, early, "superseded")
        defects.count_superseded_portal(keep - early["lost_leading_zero"] - early["scientific_notation"])
        due += 12
    if plan.wrong_encoding:
        deliver([row[:-1] for row in table], due, stats, "wrong_encoding", spoilt=True)
        due += 4
    if plan.late:
        due += 33
    deliver([row[:-1] for row in table], due, stats, "late" if plan.late else None)
    defects.count_portal(stats, header[1])


def _day(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _rows(
    company: Company, month: int, vendor: int, frame: Frame, defects: Defects
) -> tuple[list[list[Any]], dict[str, int]]:
    """The report's cells, the last one of each row naming its defect, and how many of each there are."""
    people, contents = company.physicians, company.contents
    who = frame["physician"]
    codes = people.code.take(who).to_pylist()
    kinds = defects.portal_row_kinds(month, vendor, frame)
    products = [p[1] for p in names.PRODUCTS]
    prefix = ("MP", "DG")[vendor]
    stats = {
        "lost_leading_zero": 0,
        "scientific_notation": 0,
        "unknown_code": 0,
        "no_code": 0,
        "negative_points": 0,
        "physician_rows": 0,
        "aggregated": 0,
    }
    table: list[list[Any]] = []
    columns = zip(
        frame["number"].tolist(),
        who.tolist(),
        codes,
        frame["product"].tolist(),
        frame["content"].tolist(),
        frame["delivered_day"].tolist(),
        frame["read_day"].tolist(),
        frame["completed"].tolist(),
        frame["seconds"].tolist(),
        frame["points"].tolist(),
        kinds,
        strict=True,
    )
    for number, person, code, product, content, sent, read, done, seconds, points, kind in columns:
        member: Any = f"{(100_200_300_400 + person * 1009):012d}"
        cell: Any = code
        if kind == "lost_leading_zero":
            cell = int(code)
        elif kind == "scientific_notation":
            member = f"{float(member):.5E}"
        elif kind == "unknown_code":
            cell = f"0099{number % 10_000:04d}"
        elif kind == "no_code":
            cell = ""
        stats["physician_rows"] += 1
        if kind:
            stats[kind] += 1
        shown = f"△{-points:,}" if points < 0 else f"{points:,}"
        stats["negative_points"] += points < 0 and kind not in ("lost_leading_zero", "scientific_notation")
        topic = int(contents.topic[content])
        table.append(
            [
                f"{prefix}-{number:08d}",
                cell,
                member,
                names.SPECIALTIES[int(people.specialty[person])][1],
                products[product],
                contents.ids[content],
                contents.titles[content],
                names.TOPICS[topic][0],
                _day(sent),
                _day(read) if read >= 0 else "－",
                "○" if done else "－",
                seconds if read >= 0 else "",
                ("", "参考になった", "もっと知りたい")[number % 3] if done else "",
                1,
                int(read >= 0),
                shown,
                kind,
            ]
        )
    for product in range(len(products)):  # deliveries that the portal reports only as a total
        sent_count = 120 + 10 * product + month
        table.append(
            [
                f"{prefix}-AGG-{month:02d}{product}",
                "",
                "",
                "集計",
                products[product],
                f"C{1001 + product}",
                "集計（未同意会員）",
                "",
                _day(company.period.month_start(month + 1) - 1),
                "－",
                "－",
                "",
                "",
                sent_count,
                sent_count // 4,
                "0",
                "aggregated",
            ]
        )
        stats["aggregated"] += 1
    return table, stats


def _total(cells: list[list[Any]]) -> list[Any]:
    """The footer: 合計, the number of deliveries and of those read."""
    line: list[Any] = [""] * len(_HEADER)
    line[0], line[13], line[14] = "合計", sum(row[13] for row in cells), sum(row[14] for row in cells)
    return line


def _text(title: list[list[str]], header: list[str], cells: list[list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([*title, header])
    for row in [*cells, _total(cells)]:
        writer.writerow([f"{cell:%Y/%m/%d}" if isinstance(cell, date) else cell for cell in row])
    return text.getvalue().encode("cp932")


def _workbook(title: list[list[str]], header: list[str], cells: list[list[Any]], made: date) -> bytes:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    book.set_properties({"created": datetime(made.year, made.month, made.day, 9, 0, 0)})  # noqa: DTZ001
    style = book.add_format({"num_format": "yyyy/mm/dd"})
    sheet = book.add_worksheet("明細")
    for line, row in enumerate([*title, header]):
        sheet.write_row(line, 0, row)
    for line, row in enumerate([*cells, _total(cells)], start=len(title) + 1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(line, column, cell)
            elif isinstance(cell, date):
                sheet.write_datetime(line, column, datetime(cell.year, cell.month, cell.day), style)  # noqa: DTZ001
            else:
                sheet.write_number(line, column, cell)
    book.close()
    return sink.getvalue()
