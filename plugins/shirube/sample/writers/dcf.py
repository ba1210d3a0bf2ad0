"""The physician master as delivered: CP932, half-width kana, era dates, a full file of each kind a month."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import names
from shirube.sample.company import Array, Company, half_width
from shirube.sample.defects import Defects
from shirube.sample.writers.files import FileLog, cp932_bytes

_ERAS = [
    (5, "R", "2019-05-01", 2018),
    (4, "H", "1989-01-08", 1988),
    (3, "S", "1926-12-25", 1925),
    (2, "T", "1912-07-30", 1911),
]


def _era_parts(days: Array) -> tuple[Array, Array, Array, Array]:
    moment = np.asarray(days).astype("datetime64[D]")
    year = moment.astype("datetime64[Y]").astype(int) + 1970
    month = moment.astype("datetime64[M]").astype(int) % 12 + 1
    day = (moment - moment.astype("datetime64[M]")).astype(int) + 1
    era, base = np.ones(len(year), dtype=int), np.full(len(year), 1867)
    for number, _, start, offset in reversed(_ERAS):
        later = moment >= np.datetime64(start)
        era, base = np.where(later, number, era), np.where(later, offset, base)
    return era, year - base, month, day


def era_seven(days: Array) -> pa.StringArray:
    """Era digit and YYMMDD: `3450612`."""
    era, year, month, day = _era_parts(days)
    return col.padded(era * 1_000_000 + year * 10_000 + month * 100 + day, 7)


def era_three(years: Array) -> pa.StringArray:
    """Era digit and year of a calendar year (its last day): `407`."""
    era, year, _, _ = _era_parts(np.array([f"{y}-12-31" for y in years], dtype="datetime64[D]").astype(int))
    return col.padded(era * 100 + year, 3)


def era_dotted(days: Array) -> pa.StringArray:
    """`R7.4.1`."""
    era, year, month, day = _era_parts(days)
    letter = col.pick(["", "M", "T", "S", "H", "R"], era)
    return col.join(letter, col.integers(year), ".", col.integers(month), ".", col.integers(day))


def write(log: FileLog, company: Company, defects: Defects) -> None:
    """Write the three master files of every month."""
    for month in range(company.period.months):
        _physicians(log, company, defects, month)
        _facilities(log, company, month)
        _affiliations(log, company, defects, month)


def _name(kind: str, company: Company, month: int) -> str:
    return f"DCF_{kind}_{company.period.label(month).replace('-', '')}01.csv"


def _last_change(company: Company, month: int, count: int) -> Array:
    """Half the rows were touched when the sample began, the rest years ago."""
    start = company.period.start_day
    return np.where(np.arange(count) % 2 == 0, start - 31, start - 900 - np.arange(count) % 700)


def _physicians(log: FileLog, company: Company, defects: Defects, month: int) -> None:
    people = company.physicians
    count = len(people)
    kanji = [s + "　" + g for s, _ in names.SURNAMES for g, _ in names.GIVEN_NAMES]
    kana = [half_width(s) + " " + half_width(g) for _, s in names.SURNAMES for _, g in names.GIVEN_NAMES]
    who = people.surname * len(names.GIVEN_NAMES) + people.given
    gone = people.deleted_month <= month
    changed = _last_change(company, month, count)
    changed = np.where(
        gone,
        np.array([company.period.month_start(min(m, company.period.months)) for m in people.deleted_month]),
        changed,
    )
    if company.period.april_day is not None and company.period.month_start(month) >= company.period.april_day:
        changed = np.where(people.moves, np.maximum(changed, company.period.april_day), changed)
    birth, bad = defects.impossible_birth_dates(month, era_seven(people.birth_day))
    table = pa.table(
        {
            "医師コード": people.code,
            "氏名漢字": col.pick(kanji, who),
            "氏名カナ": col.pick(kana, who),
            "生年月日": birth,
            "卒業年": era_three(people.graduation_year),
            "診療科コード": col.pick([code for code, _ in names.SPECIALTIES], people.specialty),
            "診療科名": col.pick([name for _, name in names.SPECIALTIES], people.specialty),
            "開勤区分": col.pick(
                ["2", "1", "9"], np.where(np.arange(count) % 97 == 0, 2, np.where(people.is_hospital, 0, 1))
            ),
            "役職コード": col.pick(["", "010", "020", "030"], np.arange(count) % 4),
            "医師種別": col.constant("01", count),
            "削除理由": col.pick(["", "死亡", "廃業"], np.where(gone, 1 + np.arange(count) % 2, 0)),
            "更新日": era_dotted(changed),
        }
    )
    log.write(
        "dcf_physician",
        _name("PHYSICIAN", company, month),
        cp932_bytes(table),
        count,
        quarantined={"impossible_era_date": bad},
    )


def _facilities(log: FileLog, company: Company, month: int) -> None:
    place = company.facilities
    count = len(place)
    numbers = np.arange(count)
    table = pa.table(
        {
            "施設コード": place.code,
            "施設名": place.name,
            "施設名カナ": place.kana,
            "都道府県コード": place.prefecture,
            "市区町村コード": place.municipality,
            "郵便番号": col.padded(1_000_000 + numbers % 8_000_000, 7),
            "住所": col.join(
                col.pick(list(names.PREFECTURES.values()), _prefecture_row(place.prefecture)),
                "見本市架空町",
                col.integers(numbers % 9 + 1),
                "－",
                col.integers(numbers % 30 + 1),
            ),
            "電話番号": col.join(
                "0", col.pick(["3", "6", "52", "92"], numbers % 4), "-0000-", col.padded(numbers % 10_000, 4)
            ),
            "病床数": col.integers(place.beds),
            "経営体コード": col.pick(["101", "205", "312"], numbers % 3),
            "開設日": era_seven(place.opened_day),
            "保険医療機関コード": col.join(place.prefecture, "1", col.padded(numbers, 7)),
            "削除理由": col.constant("", count),
            "更新日": era_dotted(_last_change(company, month, count)),
        }
    )
    log.write("dcf_facility", _name("FACILITY", company, month), cp932_bytes(table), count)


def _prefecture_row(codes: pa.StringArray) -> Array:
    return np.array([int(code) - 1 for code in codes.to_pylist()])


def _affiliations(log: FileLog, company: Company, defects: Defects, month: int) -> None:
    people, period = company.physicians, company.period
    count = len(people)
    april = period.april_day
    today = period.month_start(month)
    begun = company.period.start_day - 400 - np.arange(count) % 3000
    has_moved = people.moves & (april is not None and today >= april)
    moved = np.flatnonzero(has_moved)
    second = np.flatnonzero(people.second_facility >= 0)
    who = np.concatenate([np.arange(count), moved, second])
    place = np.concatenate([people.facility, people.april_facility[moved], people.second_facility[second]])
    start_day = np.concatenate([begun, np.full(len(moved), april or 0), begun[second] + 60])
    ended = np.concatenate([np.where(has_moved, (april or 0) - 1, -1), np.full(len(moved) + len(second), -1)])
    is_second = np.arange(len(who)) >= count + len(moved)
    order = np.argsort(who, kind="stable")
    who, place, start_day, ended, is_second = (
        values[order] for values in (who, place, start_day, ended, is_second)
    )
    started, bad = defects.impossible_start_dates(month, era_seven(start_day), who, is_second)
    table = pa.table(
        {
            "医師コード": col.take(people.code, who),
            "施設コード": col.take(company.facilities.code, place),
            "主従区分": col.pick(["主", "従"], is_second.astype(int)),
            "所属部科コード": col.join(
                "0", col.pick([code for code, _ in names.SPECIALTIES], people.specialty[who])
            ),
            "役職コード": col.pick(["", "010", "020", "030"], who % 4),
            "開始日": started,
            "終了日": col.mask(col.dates(np.where(ended >= 0, ended, 0), ""), ended >= 0),
        }
    )
    log.write(
        "dcf_affiliation",
        _name("AFFILIATION", company, month),
        cp932_bytes(table),
        len(who),
        quarantined={"impossible_era_date": bad},
    )
