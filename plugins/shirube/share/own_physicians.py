"""The sheet "your own physicians": one medical representative's physicians, for that person alone.

The star tables hold tokens only; names are put back here, from the vault, on the way into a folder that
nobody else can read. What is looked up is what the representative could know anyway: contacts, open requests,
stated preferences, the moments that opened for that person; what responses show of a preference is said to be
a guess. What physicians asked Medical is published to nobody, and so is not here either: it opens no moment.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shirube.medical import MEDICAL_CHANNELS
from shirube.share.release_files import ReleaseFiles, Row, last_closed_month
from shirube.share.wording import declared, full_day, short_day

# A physician's phase is the furthest one over all products, as in mart_journey: the phase first, then what
# is more than a judgement, the product only between equals; a lapse counts where nothing else does. A consent
# holds as in int_consent_interval: the latest capture, of two at one instant the opt-out.
_PHYSICIANS = """
with assigned as (
    select physician_key, employee_key, office_id, facility_key, specialty_group, practice_type
    from {fct_physician_month}
    where month_end = $month and is_target and is_active and employee_key is not null
),
phases as (
    select physician_key, phase_id, product_id, evidence_level
    from (
        select
            p.physician_key, p.phase_id, p.product_id, p.evidence_level,
            row_number() over (
                partition by p.physician_key
                order by
                    case when p.phase_id = 'PX' then 'P00' else p.phase_id end desc,
                    case when p.evidence_level = 'C' then 1 else 0 end,
                    p.evidence_level,
                    p.product_id
            ) as place
        from {fct_journey_phase} p
        where p.snapshot_on = (select max(snapshot_on) from {fct_journey_phase} where snapshot_on <= $month)
    ) where place = 1
),
preferences as (
    select physician_key, channel_id, preference_source
    from (
        select
            physician_key, channel_id, preference_source,
            row_number() over (
                partition by physician_key
                order by
                    case when preference_source = 'mr_entered' then 1 else 0 end,
                    recorded_on desc,
                    "rank",
                    channel_id
            ) as place
        from {fct_stated_preference}
        where channel_id is not null and topic_id is null and recorded_on between $preference_from and $as_of
    ) where place = 1
),
contacts as (
    select t.*, coalesce(c.is_mr_channel, false) as is_mr_channel, c.name_ja as channel_name
    from {fct_touchpoint} t
    left join {dim_channel} c on c.channel_id = t.channel_id
    where t.physician_key is not null
        and t.occurred_on <= $as_of
        and not coalesce(t.is_planned, false)
        and not coalesce(t.routed_to_medical, false)
        and t.channel_id <> all($medical)
        and coalesce(t.initiator, '') <> 'medical'
),
last_own as (
    select physician_key, employee_key, max(occurred_on) as last_own_on
    from contacts
    where is_mr_channel and depth >= 1
    group by physician_key, employee_key
),
seen as (
    select
        physician_key,
        max(occurred_on) as last_seen_on,
        max_by(channel_name, (occurred_on, channel_name)) as last_channel,
        count(*) filter (where direction = 'push' and occurred_on > $contacts_from) as push_contacts
    from contacts
    where depth >= 1
    group by physician_key
),
signals as (
    select
        physician_key,
        max(occurred_on) as signal_on,
        max_by(channel_name, (occurred_on, channel_name)) as signal_channel
    from contacts
    where depth between 2 and 3
        and not is_mr_channel
        and visible_at is not null
        and cast(timezone('Asia/Tokyo', visible_at) as date) <= $as_of
        and occurred_on > $signal_from
    group by physician_key
),
requests as (
    select physician_key, max(occurred_on) as request_on
    from contacts
    where depth >= 4 and occurred_on > $request_from
    group by physician_key
),
opted_out as (
    select distinct physician_key, channel_id, is_about_representatives
    from (
        select
            physician_key, channel_id, consent_state, is_about_representatives,
            rank() over (partition by physician_key, channel_id order by captured_at desc) as place
        from {fct_consent_event}
        where captured_on <= $as_of
    )
    where place = 1 and consent_state = 'opted_out'
),
no_representative as (
    select distinct physician_key from opted_out where is_about_representatives
),
declined as (
    select physician_key, list(channel_id) as declined_channels from opted_out group by physician_key
)
select
    a.employee_key,
    a.physician_key,
    a.office_id,
    d.name_token,
    f.facility_name,
    a.specialty_group,
    h.phase_id,
    h.evidence_level,
    q.name as product,
    c.name_ja as preferred,
    coalesce(c.is_mr_channel and w.physician_key is null, false) as is_preferred_means_of_mr,
    w.physician_key is not null as has_opted_out_of_preferred,
    coalesce(e.preference_source = 'mr_entered', false) as is_preference_by_mr,
    s.last_seen_on,
    s.last_channel,
    coalesce(s.push_contacts, 0) as push_contacts,
    g.signal_on,
    g.signal_channel,
    r.request_on,
    n.physician_key is not null as has_opted_out_of_mr,
    coalesce(k.declined_channels, []) as declined_channels,
    g.signal_on is not null and (l.last_own_on is null or l.last_own_on <= g.signal_on) as has_open_signal,
    r.request_on is not null and (l.last_own_on is null or l.last_own_on <= r.request_on) as has_open_request,
    s.last_seen_on is null or s.last_seen_on <= $unseen_from as is_unseen
