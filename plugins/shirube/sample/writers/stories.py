"""What offices wrote about their attempts, exported each quarter from a form as a workbook."""

from __future__ import annotations

from typing import Any

import numpy as np

from shirube.sample import names
from shirube.sample.company import Company
from shirube.sample.defects import Defects
from shirube.sample.writers.files import FileLog
from shirube.sample.writers.forms import at, day, workbook

PER_MONTH = 3
_HEADER = [
    "ID", "記入日", "営業所コード", "対象製品", "取り組みの種類", "関係する施策ID", "書かれたままの文",
    "公開用：背景", "公開用：やったこと", "公開用：結果", "公開用：再現できる条件", "結果の種類",
    "似た取り組みの件数", "うち、うまくいかなかった件数", "匿名にした", "書いた人の同意",
    "有害事象と適応外の記載がないことの確認", "承認日", "試した営業所", "更新日時",
]  # fmt: skip
_OUTCOMES = ("うまくいった", "どちらとも言えない", "うまくいかなかった")
_SHARES = (0.6, 0.2, 0.2)
# theme, context, what was done, the result for each outcome, and where it can be done again
_TEXTS: tuple[tuple[str, str, str, tuple[str, str, str], tuple[str, str]], ...] = (
    (
        "講演会のあとの訪問",
        "Web講演会を最後まで見た方に、次に何を伝えるかが決まっていませんでした。",
        "講演会の翌週に、見ていただいた内容に沿った資料を一つだけ持って訪ねました。",
        (
            "質問をいただき、二回目の面談につながったと聞いています。",
            "話は聞いていただけましたが、次の約束はできませんでした。",
            "講演会の内容をもう知っていると言われ、話が進みませんでした。",
        ),
        ("講演会の予定を一か月前に知っている営業所", "講演会を見た方の一覧を、翌日までに受け取れる営業所"),
    ),
    (
        "メールの時間の見直し",
        "外来の時間に送ったメールは、ほとんど開かれていませんでした。",
        "希望の時間を一人ずつ聞き、その時間に送るようにしました。",
        (
            "開いていただける方が増えたと感じています。",
            "開いていただける方と、変わらない方がいました。",
            "時間を変えても、開いていただけませんでした。",
        ),
        ("メールを送る時間を担当者が選べる営業所", "外来の曜日と時間を施設ごとに控えている営業所"),
    ),
    (
        "手段の希望を聞く",
        "訪問を望まない方にも、同じ回数だけ訪ねていました。",
        "はじめに、どの手段で受け取りたいかを聞きました。",
        (
            "訪問を減らしても、質問は続けていただけました。",
            "希望は聞けましたが、やり方はまだ変えられていません。",
            "希望をはっきり言っていただけませんでした。",
        ),
        ("希望を記録する欄を使っている営業所", "訪問のほかに、メールかリモート面談を使える営業所"),
    ),
    (
        "営業所内の共有",
        "同じ施設に複数の担当が別々に連絡していました。",
        "週に一度、だれが何を伝えたかを十五分で共有しました。",
        (
            "同じ話を二度することがなくなりました。",
            "共有は続いていますが、良くなったかはまだ分かりません。",
            "忙しい週に続かず、三週でやめました。",
        ),
        ("週に一度の打ち合わせがある営業所", "同じ施設を二人以上で受け持つ営業所"),
    ),
)
# The initiative that a theme belongs to, for the product that it is about.
_INITIATIVES = {(0, 2): "INI-01", (3, 3): "INI-02"}


