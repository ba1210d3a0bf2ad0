"""The running state of a simulation: latent phases, consents given so far, counters."""

from __future__ import annotations

import numpy as np

from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array, Company
from shirube.sample.frames import Counters, Frame, stack
from shirube.sample.initiatives import Initiatives
from shirube.sample.parameters import P3, Parameters
from shirube.sample.satisfaction import Satisfaction


class State:
    """What one month hands to the next."""

    def __init__(self, company: Company, seed: int, parameters: Parameters | None = None) -> None:
        self.company = company
        self.p = parameters or Parameters()
        self.initiatives = Initiatives(company, seed, self.p)
        self.satisfaction = Satisfaction(seed, len(company.physicians))
        self.seeds = np.random.SeedSequence([seed, 77]).spawn(company.period.months + 1)
        rng = np.random.default_rng(self.seeds[-1])
        count = len(company.physicians)
        self.count = Counters()
        self.phase = rng.choice(8, size=(count, N_PRODUCTS), p=self.p.initial_phase).astype(np.int8)
        self.since = -rng.integers(0, 4, size=(count, N_PRODUCTS)).astype(np.int16)
        self.since[self.phase >= P3] = 0
        self.office_factor = rng.normal(1.0, 0.12, company.n_offices).clip(0.7, 1.3)
        people = company.physicians
        self.uses_proxy = rng.random(count) < self.p.privacy_proxy_share
        self.behind_gateway = rng.random(count) < self.p.gateway_share
        self.opted = {}
        for channel, share in (("mr_email", 0.8), ("hq_email", 0.75)):
            self.opted[channel] = people.has_account & people.has_email & (rng.random(count) < share)
        self.objected: list[tuple[int, int]] = []
        self.tracking_off_from = np.full(count, 2**40)
        self.met_last_month = np.zeros(count, dtype=bool)
        self.first_consents = self._first_consents(rng)

    def _product(self, rng: np.random.Generator, who: Array) -> Array:
        edges = np.cumsum(self.company.physicians.product_weight, axis=1)[who]
        return np.minimum((rng.random(len(who))[:, None] > edges).sum(axis=1), N_PRODUCTS - 1)

    def _first_consents(self, rng: np.random.Generator) -> Frame:
        """Consents given before the period, stated preferences, and objections to tracking during it."""
        people, start = self.company.physicians, self.company.period.start_day
        frames = []
        for channel in ("mr_email", "hq_email"):
            who = np.flatnonzero(self.opted[channel])
            frames.append(
                self._consent_rows(rng, who, channel, True, start - rng.integers(30, 500, len(who)))
            )
        states = np.flatnonzero(people.has_account & (rng.random(len(people)) < 0.25))
        stated = self._consent_rows(
            rng, states, "preference", True, start - rng.integers(1, 200, len(states))
        )
        honest = rng.random(len(states)) < 0.85
        stated["preferred"] = np.where(
            honest, people.preference[states], rng.integers(0, len(names.CHANNELS), len(states))
        )
        stated["topic"] = rng.integers(0, len(names.TOPICS), len(states))
        stated["by_physician"] = rng.random(len(states)) < 0.75
        frames.append(stated)
        member = people.is_resolvable & people.has_member_id
        objects = np.flatnonzero(member & (rng.random(len(people)) < 0.01))
        if len(objects) < 2:
            objects = np.flatnonzero(member)[:2]
        span = self.company.period.end_day - start
        days = start + rng.integers(10, max(11, span // 2), len(objects))
        refusals = self._consent_rows(rng, objects, "web_tracking", False, days)
        self.tracking_off_from[objects] = refusals["moment"]
        frames.append(refusals)
        return stack(frames)

    def _consent_rows(
        self, rng: np.random.Generator, who: Array, channel: str, opt_in: bool, day: Array
    ) -> Frame:
        kinds = ["mr_email", "hq_email", "preference", "web_tracking"]
        moment = day * DAY + rng.integers(9 * 3600, 18 * 3600, len(who))
        return {
            "number": self.count.draw("consent", len(who)),
            "physician": who,
            "channel": np.full(len(who), kinds.index(channel)),
            "opt_in": np.full(len(who), opt_in),
            "moment": moment,
            "preferred": np.full(len(who), -1),
            "topic": np.full(len(who), -1),
            "by_physician": rng.random(len(who)) < 0.9,
            "by_mail": np.zeros(len(who), dtype=bool),
        }