from assigned a
join {dim_physician} d on d.physician_key = a.physician_key and d.is_current
left join {dim_facility} f on f.facility_key = a.facility_key and f.is_current
left join phases h on h.physician_key = a.physician_key
left join {dim_product} q on q.product_id = h.product_id
left join preferences e on e.physician_key = a.physician_key
left join {dim_channel} c on c.channel_id = e.channel_id
left join seen s on s.physician_key = a.physician_key
left join last_own l on l.physician_key = a.physician_key and l.employee_key = a.employee_key
left join signals g on g.physician_key = a.physician_key
left join requests r on r.physician_key = a.physician_key
left join no_representative n on n.physician_key = a.physician_key
left join declined k on k.physician_key = a.physician_key
left join opted_out w on w.physician_key = a.physician_key and w.channel_id = e.channel_id
order by a.employee_key, a.physician_key
"""

# Open: it opened for this representative, its days are not over, and nobody of the field has been in contact
# since. What the weekly cap kept closed is counted beside it.
_MOMENTS = """
select
    m.physician_key,
    m.employee_key,
    count(*) filter (where m.is_opened) as open_moments,
    count(*) filter (where not m.is_opened) as over_cap,
    min_by(
        {{'name': k.name_ja, 'product': q.name, 'opened_on': m.opened_on, 'expires_on': m.expires_on}},
        (k.priority, m.expires_on, m.moment_key)
    ) filter (where m.is_opened) as moment
from {fct_moment} m
join {dim_moment} k on k.moment_id = m.moment_id
left join {dim_product} q on q.product_id = m.product_id
where (m.is_opened or m.not_opened_reason = 'over_cap')
    and m.contacted_on is null
    and $as_of between m.opened_on and m.expires_on
group by m.physician_key, m.employee_key
"""

# What responses show where nothing was said: a guess.
_REVEALED = """
select p.physician_key, c.channel_id, c.name_ja, c.is_mr_channel
from {mart_channel_preference} p
join {dim_channel} c on c.channel_id = p.channel_id
where p.snapshot_on = $month
    and p.topic_id is null
    and p.preference_basis = 'revealed'
    and p.preference_rank = 1
