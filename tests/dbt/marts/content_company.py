"""The contents of the tiny company: versions, uses and decisions small enough to count by hand.

All is October 2026, seen on the 31st. On visits, seven contents: `high`, `mid`, `low` with about 40
physicians each, `notice` (a safety notice) with 40 others, `thirty` with exactly 30, `almost` with 29 and
`small` with 3. `web` is fetched by the physician and the approval register does not know it. The others are
never shown; they stand at the edges of what counts as new, valid and rarely used. `secret` is
Medical's and has no name.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

KPIS = {
    "content.reaction_rate", "content.next_step_rate", "content.rarely_used_rate", "content.use_rate",
    "content.decision_recorded_rate",
}  # fmt: skip
OCTOBER = "2026-10-31"
LONG_AGO, NO_END = "2026-01-01", "9999-12-31"

# content: valid from, first day no longer valid
VERSIONS = {
    "high": (LONG_AGO, NO_END), "mid": (LONG_AGO, NO_END), "low": (LONG_AGO, NO_END),
    "notice": (LONG_AGO, NO_END), "thirty": (LONG_AGO, NO_END), "almost": (LONG_AGO, NO_END),
    "small": (LONG_AGO, NO_END),
    "new89": ("2026-08-03", NO_END),  # 89 days old on 31 October
    "new90": ("2026-08-02", NO_END),  # 90 days old
    "edge5": (LONG_AGO, NO_END), "edge4": (LONG_AGO, NO_END),
    "today": (LONG_AGO, "2026-11-01"),  # last day: 31 October
    "over": (LONG_AGO, "2026-10-31"),  # last day: 30 October
}  # fmt: skip
TOPICS = {"high": "T-EVID", "today": "T-EVID", "over": "T-EVID"}


def _q(first: int, last: int) -> list[str]:
    return [f"Q{number:03d}" for number in range(first, last + 1)]


def _p(first: int, last: int) -> list[str]:
    return [f"P{number:02d}" for number in range(first, last + 1)]


# content: physicians who saw it, physicians who reacted, physicians who took a next step
SEEN = {
    "high": (_q(1, 40), _q(1, 36), _q(1, 10)),
    "mid": (_q(41, 80), _q(41, 60), []),
    "low": (_q(81, 120), _q(81, 84), []),
    "notice": (_p(1, 40), _p(1, 4), _p(1, 6)),
    "thirty": (_q(1, 30), _q(1, 15), []),
    "almost": (_q(1, 29), _q(1, 29), []),
    "small": (_q(1, 3), [], []),
}


def versions() -> list[Row]:
    return [
        {
            "content_version_key": f"{name}-1", "content_key": name, "content_id": f"id-{name}",
            "material_number": f"M-{name}", "content_version": "1", "title": name, "product_id": "PRD-A",
            "topic_id": TOPICS.get(name), "may_mr_use": True, "may_hq_use": False,
            "info_class": "safety" if name == "notice" else "promotional",
            "is_never_retired": name == "notice", "valid_from": valid_from, "valid_to": valid_to,
            "superseded_on": NO_END,
        }
        for name, (valid_from, valid_to) in VERSIONS.items()
    ]  # fmt: skip


def months() -> list[Row]:
    """Who saw what in October. The 24 representatives E01 to E24 take turns; E33 left on the 15th."""

    def row(content: str, physician: str, number: int, **more: Any) -> Row:
        plain = dict.fromkeys(("mr_judged", "mr_judged_positive", "mr_judged_negative"), 0)
        flags = dict.fromkeys(("has_reaction", "has_next_step", "has_negative"), False)
        place = {
            "content_key": content, "content_version_key": f"{content}-1", "channel_id": "mr_visit",
            "physician_key": physician, "employee_key": f"E{number % 24 + 1:02d}", "role_id": "mr",
            "direction": "push", "month_end": OCTOBER, "uses": 1, "exposures": 1, "judged_exposures": 1,
        }  # fmt: skip
        return place | plain | flags | more

    shown = [
        row(
            content, physician, number,
            has_reaction=physician in reacted, has_next_step=physician in stepped,
            has_negative=content == "low" and physician in _q(81, 85),
            mr_judged=int(content == "notice"),
            mr_judged_negative=int(content == "notice" and number < 30),
        )
        for content, (seen, reacted, stepped) in SEEN.items()
        for number, physician in enumerate(seen)
    ]  # fmt: skip
    # Two weeks are not over yet: reached, not yet judged. And one by somebody who has left since.
    fresh = [row("mid", "OF10-1", 0, judged_exposures=0), row("mid", "OF10-2", 0, employee_key="E33")]
    fetched = [
        row("web", name, 0, channel_id="owned_web", role_id="hq", direction="pull", employee_key=None,
            content_version_key=None, has_reaction=True)
        for name in ("OF09-1", "OF09-2", "OF09-3", "OF09-4", "OF09-5")
    ]  # fmt: skip
    return shown + fresh + fetched


def uses() -> list[Row]:
    """Single uses: what the day counts, the seconds and the violations are taken from."""

    def use(content: str, day: str, number: int, **more: Any) -> Row:
        return {
            "content_use_key": f"{content}-{day}-{number}", "touchpoint_key": f"T-{content}-{day}-{number}",
            "content_key": content, "content_version_key": f"{content}-1", "content_version": "1",
            "role_id": "mr", "channel_id": "mr_visit", "used_on": day,
            "month_end": OCTOBER if day >= "2026-10" else f"{day[:7]}-30", "validity": "valid",
        } | more  # fmt: skip

    begin = [use("low", "2026-04-01", 0)]
    enough = [use(name, "2026-10-05", n) for name in ("low", "notice", "thirty", "almost", "small")
              for n in range(5)]  # fmt: skip
    # Seconds 10, 20 … 100: the fifth and sixth are 50 and 60. Nine are too few for a median; so are ten by
    # four representatives, whose own pace it would show.
    timed = [use("high", "2026-10-06", n, seconds=10 * n, employee_key=f"MR{n % 5}") for n in range(1, 11)]
    timed += [use("thirty", "2026-10-06", n, seconds=10 * n, employee_key=f"MR{n % 4}") for n in range(1, 11)]
    timed += [use("mid", "2026-10-06", n, seconds=10 * n, employee_key=f"MR{n}") for n in range(1, 10)]
    # Ninety days up to 31 October begin on 3 August.
    edge = [use("edge5", "2026-08-03", 0, month_end="2026-08-31")]
    edge += [use("edge4", "2026-08-02", 0, month_end="2026-08-31")]
    edge += [use(name, "2026-10-07", n) for name in ("edge5", "edge4", "new90", "new89") for n in range(4)]
    # Two pages of one call are one violation; what only Medical may use is counted without its name.
    wrong = [use("over", "2026-10-31", n, validity="expired", touchpoint_key="T-over") for n in (1, 2)]
    wrong += [use("secret", "2026-10-08", 1, validity="out_of_role")]
    return begin + enough + timed + edge + wrong


def decisions() -> list[Row]:
    def decision(content: str, word: str, day: str, after: int | None = None) -> Row:
        return {
            "decision_key": f"{content}-{day}", "material_number": f"M-{content}", "content_version": "1",
            "decision": word, "decided_on": day, "department": "営業企画部",
            "is_result_observable": day <= "2026-08-02",
            "n_exposed_before": 12, "n_reacted_before": 3,
            "n_exposed_after": after, "n_reacted_after": after and after // 2,
        }  # fmt: skip

    # 180 days before 31 October is 4 May: a decision of that day stands no more, one of the 5th does.
    return [
        decision("high", "improve", "2026-06-01"),
        decision("high", "keep", "2026-10-01", 4),
        decision("mid", "hold", "2026-05-04"),
        decision("low", "improve", "2026-05-05", 6),
        decision("notice", "retire", "2026-10-10"),
        decision("almost", "keep", "2026-10-10"),
    ]


def employees() -> list[Row]:
    def employee(key: str, role: str, valid_to: str = NO_END) -> Row:
        return {
            "employee_key": key, "valid_from": "2025-04-01", "valid_to": valid_to, "role": role,
            "is_active": True,
        }  # fmt: skip

    staff = [employee(f"E{number:02d}", "MR") for number in range(1, 33)]
    return [*staff, employee("E33", "MR", "2026-10-15"), employee("E34", "HQ")]


def tables() -> dict[str, list[Row]]:
    """The core tables of the contents, by name."""
    named = [*VERSIONS, "web"]
    return {
        "dim_product": [
            {"product_id": "PRD-A", "name": "シルベリン錠", "is_company_product": True},
            {"product_id": "PRD-X", "name": "他社品", "is_company_product": False},
        ],
        "dim_employee": employees(),
        "dim_content": [
            {"content_key": name, "content_id": f"id-{name}", "title": name, "product_id": "PRD-A"}
            for name in named
        ],
        "fct_content_use": uses(),
        "fct_content_use_month": months(),
        "fct_decision": decisions(),
    }
