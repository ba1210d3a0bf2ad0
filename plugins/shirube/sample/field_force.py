"""Calls: routine ones, ones made for a reason, group briefings and linked follow-ups."""

from __future__ import annotations

import numpy as np

from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array
from shirube.sample.frames import Frame, rows, size, stack
from shirube.sample.parameters import BRIEFING, EVENT, P3, P4, P5, P6, PHONE, PX, REMOTE, VISIT
from shirube.sample.state import State


class FieldForce(State):
    """Calls: routine ones, ones made for a reason, group briefings and linked follow-ups."""

    def _call_rows(self, who: Array, day: Array, product: Array) -> Frame:
        count = len(who)
        zero, no = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
        return {
            "physician": who,
            "day": day,
            "clock": zero + 10 * 3600,
            "channel": zero.copy(),
            "status": zero + 2,
            "duration": zero + 1,
            "reaction": zero.copy(),
            "request": no,
            "question": no.copy(),
            "usage": zero.copy(),
            "product": product,
            "second_product": zero - 1,
            "topic": zero.copy(),
            "followed_kind": zero.copy(),
            "followed": zero.copy(),
            "parent": zero.copy(),
            "is_parent": no.copy(),
            "attendee": zero - 1,
            "facility": zero - 1,
            "deleted": no.copy(),
            "user": zero - 1,
            "number": zero.copy(),
            "speaker": no.copy(),
            "test": no.copy(),
        }

    def _forced_calls(
        self,
        rng: np.random.Generator,
        workdays: Array,
        phase: Array,
        entering: Array,
        active: Array,
        by_call: Array,
        without_site: Array,
    ) -> Frame:
        """Calls in which the physician shows where they stand: talk, request, statement of use, lecture."""
        live = active[:, None]
        draw = rng.random(phase.shape)
        asks = live & (phase == P3) & (draw < np.where(entering, 0.9, self.p.request_per_month))
        tries = live & (phase == P4) & entering
        continues = (
            live & (phase == P5) & (draw < np.where(entering, 0.8, self.p.continued_statement_per_month))
        )
        lectures = live & (phase == P6) & (draw < 0.3)
        stops = live & (phase == PX) & entering & (draw < 0.5)
        made = []
        for chosen, reaction, usage, times in (
            (by_call, 1, 0, 1),
            (without_site, 2, 0, 2),
            (asks, 1, 0, 1),
            (tries, 1, 1, 1),
            (continues, 1, 2, 1),
            (lectures, 1, 0, 1),
            (stops, 0, 3, 1),
        ):
            who, product = np.nonzero(chosen)
            for _ in range(times):
                frame = self._call_rows(who, rng.choice(workdays, len(who)), product)
                frame["reaction"][:] = reaction
                frame["usage"][:] = usage
                frame["duration"] = (
                    rng.integers(4, 20, len(who)) if reaction else np.ones(len(who), dtype=np.int64)
                )
                if chosen is asks:
                    frame["request"][:] = True
                    frame["question"] = rng.random(len(who)) < 0.5
                    frame["reaction"] = np.where(frame["question"], 4, 1)
                if chosen is lectures:
                    frame["channel"][:] = EVENT
                    frame["speaker"][:] = True
                made.append(frame)
        frame = stack(made)
        frame["topic"] = rng.integers(0, 3, size(frame))
        frame["clock"] = self._clock(rng, size(frame))
        remote = (frame["channel"] == VISIT) & (
            rng.random(size(frame))
            < np.where(self.company.physicians.preference[frame["physician"]] == 1, 0.7, 0.12)
        )
        frame["channel"] = np.where(remote, REMOTE, frame["channel"])
        return frame

    def _clock(self, rng: np.random.Generator, count: int) -> Array:
        return rng.integers(9 * 12, 18 * 12, count) * 300

    def _follow_ups(self, rng: np.random.Generator, index: int, signals: Frame, engaged: Array) -> Frame:
        """Contacts that a representative made because of a signal, with the link that says so.

        Only offices that practise it make them; every other call ignores signals, so that whatever follow-up
        is counted there is coincidence.
        """
        company = self.company
        office = company.facilities.office[
            company.facility_of(company.period.month_start(index))[signals["physician"]]
        ]
        chosen = company.orchestrating_offices[office] & (
            rng.random(size(signals)) < self.p.explicit_follow_up_share
        )
        chosen &= signals["product"] >= 0
        picked = rows(signals, chosen)
        day = picked["moment"] // DAY + rng.integers(1, 7, size(picked))
        weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; 5 and 6 are Saturday and Sunday
        day = day - np.where(weekday >= 5, weekday - 4, 0)
        valid = (day > picked["moment"] // DAY) & (day <= company.period.end_day)
        picked, day = rows(picked, valid), day[valid]
        frame = self._call_rows(picked["physician"], day, picked["product"])
        count = size(frame)
        frame["topic"] = picked["topic"]
        frame["followed_kind"], frame["followed"] = picked["kind"], picked["number"]
        frame["clock"] = self._clock(rng, count)
        frame["channel"] = rng.choice([VISIT, REMOTE, PHONE], count, p=[0.6, 0.25, 0.15])
        works = engaged[frame["physician"], frame["product"]] & (rng.random(count) < 0.6)
        frame["reaction"] = np.where(works, rng.choice([1, 2], count), 0)
        frame["duration"] = np.where(works, rng.integers(4, 20, count), rng.integers(0, 3, count))
        return frame

    def _calls(
        self,
        rng: np.random.Generator,
        index: int,
        workdays: Array,
        engaged: Array,
        active: Array,
        others: list[Frame],
    ) -> Frame:
        """Routine calls plus the ones made for a reason; the last of `others` stays last."""
        company, people = self.company, self.company.physicians
        start = company.period.month_start(index)
        office = company.facilities.office[company.facility_of(start)]
        rate = np.where(people.is_target, self.p.calls_per_target_month, self.p.calls_per_other_month)
        rate = rate * people.activity * self.office_factor[office] * active
        who = np.repeat(np.arange(len(people)), rng.poisson(rate))
        count = len(who)
        product = np.where(rng.random(count) < 0.85, self._product(rng, who), -1)
        second = np.where((product >= 0) & (rng.random(count) < 0.2), self._product(rng, who), -1)
        second = np.where(second == product, -1, second)
        frame = self._call_rows(who, rng.choice(workdays, count), product)
        frame["second_product"] = second
        able = np.where(product >= 0, engaged[who, np.maximum(product, 0)], True)
        able &= np.where(second >= 0, engaged[who, np.maximum(second, 0)], True)
        liked = np.isin(people.preference[who], [0, 1])
        works = able & (rng.random(count) < self.p.effective_call_rate * np.where(liked, 1.4, 0.9))
        frame["reaction"] = np.where(works, rng.choice([1, 2, 3], count, p=[0.4, 0.5, 0.1]), 0)
        frame["duration"] = np.where(works, rng.integers(3, 22, count), rng.integers(0, 3, count))
        frame["topic"] = rng.integers(0, len(names.TOPICS), count)
        frame["clock"] = self._clock(rng, count)
        shift = np.where(people.preference[who] == 1, 0.45, 0.14)
        draw = rng.random(count)
        frame["channel"] = np.where(draw < shift, REMOTE, np.where(draw > 0.94, PHONE, VISIT))
        frame["status"] = np.where(works, 2, rng.choice([0, 1, 2], count, p=[0.06, 0.02, 0.92]))
        frame["deleted"] = ~works & (rng.random(count) < 0.01)
        tests = rows(frame, np.flatnonzero(~works & ~frame["deleted"])[:2])
        tests["test"] = np.ones(size(tests), dtype=bool)
        frame = stack([frame, tests, *others])
        frame["number"] = self.count.draw("call", size(frame))
        return self._with_users(frame)

    def _with_users(self, frame: Frame) -> Frame:
        """Each call belongs to the representative who holds the physician's territory on that day."""
        company, april = self.company, self.company.period.april_day
        first = company.period.start_day
        user = company.mr_of_territory(first)[company.territory_of(first)][frame["physician"]]
        territory = company.territory_of(first)[frame["physician"]]
        if april is not None:
            later = frame["day"] >= april
            user = np.where(
                later, company.mr_of_territory(april)[company.territory_of(april)][frame["physician"]], user
            )
            territory = np.where(later, company.territory_of(april)[frame["physician"]], territory)
        frame["user"], frame["territory"] = user, territory
        return frame

    def _briefings(self, rng: np.random.Generator, workdays: Array, engaged: Array) -> Frame:
        """Group calls at hospitals: one parent row for the facility and one row for each attendee."""
        company = self.company
        home = company.facility_of(int(workdays[0]))
        hospitals = np.flatnonzero(company.facilities.beds >= 20)
        groups = max(2, len(company.physicians) // 60)
        facility = rng.choice(hospitals, groups)
        product = rng.integers(0, N_PRODUCTS, groups)
        day, clock = rng.choice(workdays, groups), self._clock(rng, groups)
        order = np.argsort(home, kind="stable")
        begin, end = (
            np.searchsorted(home[order], facility),
            np.searchsorted(home[order], facility, side="right"),
        )
        members, owner = [], []
        for group in range(groups):
            here = order[begin[group] : end[group]]
            here = here[engaged[here, product[group]]][:8]
            if len(here) >= 2:
                members.append(here)
                owner.append(np.full(len(here), group))
        if not members:
            nobody = np.zeros(0, dtype=np.int64)
            return self._with_users(self._call_rows(nobody, nobody, nobody))
        who, group_of = np.concatenate(members), np.concatenate(owner)
        used = np.unique(group_of)
        parents = self._call_rows(order[begin[used]], day[used], product[used])
        parents["is_parent"][:] = True
        parents["facility"] = facility[used]
        parents["number"] = self.count.draw("call", len(used))
        children = self._call_rows(who, day[group_of], product[group_of])
        children["parent"] = parents["number"][np.searchsorted(used, group_of)]
        children["number"] = self.count.draw("call", len(who))
        children["reaction"] = rng.choice([1, 2], len(who))
        children["attendee"] = np.ones(len(who), dtype=np.int64)
        for frame, belongs in ((parents, used), (children, group_of)):
            frame["channel"][:] = BRIEFING
            frame["duration"][:] = 30
            frame["clock"] = clock[belongs]
            self._with_users(frame)
        return stack([parents, children])
