"""Why a row is refused, in Japanese and English, and what a person can do; one entry per reason code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Reason:
    """Messages may name the column as `{column}` and a contract's fact as `{fact}`, never a cell's value."""

    message_ja: str
    message_en: str
    advice_ja: str


_SENDER: Final = "送り手に直した行の再送を頼んでください。"
_EXCEL: Final = "Excelで開いて保存したファイルではなく、元の出力をそのまま置いてください。"
_CONTRACT: Final = "正しい値なら、契約ファイルの定義を直して replay してください。"

ROW_REASONS: Final[dict[str, Reason]] = {
    "missing_key": Reason("必須の列「{column}」が空です", "the required column {column} is empty", _SENDER),
    "bad_type": Reason(
        "「{column}」を{fact}として読めません", "{column} is not a {fact}", _SENDER + _CONTRACT
    ),
    "bad_number": Reason("「{column}」を数として読めません", "{column} is not a number", _SENDER),
    "bad_date": Reason("「{column}」を日付として読めません", "{column} is not a date", _SENDER),
    "bad_timestamp": Reason("「{column}」を日時として読めません", "{column} is not a date and time", _SENDER),
    "impossible_era_date": Reason(
        "「{column}」は、その元号に存在しない日付です",
        "{column} is a day that its Japanese era does not have",
        _SENDER,
    ),
    "scientific_notation": Reason(
        "「{column}」が指数表記（1.23E+11 の形）に変わっていて、元の値に戻せません",
        "{column} was turned into scientific notation; the code is lost",
        _EXCEL,
    ),
    "lost_leading_zero": Reason(
        "「{column}」が{fact}桁に足りません。先頭の0が失われたようです",
        "{column} has fewer than {fact} digits; leading zeros seem lost",
        _EXCEL,
    ),
    "bad_code": Reason(
        "「{column}」の形が決まりと違います", "{column} does not have the agreed form", _SENDER + _CONTRACT
    ),
    "out_of_range": Reason(
        "「{column}」が決められた範囲（{fact}）の外です",
        "{column} is outside its range ({fact})",
        _SENDER + _CONTRACT,
    ),
    "too_few_columns": Reason(
        "列の数が見出しより少ない行です（{fact}）",
        "the row has fewer cells than the header ({fact})",
        _SENDER,
    ),
    "too_many_columns": Reason(
        "列の数が見出しより多い行です（{fact}）。値の中の区切り文字が引用符で囲まれていないことがあります",
        "the row has more cells than the header ({fact}); a delimiter inside a value may lack quotes",
        _SENDER,
    ),
    "truncated_row": Reason(
        "ファイルが行の途中で終わっています",
        "the file breaks off in the middle of this row",
        "全体を再送してもらってください。",
    ),
    "unclosed_quote": Reason(
        "引用符が閉じていない行です", "a quotation mark in this row is never closed", _SENDER
    ),
    "bad_record_length": Reason(
        "1行の長さが決まりと違います（{fact}バイトのはずです）。文字の途中で切れていることがあります",
        "the record is not {fact} bytes long; it may have been cut inside a character",
        _SENDER,
    ),
    "malformed_row": Reason(
        "行の形が壊れていて読めません", "the row's quoting or line breaks are broken", _SENDER
    ),
    "undecodable": Reason(
        "文字コード {fact} として読めない文字がある行です",
        "the row has bytes that are not {fact}",
        "送り手に、文字コードが混ざっていないか確かめてもらってください。",
    ),
}
"""Every reason code a reader or cast can give for one row."""
