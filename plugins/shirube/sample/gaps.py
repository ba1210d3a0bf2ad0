"""Topics of products for which there is no usable material for a time, and what happens meanwhile.

A material that may not be used is taken off the shelves: portals, own site and webinars show another topic of
the same product, and no page of it is shown in a call. Physicians go on asking. Nothing here is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array, Company
from shirube.sample.frames import Frame

N_TOPICS = len(names.TOPICS)
_LEAST_MONTHS = 8  # a shorter period has no room for gaps that begin and end within it
NEVER, FOR_GOOD = -(10**6), 10**6


@dataclass(frozen=True)
class Gap:
    """A product's topic without material from `first_day` until before `until_day`; days since 1970.

    `NEVER`: there has been none yet. `FOR_GOOD`: there is none on the last day of the sample.
    """

    product: int
    topic: int
    first_day: int
    until_day: int

    @property
    def is_lapse(self) -> bool:
        """Whether there was a material before."""
        return self.first_day != NEVER

    @property
    def is_filled(self) -> bool:
        """Whether there is a material again, or at last."""
        return self.until_day != FOR_GOOD


def gaps(company: Company) -> tuple[Gap, ...]:
    """One that is renewed two months later, one that is filled at last, and one that is open at the end."""
    period = company.period
    if period.months < _LEAST_MONTHS:
        return ()
    topic = {code: place for place, (code, _) in enumerate(names.TOPICS)}
    renewed = (period.month_start(period.months - 7) + 14, period.month_start(period.months - 5) + 14)
    return (
        Gap(0, topic["T-PTYPE"], *renewed),
        Gap(2, topic["T-PTYPE"], NEVER, period.month_start(period.months // 3) + 9),
        Gap(1, topic["T-DOSE"], period.end_day - 45, FOR_GOOD),
    )


def of(company: Company, product: int, topic: int) -> Gap | None:
    """The gap of a product's topic, if there is one."""
    return next((gap for gap in gaps(company) if (gap.product, gap.topic) == (product, topic)), None)


def closed(company: Company, product: Array, topic: Array, day: Array) -> Array:
    """Whether there is no usable material on each product's topic on each day; arrays that broadcast."""
    found = np.zeros(np.broadcast_shapes(np.shape(product), np.shape(topic), np.shape(day)), dtype=bool)
    for gap in gaps(company):
        found |= (
            (product == gap.product) & (topic == gap.topic) & (day >= gap.first_day) & (day < gap.until_day)
        )
    return found


def off_the_shelves(company: Company, portal: Frame, web: Frame, webinars: Frame) -> None:
    """Put another topic of the product wherever something was shown that had no material on that day.

    Own site and portal go on reporting the same view where they did, and nowhere else: the same physician,
    content and day (the portal's read date, or else its delivery date).
    """
    contents, span = len(company.contents.ids), 100_000

    def key(physician: Array, content: Array, day: Array) -> Array:
        return (physician.astype(np.int64) * contents + content) * span + day

    def replaced(physician: Array, content: Array, day: Array, chosen: Array, taken: Array) -> Array:
        result, left = content.copy(), chosen.copy()
        for step in range(1, N_TOPICS):
            other = _other_topic(content, step)
            fits = left & ~np.isin(key(physician, other, day), taken)
            fits &= ~closed(company, other % N_PRODUCTS, _topic(other), day)
            result[fits] = other[fits]
            left &= ~fits
        return result

    if not gaps(company):
        return
    named = np.flatnonzero(web["content"] >= 0)
    who, content, day = (values[named] for values in (web["physician"], web["content"], web["moment"] // DAY))
    sent, told = portal["delivered_day"], portal["content"]
    seen = np.where(portal["read_day"] >= 0, portal["read_day"], sent)
    before, logged = key(portal["physician"], told, seen), key(who, content, day)
    gone = closed(company, portal["product"], _topic(told), sent)
    gone |= closed(company, portal["product"], _topic(told), seen)
    portal["content"] = replaced(portal["physician"], told, seen, gone, logged)
    order = np.argsort(before, kind="stable")
    place = order[np.minimum(np.searchsorted(before[order], logged), len(order) - 1)]
    twin = before[place] == logged
    after = key(portal["physician"], portal["content"], seen)
    chosen = closed(company, content % N_PRODUCTS, _topic(content), day) & ~twin
    web["content"] = web["content"].copy()
    web["content"][named] = np.where(
        twin, portal["content"][place], replaced(who, content, day, chosen, after)
    )
    # A late webinar runs into the next day.
    night = webinars["start"] // DAY
    gone = closed(company, webinars["product"], webinars["topic"], night)
    gone |= closed(company, webinars["product"], webinars["topic"], night + 1)
    webinars["content"] = np.where(gone, _other_topic(webinars["content"], 1), webinars["content"])
    webinars["topic"] = _topic(webinars["content"])


def planted(company: Company) -> dict[str, Any]:
    """What is true about the gaps, for truth.json: `until` is the first day with a material again."""

    def day(number: int) -> str | None:
        return None if number in (NEVER, FOR_GOOD) else str(np.datetime64(number, "D"))

    return {
        "what": "no material on the product's topic may be used from `from` until before `until`",
        "caught_by": "mart_content_need (needs_uncovered, is_gap); mart_information_catalogue (to_medical)",
        "gaps": [
            {
                "product_id": names.PRODUCTS[gap.product][0],
                "topic_id": names.TOPICS[gap.topic][0],
                "from": day(gap.first_day),
                "until": day(gap.until_day),
            }
            for gap in gaps(company)
        ],
    }


def _topic(content: Array) -> Array:
    return content // N_PRODUCTS % N_TOPICS


def _other_topic(content: Array, step: int) -> Array:
    """The content of the same product and edition whose topic is `step` places further on."""
    edition = content // N_PRODUCTS // N_TOPICS
    topic = (_topic(content) + step) % N_TOPICS
    return content % N_PRODUCTS + N_PRODUCTS * (topic + N_TOPICS * edition)
