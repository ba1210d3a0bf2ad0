"""The register of strategy versions: a small CP932 file for the version of each fiscal year."""

from __future__ import annotations

from typing import Any

import numpy as np

from shirube.sample.company import Company, epoch_day
from shirube.sample.writers.files import FileLog
from shirube.sample.writers.forms import day, text_file

_HEADER = ["版", "表題", "適用開始日", "適用終了日", "責任部門", "一行の要旨", "つながる指標", "更新日"]
_SUMMARIES = (
    ("先生の希望に沿った情報提供", "先生が望む手段で、望む内容を届ける。",
     "fit.choice_honoured_rate;channel.effective_contact_rate"),
    ("MRを中心に手段をつなぐ", "MRが先生の反応を見て、次の手段を選ぶ。",
     "journey.forward_transition_rate;fit.channel_fit_rate"),
)  # fmt: skip


def write(log: FileLog, company: Company) -> None:
    """Write one version for each fiscal year that the period touches, in the first days of that year."""
    period = company.period
    years = sorted({_fiscal_year(period.month_start(index)) for index in range(period.months)})
    for year in years:
        begins, ends = epoch_day(f"{year}-04-01"), epoch_day(f"{year + 1}-03-31")
        title, summary, kpis = _SUMMARIES[year % 2]
        cells: list[Any] = [
            f"{year}.1",
            f"{year}年度方針　{title}",
            day(begins),
            day(ends),
            "経営企画",
            summary,
            kpis,
        ]
        written = max(begins + 3, period.start_day + 3)
        lines = [["方針台帳"], _HEADER, [*cells, day(begins - 20)]]
        log.write("strategy_document", f"方針台帳_{day(written):%Y%m%d}.csv", text_file(lines), 1)


def _fiscal_year(first_day: int) -> int:
    month = np.datetime64(first_day, "D").astype("datetime64[M]")
    return int(str(month - 3)[:4])