"""


@dataclass(frozen=True)
class PhysicianLine:
    """One physician on the sheet, already in words."""

    name: str
    where: str
    phase: str
    phase_note: str
    preferred: str
    preferred_note: str
    last_contact: str
    step: str


@dataclass(frozen=True)
class OwnPhysiciansPage:
    """One medical representative's sheet. It carries no name of an employee."""

    employee_key: str
    office: str
    month: str
    as_of: str
    physicians: int
    unseen: int
    known_preference: int
    open_moments: int | None
    lines: tuple[PhysicianLine, ...]
    notes: tuple[str, ...]
    release_id: str


def physicians_by_employee(release: ReleaseFiles) -> dict[str, list[Row]]:
    """The target physicians of each medical representative at the last closed month, with their facts.

    Names are tokens. Keys are `employee_key`s, sorted.
    """
    windows = declared("own_physicians")["windows"]
    as_of = release.as_of
    parameters = {f"{name}_from": as_of - timedelta(days=int(days)) for name, days in windows.items()}
    fixed = {"as_of": as_of, "month": last_closed_month(as_of), "medical": list(MEDICAL_CHANNELS)}
    rows = release.query(_PHYSICIANS, {**parameters, **fixed})
    guesses = {
        guess["physician_key"]: guess
        for guess in release.query_if_held("mart_channel_preference", _REVEALED, {"month": fixed["month"]})
    }
    moments = {
        (found["physician_key"], found["employee_key"]): found
        for found in release.query_if_held("fct_moment", _MOMENTS, {"as_of": as_of})
    }
    by_employee: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        revealed = _revealed(row, guesses.get(row["physician_key"]))
        found = moments.get((row["physician_key"], row["employee_key"]))
        # Who wants no representative has no open moment, however it stood when it opened.
        found = None if row["has_opted_out_of_mr"] else found
        by_employee[row["employee_key"]].append(
            row | (found or {"moment": None, "open_moments": 0, "over_cap": 0}) | {"revealed": revealed}
        )
    return dict(sorted(by_employee.items()))


def _revealed(row: Row, guess: Row | None) -> str | None:
    """The means that a physician's responses show, if he stated none and did not decline it."""
    if guess is None or row["preferred"] is not None or guess["channel_id"] in row["declined_channels"]:
        return None
    return None if guess["is_mr_channel"] and row["has_opted_out_of_mr"] else str(guess["name_ja"])


def own_physicians_page(
    release: ReleaseFiles, employee_key: str, rows: list[Row], names: dict[str, str], office: str
) -> OwnPhysiciansPage:
    """The sheet of one representative from the rows of `physicians_by_employee` and the vault's names.

    `names` maps name tokens to names; a physician the vault does not know is written as 「お名前の登録なし」.
    """
    rules = declared("own_physicians")
    cap = _moment_cap(release)
    # Of one rule, the moment that ends first comes first.
    judged = sorted((_rule(row), _until(row), row["physician_key"], row) for row in rows)
    month = last_closed_month(release.as_of)
    return OwnPhysiciansPage(
        employee_key=employee_key,
        office=office,
        month=f"{month.year}年{month.month}月",
        as_of=f"{full_day(release.as_of)}時点",
        physicians=len(rows),
        unseen=sum(bool(row["is_unseen"]) for row in rows),
        known_preference=sum(row["preferred"] is not None for row in rows),
        open_moments=None if cap is None else sum(row["moment"] is not None for row in rows),
        lines=tuple(
            _line(row, rules["rules"][place], names, month)
            for place, *_, row in judged[: int(rules["maximum_physicians"])]
        ),
        notes=(
            f"先生は、次の順に選びました: {'、'.join(str(rule['label']) for rule in rules['rules'])}。",
            *_moment_notes(cap, rows),
            *(str(note) for note in rules["notes"]),
        ),
        release_id=release.release_id,
    )


