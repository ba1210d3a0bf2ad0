"""A company on a page: core rows small enough that every published number can be worked out by hand.

Seven months, April to October 2026, seen on 31 October. Branch BR1 has three offices: OF01 with 40
physicians (P01 to P40) where the numbers are, OF02 with 3 and OF03 with 6, where they are too few. Branch BR2
has OF04 with 120 physicians (Q001 to Q120), enough for a recommendation score. Branch BR3 has offices with
exactly 9, 10, 29 and 30 physicians who all say yes. Each block below feeds one number.
"""

from __future__ import annotations

from typing import Any

AS_OF = "2026-10-31"
APRIL, JULY, AUGUST, SEPTEMBER, OCTOBER = "2026-04-30", "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31"
MONTHS = (APRIL, "2026-05-31", "2026-06-30", JULY, AUGUST, SEPTEMBER, OCTOBER)
OFFICES = {"OF01": "BR1", "OF02": "BR1", "OF03": "BR1", "OF04": "BR2"} | dict.fromkeys(
    ("OF09", "OF10", "OF29", "OF30"), "BR3"
)
SOURCES = (
    "dcf_physician", "dcf_facility", "dcf_affiliation", "crm_account", "crm_user", "crm_product", "crm_call",
    "crm_call_detail", "crm_sent_email", "crm_email_activity", "crm_consent", "crm_medical_inquiry",
    "webinar_zoom", "portal_delivery", "survey_qualtrics", "web_snowplow",
)  # fmt: skip
CHANNELS = (
    "mr_visit", "mr_remote", "mr_email", "hq_email", "owned_web", "webinar", "portal", "chat",
    "in_person_event", "call_centre", "medical_inquiry", "msl_visit",
)  # fmt: skip

Row = dict[str, Any]


def p(first: int, last: int) -> list[str]:
    """Physicians P<first> to P<last> of office OF01."""
    return [f"P{number:02d}" for number in range(first, last + 1)]


def q(first: int, last: int) -> list[str]:
    """Physicians Q<first> to Q<last> of office OF04."""
    return [f"Q{number:03d}" for number in range(first, last + 1)]


def staff() -> dict[str, list[str]]:
    """Physicians by office."""
    small = {office: [f"{office}-{k}" for k in range(1, size + 1)] for office, size in
             {"OF02": 3, "OF03": 6, "OF09": 9, "OF10": 10, "OF29": 29, "OF30": 30}.items()}  # fmt: skip
    return {"OF01": p(1, 40), "OF04": q(1, 120)} | small


def physician_months() -> list[Row]:
    return [
        {
            "physician_key": physician, "month_end": month, "is_target": True, "is_active": True,
            "specialty_group": "内科", "practice_type": "GP", "employee_key": f"MR-{office}",
            "office_id": office, "branch_id": OFFICES[office],
        }
        for office, physicians in staff().items() for physician in physicians for month in MONTHS
    ]  # fmt: skip


def contact(physician: str, channel: str, month: str, contacts: int, effective: int, **more: Any) -> Row:
    counts = {"contacts": contacts, "delivered_contacts": contacts, "push_contacts": contacts}
    choice = {"push_contacts_with_choice": 0, "push_contacts_honouring_choice": 0}
    place = {"physician_key": physician, "channel_id": channel, "month_end": month}
    return place | counts | choice | {"effective_contacts": effective} | more


