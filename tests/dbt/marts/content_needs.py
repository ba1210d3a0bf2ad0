"""Needs of May 2026 in the tiny company, and the materials that could have answered them.

May has no other needs. Each topic stands for one edge: `T-GUIDE`'s material ended on the 10th, `T-PTYPE`'s
was replaced on the 11th by a version on another topic, `T-DOSE`'s was approved on the 4th and is only
headquarters' to use. `T-EVID` has `high` of content_company.py. `T-SAFE` has none that anybody may use: one
version names a word for its audience that is not known, the other ended the day before. All of them end
before June, so that no other number sees them.
"""

from __future__ import annotations

from typing import Any

from tests.dbt.marts.needs_and_moments import need, p, q

Row = dict[str, Any]

TOPICS = {
    "T-SAFE": "safety", "T-EVID": "promotional", "T-GUIDE": "promotional", "T-PTYPE": "promotional",
    "T-DOSE": "proper_use", "T-MED": "non_promotional_medical",
}  # fmt: skip


def topics() -> list[Row]:
    return [{"topic_id": topic, "info_class": info_class} for topic, info_class in TOPICS.items()]


def needs() -> list[Row]:
    def wanted(names: list[str], topic: str, product: str | None, day: str, **more: Any) -> list[Row]:
        return [need(name, day, True, topic_id=topic, product_id=product, **more) for name in names]

    return [
        *wanted(q(1, 10), "T-GUIDE", "PRD-A", "2026-05-10"),  # its last day
        *wanted(q(11, 20), "T-GUIDE", "PRD-A", "2026-05-11"),  # it ended the day before
        *wanted(q(21, 49), "T-PTYPE", "PRD-A", "2026-05-10"),  # 29; replaced on the next day
        *wanted(q(51, 65), "T-DOSE", "PRD-A", "2026-05-03"),  # 15; approved on the next day
        *wanted(q(66, 80), "T-DOSE", "PRD-A", "2026-05-04"),  # 15
        *wanted(q(81, 89), "T-EVID", "PRD-A", "2026-05-20"),  # 9
        *wanted(q(91, 100), "T-EVID", None, "2026-05-20"),  # 10 that name no product
        *wanted(p(1, 4), "T-SAFE", "PRD-A", "2026-05-20"),
        *wanted(p(5, 7), "T-SAFE", None, "2026-05-20"),
        # No needs here: another company's product, Medical's topic, a second way by which one was shown.
        *wanted(q(110, 115), "T-EVID", "PRD-X", "2026-05-20"),
        *wanted(q(110, 115), "T-MED", "PRD-A", "2026-05-20"),
        *wanted(q(1, 10), "T-GUIDE", "PRD-A", "2026-05-12", is_first_in_episode=False, learned_by="mr"),
        # Put to Medical by five physicians, P14 twice: topic and product are not known here.
        *[
            need(name, day, True, learned_by="inquiry", topic_id=None)
            for name, day in (*((name, "2026-05-15") for name in p(10, 14)), ("P14", "2026-05-16"))
        ],
    ]


def versions() -> list[Row]:
    def version(name: str, topic: str, valid_from: str, valid_to: str, **more: Any) -> Row:
        return {
            "content_version_key": f"{name}-1", "content_key": name, "content_id": f"id-{name}",
            "material_number": f"M-{name}", "content_version": "1", "title": name, "product_id": "PRD-A",
            "topic_id": topic, "may_mr_use": True, "may_hq_use": True, "info_class": TOPICS[topic],
            "is_never_retired": False, "valid_from": valid_from, "valid_to": valid_to,
            "superseded_on": "9999-12-31",
        } | more  # fmt: skip

    return [
        version("guide", "T-GUIDE", "2026-01-01", "2026-05-11"),
        version("ptype", "T-PTYPE", "2026-01-01", "2026-05-31", superseded_on="2026-05-11"),
        version("dose", "T-DOSE", "2026-05-04", "2026-05-31", may_mr_use=False),
        version("safe", "T-SAFE", "2026-01-01", "2026-05-31", may_mr_use=None, may_hq_use=None),
        version("other", "T-SAFE", "2026-01-01", "2026-05-20"),  # ended the day before
        version("med", "T-MED", "2026-01-01", "2026-05-31"),
    ]
