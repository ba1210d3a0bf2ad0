"""What physicians ask and answer: medical inquiries and the quarterly survey."""

from __future__ import annotations

import numpy as np

from shirube.sample import names, satisfaction
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array, business_hours_after
from shirube.sample.field_force import FieldForce
from shirube.sample.frames import Frame, rows, size, stack
from shirube.sample.mail import Mail
from shirube.sample.parameters import P2, P3, P6, PX


class Answers(Mail, FieldForce):
    """What physicians ask and answer: medical inquiries and the quarterly survey."""

    def _inquiries(
        self, rng: np.random.Generator, workdays: Array, phase: Array, active: Array
    ) -> tuple[Frame, Frame]:
        """Medical inquiries with their hand-off times, and the calls in which some of them came up.

        Categories: 0 on label, 1 off label, 2 safety. Off-label ones come from any phase.
        """
        live = active[:, None]
        draw = rng.random(phase.shape)
        on_label = live & (phase >= P3) & (phase <= P6) & (draw < self.p.inquiry_on_label_per_month)
        safety = live & (phase >= P3) & (phase <= P6) & (draw > 0.994)
        off_label = live & (draw > 0.5) & (draw < 0.5 + self.p.inquiry_off_label_per_month / N_PRODUCTS)
        parts = []
        for category, chosen in ((0, on_label), (1, off_label), (2, safety)):
            who, product = np.nonzero(chosen)
            parts.append({"physician": who, "product": product, "category": np.full(len(who), category)})
        frame = stack(parts)
        count = size(frame)
        day, clock = rng.choice(workdays, count), rng.integers(9 * 12, 17 * 12, count) * 300
        received = day * DAY + clock
        handed = business_hours_after(received, rng.gamma(1.2, 5.0, count))
        accepted = business_hours_after(handed, rng.gamma(1.5, 2.0, count))
        answered = business_hours_after(accepted, rng.gamma(2.0, 6.0, count))
        notified = business_hours_after(answered, rng.gamma(1.2, 5.0, count))
        stop = (self.company.period.end_day + 1) * DAY
        stuck = rng.random(count)
        frame["number"] = self.count.draw("inquiry", count)
        frame["received"] = received
        frame["handed"] = np.where((handed < stop) & (stuck > 0.01), handed, 0)
        frame["accepted"] = np.where((accepted < stop) & (stuck > 0.02), accepted, 0)
        frame["answered"] = np.where((answered < stop) & (stuck > 0.05), answered, 0)
        frame["notified"] = np.where((notified < stop) & (stuck > 0.12), notified, 0)
        frame["gl_complete"] = (frame["category"] != 1) | (rng.random(count) < 0.92)
        frame["topic"] = rng.integers(0, 3, count)
        from_call = rng.random(count) < 0.6
        frame["call_row"] = np.where(from_call, np.cumsum(from_call) - 1, -1)
        calls = rows(frame, from_call)
        made = self._call_rows(
            calls["physician"], day[from_call], np.where(calls["category"] == 1, -1, calls["product"])
        )
        made["clock"] = clock[from_call]
        made["duration"] = np.full(size(made), 6)
        made["request"] = calls["category"] != 1
        made["topic"] = calls["topic"]
        return frame, made

    def _survey(
        self, rng: np.random.Generator, index: int, phase: Array, active: Array
    ) -> tuple[Frame, Frame, Frame]:
        """Quarterly survey in the last month of a calendar quarter: invitations by e-mail and answers."""
        people, period = self.company.physicians, self.company.period
        label = period.label(index)
        is_wave = int(label[5:]) % 3 == 0
        open_to = self.opted["hq_email"] & active & is_wave
        who = np.flatnonzero(open_to & (rng.random(len(people)) < 0.5))
        # Most are asked about the product they know best, the others about any.
        best = np.argmax(
            np.where(phase[who] == PX, 0, phase[who]) + rng.random((len(who), N_PRODUCTS)), axis=1
        )
        product = np.where(rng.random(len(who)) < 0.6, best, self._product(rng, who))
        count = len(who)
        days = period.business_days(index)[:3]
        mail = {
            "physician": who,
            "product": np.full(count, -1),
            "channel": np.ones(count, dtype=np.int64),
            "clicks": np.zeros(count, dtype=bool),
            "moment": rng.choice(days, count) * DAY + 12 * 3600 + rng.integers(0, 3600, count),
            "template": np.full(count, 2 * N_PRODUCTS + 2),
            "topic": np.full(count, -1),
            "wave": np.ones(count, dtype=np.int64),
            "kind": np.zeros(count, dtype=np.int64),
        }
        by_mr = rng.random(count) < 0.15
        mail["channel"] = np.where(by_mr & self.opted["mr_email"][who], 0, 1)
        mail, activities = self._tracking(rng, mail)
        liked = people.preference[who]
        keen = 0.7 + 0.6 * np.isin(liked, [2, 3]) + 0.3 * (phase[who, product] >= P2)
        answers = (mail["state"] == 0) & (rng.random(count) < self.p.survey_response_rate * keen)
        responders, asked = who[answers], product[answers]
        total = len(responders)
        started = (mail["moment"][answers] // DAY + rng.integers(0, 18, total)) * DAY + rng.integers(
            8 * 3600, 22 * 3600, total
        )
        stage = np.array([0, 1, 2, 3, 4, 5, 5, 6])[phase[responders, asked]]
        # A mistaken answer is one step too low, so it never invents evidence.
        wrong = (rng.random(total) < self.p.survey_misreport_rate) & (stage > 0) & (stage < 6)
        ph = phase[responders, asked]
        known = np.where(ph == PX, 0, ph)
        latent = self.satisfaction.on(index, responders)
        nps = satisfaction.NPS.answer(rng.standard_normal(total), latent, known)
        nps = np.where(ph == P6, rng.integers(9, 11, total), nps)
        duration = rng.integers(60, 900, total)
        satisfied = satisfaction.CSAT.answer(rng.standard_normal(total), latent, known)
        frame = {
            "number": self.count.draw("response", total),
            "physician": responders,
            "product": asked,
            "started": started,
            "seconds": duration,
            "csat": satisfied,
            "nps": nps,
            "useful": satisfaction.USEFULNESS.answer(rng.standard_normal(total), latent),
            "ces": satisfaction.EASE.answer(rng.standard_normal(total), latent),
            "latent": latent,
            "met_last_month": self.met_last_month[responders],
            "preferred": np.where(
                rng.random(total) < 0.85,
                people.preference[responders],
                rng.integers(0, len(names.CHANNELS), total),
            ),
            "stage": stage - wrong,
            "about_channel": rng.integers(0, len(names.CHANNELS), total),
            "by_mr": mail["channel"][answers] == 0,
            "finished": rng.random(total) < 0.93,
        }
        return frame, mail, activities