def channel_months() -> list[Row]:
    october_visits = [
        contact(
            name, "mr_visit", OCTOBER, 1, int(name in p(1, 8)), product_id="PRD-A",
            push_contacts_with_choice=1, push_contacts_honouring_choice=int(name in p(1, 15)),
        )
        for name in p(1, 20)
    ]  # fmt: skip
    october_portal = [
        contact(
            name, "portal", OCTOBER, 3, int(name in p(21, 38)),
            push_contacts_with_choice=3 if name in p(21, 30) else 0,
            push_contacts_honouring_choice=3 if name in p(21, 25) else 0,
        )
        for name in p(21, 40)
    ]  # fmt: skip
    september_portal = [contact(name, "portal", SEPTEMBER, 3, int(name in p(21, 23))) for name in p(21, 40)]
    august_email = [contact("P39", "hq_email", AUGUST, 20, 19)]
    # OF29 and OF30: so many contacts with a recorded choice that a difference can be excluded, or found
    # to be bad.
    many = [
        contact(
            f"{office}-{k}", "mr_email", month, 1000, 0,
            push_contacts_with_choice=1000, push_contacts_honouring_choice=kept,
        )
        for office, month, kept in (
            ("OF30", SEPTEMBER, 500), ("OF30", OCTOBER, 500),
            ("OF29", SEPTEMBER, 900), ("OF29", OCTOBER, 700),
        )
        for k in range(1, 30)
    ]  # fmt: skip
    return october_visits + october_portal + september_portal + august_email + many


def channel_product_months() -> list[Row]:
    """Every contact of the tiny company is about one product or none."""
    of_contact = ("physician_key", "channel_id", "month_end", "contacts", "delivered_contacts")
    return [
        {name: row[name] for name in (*of_contact, "effective_contacts")}
        | {"product_id": row.get("product_id")}
        for row in channel_months()
    ]


def contact_months() -> list[Row]:
    october = [
        {
            "physician_key": name, "month_end": OCTOBER, "contacts": 9, "push_contacts": 9,
            "max_push_contacts_30d": 9 if name in p(1, 9) else 8,
        }
        for name in p(1, 36)
    ]  # fmt: skip
    return [*october, {"physician_key": "P37", "month_end": APRIL, "contacts": 1, "push_contacts": 0}]


def emails() -> list[Row]:
    def email(physician: str, number: int, delivered: bool) -> Row:
        return {
            "sent_email_id": f"{physician}-{number}", "physician_key": physician, "channel_id": "hq_email",
            "initiator": "hq", "product_id": "PRD-A", "month_end": OCTOBER, "is_sent": True,
            "is_delivered": delivered, "is_human_clicked": physician in [*p(1, 6), "P35", "P36"],
            "is_opened": physician in p(1, 14), "is_privacy_proxy_open": physician in p(1, 4),
        }  # fmt: skip

    one_each = [email(name, 1, name != "P35") for name in p(1, 35)]
    several = [email("P36", number, number <= 2) for number in range(1, 6)]
    by_medical = [email(name, 9, True) | {"initiator": "medical"} for name in p(1, 12)]  # in no rate
    return one_each + several + by_medical


def statements() -> list[Row]:
    stated = (
        [(name, "mr_visit", "2026-09-15") for name in p(1, 18)]
        + [(name, "portal", "2026-09-15") for name in p(19, 27)]
        + [
            ("P28", "mr_email", "2026-09-15"),
            ("P29", "owned_web", "2026-09-15"),
            ("P40", "portal", "2026-10-05"),
        ]
        + [("P01", "webinar", "2025-01-10"), ("P30", "msl_visit", "2026-09-15")]
    )
    return [
        {
            "preference_key": f"{name}-{channel}", "physician_key": name, "recorded_on": day,
            "channel_id": channel, "preference_source": "survey", "rank": 1,
        }
        for name, channel, day in stated
    ]  # fmt: skip


def phases() -> list[Row]:
    placed = {"P0": p(1, 10), "P1": p(11, 25), "P2": p(26, 37), "P4": p(38, 40)}
    rows = [(name, "PRD-A", phase) for phase, names in placed.items() for name in names]
    rows += [(name, "PRD-A", "P1") for office in ("OF02", "OF03") for name in staff()[office]]
    rows += [("P01", "PRD-B", "P2")]
    return [
        {
            "physician_key": name, "product_id": product, "snapshot_on": OCTOBER, "phase_id": phase,
            "evidence_level": "C" if name == "P11" else "B",
        }
        for name, product, phase in rows
    ]  # fmt: skip