def _rule(row: Row) -> int:
    """The place of the first declared rule that holds for a physician."""
    rules = declared("own_physicians")
    facts = {
        **row,
        "is_over_contacted": row["push_contacts"] > int(rules["maximum_push_contacts"]),
        "has_open_moment": row["moment"] is not None,
        "has_unknown_preference": row["preferred"] is None,
        "is_known": True,
    }
    return next(place for place, rule in enumerate(rules["rules"]) if facts[rule["if"]])


def _moment_cap(release: ReleaseFiles) -> int | None:
    """How many moments open per representative and week; None where the release does not hold moments."""
    if release.file("fct_moment") is None:
        return None
    (found,) = release.query("select max(max_opened_per_mr_week) as cap from {dim_moment}")
    return None if found["cap"] is None else int(found["cap"])


def _until(row: Row) -> date:
    """The last day of the physician's open moment; without one, a day after all others."""
    return row["moment"]["expires_on"] if row["moment"] else date.max


def _moment_notes(cap: int | None, rows: list[Row]) -> list[str]:
    """How many moments may open per representative and week, and how many that keeps closed now (R30)."""
    words = declared("own_physicians")["moments"]
    if cap is None:
        return [str(words["unknown"])]
    over = sum(row["over_cap"] for row in rows)
    return [str(words["cap"]).format(cap=cap), *([str(words["over_cap"]).format(over=over)] if over else [])]


def _moment(row: Row, month: date) -> dict[str, str]:
    """The words of an open moment: what it is, since when and until when; none where there is none."""
    moment = row["moment"]
    if moment is None:
        return {}
    product = f"（{moment['product']}）" if moment["product"] else ""
    others = f"ほか{row['open_moments'] - 1}件" if row["open_moments"] > 1 else ""
    return {
        "moment": f"「{moment['name']}{product}」{others}",
        "opened_on": _day(moment["opened_on"], month),
        "expires_on": _day(moment["expires_on"], month),
    }


def _line(row: Row, rule: dict[str, Any], names: dict[str, str], month: date) -> PhysicianLine:
    phases, sheet = declared("wording")["phases"], declared("own_physicians")
    preferred = row["preferred"] or sheet["unknown_preference"]
    moment = _moment(row, month)
    words = {
        **moment,
        "push_contacts": row["push_contacts"],
        "request_on": _day(row["request_on"], month),
        "signal_on": _day(row["signal_on"], month),
        "signal_channel": row["signal_channel"] or "",
        "preferred": preferred,
        # A representative cannot ask by way of the site: what is no means of theirs is not proposed.
        "means": preferred if row["is_preferred_means_of_mr"] else sheet["unknown_preference"],
    }
    step = str(rule["step"])
    if moment and rule["if"] != "has_open_moment":
        step += str(sheet["moments"]["beside"])
    where = "・".join(part for part in (row["facility_name"], row["specialty_group"]) if part)
    last = row["last_seen_on"]
    return PhysicianLine(
        name=f"{' '.join(names[row['name_token']].split())} 先生"
        if row["name_token"] in names
        else "お名前の登録なし",
        where=where,
        phase=str(phases[row["phase_id"]]) if row["phase_id"] else "記録なし",
        phase_note="・".join(
            part for part in (row["product"], "MRの記録のみ" if row["evidence_level"] == "C" else "") if part
        ),
        preferred=row["preferred"] or "まだ不明",
        preferred_note=_whose(row),
        last_contact=f"{_day(last, month)} {row['last_channel']}" if last else "記録なし",
        step=step.format_map(words),
    )


def _whose(row: Row) -> str:
    """Who says so; what responses show is a guess and never stands where a wish stands."""
    words = declared("own_physicians")["preference_notes"]
    if row["preferred"] is not None:
        return str(words["by_mr" if row["is_preference_by_mr"] else "stated"])
    return str(words["revealed"]).format(means=row["revealed"]) if row["revealed"] else ""


def _day(day: date | None, month: date) -> str:
    """The day, with its year where that is not the page's."""
    if day is None:
        return ""
    return short_day(day) if day.year == month.year else full_day(day)
