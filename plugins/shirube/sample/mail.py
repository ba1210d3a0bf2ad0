"""E-mails, what is done with them by people and by machines, and objections to them."""

from __future__ import annotations

import numpy as np

from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array
from shirube.sample.frames import Frame, rows, size, stack
from shirube.sample.state import State


class Mail(State):
    """E-mails, what is done with them by people and by machines, and objections to them."""

    def _emails(
        self,
        rng: np.random.Generator,
        index: int,
        workdays: Array,
        phase: Array,
        engaged: Array,
        active: Array,
        by_mail: Array,
    ) -> tuple[Frame, Frame, Frame]:
        people = self.company.physicians
        frames = []
        for channel, rate in ((0, self.p.mr_email_per_month), (1, self.p.hq_email_per_month)):
            name = ("mr_email", "hq_email")[channel]
            level = (
                rate * people.activity * np.where(people.is_target, 1.2, 0.5) * (self.opted[name] & active)
            )
            who = np.repeat(np.arange(len(people)), rng.poisson(level))
            product = np.where(rng.random(len(who)) < self.p.product_email_share, self._product(rng, who), -1)
            liked = people.preference[who] == 2 + channel
            clicks = rng.random(len(who)) < np.where(liked, self.p.click_rate_preferred, self.p.click_rate)
            clicks &= np.where(product >= 0, engaged[who, np.maximum(product, 0)], True)
            frames.append(
                {
                    "physician": who,
                    "product": product,
                    "channel": np.full(len(who), channel),
                    "clicks": clicks,
                }
            )
        who, product = np.nonzero(by_mail)
        frames.append(
            {
                "physician": who,
                "product": product,
                "channel": np.ones(len(who), dtype=np.int64),
                "clicks": np.ones(len(who), dtype=bool),
            }
        )
        frame = stack(frames)
        count = size(frame)
        is_hq = frame["channel"] == 1
        hour = np.where(
            is_hq, rng.integers(12 * 3600, 13 * 3600, count), rng.integers(9 * 3600, 18 * 3600, count)
        )
        frame["moment"] = rng.choice(workdays, count) * DAY + hour
        frame["template"] = (
            np.where(frame["product"] >= 0, frame["product"], N_PRODUCTS) * 2 + frame["channel"]
        )
        frame["topic"] = rng.integers(0, len(names.TOPICS), count)
        frame["wave"] = np.zeros(count, dtype=np.int64)
        opt_outs, leaves = self._opt_outs(rng, index, frame)
        # Nobody writes to a physician on that channel after the objection; the planted exceptions come later.
        keep = ~self._after(frame, opt_outs)
        frame = rows(frame, keep)
        frame["kind"] = np.zeros(size(frame), dtype=np.int64)
        frame = stack([frame, *self._odd_emails(rng, workdays, frame)])
        self.objected += list(zip(opt_outs["physician"].tolist(), opt_outs["channel"].tolist(), strict=True))
        frame, activities = self._tracking(rng, frame)
        left = np.isin(frame["physician"] * 2 + frame["channel"], leaves) & (frame["state"] == 0)
        activities = stack([activities, self._unsubscribe(frame, opt_outs, left)])
        return frame, activities, opt_outs

    def _odd_emails(self, rng: np.random.Generator, workdays: Array, frame: Frame) -> list[Frame]:
        """E-mails to the test account (1), tracked anonymously (2), and sent after an objection (3)."""
        frames = []
        for kind in (1, 2):
            odd = rows(frame, np.arange(min(2, size(frame))))
            odd["product"] = np.full(size(odd), -1)
            frames.append(odd | {"kind": np.full(size(odd), kind)})
        known = [pair for pair in self.objected if self.company.physicians.is_resolvable[pair[0]]]
        left = [known[n] for n in rng.permutation(len(known))[:3]]
        if left and size(frame):
            sent = rows(frame, np.zeros(len(left), dtype=np.int64))
            sent["physician"], sent["channel"] = (
                np.array([w for w, _ in left]),
                np.array([c for _, c in left]),
            )
            sent["product"], sent["kind"] = np.full(len(left), -1), np.full(len(left), 3)
            sent["moment"] = rng.choice(workdays, len(left)) * DAY + 12 * 3600
            frames.append(sent)
        return [odd | {"clicks": np.zeros(size(odd), dtype=bool)} for odd in frames]

    def _opt_outs(self, rng: np.random.Generator, index: int, frame: Frame) -> tuple[Frame, Array]:
        """Objections of this month; half of them are made by the link in an e-mail (an Unsubscribe event)."""
        period = self.company.period
        first, last = period.month_start(index), period.month_start(index + 1)
        made = []
        for channel in ("mr_email", "hq_email"):
            open_to = np.flatnonzero(self.opted[channel])
            who = open_to[rng.random(len(open_to)) < self.p.opt_out_per_month]
            out = self._consent_rows(rng, who, channel, False, rng.integers(first, last, len(who)))
            out["by_physician"] = np.ones(len(who), dtype=bool)
            self.opted[channel][who] = False
            made.append(out)
        opt_outs = stack(made)
        keys = frame["physician"] * 2 + frame["channel"]
        by_mail = []
        for row in range(
            0, size(opt_outs), 2
        ):  # few rows: every second one leaves by the link of its first e-mail
            key = opt_outs["physician"][row] * 2 + opt_outs["channel"][row]
            mine = np.flatnonzero(keys == key)
            if len(mine):
                opt_outs["moment"][row] = frame["moment"][mine].min() + 1800
                opt_outs["by_mail"][row] = True
                by_mail.append(key)
        return opt_outs, np.array(by_mail, dtype=np.int64)

    def _after(self, frame: Frame, opt_outs: Frame) -> Array:
        """Which e-mails would be sent after an objection of this month on their channel."""
        keys = np.append(opt_outs["physician"] * 2 + opt_outs["channel"], -1)
        moments = np.append(opt_outs["moment"], 0)
        order = np.argsort(keys)
        keys, moments = keys[order], moments[order]
        mine = frame["physician"] * 2 + frame["channel"]
        at = np.minimum(np.searchsorted(keys, mine), len(keys) - 1)
        return (keys[at] == mine) & (frame["moment"] >= moments[at])

    def _unsubscribe(self, frame: Frame, opt_outs: Frame, left: Array) -> Frame:
        """Unsubscribe events, half an hour after the e-mail that caused them."""
        by_mail = rows(opt_outs, opt_outs["by_mail"])
        keys = by_mail["physician"] * 2 + by_mail["channel"]
        mine = rows(frame, left)
        mine_keys = mine["physician"] * 2 + mine["channel"]
        chosen: list[int] = []
        for key, moment in zip(keys, by_mail["moment"], strict=True):
            found = np.flatnonzero((mine_keys == key) & (mine["moment"] == moment - 1800))
            chosen.extend(found[:1])
        return self._activity(rows(mine, np.array(chosen, dtype=np.int64)), 4, 1800, 0)

    def _activity(
        self, emails: Frame, kind: int, delay: Array | int, agent: Array | int, link: Array | int = -1
    ) -> Frame:
        count = size(emails)
        return {
            "number": self.count.draw("activity", count),
            "email": emails["number"],
            "physician": emails["physician"],
            "product": emails["product"],
            "topic": emails["topic"],
            "moment": emails["moment"] + delay,
            "kind": np.full(count, kind),
            "agent": np.broadcast_to(np.asarray(agent), (count,)).copy(),
            "link": np.broadcast_to(np.asarray(link), (count,)).copy(),
            "human": np.zeros(count, dtype=bool),
            "special": emails["kind"],
        }

    def _tracking(self, rng: np.random.Generator, frame: Frame) -> tuple[Frame, Frame]:
        """Delivery, opens and clicks of e-mails: by people, by a privacy proxy and by link scanners.

        Kinds: 0 delivered, 1 bounced, 2 opened, 3 clicked, 4 unsubscribed. Agents: 0-2 people,
        3 privacy proxy, 4 and more link scanners. Scanner clicks come in four ways, one for each rule
        that catches them.
        """
        count = size(frame)
        frame["number"] = self.count.draw("email", count)
        frame["links"] = rng.integers(3, 7, count)
        fate = rng.random(count)
        state = np.where(
            fate < self.p.drop_rate, 2, np.where(fate < self.p.drop_rate + self.p.bounce_rate, 1, 0)
        )
        frame["state"] = np.where(frame["clicks"] | (frame["kind"] > 0), 0, state)
        delivered = frame["state"] == 0
        clicks = frame["clicks"] & delivered
        human_open = delivered & (clicks | (rng.random(count) < self.p.human_open_rate))
        known = delivered & (frame["kind"] == 0)
        proxy = known & self.uses_proxy[frame["physician"]] & (rng.random(count) < 0.9)
        scanned = (
            known & self.behind_gateway[frame["physician"]] & ~frame["clicks"] & (rng.random(count) < 0.5)
        )
        agent = frame["physician"] % 3
        open_after = rng.integers(120, 3 * DAY, count)
        click_after = open_after + rng.integers(5, 300, count)
        open_after = np.minimum(open_after, self._room(frame))
        click_after = np.minimum(click_after, self._room(frame))
        kinds = [
            self._activity(rows(frame, delivered), 0, 0, 0),
            self._activity(rows(frame, frame["state"] == 1), 1, 60, 0),
        ]
        kinds.append(self._activity(rows(frame, proxy), 2, rng.integers(5, 900, count)[proxy], 3))
        kinds.append(self._activity(rows(frame, human_open), 2, open_after[human_open], agent[human_open]))
        link = rng.integers(0, 2**31, count) % frame["links"]
        human = self._activity(rows(frame, clicks), 3, click_after[clicks], agent[clicks], link[clicks])
        human["human"][:] = True
        kinds.append(human)
        way = rng.integers(0, 4, count)
        scanners = []
        fast = scanned & (way == 0)  # less than two seconds after delivery
        scanners.append(self._activity(rows(frame, fast), 3, 1, agent[fast], 0))
        every = scanned & (way == 1)  # all links within ten seconds
        spread = np.repeat(np.flatnonzero(every), frame["links"][every])
        nth = np.arange(len(spread)) - np.repeat(
            np.cumsum(frame["links"][every]) - frame["links"][every], frame["links"][every]
        )
        scanners.append(self._activity(rows(frame, spread), 3, 3 + nth, agent[spread], nth))
        hidden = scanned & (way == 2)  # a link that no person can see
        scanners.append(self._activity(rows(frame, hidden), 3, 45, agent[hidden], 99))
        named = scanned & (way == 3)  # a scanner that says so
        scanners.append(self._activity(rows(frame, named), 3, 30, 4 + frame["physician"][named] % 3, 0))
        kinds += scanners
        activities = stack(kinds)
        opened = (
            np.bincount(activities["email"][activities["kind"] == 2] - frame["number"][0], minlength=count)
            if count
            else 0
        )
        clicked = (
            np.bincount(activities["email"][activities["kind"] == 3] - frame["number"][0], minlength=count)
            if count
            else 0
        )
        frame["opens"], frame["click_count"] = opened + np.zeros(count, int), clicked + np.zeros(count, int)
        frame["bot_way"] = np.where(scanned, way, -1)
        frame["human_click"], frame["proxy_open"] = clicks, proxy
        return frame, activities

    def _room(self, frame: Frame) -> Array:
        """Seconds from each e-mail to the end of the sample, so that nothing happens after it."""
        return (self.company.period.end_day + 1) * DAY - 60 - frame["moment"]
