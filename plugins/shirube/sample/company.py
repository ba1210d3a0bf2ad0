"""The fictional company: offices, representatives, facilities, physicians, and who belongs where when.

Everything is drawn once, as numpy arrays indexed by physician, facility, territory or user number. Nothing
here knows a file format.
"""

from __future__ import annotations

from dataclasses import dataclass

import holidays
import numpy as np
import pyarrow as pa

from shirube.sample import columns as col
from shirube.sample import names

Array = col.Array
N_PRODUCTS = len(names.PRODUCTS)


def epoch_day(text: str) -> int:
    """Days since 1970-01-01 of an ISO date."""
    return int(np.datetime64(text, "D").astype(int))


@dataclass(frozen=True)
class Period:
    """The months that are simulated; a month is its index, a day is days since 1970."""

    first_month: np.datetime64
    months: int
    end_day: int

    @classmethod
    def ending(cls, end: str, months: int) -> Period:
        """The `months` calendar months up to the month of `end`, whose last day is the end of the sample."""
        last = np.datetime64(end, "M")
        return cls(last - (months - 1), months, int((last + 1).astype("datetime64[D]").astype(int)) - 1)

    def month_start(self, index: int) -> int:
        """First day of a month; `index` may be one past the last."""
        return int((self.first_month + index).astype("datetime64[D]").astype(int))

    def label(self, index: int) -> str:
        """`2026-04`."""
        return str(self.first_month + index)

    @property
    def start_day(self) -> int:
        """First simulated day."""
        return self.month_start(0)

    @property
    def april_day(self) -> int | None:
        """1 April inside the period (not its very first day), when transfers happen."""
        for index in range(1, self.months):
            if self.label(index).endswith("-04"):
                return self.month_start(index)
        return None

    def business_days(self, index: int) -> Array:
        """Working days of a month: no weekends, Japanese holidays or New Year days."""
        start, stop = self.month_start(index), self.month_start(index + 1)
        days = np.arange(start, stop)
        return days[np.is_busday(days.astype("datetime64[D]"), holidays=_closed_days(start, stop))]


def _closed_days(start: int, stop: int) -> Array:
    first, last = np.datetime64(start, "D"), np.datetime64(stop, "D")
    years = range(int(str(first)[:4]), int(str(last)[:4]) + 1)
    closed = [np.datetime64(day) for day in holidays.country_holidays("JP", years=years)]
    for year in years:
        closed += [np.datetime64(f"{year}-{md}") for md in ("12-29", "12-30", "12-31", "01-02", "01-03")]
    return np.array(closed, dtype="datetime64[D]")