def write(log: FileLog, company: Company, seed: int, defects: Defects) -> None:
    """Write the whole register at the end of each quarter of the period and at its end."""
    period = company.period
    records = [
        _record(company, seed, month, place) for month in range(period.months) for place in range(PER_MONTH)
    ]
    _count(records, defects)
    ends = [index for index in range(period.months) if index % 3 == 2 or index == period.months - 1]
    for index in ends:
        exported = period.month_start(index + 1) - 2
        lines = [_HEADER, *(_as_of(record, exported) for record in records if record["written"] < exported)]
        name = f"取り組みの記録_{day(exported):%Y%m%d}.xlsx"
        is_last = index == ends[-1]
        log.write(
            "story", name, workbook("Sheet1", lines, day(exported)), len(lines) - 1,
            note=None if is_last else "superseded",
        )  # fmt: skip
        if not is_last:
            defects.counts["story_superseded_rows"] += len(lines) - 1


def _record(company: Company, seed: int, month: int, place: int) -> dict[str, Any]:
    """One record; what keeps it from being shown follows from its number, so that each reason occurs."""
    rng = np.random.default_rng([seed, 613, month, place])
    number = month * PER_MONTH + place + 1
    written = company.period.month_start(month) + 2 + int(rng.integers(0, 20))
    outcome = int(rng.choice(3, p=_SHARES))
    spoilt = {4: "not_masked", 8: "no_consent", 11: "not_checked", 13: "no_outcome"}.get(number % 14, "")
    # For the first half only what went well was approved; since then everything that may be shown.
    approved = written + 5 if outcome == 0 or month >= company.period.months // 2 else None
    theme = int(rng.integers(0, len(_TEXTS)))
    similar = int(rng.integers(0, 6))
    return {
        "number": number,
        "written": written,
        "office": int(rng.integers(0, company.n_offices)),
        "product": int(rng.integers(0, len(names.PRODUCTS))),
        "theme": theme,
        "surname": names.SURNAMES[int(rng.integers(0, len(names.SURNAMES)))][0],
        "outcome": outcome,
        "spoilt": spoilt,
        "approved": approved,
        "similar": similar,
        "failed": int(rng.integers(0, similar + 1)),
        "reused": rng.permutation(company.n_offices)[: int(rng.integers(0, 3))],
    }


def _as_of(record: dict[str, Any], exported: int) -> list[Any]:
    theme, context, action, results, conditions = _TEXTS[record["theme"]]
    spoilt = record["spoilt"]
    result = results[record["outcome"]]
    is_approved = record["approved"] is not None and record["approved"] <= exported
    shown = f"{record['surname']}先生に、" if spoilt == "not_masked" else ""
    return [
        f"ST-{record['number']:04d}",
        day(record["written"]),
        f"OF{record['office'] + 1:02d}",
        names.PRODUCTS[record["product"]][1],
        theme,
        _INITIATIVES.get((record["theme"], record["product"])),
        f"{record['surname']}先生に、{action}{result}",
        context,
        shown + action,
        result,
        conditions[record["number"] % 2],
        None if spoilt == "no_outcome" else _OUTCOMES[record["outcome"]],
        record["similar"],
        record["failed"],
        "×" if spoilt == "not_masked" else "○",
        "×" if spoilt == "no_consent" else "○",
        "×" if spoilt == "not_checked" else "○",
        day(record["approved"]) if is_approved else None,
        ";".join(f"OF{office + 1:02d}" for office in sorted(record["reused"])) if is_approved else None,
        at(record["approved"] if is_approved else record["written"], 18),
    ]


def _count(records: list[dict[str, Any]], defects: Defects) -> None:
    """Count what keeps the records that have an outcome from being shown; one may lack several things."""
    counts = defects.counts
    counts["stories_without_outcome"] += sum(one["spoilt"] == "no_outcome" for one in records)
    kept = [one for one in records if one["spoilt"] != "no_outcome"]
    counts["stories_not_approved"] += sum(one["approved"] is None for one in kept)
    counts["stories_not_masked"] += sum(one["spoilt"] == "not_masked" for one in kept)
    counts["stories_without_consent"] += sum(one["spoilt"] == "no_consent" for one in kept)
    counts["stories_not_checked"] += sum(one["spoilt"] == "not_checked" for one in kept)
    counts["stories_publishable"] += sum(one["approved"] is not None and not one["spoilt"] for one in kept)