def transitions() -> list[Row]:
    def move(
        name: str,
        phase: str,
        forward: bool,
        horizon: int = 90,
        observed: bool = True,
        known: bool = True,
        target: bool = True,
    ) -> Row:
        return {
            "physician_key": name, "product_id": "PRD-A", "month_end": JULY, "horizon_days": horizon,
            "from_phase_id": phase, "is_forward": forward, "is_start_observable": known,
            "is_observed_until_end": observed, "is_target_throughout": target,
        }  # fmt: skip

    counted = [move(name, "P0", name in p(1, 9)) for name in p(1, 20)]
    counted += [move(name, "P1", name in p(21, 23)) for name in p(21, 36)]
    left_out = [
        move("P37", "P1", True, observed=False),
        move("P38", "P6", True),
        move("P39", "P1", True, horizon=180),
        move("P40", "P1", True, known=False),
        move("Q1", "P1", True, target=False),
    ]
    return counted + left_out


def answers() -> list[Row]:
    def answer(name: str, item: str, score: int, day: str = "2026-10-10") -> Row:
        response = f"{name}-{day}"
        return {
            "response_key": f"{response}-{item}", "response_id": response, "physician_key": name,
            "responded_on": day, "item_id": item, "score": score, "channel_id": "webinar",
            "is_mr_sent": False,
        }  # fmt: skip

    satisfied = [answer(name, "csat", 4 if name in p(1, 24) else 3) for name in p(1, 32)]
    changed_his_mind = [answer("P01", "csat", 1, "2026-10-01")]
    useful = [answer(name, "usefulness", 8 if name in p(1, 21) else 7) for name in p(1, 30)]
    useful += [answer(name, "usefulness", 8 if name in p(1, 6) else 7, "2026-09-10") for name in p(1, 30)]
    # OF04: September 40 of 80, October 42 of 80: a difference that leaves everything open.
    useful += [answer(name, "usefulness", 8 if name in q(1, 40) else 5, "2026-09-10") for name in q(1, 80)]
    useful += [answer(name, "usefulness", 8 if name in q(1, 42) else 5) for name in q(1, 80)]
    for office in ("OF02", "OF03", "OF09", "OF10", "OF29", "OF30"):
        useful += [answer(name, "usefulness", 10) for name in staff()[office]]
    recommending = [answer(name, "nps", 9) for name in q(1, 30)] + [
        answer(name, "nps", 7) for name in q(31, 84)
    ]
    recommending += [answer(name, "nps", 6) for name in q(85, 120)] + [
        answer(name, "nps", 9) for name in p(1, 40)
    ]
    # How easy it was: 15 say 4, 15 say 6. The webinar's convenience: 30 say 7; interest in it: 10 say
    # 5, 10 say 8.
    easy = [answer(name, "ces", 4 if name in p(1, 15) else 6) for name in p(1, 30)]
    convenient = [answer(name, "convenience", 7) for name in p(1, 30)]
    interested = [answer(name, "interest", 5 if name in p(1, 10) else 8) for name in p(1, 20)]
    return satisfied + changed_his_mind + useful + recommending + easy + convenient + interested


def invitations() -> list[Row]:
    return [
        {
            "invitation_key": name, "physician_key": name, "invited_on": "2026-10-01",
            "is_delivered": name != "P40", "has_response": name in p(1, 26),
        }
        for name in p(1, 40)
    ]  # fmt: skip


