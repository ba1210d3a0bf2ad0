"""What physicians do online: the portals, webinars and the company's own site."""

from __future__ import annotations

import numpy as np

from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array
from shirube.sample.frames import Frame, rows, size, stack
from shirube.sample.parameters import P1, P4
from shirube.sample.state import State


class Online(State):
    """What physicians do online: the portals, webinars and the company's own site."""

    def _portal(
        self, rng: np.random.Generator, index: int, phase: Array, exposed: Array, engages: Array
    ) -> Frame:
        people, period = self.company.physicians, self.company.period
        who, product = np.nonzero(exposed)
        count = len(who)
        first, length = period.month_start(index), period.month_start(index + 1) - period.month_start(index)
        delivered = first + rng.integers(0, length - 5, count)
        shows = engages[who, product] & (phase[who, product] == P1)
        rate = np.where(
            people.preference[who] == 6, self.p.portal_read_rate_preferred, self.p.portal_read_rate
        )
        read = (rng.random(count) < rate) | shows
        completed = read & engages[who, product] & ((rng.random(count) < 0.6) | shows)
        seconds = np.where(completed, rng.integers(45, 400, count), rng.integers(3, 28, count))
        return {
            "number": self.count.draw("delivery", count),
            "physician": who,
            "product": product,
            "content": self._content(rng, product),
            "delivered_day": delivered,
            "read_day": np.where(read, delivered + rng.integers(0, 5, count), -1),
            "completed": completed,
            "seconds": np.where(read, seconds, 0),
            "points": np.where(
                rng.random(count) < 0.04, -rng.integers(100, 3000, count), rng.integers(0, 50, count) * read
            ),
        }

    def _content(self, rng: np.random.Generator, product: Array) -> Array:
        per_product = len(names.TOPICS) * 2
        return product + N_PRODUCTS * rng.integers(0, per_product, len(product))

    def _webinars(
        self, rng: np.random.Generator, index: int, workdays: Array, exposed: Array, engages: Array
    ) -> Frame:
        who, product = np.nonzero(exposed)
        count = len(who)
        sessions = np.array([max(2, -(-int((product == p).sum()) // 700)) for p in range(N_PRODUCTS)])
        first = np.concatenate([[0], np.cumsum(sessions)[:-1]])
        session = first[product] + rng.integers(0, 2**31, count) % sessions[product]
        total = int(sessions.sum())
        numbers = self.count.draw("meeting", total)
        day = rng.choice(workdays[: max(1, len(workdays) - 2)], total)
        # The last session of each product is a late study group that runs past midnight.
        late = np.zeros(total, dtype=bool)
        late[first + sessions - 1] = True
        start = day * DAY + np.where(late, 23 * 3600 + 1800, rng.choice([12, 18, 19], total) * 3600 + 1800)
        topic = rng.integers(0, len(names.TOPICS), total)
        is_late = late[session]
        full = engages[who, product]
        join = np.where(full, rng.integers(-6, 10, count), rng.integers(-3, 45, count))
        join = np.where(is_late & full, rng.integers(0, 62, count), join) * 60 + rng.integers(0, 60, count)
        stay = np.where(full, rng.integers(36, 56, count), rng.integers(1, 9, count)) * 60 + rng.integers(
            0, 59, count
        )
        rejoin = full & (rng.random(count) < 0.12)
        split = np.where(rejoin, (stay * rng.uniform(0.4, 0.6, count)).astype(np.int64), stay)
        gap = rng.integers(20, 90, count)
        content = np.array(
            [
                product_of + N_PRODUCTS * t
                for product_of, t in zip(np.repeat(np.arange(N_PRODUCTS), sessions), topic, strict=True)
            ]
        )
        frame = {
            "physician": who,
            "product": product,
            "session": numbers[session],
            "content": content[session],
            "topic": topic[session],
            "start": start[session],
            "end": start[session] + np.where(is_late, 120, 60) * 60,
            "joined": start[session] + join,
            "left": start[session] + join + split,
            "late": late[session],
            "effective": full,
            "segment": np.zeros(count, dtype=np.int64),
        }
        again = rows(frame, rejoin)
        again["joined"] = again["left"] + gap[rejoin]
        again["left"] = again["joined"] + (stay - split)[rejoin]
        again["segment"] = np.ones(int(rejoin.sum()), dtype=np.int64)
        return stack([frame, again])

    def _web(
        self,
        rng: np.random.Generator,
        workdays: Array,
        phase: Array,
        engaged: Array,
        entering: Array,
        active: Array,
    ) -> tuple[Frame, Array]:
        """Visits to the company's own site; returns also who should have pulled but has no member id."""
        people = self.company.physicians
        member = people.has_member_id & active
        rate = 0.3 * people.activity * np.where(people.preference == 4, 2.5, 1.0) * member
        plain = np.repeat(np.arange(len(people)), rng.poisson(rate))
        chance = np.where(entering, 0.95, self.p.pull_act_per_month) * np.where(phase >= P4, 0.6, 1.0)
        pulls = engaged & (rng.random(phase.shape) < chance)
        who, product = np.nonzero(pulls & member[:, None])
        count = len(plain) + len(who)
        physician = np.concatenate([plain, who])
        session_product = np.concatenate([np.full(len(plain), -1), product])
        start = rng.choice(workdays, count) * DAY + (7 * 3600 + rng.integers(0, 15 * 3600, count))
        session = self.count.draw("session", count)
        content = np.where(session_product >= 0, self._content(rng, np.maximum(session_product, 0)), -1)
        first = {
            "physician": physician,
            "product": session_product,
            "content": content,
            "session": session,
            "moment": start,
            "action": np.zeros(count, dtype=np.int64),
            "seconds": np.zeros(count, dtype=np.int64),
            "visitor": np.zeros(count, dtype=np.int64),
        }
        acts = rows(first, session_product >= 0)
        acts["action"] = rng.choice([1, 2, 3], size(acts), p=[0.4, 0.25, 0.35])
        acts["moment"] = acts["moment"] + rng.integers(15, 240, size(acts))
        acts["seconds"] = rng.integers(30, 600, size(acts))
        # A mere view is not a pull act, so a view is followed by a download in the same session.
        also = rows(acts, acts["action"] == 1)
        also["action"] = np.full(size(also), 3)
        also["moment"] = also["moment"] + rng.integers(10, 60, size(also))
        return stack([first, acts, also, *self._strangers(rng, workdays, count)]), pulls & ~member[:, None]

    def _strangers(self, rng: np.random.Generator, workdays: Array, count: int) -> list[Frame]:
        """Plain page views by people not signed in (1), not in the CRM (2), or testing the site (3)."""
        frames = []
        for visitor, extra in ((1, max(3, count // 8)), (2, max(2, count // 100)), (3, 3)):
            nobody = np.full(extra, -1)
            frames.append(
                {
                    "physician": 10_000_000 + rng.integers(0, 1000, extra) + visitor * 100_000,
                    "product": nobody,
                    "content": nobody.copy(),
                    "session": self.count.draw("session", extra),
                    "moment": rng.choice(workdays, extra) * DAY + rng.integers(7 * 3600, 22 * 3600, extra),
                    "action": np.zeros(extra, dtype=np.int64),
                    "seconds": np.zeros(extra, dtype=np.int64),
                    "visitor": np.full(extra, visitor),
                }
            )
        return frames

    def _cross_log(self, rng: np.random.Generator, portal: Frame, web: Frame, engaged: Array) -> Frame:
        """Let own site and portal report the same view for a few, and for nobody by accident.

        The same view: same physician, content and day (the portal's read date, or else its delivery date, and
        the site's day in Tokyo).
        """
        people, span, contents = self.company.physicians, 100_000, len(self.company.contents.ids)

        def key(physician: Array, content: Array, day: Array) -> Array:
            return (physician.astype(np.int64) * contents + content) * span + day

        read = portal["read_day"] >= 0
        seen = np.where(read, portal["read_day"], portal["delivered_day"])
        reported = key(portal["physician"], portal["content"], seen)
        logged = key(web["physician"], np.maximum(web["content"], 0), web["moment"] // DAY)
        web = rows(web, ~((web["content"] >= 0) & np.isin(logged, reported)))
        who = portal["physician"]
        fit = (
            read
            & portal["completed"]
            & engaged[who, portal["product"]]
            & people.is_resolvable[who]
            & people.has_member_id[who]
        )
        fit &= self.tracking_off_from[who] > 2**39
        chosen = np.flatnonzero(fit)
        reported = key(who[chosen], portal["content"][chosen], portal["read_day"][chosen])
        chosen = chosen[np.unique(reported, return_index=True)[1]]
        chosen = np.sort(rng.permutation(chosen)[: max(3, len(fit) // 150)])
        picked, count = rows(portal, chosen), len(chosen)
        twins = {
            "physician": picked["physician"],
            "product": picked["product"],
            "content": picked["content"],
            "session": self.count.draw("session", count),
            "moment": picked["read_day"] * DAY + rng.integers(12 * 3600, 21 * 3600, count),
            "action": np.ones(count, dtype=np.int64),
            "seconds": picked["seconds"],
            "visitor": np.full(count, 4),
        }
        web = stack([web, twins])
        web["number"] = self.count.draw("web", size(web))
        return web
