"""What the physicians do: latent journey phases, exposure to channels, and the evidence of both.

The principle that makes results checkable: contact of depth 2 or more with a product happens only where the
latent phase says so, so a phase model can find the phases again, and exposure is assigned at random within
phase and segment, so a contrast that stratifies by them sees the true effect and a naive one does not.
"""

from __future__ import annotations

import numpy as np

from shirube.sample import names
from shirube.sample.answers import Answers
from shirube.sample.company import N_PRODUCTS, Array
from shirube.sample.frames import Frame, Month, rows, size, stack
from shirube.sample.gaps import off_the_shelves
from shirube.sample.online import Online
from shirube.sample.parameters import P1, P2, P4, P5, P6, PX
from shirube.sample.silence import without_the_silent


class Simulation(Online, Answers):
    """Runs the company month by month; call `month(0)`, `month(1)` … in order."""

    def month(self, index: int) -> Month:
        """Simulate one month and move the latent phases on to the next."""
        rng = np.random.default_rng(self.seeds[index])
        period, people = self.company.period, self.company.physicians
        phase = self.phase.copy()
        workdays = period.business_days(index)
        active = people.has_account & (people.deleted_month > index)
        entering = self.since == index
        engaged = (phase >= P2) & (phase <= P6) & active[:, None]

        reachable = active & people.has_email
        webinar_on = self._exposed(
            rng, phase, self.p.webinar_exposure, reachable, self.p.webinar_hospital_factor
        )
        portal_on = self._exposed(rng, phase, self.p.portal_exposure, people.deleted_month > index, 1.0)

        # A physician who merely knows the product shows it once every four months, by one contact only.
        shows = (phase == P1) & active[:, None] & ((index - self.since) % 4 == 0)
        by_webinar = shows & webinar_on
        by_portal = shows & portal_on & ~by_webinar
        rest = shows & ~by_webinar & ~by_portal
        mailable = (self.opted["hq_email"] & np.isin(people.preference, [2, 3, 4, 5, 6]))[:, None]
        by_mail = rest & mailable
        by_call = rest & ~mailable

        portal = self._portal(rng, index, phase, portal_on, engaged | by_portal)
        webinars = self._webinars(rng, index, workdays, webinar_on, engaged | by_webinar)
        web, without_site = self._web(rng, workdays, phase, engaged, entering, active)
        web = self._cross_log(rng, portal, web, engaged)
        off_the_shelves(self.company, portal, web, webinars)
        emails, activities, opt_outs = self._emails(rng, index, workdays, phase, engaged, active, by_mail)
        signals = self._signals(activities, webinars, web)
        forced = self._forced_calls(rng, workdays, phase, entering, active, by_call, without_site)
        follow_ups = self._follow_ups(rng, index, signals, engaged)
        inquiries, inquiry_calls = self._inquiries(rng, workdays, phase, active)
        calls = self._calls(rng, index, workdays, engaged, active, [forced, follow_ups, inquiry_calls])
        linked = inquiries["call_row"] >= 0
        offset = size(calls) - size(inquiry_calls)
        inquiries["call"] = np.where(
            linked, calls["number"][np.where(linked, inquiries["call_row"] + offset, 0)], 0
        )
        groups = self._briefings(rng, workdays, engaged)
        calls = stack([calls, groups])
        survey, invitations, invited_activities = self._survey(rng, index, phase, active)
        emails = stack([emails, {name: invitations[name] for name in emails}])
        activities = stack([activities, invited_activities])
        self.met_last_month = _met(calls, len(people))
        seen = np.zeros(phase.shape, dtype=np.int64)
        seen[portal["physician"], portal["product"]] = 1 + (portal["read_day"] >= 0)
        self._advance(rng, index, phase, webinar_on, seen)
        consents = stack([self.first_consents, opt_outs]) if index == 0 else opt_outs
        moved = (self.since == index + 1) & (self.phase > phase) & (phase <= P4)
        happened = Month(
            index,
            phase,
            calls,
            emails,
            activities,
            webinars,
            portal,
            web,
            inquiries,
            survey,
            consents,
            signals,
            webinar_on,
            portal_on,
            moved,
        )
        return without_the_silent(self.company, happened)

    def _exposed(
        self,
        rng: np.random.Generator,
        phase: Array,
        chance: tuple[float, ...],
        active: Array,
        hospital_factor: float,
    ) -> Array:
        """Who is exposed to a channel, at random within latent phase and segment."""
        probability = (
            np.array(chance)[phase]
            * np.where(self.company.physicians.is_hospital, hospital_factor, 1.0)[:, None]
        )
        return (rng.random(phase.shape) < probability) & active[:, None]

    def _advance(
        self, rng: np.random.Generator, index: int, phase: Array, webinar_on: Array, portal_seen: Array
    ) -> None:
        """Move latent phases to the next month: forward, lapse, or stay.

        Chances are balanced within cells of phase, segment and exposure: about as many move as the chance
        says, so that even a small company shows what is true rather than a lucky or unlucky draw.
        """
        forward = np.array(self.p.forward_per_month)[phase]
        helped = webinar_on & (phase <= P4)
        forward = forward + helped * self.p.webinar_effect_per_month
        segment = self.company.physicians.is_hospital[:, None]
        cell = ((phase.astype(np.int64) * 2 + segment) * 2 + webinar_on) * 3 + portal_seen
        moves = (_balanced(rng, cell) < forward) | self.initiatives.lift(index, phase)
        target = np.where(phase == PX, P2, np.minimum(phase + 1, P6))
        lapses = (rng.random(phase.shape) < self.p.lapse_per_month) & (phase >= P2) & (phase <= P5) & ~moves
        after = np.where(moves, target, np.where(lapses, PX, phase)).astype(np.int8)
        self.since = np.where(after != phase, index + 1, self.since).astype(np.int16)
        self.phase = after

    def _signals(self, activities: Frame, webinars: Frame, web: Frame) -> Frame:
        """Digital engagement that a representative could see: kinds 1 e-mail, 2 webinar, 3 site."""
        clicks = rows(activities, activities["human"])
        seen = rows(webinars, webinars["effective"] & (webinars["segment"] == 0))
        acts = rows(web, web["action"] > 1)
        parts = (
            (1, clicks, clicks["number"], clicks["moment"], clicks["topic"]),
            (2, seen, seen["session"], seen["end"], seen["topic"]),
            (3, acts, acts["number"], acts["moment"], acts["content"] // N_PRODUCTS % len(names.TOPICS)),
        )
        return stack(
            [
                {
                    "kind": np.full(size(frame), kind),
                    "physician": frame["physician"],
                    "product": frame["product"],
                    "number": number,
                    "moment": moment,
                    "topic": topic,
                }
                for kind, frame, number, moment, topic in parts
            ]
        )


def _met(calls: Frame, physicians: int) -> Array:
    """Whom a representative met or talked with in the month, as far as submitted calls say."""
    talked = (calls["status"] == 2) & ~calls["deleted"] & ~calls["test"] & ~calls["is_parent"]
    return np.bincount(calls["physician"][talked], minlength=physicians) > 0


def _balanced(rng: np.random.Generator, cell: Array) -> Array:
    """Uniform draws that are evenly spread within each cell, in random order."""
    flat = cell.ravel()
    order = np.lexsort((rng.random(len(flat)), flat))
    kinds, first, size_of = np.unique(flat[order], return_index=True, return_counts=True)
    offset = rng.random(len(kinds))
    draws = np.empty(len(flat))
    rank = np.arange(len(flat)) - np.repeat(first, size_of)
    draws[order] = (rank + np.repeat(offset, size_of)) / np.repeat(size_of, size_of)
    return draws.reshape(cell.shape)