def inquiries() -> list[Row]:
    def inquiry(name: str, office: str, received: str, answered: str | None, notified: bool | None) -> Row:
        return {
            "inquiry_key": f"I-{name}", "physician_key": name, "office_id": office, "is_from_mr": True,
            "received_on": received, "answered_at": answered, "is_open": answered is None,
            "notified_within_2_business_days": notified,
        }  # fmt: skip

    def tokyo_noon(day: int) -> str:
        return f"2026-10-{day:02d}T12:00:00+09:00"

    answered = [
        inquiry(name, "OF01", "2026-10-05", tokyo_noon(5 + days), True)
        for name, days in zip(p(1, 8), (1, 1, 2, 2, 3, 3, 5, 5), strict=True)
    ]
    still_open = [inquiry(name, "OF01", "2026-10-27", None, None) for name in p(9, 12)]
    elsewhere = [inquiry(name, "OF04", "2026-10-05", tokyo_noon(7), name in q(1, 24)) for name in q(1, 32)]
    too_fresh_to_say = [inquiry("Q033", "OF04", "2026-10-29", tokyo_noon(30), None)]
    return answered + still_open + elsewhere + too_fresh_to_say


def touchpoints() -> list[Row]:
    calls = [("crm_call", name, "2026-10-10") for name in p(1, 36)] + [("crm_call", None, "2026-10-10")] * 4
    old = [("webinar_zoom", name, "2026-05-01") for name in p(1, 3)]
    recent = [("webinar_zoom", name, "2026-10-20") for name in p(1, 2)] + [
        ("webinar_zoom", None, "2026-10-20")
    ] * 5
    rows = calls + old + recent
    return [{"source": source, "physician_key": name, "occurred_on": day} for source, name, day in rows]


def deliveries() -> list[Row]:
    def delivery(source: str, number: int, newest_event_on: str | None) -> Row:
        return {
            "source": source, "batch_id": f"{source}-{number}", "delivered_on": OCTOBER, "state": "landed",
            "event_max_on": newest_event_on, "rows_in": 10, "rows_landed": 9, "rows_quarantined": 1,
            "rows_in_core": 7, "rows_rejected": 2, "freshness_hours": 48, "is_expected": True,
            "is_periodic": source != "webinar_zoom",
        }  # fmt: skip

    # Twenty deliveries of calls on 31 October whose newest call was 1, 2, … 20 days old.
    calls = [delivery("crm_call", days, f"2026-10-{31 - days:02d}") for days in range(1, 21)]
    refused = [delivery("crm_call", 21, None) | {"state": "quarantined", "delivered_on": "2026-12-01"}]
    return calls + refused + [delivery(source, 1, None) for source in SOURCES if source != "crm_call"]


def tables() -> dict[str, list[Row]]:
    """Every core table that marts read, by name."""
    organizations: list[Row] = [
        {"organization_key": "company", "organization_id": "company", "level": "company"}
    ]
    organizations += [
        {
            "organization_key": branch,
            "organization_id": branch,
            "level": "branch",
            "parent_organization_key": "company",
        }
        for branch in ("BR1", "BR2", "BR3")
    ]
    organizations += [
        {
            "organization_key": office,
            "organization_id": office,
            "level": "office",
            "parent_organization_key": branch,
        }
        for office, branch in OFFICES.items()
    ]
    physicians = [name for names in staff().values() for name in names]
    return {
        "dim_physician": [
            {
                "physician_key": name,
                "valid_from": "2020-01-01",
                "valid_to": "9999-12-31",
                "career_band": "20-29",
            }
            for name in physicians
        ],
        "dim_channel": [{"channel_id": channel} for channel in CHANNELS],
        "dim_organization": organizations,
        "fct_physician_month": physician_months(),
        "fct_physician_channel_month": [
            {name: value for name, value in row.items() if name != "product_id"} for row in channel_months()
        ],
        "fct_physician_channel_product_month": channel_product_months(),
        "fct_physician_contact_month": contact_months(),
        "fct_email_recipient": emails(),
        "fct_stated_preference": statements(),
        "fct_journey_phase": phases(),
        "fct_journey_transition": transitions(),
        "fct_survey_response": answers(),
        "fct_survey_invitation": invitations(),
        "fct_medical_inquiry": inquiries(),
        "fct_touchpoint": touchpoints(),
        "fct_consent_event": [],
        "fct_reject": [{"source": "crm_call", "reason": "duplicate", "rows": 2}],
        "fct_source_delivery": deliveries(),
    }
