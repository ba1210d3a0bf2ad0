"""Needs, moments and what became of them in the tiny company (tiny_company.py), each block for one number.

September holds the needs, October the contacts aimed at them and the moments, July and August what a single
channel sufficed for.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

SEPTEMBER, OCTOBER = "2026-09-30", "2026-10-31"


def p(first: int, last: int) -> list[str]:
    """Physicians P<first> to P<last> of office OF01."""
    return [f"P{number:02d}" for number in range(first, last + 1)]


def q(first: int, last: int) -> list[str]:
    """Physicians Q<first> to Q<last> of office OF04."""
    return [f"Q{number:03d}" for number in range(first, last + 1)]


def of(office: str, count: int) -> list[str]:
    """The first physicians of one of the offices named after their size."""
    return [f"{office}-{k}" for k in range(1, count + 1)]


def need(physician: str, day: str, answered: bool | None, **more: Any) -> Row:
    """A need that a log showed first; answered within 30 days, not answered, or too fresh to say."""
    shown = {"topic_id": "T-SAFE", "learned_by": "digital", "is_first_in_episode": True}
    acts = {"has_question": False, "has_request": False, "open_until": "2026-12-01"}
    place = {
        "physician_key": physician, "episode_opened_on": day, "signalled_on": day,
        "is_answered_within_30d": answered,
    }  # fmt: skip
    return place | shown | acts | more


def september_needs() -> list[Row]:
    # P01 asked online too, and then the representative, before any answer: one question.
    digital = [need(name, "2026-09-01", name in p(1, 12), has_question=name == "P01") for name in p(1, 30)]
    too_fresh = [need("P05", "2026-09-30", None), need("P31", "2026-09-30", None)]
    # A second way by which a need was shown is no second need, but its questions count.
    second_way = {"learned_by": "mr", "is_first_in_episode": False, "has_question": True}
    second_way |= {"episode_opened_on": "2026-09-01"}
    asked = [need(name, "2026-09-03", name in p(1, 4), **second_way) for name in p(1, 10)]
    asked += [need("P11", "2026-09-03", True, **second_way, topic_id="T-EVID")]
    inquired = [
        need(name, "2026-09-10", True, learned_by="inquiry", topic_id=None) for name in [*p(33, 34), "OF03-1"]
    ]
    return digital + too_fresh + asked + inquired


def needs_learned_by_representatives() -> list[Row]:
    """OF04: ten answered after 1 to 10 days; OF10: ten after 20; OF09: nine still waiting on 31 October."""

    def learned(name: str, days: int | None, **more: Any) -> Row:
        answer = {"answered_on": f"2026-09-{1 + days:02d}"} if days else {"answered_on": None}
        by_mr = {"learned_by": "mr", "has_request": True}
        return need(name, "2026-09-01", days is not None, **by_mr | answer | more)

    rows = [learned(name, day) for day, name in enumerate(q(1, 10), 1)]
    rows += [learned(name, 20) for name in of("OF10", 10)]
    rows += [learned(name, None) for name in of("OF09", 9)]
    # Q001 requested the same online a day later: still one request.
    online = {"has_request": True, "is_first_in_episode": False, "episode_opened_on": "2026-09-01"}
    rows += [need("Q001", "2026-09-02", True, **online)]
    return [*rows, learned("OF29-1", 20), learned("OF30-1", 20, has_request=False)]


def needs_of_one_channel() -> list[Row]:
    july = [
        need(name, "2026-07-05", True)
        for office, size in (("OF09", 9), ("OF10", 10), ("OF29", 29), ("OF30", 30))
        for name in of(office, size)
    ]
    august = [need(name, "2026-08-03", True) for name in q(41, 80)]
    august += [need(name, "2026-08-20", False) for name in q(75, 76)]
    august += [need(name, "2026-08-20", True, learned_by="inquiry", topic_id=None) for name in q(71, 72)]
    return july + august


def second_channels() -> list[Row]:
    """Effective contacts in August: one channel for Q071 and Q072, two for Q079 and Q080."""
    used = [(name, "mr_visit") for name in [*q(71, 72), *q(79, 80)]] + [
        (name, "portal") for name in q(79, 80)
    ]
    return [
        {
            "physician_key": name, "channel_id": channel, "month_end": "2026-08-31", "contacts": 1,
            "push_contacts": 1, "delivered_contacts": 1, "effective_contacts": 1,
            "push_contacts_with_choice": 0, "push_contacts_honouring_choice": 0,
        }
        for name, channel in used
    ]  # fmt: skip


def answers() -> list[Row]:
    """Satisfaction: July, everybody of four offices; August, Q041-Q080 but Q073-074, bad for Q077-078."""
    july = [
        (name, 5, "2026-07-20")
        for office, size in (("OF09", 9), ("OF10", 10), ("OF29", 29), ("OF30", 30))
        for name in of(office, size)
    ]
    august = [
        (name, 3 if name in q(77, 78) else 5, "2026-08-25") for name in q(41, 80) if name not in q(73, 74)
    ]
    return [
        {
            "response_key": f"{name}-{day}-csat", "response_id": f"{name}-{day}", "physician_key": name,
            "responded_on": day, "item_id": "csat", "score": score, "channel_id": "webinar",
            "is_mr_sent": False,
        }
        for name, score, day in july + august
    ]  # fmt: skip


def aimed_contacts() -> list[Row]:
    nothing = dict.fromkeys(
        (
            "push_contacts_in_need", "push_contacts_in_need_without_topic", "push_contacts_on_needed_topic",
            "mr_contacts", "mr_contacts_in_moment", "mr_dialogues", "mr_dialogues_recorded",
        ), 0,
    )  # fmt: skip

    def month(name: str, end: str, **counts: int) -> Row:
        return {"physician_key": name, "month_end": end} | nothing | counts

    on_topic = {name: 1 for name in p(1, 15)} | {"P16": 3}
    october = [
        month(
            name, OCTOBER, push_contacts_in_need=3, push_contacts_on_needed_topic=on_topic.get(name, 0),
            push_contacts_in_need_without_topic=int(name == "P01"), mr_contacts=2,
            mr_contacts_in_moment=int(name in p(1, 10)),
        )
        for name in p(1, 20)
    ]  # fmt: skip
    october += [month("P21", OCTOBER, push_contacts_in_need_without_topic=5)]
    dialogues = [
        month(f"{office}-1", SEPTEMBER, mr_dialogues=4, mr_dialogues_recorded=3)
        for office in ("OF02", "OF03", "OF09", "OF10", "OF29")
    ]
    return october + dialogues


def moments() -> list[Row]:
    def moment(name: str, **more: Any) -> Row:
        opened = {"moment_id": "M-QUESTION", "opened_on": "2026-10-05", "is_opened": True}
        return {"physician_key": name, "is_contacted_in_window": False} | opened | more

    over = [moment(name, is_contacted_in_window=name in p(1, 20)) for name in p(1, 32)]
    running = [moment("P33", opened_on="2026-10-28", is_contacted_in_window=None)]
    closed = [
        moment(name, is_opened=False, not_opened_reason=reason)
        for name, reason in (("P34", "over_cap"), ("P35", "not_wanted"), ("P36", "refused"))
    ]
    few = [moment(name, moment_id="M-RETURN", opened_on="2026-04-10") for name in q(1, 4)]
    return over + running + closed + few


def notices() -> list[Row]:
    """A notice of 1 September concerns P01 to P30 and reached P01 to P21 in time, one of 15 September P01 to
    P05 and reached all but P01; another is too fresh."""
    known = [
        {"physician_key": name, "issued_on": "2026-09-01", "is_delivered_in_time": name in p(1, 21)}
        for name in p(1, 30)
    ]
    known += [
        {"physician_key": name, "issued_on": "2026-09-15", "is_delivered_in_time": name != "P01"}
        for name in p(1, 5)
    ]
    return known + [
        {"physician_key": name, "issued_on": "2026-09-30", "is_delivered_in_time": None} for name in p(1, 6)
    ]


def needs() -> list[Row]:
    """Every need but those of May (content_needs.py)."""
    return september_needs() + needs_learned_by_representatives() + needs_of_one_channel()


def tables() -> dict[str, list[Row]]:
    """The core tables of what became of needs, and of moments, by name."""
    return {
        "fct_physician_aimed_contact_month": aimed_contacts(),
        "fct_safety_notice_physician": notices(),
    }
