"""A company on a page for what physicians answer: who said what, and what had reached them when they did.

Seven months, April to October 2026. Each group of physicians feeds one block of tests.

F001-F078   answer on 10 October, in phases P0 to P3 of 9, 10, 29 and 30 physicians
G001-G099, H001-H100   answer on 10 October, in P4 and P5: one short of a score, and just enough
W001-W100   the only target physicians, strata of 60 and 40; asked in October, answered before
C001-C240   answer in June, after a May in which they were engaged through one channel or through two; the
            first 60 again in July, all satisfied
D001-D199   answer in August, after such a July; 99 on one side
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.dbt.marts.tiny_company import CHANNELS, MONTHS, MR_CHANNELS, SOURCES

Row = dict[str, Any]
SPECIALTIES = ("内科", "外科", "眼科")


def group(letter: str, first: int, last: int) -> list[str]:
    """Physicians <letter><first> to <letter><last>."""
    return [f"{letter}{number:03d}" for number in range(first, last + 1)]


SKIN, MIND = group("F", 20, 48), group("F", 49, 78)  # 29 dermatologists, 30 psychiatrists
PHASES = {
    "P0": group("F", 1, 9), "P1": group("F", 10, 19), "P2": SKIN, "P3": MIND,
    "P4": group("G", 1, 99), "P5": group("H", 1, 100),
}  # fmt: skip
INNER, OUTER = group("W", 1, 60), group("W", 61, 100)
COMPARED, SHORT = group("C", 1, 240), group("D", 1, 199)


def stratum(name: str) -> tuple[str, str]:
    """Specialty and practice type."""
    number = int(name[1:])
    if name in SKIN:
        return "皮膚科", "HP"
    if name in MIND:
        return "精神科", "HP"
    if name[0] == "W":
        return ("内科", "HP") if name in INNER else ("外科", "GP")
    if name[0] == "C":  # six strata of 40
        return SPECIALTIES[number % 6 // 2], ("HP", "GP")[number % 2]
    return "内科", "HP"


def physicians() -> list[str]:
    return [name for names in PHASES.values() for name in names] + INNER + OUTER + COMPARED + SHORT


def physician_months() -> list[Row]:
    return [
        {
            "physician_key": name, "month_end": month, "is_target": name[0] == "W", "is_active": True,
            "specialty_group": stratum(name)[0], "practice_type": stratum(name)[1],
            "employee_key": f"MR-{name[0]}-{int(name[1:]) // 10}", "office_id": "OF01", "branch_id": "BR1",
        }
        for name in physicians() for month in MONTHS
    ]  # fmt: skip


def answer(name: str, item: str, score: int, day: str = "2026-10-10", **more: Any) -> Row:
    response = f"{name}-{day}"
    about = more.get("subject_id", "")
    return {
        "response_key": f"{response}-{item}:{about}", "response_id": response, "physician_key": name,
        "responded_on": day, "item_id": item, "score": score, "product_id": "PRD-A", "is_mr_sent": False,
    } | more  # fmt: skip


def by_phase() -> list[Row]:
    """Satisfaction, recommendation and effort of F, G and H."""
    rows = [answer(name, "csat", 5) for phase in ("P0", "P1", "P2") for name in PHASES[phase]]
    rows += [answer(name, "csat", 4 if name in MIND[:24] else 3) for name in MIND]
    rows += [answer(MIND[0], "csat", 1, "2026-10-01")]  # changed his mind: 4 counts
    rows += [answer(name, "nps", 9) for name in PHASES["P4"]]
    scores = [10] * 40 + [8] * 30 + [6] * 30
    rows += [answer(name, "nps", score) for name, score in zip(PHASES["P5"], scores, strict=True)]
    rows += [answer(name, "ces", 7) for name in PHASES["P0"]]
    rows += [answer(name, "ces", 3 if k < 5 else 5) for k, name in enumerate(PHASES["P1"])]
    rows += [answer(name, "ces", 5) for name in SKIN]
    rows += [answer(name, "ces", 4 if k < 15 else 6) for k, name in enumerate(MIND)]
    return rows


def by_channel_and_topic() -> list[Row]:
    def rated(name: str, item: str, channel: str, score: int) -> Row:
        return answer(name, item, score, subject_id=channel, channel_id=channel)

    rows = [rated(name, "convenience", "webinar", 6 if k < 15 else 8) for k, name in enumerate(MIND)]
    rows += [rated(name, "convenience", "portal", 9) for name in PHASES["P0"]]
    rows += [rated(name, "interest", "webinar", 7) for name in SKIN]
    useful = group("F", 1, 30)
    rows += [
        answer(name, "topic_usefulness", 8 if k < 21 else 7, subject_id="T-SAFE")
        for k, name in enumerate(useful)
    ]
    return rows


def expectations() -> list[Row]:
    """Of the psychiatrists, the context is important and poor; the quick reply is neither."""
    rows = [answer(name, "mr_importance", 9, subject_id="context_first") for name in SKIN]
    for k, name in enumerate(MIND):
        half = int(k >= 15)
        rows += [
            answer(name, "mr_importance", 7 + 2 * half, subject_id="context_first"),
            answer(name, "mr_satisfaction", 3 + 2 * (1 - half), subject_id="context_first"),
            answer(name, "mr_importance", 5, subject_id="quick_reply"),
            answer(name, "mr_satisfaction", 7 + 2 * half, subject_id="quick_reply"),
        ]
    return rows


def wants() -> list[Row]:
    """Of H: 50 on visits, 49 on remote meetings, 50 who all want safety, 50 who want no event."""
    rows = [
        answer(name, "mr_want", 8 if k < 30 else 2, subject_id="face_to_face")
        for k, name in enumerate(group("H", 1, 50))
    ]
    rows += [answer(name, "mr_want", 8, subject_id="remote_meeting") for name in group("H", 1, 49)]
    rows += [answer(name, "mr_want", 10, subject_id="safety_information") for name in group("H", 1, 50)]
    rows += [answer(name, "mr_want", 7, subject_id="meeting") for name in group("H", 1, 50)]
    # Without H031 only four of those asked want no representatives; one of them has not received it.
    rows += [answer(name, "mr_want", 8, subject_id="evidence") for name in group("H", 1, 30)]
    wish = dict.fromkeys(group("H", 22, 26), "cannot_meet") | dict.fromkeys(group("H", 27, 31), "not_wanted")
    rows += [
        answer(name, "meeting_wish", 0) | {"score": None, "answer_code": wish.get(name, "meets")}
        for name in group("H", 1, 50)
    ]
    return rows


def visits() -> list[Row]:
    def visit(name: str, day: str, channel: str = "mr_visit", depth: int = 1, topic: str = "T-PTYPE") -> Row:
        return {
            "source": "crm_call", "physician_key": name, "occurred_on": day, "channel_id": channel,
            "topic_id": topic, "depth": depth,
        }  # fmt: skip

    return [
        *(visit(name, "2026-08-01") for name in group("H", 1, 20) + group("H", 41, 45)),
        visit("H001", "2026-09-01"),  # twice is once
        visit("H021", "2026-07-12"),  # 90 days before the answer
        visit("H022", "2026-07-11"),  # 91
        visit("H023", "2026-08-01", depth=0),  # never took place
        visit("H024", "2026-08-01", channel="msl_visit"),  # Medical's
        visit("H025", "2026-10-11"),  # after the answer
    ]


def weighted() -> list[Row]:
    """September: 15 of 20 and 2 of 10. August: 4 answers in the smaller stratum. July: all satisfied."""
    rows = [answer(name, "csat", 4 if k < 15 else 2, "2026-09-10") for k, name in enumerate(INNER[:20])]
    rows += [answer(name, "csat", 5 if k < 2 else 1, "2026-09-10") for k, name in enumerate(OUTER[:10])]
    rows += [answer(name, "csat", 4 if k < 15 else 2, "2026-08-10") for k, name in enumerate(INNER[:20])]
    rows += [answer(name, "csat", 1, "2026-08-10") for name in OUTER[:4]]
    rows += [answer(name, "csat", 5, "2026-07-10") for name in INNER[:20] + OUTER[:10]]
    return rows


def invitations() -> list[Row]:
    """October: W021-W100 asked, 30 of 40 and 10 of 40 answered. Before: five of them 89 days ago."""

    def invitation(name: str, day: str, answered: bool, delivered: bool = True) -> Row:
        return {
            "invitation_key": f"{name}-{day}", "physician_key": name, "invited_on": day,
            "is_delivered": delivered, "has_response": answered,
        }  # fmt: skip

    rows = [invitation(name, "2026-10-01", k < 30) for k, name in enumerate(INNER[20:])]
    rows += [invitation(name, "2026-10-01", k < 10) for k, name in enumerate(OUTER)]
    rows += [invitation(name, "2026-07-04", False) for name in group("W", 21, 25)]  # 89 days
    rows += [invitation("W026", "2026-07-03", False)]  # 90
    rows += [invitation("W027", "2026-09-20", False, delivered=False)]
    rows += [invitation("W100", "2026-10-20", False, delivered=False)]
    return rows


def contact_months() -> list[Row]:
    """In September: those who answer in October had 2 (inner) or 4 (outer) contacts, the others 1."""
    contacts = dict.fromkeys(INNER[20:50], 2) | dict.fromkeys(OUTER[:10], 4)
    contacts |= dict.fromkeys(INNER[50:] + OUTER[10:], 1)
    rows = [
        {"physician_key": name, "month_end": "2026-09-30", "contacts": count, "push_contacts": count}
        for name, count in contacts.items()
    ]
    return [*rows, {"physician_key": "H100", "month_end": "2026-04-30", "contacts": 1, "push_contacts": 1}]


def consents() -> list[Row]:
    def event(name: str, channel: str, state: str, day: str, expires: str | None = None) -> Row:
        return {
            "source": "crm_consent", "physician_key": name, "consent_event_key": f"{name}-{channel}-{day}",
            "channel_id": channel, "consent_state": state, "captured_at": f"{day}T09:00:00+09:00",
            "captured_on": day, "expires_on": expires,
        }  # fmt: skip

    rows = [
        event(name, "hq_email", "opted_in", "2025-01-01", "2026-09-30" if name == "W006" else None)
        for name in group("W", 1, 20)
    ]
    rows += [event(name, "hq_email", "opted_out", "2026-10-05") for name in group("W", 1, 3)]
    rows += [event("W004", "web_tracking", "opted_out", "2026-10-05")]  # no word about being contacted
    rows += [event("W005", "hq_email", "opted_out", "2026-09-30")]  # the day before
    rows += [event("W007", "hq_email", "opted_out", "2026-10-01")]
    rows += [event("W007", "hq_email", "opted_in", "2026-10-02")]  # came back, but had withdrawn
    return rows


def is_multi(name: str) -> bool:
    """Engaged through two channels: half of every stratum of C, 99 of D."""
    number = int(name[1:])
    return (number - 1) // 6 % 2 == 0 if name[0] == "C" else number <= 99


def outcomes() -> dict[str, tuple[int, int]]:
    """Satisfaction and recommendation of C and D, drawn once; those of two channels a little higher."""
    rng = np.random.default_rng(20260630)
    return {
        name: (
            int(np.clip(rng.normal(3.4 + 0.3 * is_multi(name), 0.9), 1, 5).round()),
            int(np.clip(rng.normal(6.2 + 1.5 * is_multi(name), 2.4), 0, 10).round()),
        )
        for name in COMPARED + SHORT
    }


def compared() -> list[Row]:
    day = {"C": "2026-06-10", "D": "2026-08-10"}
    all_satisfied = [answer(name, "csat", 5, "2026-07-10") for name in COMPARED[:60]]
    return all_satisfied + [
        row
        for name, (satisfied, recommended) in outcomes().items()
        for row in (
            answer(name, "csat", satisfied, day[name[0]]),
            answer(name, "nps", recommended, day[name[0]]),
        )
    ]


def is_need_answered(name: str) -> bool:
    """Half of C with one channel, seven of ten with two."""
    return int(name[1:]) * 7 % 10 < (7 if is_multi(name) else 5)


def needs() -> list[Row]:
    """The last of June for each of C: an earlier one, one shown again, a fresh one or one without a topic are
    none.
    """

    def need(name: str, answered: bool | None, **more: Any) -> Row:
        return {
            "physician_key": name, "topic_id": "T-PTYPE", "product_id": "PRD-A", "signalled_on": "2026-06-10",
            "learned_by": "digital", "is_first_in_episode": True, "is_answered_within_30d": answered,
        } | more  # fmt: skip

    return [
        *(need(name, is_need_answered(name)) for name in COMPARED),
        *(need(name, not is_need_answered(name), signalled_on="2026-06-02") for name in COMPARED[:30]),
        *(need(name, not is_need_answered(name), signalled_on="2026-06-20", is_first_in_episode=False)
          for name in COMPARED[:30]),
        *(need(name, None, signalled_on="2026-06-25") for name in COMPARED[:30]),
        *(need(name, True, topic_id=None, signalled_on="2026-06-25") for name in COMPARED[:30]),
    ]  # fmt: skip


def channel_months() -> list[Row]:
    """May for C and June for its first 60, July for D.

    What engaged nobody, and a question to Medical, are no second channel.
    """

    def contact(name: str, channel: str, effective: int, month: str | None = None) -> Row:
        return {
            "physician_key": name, "channel_id": channel, "contacts": 1, "push_contacts": 1,
            "month_end": month or {"C": "2026-05-31", "D": "2026-07-31"}[name[0]],
            "delivered_contacts": 1, "effective_contacts": effective,
            "push_contacts_with_choice": 0, "push_contacts_honouring_choice": 0,
        }  # fmt: skip

    rows = [contact(name, "webinar", 1) for name in COMPARED + SHORT]
    rows += [contact(name, "mr_visit", int(is_multi(name))) for name in COMPARED + SHORT]
    rows += [contact(name, "medical_inquiry", 1) for name in COMPARED]
    rows += [contact(name, "webinar", 1, "2026-06-30") for name in COMPARED[:60]]
    rows += [contact(name, "mr_visit", int(is_multi(name)), "2026-06-30") for name in COMPARED[:60]]
    return rows


ORCHESTRATED = group("D", 1, 30) + group("D", 100, 104)


def signals() -> list[Row]:
    """Taken up in July for 30 of D with two channels and five with one; the others are no reason."""

    def signal(name: str, at: str, orchestrated: bool = True, channel: str = "owned_web") -> Row:
        return {
            "physician_key": name, "channel_id": channel, "signal_on": "2026-07-10", "follow_up_at": at,
            "is_counted": True, "is_followed": True, "is_orchestrated": orchestrated, "is_handled": True,
            "chance_of_follow_up": 0.1,
        }  # fmt: skip

    return [
        *(signal(name, "2026-07-31T23:59:00+09:00") for name in ORCHESTRATED),
        signal("D001", "2026-07-15T10:00:00+09:00"),  # twice is once
        signal("D105", "2026-08-01T00:01:00+09:00"),  # in the month of the answer
        signal("D106", "2026-06-30T23:59:00+09:00"),  # before
        signal("D107", "2026-07-15T10:00:00+09:00", orchestrated=False),  # on its own channel
        signal("D108", "2026-07-15T10:00:00+09:00", channel="medical_inquiry"),
        # Two with one channel, before June's answers.
        *(signal(name, "2026-05-15T10:00:00+09:00") for name in ("C007", "C008")),
    ]


def phases() -> list[Row]:
    """At the end of September as grouped; by the end of October everybody had moved on to P6."""
    rows = [
        {
            "physician_key": name, "product_id": "PRD-A", "snapshot_on": day, "phase_id": at,
            "evidence_level": "B",
        }
        for phase, names in PHASES.items() for name in names
        for day, at in (("2026-09-30", phase), ("2026-10-31", "P6"))
    ]  # fmt: skip
    return rows


def tables() -> dict[str, list[Row]]:
    """Every core table that marts read, by name."""
    organizations: list[Row] = [
        {"organization_key": key, "organization_id": key, "level": level, "parent_organization_key": parent}
        for key, level, parent in (
            ("company", "company", None), ("BR1", "branch", "company"), ("OF01", "office", "BR1")
        )
    ]  # fmt: skip
    return {
        "dim_physician": [
            {
                "physician_key": name, "valid_from": "2020-01-01", "valid_to": "9999-12-31",
                "career_band": "20-29",
            }
            for name in physicians()
        ],
        "dim_channel": [
            {"channel_id": channel, "is_mr_channel": channel in MR_CHANNELS} for channel in CHANNELS
        ],
        "dim_organization": organizations,
        "fct_physician_month": physician_months(),
        "fct_physician_channel_month": channel_months(),
        "fct_physician_contact_month": contact_months(),
        "fct_journey_phase": phases(),
        "fct_survey_response": [
            *by_phase(), *by_channel_and_topic(), *expectations(), *wants(), *weighted(), *compared()
        ],
        "fct_survey_invitation": invitations(),
        "fct_touchpoint": visits(),
        "fct_consent_event": consents(),
        "fct_digital_signal": signals(),
        "fct_need_signal": needs(),
        "fct_source_delivery": [
            {
                "source": source, "batch_id": source, "delivered_on": "2026-10-31", "state": "landed",
                "event_max_on": None, "rows_in": 10, "rows_landed": 10, "rows_quarantined": 0,
                "rows_in_core": 10, "rows_rejected": 0,
            }
            for source in SOURCES
        ],
        "dim_source": [
            {"source": source, "freshness_hours": 48, "is_periodic": True, "is_expected": True}
            for source in SOURCES
        ],
    }  # fmt: skip
