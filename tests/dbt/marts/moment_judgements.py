"""What representatives of the tiny company answered to suggestions on moments, from 8 May 2026 on.

Six representatives take turns. `M-RETIRED` to `M-FEW` are judged by so many that a rule can be kept, retired
or neither; `M-LONE` by four representatives only; `M-EDGE` holds one physician for every way in which a
suggestion is or is not a judgement of the moment.
"""

from __future__ import annotations

from typing import Any

from tests.dbt.marts.needs_and_moments import q

Row = dict[str, Any]

# moment: day on which all of it opened, judged, of these useful, representatives
JUDGED = {
    "M-RETIRED": ("2026-05-08", 50, 8, 6),
    "M-NEAR": ("2026-05-09", 50, 9, 6),
    "M-BELOW": ("2026-05-10", 50, 21, 6),
    "M-KEPT": ("2026-05-11", 50, 22, 6),
    "M-FEW": ("2026-05-12", 49, 0, 6),
    "M-LONE": ("2026-05-13", 50, 8, 4),
}
EDGE = "2026-05-20"


def rules() -> list[Row]:
    def rule(name: str, trigger: str) -> Row:
        return {
            "moment_id": name, "name_ja": name, "trigger_kind": trigger, "window_days": 14,
            "max_opened_per_mr_week": 5, "min_precision": 0.3, "min_judged": 50, "rule_version": "moment-1",
        }  # fmt: skip

    returned = [rule(name, "engaged_after_silence") for name in (*JUDGED, "M-RETURN")]
    return [
        *returned,
        rule("M-EDGE", "webinar_watched"),
        rule("M-QUESTION", "need_unanswered"),
        rule("M-SAFETY", "safety_notice"),
    ]


def moment(rule: str, physician: str, day: str, representative: str, **more: Any) -> Row:
    return {
        "moment_key": f"{rule}-{physician}", "moment_id": rule, "physician_key": physician, "opened_on": day,
        "expires_on": f"{day[:8]}{int(day[8:]) + 10}", "employee_key": representative, "product_id": "PRD-A",
        "is_opened": True,
    } | more  # fmt: skip


def act(physician: str, day: str, **more: Any) -> Row:
    return {
        "touchpoint_key": f"{physician}-{day}", "source": "webinar_zoom", "physician_key": physician,
        "occurred_on": day, "channel_id": "webinar", "product_id": "PRD-A", "depth": 2, "initiator": "hq",
    } | more  # fmt: skip


def suggestion(physician: str, day: str, representative: str, action: str, **more: Any) -> Row:
    return {
        "suggestion_key": f"S-{physician}-{day}", "physician_key": physician, "employee_key": representative,
        "posted_on": day, "action_taken": action, "signal_touchpoint_key": f"{physician}-{day}",
    } | more  # fmt: skip


def judged() -> tuple[list[Row], list[Row], list[Row]]:
    moments, acts, suggestions = [], [], []
    for rule, (day, count, useful, representatives) in JUDGED.items():
        for place, name in enumerate(q(1, count)):
            who = f"MR{place % representatives}"
            moments.append(moment(rule, name, day, who))
            acts.append(act(name, day, source="crm_sent_email", channel_id="hq_email"))
            said = {} if place < useful else {"dismiss_reason_id": "not_needed_now"}
            suggestions.append(suggestion(name, day, who, "dismissed" if said else "acted", **said))
    return moments, acts, suggestions


def edges() -> tuple[list[Row], list[Row], list[Row]]:
    names = q(1, 18)
    who = {name: f"MR{place % 6}" for place, name in enumerate(names)}
    closed = {"Q012": {"is_opened": False, "not_opened_reason": "over_cap"}}
    moments = [moment("M-EDGE", name, EDGE, who[name], **closed.get(name, {})) for name in names]
    other_acts = {
        "Q004": {"occurred_on": "2026-05-19"},
        "Q005": {"product_id": "PRD-B"},
        "Q006": {"source": "web_snowplow", "channel_id": "owned_web", "initiator": "physician"},
    }
    acts = [act(name, EDGE, **other_acts.get(name, {})) for name in names]

    def said(name: str, action: str, **more: Any) -> Row:
        return suggestion(name, EDGE, who[name], action, **more)

    suggestions = [
        said("Q001", "acted"),  # useful
        said("Q002", "acted", employee_key="MR9"),  # another representative's
        said("Q003", "acted", posted_on="2026-05-31"),  # a day after the window
        said("Q004", "acted"),  # for an act of the day before
        said("Q005", "acted"),  # for an act on another product
        said("Q006", "acted"),  # for a visit to the site, which opens no such moment
        said("Q007", "dismissed", dismiss_reason_id="already_done"),  # speaks of the work: no judgement
        said("Q008", "expired"),  # silence is none
        said("Q009", "dismissed"),  # nor is a dismissal without a reason
        # The first that is a judgement counts: here the second suggestion, there the first.
        said("Q010", "dismissed", dismiss_reason_id="other"),
        said("Q010", "dismissed", dismiss_reason_id="not_relevant", suggestion_key="S-Q010-later"),
        said("Q011", "acted", posted_on="2026-05-21"),
        said("Q011", "dismissed", dismiss_reason_id="not_relevant", posted_on="2026-05-22",
             suggestion_key="S-Q011-later"),
        said("Q012", "acted"),  # its moment never opened
        *[said(name, "dismissed", dismiss_reason_id="physician_declined") for name in q(14, 17)],
        said("Q018", "acted", posted_on="2026-05-30"),  # on the last day of the window
    ]  # fmt: skip
    return moments, acts, suggestions


def moments() -> list[Row]:
    return judged()[0] + edges()[0]


def touchpoints() -> list[Row]:
    return judged()[1] + edges()[1]


def suggestions() -> list[Row]:
    return judged()[2] + edges()[2]
