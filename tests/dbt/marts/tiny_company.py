"""A company on a page: core rows small enough that every published number can be worked out by hand.

Seven months, April to October 2026, seen on 31 October. Branch BR1 has three offices: OF01 with 40
physicians (P01 to P40) where the numbers are, OF02 with 3 and OF03 with 6, where they are too few. Branch BR2
has OF04 with 120 physicians (Q001 to Q120), enough for a recommendation score. Branch BR3 has offices with
exactly 9, 10, 29 and 30 physicians who all say yes. Each block below feeds one number.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.dbt.marts import content_company, content_needs, moment_judgements, needs_and_moments
from tests.dbt.marts.needs_and_moments import p, q

AS_OF = "2026-10-31"
APRIL, JULY, AUGUST, SEPTEMBER, OCTOBER = "2026-04-30", "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31"
MONTHS = (APRIL, "2026-05-31", "2026-06-30", JULY, AUGUST, SEPTEMBER, OCTOBER)
OFFICES = {"OF01": "BR1", "OF02": "BR1", "OF03": "BR1", "OF04": "BR2"} | dict.fromkeys(
    ("OF09", "OF10", "OF29", "OF30"), "BR3"
)
SOURCES = (
    "dcf_physician", "dcf_facility", "dcf_affiliation", "crm_account", "crm_user", "crm_product", "crm_call",
    "crm_call_detail", "crm_sent_email", "crm_email_activity", "crm_consent", "crm_medical_inquiry",
    "webinar_zoom", "portal_delivery", "survey_qualtrics", "web_snowplow", "initiative", "story",
    "crm_suggestion", "crm_multichannel_activity", "crm_multichannel_activity_line", "jdnet_delivery",
    "crm_call_key_message", "crm_key_message", "content_approval", "content_decision", "link_review",
)  # fmt: skip
CHANNELS = (
    "mr_visit", "mr_remote", "mr_email", "hq_email", "owned_web", "webinar", "portal", "chat",
    "in_person_event", "call_centre", "medical_inquiry", "msl_visit",
)  # fmt: skip
MR_CHANNELS = ("mr_visit", "mr_remote", "mr_email", "in_person_event")

Row = dict[str, Any]


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


def channel_topic_months() -> list[Row]:
    """What the contacts were about: nothing on record, but of P21's and P31's portal contacts in October."""
    rows = []
    for row in channel_months():
        place = {name: row[name] for name in ("physician_key", "channel_id", "month_end")}
        topics = {None: row["push_contacts"]}
        if row["month_end"] == OCTOBER:
            topics = {"P21": {"T-EVID": 1, None: 2}, "P31": {"T-SAFE": 2, None: 1}}.get(
                row["physician_key"], topics
            )
        rows += [place | {"topic_id": topic, "push_contacts": count} for topic, count in topics.items()]
    return rows


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
            "is_marked_spam": physician in ("P30", "P31", "P36"), "is_unsubscribed": physician == "P01",
            "is_bot_clicked": physician in ("P10", "P11"),
            "template_id": "id-withheld" if physician in p(31, 35) else "id-high",
            "survey_wave": "2026-10" if physician == "P30" else None,
        }  # fmt: skip

    one_each = [email(name, 1, name != "P35") for name in p(1, 35)]
    several = [email("P36", number, number <= 2) for number in range(1, 6)]
    by_medical = [
        email(name, 9, True) | {"initiator": "medical", "is_marked_spam": name == "P12"} for name in p(1, 12)
    ]  # in no rate
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
    of_one_topic = [("P31", "portal", "T-SAFE"), ("P21", "mr_visit", "T-EVID")]
    return [
        {
            "preference_key": f"{name}-{channel}", "physician_key": name, "recorded_on": day,
            "channel_id": channel, "preference_source": "survey", "rank": 1,
        }
        for name, channel, day in stated
    ] + [
        {
            "preference_key": f"{name}-{topic}", "physician_key": name, "recorded_on": "2026-09-15",
            "channel_id": channel, "topic_id": topic, "preference_source": "consent_form", "rank": 1,
        }
        for name, channel, topic in of_one_topic
    ]  # fmt: skip


def phases() -> list[Row]:
    placed = {"P0": p(1, 10), "P1": p(11, 25), "P2": p(26, 37), "P4": p(38, 40)}
    rows = [(name, "PRD-A", phase) for phase, names in placed.items() for name in names]
    rows += [(name, "PRD-A", "P1") for office in ("OF02", "OF03") for name in staff()[office]]
    rows += [("P01", "PRD-B", "P2")]
    return [
        {
            "physician_key": name, "product_id": product, "snapshot_on": OCTOBER, "phase_id": phase,
            "month_end": OCTOBER, "phase_since": OCTOBER, "evidence_level": "C" if name == "P11" else "B",
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
            "end_on": "2026-10-31" if horizon == 90 else "2027-01-31",
            "from_phase_id": phase, "is_forward": forward, "is_start_observable": known,
            "is_observed_until_end": observed, "is_target_throughout": target,
            "is_countable": known and observed and target and phase != "P6",
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
            "is_mr_sent": item == "csat" and name in p(1, 9) and day == "2026-10-10",
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


GL_FIELDS = (
    "gl_has_requester", "gl_has_request_text", "gl_has_date", "gl_has_provider", "gl_has_material",
    "gl_has_evidence", "gl_states_negative_data", "gl_states_unapproved",
)  # fmt: skip


def gl_record(name: str) -> Row:
    """BR1 keeps no fields. In BR2 Q001 lacks one, Q002 one or two; of Q003 and Q007 none is told."""
    if name.startswith("P") or name in ("Q003", "Q007"):
        return {"gl_record_complete": name != "Q003"}
    fields: Row = dict.fromkeys(GL_FIELDS, True)
    if name in ("Q001", "Q002"):
        fields["gl_states_negative_data"] = False
    if name == "Q002":
        fields["gl_has_evidence"] = None
    return fields | {"gl_record_complete": name not in q(1, 2)}


def inquiries() -> list[Row]:
    """All beyond the label, which the hand-off does not look at and the way to Medical is about."""
    unprompted = {"P04": False, "Q004": False, "Q005": False, "Q006": None}

    def inquiry(
        name: str, office: str, received: str, answered: str | None, waited: int, notified: bool | None
    ) -> Row:
        return {
            "inquiry_key": f"I-{name}", "inquiry_id": f"a0D-{name}", "physician_key": name,
            "office_id": office, "is_from_mr": True,
            "received_on": received, "answered_at": answered, "is_open": answered is None,
            "notified_within_2_business_days": notified, "category": "off_label",
            "waited_business_days": waited, "is_answered_in_time": None if answered is None else waited <= 3,
            "is_accepted_in_time": True, "is_unsolicited": unprompted.get(name, True),
            "completes_burst": name == "P03",
        } | gl_record(name)  # fmt: skip

    def tokyo_noon(day: int) -> str:
        return f"2026-10-{day:02d}T12:00:00+09:00"

    # From Monday the 5th; the 10th is a Saturday, four business days later.
    answered = [
        inquiry(name, "OF01", "2026-10-05", tokyo_noon(5 + days), min(days, 4), True)
        for name, days in zip(p(1, 8), (1, 1, 2, 2, 3, 3, 5, 5), strict=True)
    ]
    # From Tuesday the 27th to Saturday the 31st.
    still_open = [
        inquiry(name, "OF01", "2026-10-27", None, 3, None) | {"is_accepted_in_time": accepted}
        for name, accepted in zip(p(9, 12), (False, False, None, None), strict=True)
    ]
    elsewhere = [inquiry(name, "OF04", "2026-10-05", tokyo_noon(7), 2, name in q(1, 24)) for name in q(1, 32)]
    too_fresh_to_say = inquiry("Q033", "OF04", "2026-10-29", tokyo_noon(30), 1, None)
    # An inquiry on the label is no question of who may answer.
    on_label = {"category": "on_label", "gl_record_complete": False}
    return [
        *answered,
        *still_open,
        *elsewhere,
        too_fresh_to_say | {"is_accepted_in_time": None},
        *([inquiry("Q034", "OF04", "2026-08-03", "2026-08-04T12:00:00+09:00", 1, True) | on_label]),
    ]


def touchpoints() -> list[Row]:
    calls = [("crm_call", name, "2026-10-10") for name in p(1, 36)] + [("crm_call", None, "2026-10-10")] * 4
    old = [("webinar_zoom", name, "2026-05-01") for name in p(1, 3)]
    recent = [("webinar_zoom", name, "2026-10-20") for name in p(1, 2)] + [
        ("webinar_zoom", None, "2026-10-20")
    ] * 5
    # What the portal delivered on the day of the wish itself (P23) does not honour it.
    portal = [("portal_delivery", name, "2026-10-01") for name in p(19, 22)]
    portal += [("portal_delivery", "P23", "2026-09-15")]
    channels = {"crm_call": "mr_visit", "webinar_zoom": "webinar", "portal_delivery": "portal"}
    initiators = {"crm_call": "mr", "webinar_zoom": "hq", "portal_delivery": "third_party"}
    return [
        {
            "source": source, "physician_key": name, "occurred_on": day, "channel_id": channels[source],
            "depth": 1, "initiator": initiators[source],
        }
        for source, name, day in calls + old + recent + portal
    ]  # fmt: skip


def signals() -> list[Row]:
    def signal(name: str, channel: str, chance: float | None, **told: bool) -> Row:
        flags = ("is_linked", "is_followed", "is_followed_on_first_day", "is_dismissed_with_reason",
                 "is_handled", "is_orchestrated")  # fmt: skip
        outcome = {flag: told.get(flag, False) for flag in flags}
        outcome["is_handled"] = outcome["is_followed"] or outcome["is_dismissed_with_reason"]
        return {
            "physician_key": name, "channel_id": channel, "signal_on": "2026-10-10",
            "is_counted": chance is not None, "chance_of_follow_up": chance,
        } | outcome  # fmt: skip

    # OF01: one webinar each, followed twice as often as coincidence would give.
    webinars = [
        signal(
            name, "webinar", 0.25, is_followed=name in p(1, 18), is_followed_on_first_day=name in p(1, 4),
            is_linked=name in p(1, 10), is_orchestrated=name in p(1, 15),
            is_dismissed_with_reason=name in p(19, 24),
        )
        for name in p(1, 36)
    ]  # fmt: skip
    excluded = [signal(name, "owned_web", None) for name in p(30, 38)]
    # OF04: two visits to the site each, both followed or neither, as often as coincidence gives.
    in_pairs = [
        signal(name, "owned_web", 0.5, is_followed=name in q(1, 20)) for name in q(1, 40) for _ in range(2)
    ]
    return webinars + excluded + in_pairs


def identities() -> list[Row]:
    known = [(name, "email_token") for name in p(1, 30)] + [(name, "member_id") for name in p(26, 29)]
    return [
        {
            "physician_key": name, "reference_type": kind, "valid_from": "2020-01-01",
            "valid_to": "9999-12-31",
        }
        for name, kind in known
    ]  # fmt: skip


def consents() -> list[Row]:
    def consent(name: str, channel: str, state: str, day: str, expires: str | None = None) -> Row:
        return {
            "consent_event_key": f"{name}-{channel}-{day}-{state}", "source": "crm_consent",
            "physician_key": name, "channel_id": channel, "consent_state": state,
            "captured_at": f"{day}T12:00:00+09:00", "captured_on": day, "expires_on": expires,
        }  # fmt: skip

    agreed = [consent(name, "hq_email", "opted_in", "2025-10-01") for name in p(1, 11)]
    ended = [
        consent("P11", "hq_email", "opted_out", "2026-10-30"),
        consent("P12", "hq_email", "opted_in", "2025-10-01", "2026-10-30"),
        # Told again in October, and one whom nobody had contacted.
        *(consent("P20", "hq_email", "opted_out", day) for day in ("2026-03-01", "2026-10-05")),
        consent("P40", "hq_email", "opted_out", "2026-10-05"),
    ]
    no_representative = [consent(name, "mr_visit", "opted_out", "2026-06-01") for name in ("P25", "P29")]
    # Visits are welcome: no word on e-mail, for which P13 has been asked in vain.
    visits_alone = [consent("P13", "mr_visit", "opted_in", "2026-06-01")]
    return agreed + ended + no_representative + visits_alone


def deliveries() -> list[Row]:
    def delivery(source: str, number: int, newest_event_on: str | None) -> Row:
        return {
            "source": source, "batch_id": f"{source}-{number}", "delivered_on": OCTOBER, "state": "landed",
            "event_max_on": newest_event_on, "rows_in": 10, "rows_landed": 9, "rows_quarantined": 1,
            "rows_in_core": 7, "rows_rejected": 2,
        }  # fmt: skip

    # Twenty deliveries of calls on 31 October whose newest call was 1, 2, … 20 days old.
    calls = [delivery("crm_call", days, f"2026-10-{31 - days:02d}") for days in range(1, 21)]
    refused = [delivery("crm_call", 21, None) | {"state": "quarantined", "delivered_on": "2026-12-01"}]
    return calls + refused + [delivery(source, 1, None) for source in SOURCES if source != "crm_call"]


def sources() -> list[Row]:
    """All that came, assignments that should have come, and a strategy that the company does not have."""
    return [
        {
            "source": source, "name_ja": source, "freshness_hours": 48,
            "is_periodic": source != "webinar_zoom", "is_expected": source != "strategy_document",
        }
        for source in (*SOURCES, "initiative_assignment", "strategy_document")
    ]  # fmt: skip


def link_reviews() -> list[Row]:
    """Of October's quarter: calls all right, accounts partly false, too few of webinars. July's is older."""
    found = {
        ("2026-10-01", "crm_account"): {"correct": 47, "false": 3, "unknown": 4},
        ("2026-10-01", "crm_call"): {"correct": 31},
        ("2026-10-01", "webinar_zoom"): {"correct": 8, "false": 1, "unknown": 1},
        ("2026-07-01", "crm_account"): {"false": 150},
    }
    return [
        {"quarter_start": quarter, "source": source, "judgement": judgement}
        | {"link_id": f"{source}-{judgement}-{number}"}
        for (quarter, source), judgements in found.items()
        for judgement, links in judgements.items()
        for number in range(links)
    ]


def stories() -> list[Row]:
    """Twelve of OF01 in October: ten successes that may be shown, one that may not, one failure that may."""
    return [
        {
            "story_id": f"S{number:02d}", "written_on": "2026-10-20", "office_id": "OF01",
            "product_id": "PRD-A", "theme": "訪問",
            "outcome_kind": "negative" if number == 12 else "positive",
            "is_publishable": number != 11, "action": "a", "result": "r", "n_reused_offices": 0,
        }
        for number in range(1, 13)
    ]  # fmt: skip


def initiatives() -> list[Row]:
    """Ten approved in October, two each planned with 0 to 3 representatives; two without a record."""
    return [
        {
            "initiative_id": f"I{number}", "name_ja": "施策", "product_id": "PRD-A",
            "approved_on": "2026-10-10", "n_field_mrs_before_approval": None if number > 7 else number // 2,
        }
        for number in range(10)
    ]  # fmt: skip


def estimates() -> dict[str, list[Row]]:
    """What the estimation step would have left, by estimator."""
    quarter = {"period_start": date(2026, 7, 1), "period_end": date(2026, 9, 30)}
    paths = quarter | {
        "lookback_days": 90, "min_paths": 300, "min_conversions": 50, "rule_version": "attribution-1",
    }  # fmt: skip
    weights = {
        f"{rule}_{part}": value
        for rule in ("position", "markov", "shapley")
        for part, value in (("weight", 0.5), ("low", 0.4), ("high", 0.6))
    }
    attribution = [
        paths | {"n_physicians": 160, "n_paths": 400, "n_conversions": 60, "is_same_order": False},
        *(
            paths | weights
            | {"channel_id": channel, "n_physicians": 90, "n_paths": 200, "n_conversions": 30}
            | {"is_same_order": False}
            for channel in ("mr_visit", "portal")
        ),
        paths | {"product_id": "PRD-A", "n_physicians": 160, "n_paths": 299, "n_conversions": 60,
                 "reason": "too_few_paths"},
        paths | {"product_id": "PRD-B", "n_physicians": 160, "n_paths": 300, "n_conversions": 49,
                 "reason": "too_few_conversions"},
    ]  # fmt: skip
    kpi = quarter | {
        "kpi_version": 1, "period_type": "quarter", "contact_band": "all", "n_mrs": 40, "n_mrs_enough": 10,
        "n_mrs_in_halves": 38, "contacts_median": 20.0, "numerator": 300, "denominator": 900,
        "is_within_mr_control": True, "is_physician_outcome": True, "contains_money": False,
        "is_evaluation_use": False, "min_reliability": 0.7, "enough_contacts": 30, "few_contacts_below": 100,
        "rule_version": "evaluation-1",
    }  # fmt: skip
    found = {
        "noise": (0.69, 0.4, 0.9), "open": (0.75, 0.69, 0.9), "sure": (0.8, 0.7, 0.9), "unknown": (None,) * 3,
    }  # fmt: skip
    reliability = [
        kpi
        | {"kpi_id": name, "reliability": value, "reliability_low": low, "reliability_high": high}
        | ({"reason": "too_few_mrs"} if value is None else {})
        for name, (value, low, high) in found.items()
    ]
    asked = {
        "n_physicians": 70, "n_satisfied": 40, "n_not_satisfied": 30, "min_reliability": 0.7,
        "meaningful_difference": 0.03, "rule_version": "cs-index-1",
        "pull_satisfied": 30, "pull_not_satisfied": 9,
        "pull_difference": 0.45, "pull_difference_low": 0.21, "pull_difference_high": 0.62,
        "n_consented_satisfied": 40, "n_consented_not_satisfied": 30,
        "opt_out_satisfied": 1, "opt_out_not_satisfied": 1,
        "opt_out_difference": 0.025 - 1 / 30, "opt_out_difference_low": -0.14, "opt_out_difference_high": 0.1,
        "n_alpha": 70, "alpha": 0.8, "alpha_low": 0.71, "alpha_high": 0.87,
        "n_retest": 9, "retest": 0.5, "retest_low": -0.2, "retest_high": 0.9,
    }  # fmt: skip
    spring = {"period_start": date(2026, 4, 1), "period_end": date(2026, 6, 30)}
    satisfaction = [
        asked | spring | {"period_type": "quarter"},
        {"period_type": "half", "min_reliability": 0.7, "meaningful_difference": 0.03}
        | {"rule_version": "cs-index-1", "n_alpha": 29, "alpha": 0.9, "alpha_low": 0.8, "alpha_high": 0.95}
        | {"period_start": date(2026, 4, 1), "period_end": date(2026, 9, 30)},
    ]
    return {"attribution": attribution, "kpi_reliability": reliability, "satisfaction": satisfaction}


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
    return (
        {
            "dim_physician": [
                {
                    "physician_key": name,
                    "valid_from": "2020-01-01",
                    "valid_to": "9999-12-31",
                    "career_band": "20-29",
                }
                for name in physicians
            ],
            "dim_channel": [
                {"channel_id": channel, "is_mr_channel": channel in MR_CHANNELS} for channel in CHANNELS
            ],
            "dim_organization": organizations,
            "fct_physician_month": physician_months(),
            "fct_physician_channel_month": [
                {name: value for name, value in row.items() if name != "product_id"}
                for row in channel_months()
            ]
            + needs_and_moments.second_channels(),
            "fct_physician_channel_product_month": channel_product_months(),
            "fct_physician_channel_topic_month": channel_topic_months(),
            "fct_physician_contact_month": contact_months(),
            "fct_email_recipient": emails(),
            "fct_stated_preference": statements(),
            "fct_journey_phase": phases(),
            "fct_journey_transition": transitions(),
            "fct_survey_response": answers() + needs_and_moments.answers(),
            "fct_survey_invitation": invitations(),
            "fct_medical_inquiry": inquiries(),
            "fct_touchpoint": touchpoints() + moment_judgements.touchpoints(),
            "dim_moment": moment_judgements.rules(),
            "fct_moment": needs_and_moments.moments() + moment_judgements.moments(),
            "fct_suggestion": moment_judgements.suggestions(),
            "fct_consent_event": consents(),
            "fct_digital_signal": signals(),
            "bridge_physician_identity": identities(),
            "dim_content": [],
            "dim_initiative": initiatives(),
            "fct_story": stories(),
            "fct_link_review": link_reviews(),
            "fct_reject": [{"source": "crm_call", "reason": "duplicate", "rows": 2}],
            "fct_source_delivery": deliveries(),
            "dim_source": sources(),
        }
        | content_company.tables()
        | needs_and_moments.tables()
        | {
            "dim_topic": content_needs.topics(),
            "dim_content_version": content_company.versions() + content_needs.versions(),
            "fct_need_signal": needs_and_moments.needs() + content_needs.needs(),
        }
    )
