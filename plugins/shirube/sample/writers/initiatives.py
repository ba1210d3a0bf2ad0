"""The register of initiatives (Excel, whole each time) and one assignment list (CP932) for each of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from shirube.sample import names
from shirube.sample.company import Array, Company
from shirube.sample.defects import Defects
from shirube.sample.initiatives import NEVER, Initiative, Initiatives
from shirube.sample.writers.files import FileLog
from shirube.sample.writers.forms import at, day, text_file, workbook

_REGISTER = [
    "施策ID", "施策名", "対象製品", "種類", "企画した部門", "承認前に参加した現場MRの人数", "承認日",
    "開始日", "終了日", "比べ方の設計", "この製品を選んだ理由", "選びやすい製品か", "前もって決めた成果",
    "比べる相手", "参加を希望した営業所", "期間中の発売・添付文書の改訂", "更新日時",
]  # fmt: skip
_LIST = ["施策ID", "単位", "医師コード", "営業所コード", "群", "割付日", "開始日", "記録日時"]
_DESIGNS = {"randomised": "無作為", "staggered": "段階的", "comparison_only": "比較のみ"}
APPROVED_BEFORE, ASSIGNED_BEFORE = 45, 14
"""Days before the start."""


def write(log: FileLog, company: Company, initiatives: Initiatives, defects: Defects) -> None:
    """Write the register twice and the assignments before each start, with later changes for the first."""
    _register(log, company, initiatives.all, defects)
    for initiative in initiatives.all:
        _assignments(log, company, initiative, defects)


def _start(company: Company, initiative: Initiative) -> int:
    return company.period.month_start(initiative.start)


def _register(log: FileLog, company: Company, known: list[Initiative], defects: Defects) -> None:
    first = min(_start(company, one) for one in known) - APPROVED_BEFORE + 1
    last = company.period.end_day - 3
    for exported, note in ((first, "superseded"), (last, None)):
        lines: list[list[Any]] = [["施策台帳（本社共有）"], [f"出力日：{day(exported):%Y/%m/%d}"], _REGISTER]
        for one in known:
            approved = _start(company, one) - APPROVED_BEFORE
            if approved >= exported:
                continue
            offices = ";".join(
                f"OF{number + 1:02d}" for number in range(min(one.willing_offices, company.n_offices))
            )
            event = None if one.event_in_window is None else ("あり" if one.event_in_window else "なし")
            lines.append(
                [
                    one.id, one.name_ja, names.PRODUCTS[one.product][1], one.kind, "、".join(one.departments),
                    one.field_mrs, day(approved), day(_start(company, one)), day(company.period.end_day),
                    _DESIGNS[one.design], one.selection_reason, "はい" if one.is_easy else "いいえ",
                    one.named_outcome, one.comparison, offices, event,
                    at(approved, 17, 30),
                ]
            )  # fmt: skip
        rows = len(lines) - 3
        if note:
            defects.counts["initiative_superseded_rows"] += rows
        name = f"施策台帳_{day(exported):%Y%m%d}.xlsx"
        log.write("initiative", name, workbook("施策一覧", lines, day(exported)), rows, note=note)


def _assignments(log: FileLog, company: Company, one: Initiative, defects: Defects) -> None:
    start = _start(company, one)
    assigned = start - ASSIGNED_BEFORE

    def line(code: str, office: str, begins: int) -> list[Any]:
        treated = begins < NEVER
        return [
            one.id, "医師" if code else "営業所", code, office, "実施" if treated else "比較", day(assigned),
            day(company.period.month_start(begins)) if treated else None, at(assigned, 10),
        ]  # fmt: skip

    if one.unit_type == "office":
        lines = [
            line("", f"OF{number + 1:02d}", int(begins)) for number, begins in enumerate(one.office_from)
        ]
    else:
        who: Array = np.flatnonzero(one.is_assigned)
        codes = company.physicians.code.take(who).to_pylist()
        lines = [
            line(code, "", int(begins)) for code, begins in zip(codes, one.treated_from[who], strict=True)
        ]
        if one.number == 1:  # two codes that no master knows
            lines += [line(f"0099{number:04d}", "", one.start) for number in (1, 2)]
            defects.counts["assignments_unknown_physician"] += 2
    _list(log, one, lines, assigned)
    if one.number == 1:  # three of the comparison are moved over after the start; the first record counts
        moved = [[*cells] for cells in lines if cells[4] == "比較"][:3]
        for cells in moved:
            cells[4], cells[5], cells[6], cells[7] = (
                "実施",
                day(start + 20),
                day(start + 21),
                at(start + 20, 15),
            )
        _list(log, one, moved, start + 20)
        defects.counts["initiative_assignment_superseded_rows"] += len(moved)


def _list(log: FileLog, one: Initiative, lines: list[list[Any]], written: int) -> None:
    title = [f"割付表　{one.id}　{one.name_ja}"]
    name = f"割付表_{one.id}_{day(written):%Y%m%d}.csv"
    log.write("initiative_assignment", name, text_file([title, _LIST, *lines]), len(lines))