def business_hours_after(moments: Array, hours: Array) -> Array:
    """Local seconds plus that many working hours (09:00-17:30 on working days)."""
    open_at, close_at = 9 * 3600, 17 * 3600 + 1800
    day, clock = moments // col.DAY, moments % col.DAY
    low, high = int(day.min(initial=0)), int(day.max(initial=0)) + 60
    closed = _closed_days(low, high)
    late = clock >= close_at
    start = np.busday_offset(day.astype("datetime64[D]"), late.astype(int), roll="forward", holidays=closed)
    clock = np.where(late | (start.astype(int) != day), open_at, np.clip(clock, open_at, close_at))
    budget = (hours * 3600).astype(np.int64) + clock - open_at
    span = close_at - open_at
    finish = np.busday_offset(start, budget // span, roll="forward", holidays=closed)
    return finish.astype(int) * col.DAY + open_at + budget % span


@dataclass
class Facilities:
    """Hospitals and clinics; row number = facility number."""

    code: pa.StringArray
    name: pa.StringArray
    kana: pa.StringArray
    prefecture: pa.StringArray
    municipality: pa.StringArray
    beds: Array
    office: Array
    territory: Array
    opened_day: Array

    def __len__(self) -> int:
        return len(self.beds)


@dataclass
class Physicians:
    """Physicians of the master; row number = physician number."""

    code: pa.StringArray
    surname: Array
    given: Array
    birth_day: Array
    graduation_year: Array
    specialty: Array
    is_hospital: Array
    facility: Array
    second_facility: Array
    april_facility: Array
    deleted_month: Array
    has_account: Array
    has_external_id: Array
    has_unknown_code: Array
    is_merged: Array
    has_member_id: Array
    has_email: Array
    shares_email_with: Array
    is_target: Array
    preference: Array
    portal_vendor: Array
    activity: Array
    product_weight: Array

    def __len__(self) -> int:
        return len(self.facility)

    @property
    def is_resolvable(self) -> Array:
        """Whose CRM account leads to the physician master."""
        return self.has_account & self.has_external_id & ~self.has_unknown_code

    @property
    def is_ambiguous(self) -> Array:
        """Whose e-mail address belongs to two accounts."""
        both = self.shares_email_with >= 0
        both[self.shares_email_with[both]] = True
        return both

    @property
    def moves(self) -> Array:
        """Who changes facility on 1 April."""
        return self.april_facility >= 0


@dataclass
class Users:
    """CRM users; the first `mrs` rows are the representatives, in territory order of the first month."""

    role: Array
    office: Array
    territory_before: Array
    territory_after: Array
    surname: Array
    given: Array
    manager: Array
    ids: pa.StringArray

    def __len__(self) -> int:
        return len(self.role)


@dataclass
class Contents:
    """Content shared by portal and own web; row number = content number."""

    ids: list[str]
    titles: list[str]
    product: Array
    topic: Array


@dataclass
class Company:
    """All that stands still during the simulation."""

    period: Period
    n_offices: int
    n_mrs: int
    territory_office: Array
    facilities: Facilities
    physicians: Physicians
    users: Users
    contents: Contents
    account_ids: pa.StringArray
    facility_account_ids: pa.StringArray
    member_ids: pa.StringArray
    emails: pa.StringArray
    product_ids: pa.StringArray
    small_office: int
    orchestrating_offices: Array

    def mr_of_territory(self, day: int) -> Array:
        """User number of the representative who holds each territory on a day."""
        april = self.period.april_day
        held = (
            self.users.territory_after if april is not None and day >= april else self.users.territory_before
        )
        owner = np.zeros(self.n_mrs, dtype=np.int64)
        owner[held[: self.n_mrs]] = np.arange(self.n_mrs)
        return owner

    def facility_of(self, day: int) -> Array:
        """Main facility of each physician on a day."""
        april = self.period.april_day
        people = self.physicians
        if april is None or day < april:
            return people.facility
        return np.where(people.moves, people.april_facility, people.facility)

    def territory_of(self, day: int) -> Array:
        """Territory of each physician on a day."""
        return self.facilities.territory[self.facility_of(day)]


def found(rng: np.random.Generator, period: Period, physicians: int, mrs: int, offices: int) -> Company:
    """Draw a company. Raises ValueError when there are more offices than representatives or physicians."""
    if offices < 1 or offices > len(names.OFFICES):
        raise ValueError(f"offices must be between 1 and {len(names.OFFICES)}, got {offices}")
    if mrs < offices:
        raise ValueError(f"every office needs a representative: {mrs} representatives for {offices} offices")
    if physicians < 50:
        raise ValueError(f"at least 50 physicians are needed to plant every defect, got {physicians}")
    territory_office, office_territories, small = _territories(mrs, offices)
    facilities = _facilities(rng, physicians, offices, office_territories)
    people = _physicians(rng, period, physicians, facilities)
    users = _users(rng, period, mrs, offices, territory_office)
    contents = _contents()
    rows = np.arange(physicians)
    emails = col.join(
        "dr",
        col.padded(np.where(people.shares_email_with >= 0, people.shares_email_with, rows), 6),
        col.pick(["@hospital.example", "@clinic.example"], np.where(people.is_hospital, 0, 1)),
    )
    shared = people.shares_email_with >= 0
    if shared.any():  # the shared address is the other physician's, domain included
        emails = col.take(emails, np.where(shared, people.shares_email_with, rows))
    return Company(
        period=period,
        n_offices=offices,
        n_mrs=mrs,
        territory_office=territory_office,
        facilities=facilities,
        physicians=people,
        users=users,
        contents=contents,
        account_ids=col.mask(col.salesforce_ids("001", rows + 1), people.has_account),
        facility_account_ids=col.salesforce_ids("001", physicians + 1 + np.arange(len(facilities))),
        member_ids=col.mask(col.padded(rows + 1, 7, "M"), people.has_account & people.has_member_id),
        emails=col.mask(emails, people.has_account & people.has_email),
        product_ids=col.salesforce_ids("a00", np.arange(N_PRODUCTS) + 1),
        small_office=small,
        orchestrating_offices=np.arange(offices) % 2 == 0,
    )


def _territories(mrs: int, offices: int) -> tuple[Array, list[Array], int]:
    """Spread territories over offices; the last office gets four representatives where the numbers allow."""
    sizes = np.full(offices, mrs // offices)
    sizes[: mrs % offices] += 1
    small = offices - 1
    if offices > 1 and sizes[small] > 4:
        spare = sizes[small] - 4
        sizes[small] = 4
        for extra in range(spare):
            sizes[extra % (offices - 1)] += 1
    office_of = np.repeat(np.arange(offices), sizes)
    return office_of, [np.flatnonzero(office_of == office) for office in range(offices)], small


def _facilities(
    rng: np.random.Generator, physicians: int, offices: int, territories: list[Array]
) -> Facilities:
    count = max(offices * 6, physicians // 4)
    weights = np.array([len(t) for t in territories], dtype=float)
    office = np.concatenate(
        [np.arange(offices), rng.choice(offices, count - offices, p=weights / weights.sum())]
    )
    is_hospital = rng.random(count) < 0.28
    is_hospital[:offices] = True
    territory = np.empty(count, dtype=np.int64)
    for number in range(offices):
        mine = np.flatnonzero(office == number)
        territory[mine] = territories[number][np.arange(len(mine)) % len(territories[number])]
    prefectures = np.empty(count, dtype=object)
    for number in range(offices):
        mine = np.flatnonzero(office == number)
        prefectures[mine] = rng.choice(names.OFFICES[number][2], len(mine))
    place = rng.integers(0, len(names.FACILITY_PLACES), count)
    kind = np.where(
        is_hospital,
        rng.integers(0, len(names.HOSPITAL_KINDS), count),
        len(names.HOSPITAL_KINDS) + rng.integers(0, len(names.CLINIC_KINDS), count),
    )
    kinds = names.HOSPITAL_KINDS + names.CLINIC_KINDS
    surname = rng.integers(0, len(names.SURNAMES), count)
    owner_name = np.where(is_hospital, -1, surname)
    name = col.join(
        col.pick([p[0] for p in names.FACILITY_PLACES], place),
        _or_empty(col.pick([s[0] for s in names.SURNAMES], owner_name)),
        col.pick([k[0] for k in kinds], kind),
    )
    kana = col.join(
        col.pick([half_width(p[1]) for p in names.FACILITY_PLACES], place),
        _or_empty(col.pick([half_width(s[1]) for s in names.SURNAMES], owner_name)),
        col.pick([half_width(k[1]) for k in kinds], kind),
    )
    prefecture = pa.array(prefectures.tolist(), pa.string())
    numbers = rng.permutation(np.arange(count)) + 1
    return Facilities(
        code=col.join("0", prefecture, col.padded(numbers, 6)),
        name=name,
        kana=kana,
        prefecture=prefecture,
        municipality=col.padded(rng.integers(101, 230, count), 3),
        beds=np.where(
            is_hospital,
            rng.choice([60, 120, 199, 240, 350, 520, 800], count),
            rng.choice([0, 0, 0, 10, 19], count),
        ),
        office=office,
        territory=territory,
        opened_day=rng.integers(epoch_day("1950-01-01"), epoch_day("2019-12-31"), count),
    )


def _or_empty(column: pa.StringArray) -> pa.StringArray:
    return column.fill_null("")


def half_width(text: str) -> str:
    """Full-width katakana as the half-width kana that the master file carries."""
    import jaconv

    return str(jaconv.z2h(text, kana=True, digit=True, ascii=True))


def _physicians(rng: np.random.Generator, period: Period, count: int, facilities: Facilities) -> Physicians:
    weight = np.where(facilities.beds >= 20, 1.0 + facilities.beds / 60, 1.0)
    home = rng.choice(len(facilities), count, p=weight / weight.sum())
    is_hospital = facilities.beds[home] >= 20
    people = np.arange(count)
    second = np.where(rng.random(count) < 0.05, rng.integers(0, len(facilities), count), -1)
    second[second == home] = -1
    april = np.full(count, -1)
    if period.april_day is not None:
        goes = is_hospital & (rng.random(count) < 0.08)
        goes[:2] |= is_hospital[:2]
        april[goes] = rng.choice(len(facilities), int(goes.sum()), p=weight / weight.sum())
        april[april == home] = -1
        second[(april >= 0) & (second == april)] = -1
    deleted = np.where(rng.random(count) < 0.006, rng.integers(2, max(3, period.months), count), 10_000)
    has_account = rng.random(count) < 0.95
    has_external = rng.random(count) < 0.985
    has_email = rng.random(count) < 0.88
    shares = np.full(count, -1)
    pairs = max(2, count // 250)
    candidates = rng.permutation(np.flatnonzero(has_account & has_email & has_external & (deleted > 1000)))[
        : 2 * pairs
    ]
    shares[candidates[:pairs]] = candidates[pairs:]
    sharing = np.isin(people, candidates)
    free = rng.permutation(np.flatnonzero(has_account & has_external & ~sharing & (deleted > 1000)))
    unknown_code, merged = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    unknown_code[free[: max(2, count // 1000)]] = True
    merged[free[-max(2, count // 300) :]] = True
    specialty = rng.choice(len(names.SPECIALTIES), count, p=_shares([22, 14, 8, 9, 9, 6, 8, 6, 5, 6, 4, 3]))
    experience = rng.integers(2, 42, count)
    year = int(period.label(0)[:4]) - experience
    birth = np.array([epoch_day(f"{y - 25}-01-01") for y in year]) + rng.integers(0, 365, count)
    leading = np.array([3.0, 1.6, 1.0, 1.4])
    relevance = 0.15 + np.tile(leading, (len(names.SPECIALTIES), 1)) * rng.random(
        (len(names.SPECIALTIES), N_PRODUCTS)
    )
    weights = relevance[specialty]
    return Physicians(
        code=col.padded(100_000 + rng.permutation(people) * 3, 8),
        surname=rng.integers(0, len(names.SURNAMES), count),
        given=rng.integers(0, len(names.GIVEN_NAMES), count),
        birth_day=birth,
        graduation_year=year,
        specialty=specialty,
        is_hospital=is_hospital,
        facility=home,
        second_facility=second,
        april_facility=april,
        deleted_month=deleted,
        has_account=has_account,
        has_external_id=has_external,
        has_unknown_code=unknown_code,
        is_merged=merged,
        has_member_id=rng.random(count) < 0.85,
        has_email=has_email,
        shares_email_with=shares,
        is_target=rng.random(count) < 0.65,
        preference=rng.choice(len(names.CHANNELS), count, p=_shares([30, 10, 14, 6, 14, 14, 12])),
        portal_vendor=(rng.random(count) < 0.6).astype(np.int64),
        activity=rng.gamma(4.0, 0.25, count),
        product_weight=weights / weights.sum(axis=1, keepdims=True),
    )


def _shares(parts: list[float]) -> Array:
    values = np.array(parts, dtype=float)
    return values / values.sum()


def _users(
    rng: np.random.Generator, period: Period, mrs: int, offices: int, territory_office: Array
) -> Users:
    n_branches = len(names.BRANCHES)
    role = ["MR"] * mrs + ["OfficeManager"] * offices + ["HQ"] * 5 + ["MSL"] * n_branches + ["Medical"] * 3
    total = len(role)
    before = np.full(total, -1)
    before[:mrs] = np.arange(mrs)
    after = before.copy()
    if period.april_day is not None:
        movers = np.sort(rng.permutation(mrs)[: max(2, mrs // 10)])
        after[movers] = np.roll(before[movers], 1)
    office = np.full(total, -1)
    office[:mrs] = territory_office
    office[mrs : mrs + offices] = np.arange(offices)
    manager = np.full(total, -1)
    manager[:mrs] = mrs + territory_office
    manager[mrs:] = mrs + offices
    manager[mrs + offices] = -1
    return Users(
        role=np.array(role),
        office=office,
        territory_before=before,
        territory_after=after,
        surname=rng.integers(0, len(names.SURNAMES), total),
        given=rng.integers(0, len(names.GIVEN_NAMES), total),
        manager=manager,
        ids=col.salesforce_ids("005", np.arange(total) + 1),
    )


def _contents() -> Contents:
    ids, titles, product, topic = [], [], [], []
    for number in range(N_PRODUCTS * len(names.TOPICS) * 2):
        which, about = number % N_PRODUCTS, (number // N_PRODUCTS) % len(names.TOPICS)
        ids.append(f"C{1001 + number}")
        titles.append(
            f"{names.PRODUCTS[which][1]} {names.TOPICS[about][1]} "
            f"第{number // (N_PRODUCTS * len(names.TOPICS)) + 1}版"
        )
        product.append(which)
        topic.append(about)
    return Contents(ids, titles, np.array(product), np.array(topic))
