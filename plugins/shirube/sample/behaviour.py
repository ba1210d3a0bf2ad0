"""What the physicians do: latent journey phases, exposure to channels, and the evidence that follows from them.

The principle that makes results checkable: contact of depth 2 or more with a product happens only where the
latent phase says so, so a phase model can find the phases again, and exposure is assigned at random within
phase and segment, so a contrast that stratifies by them sees the true effect and a naive one does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shirube.sample import names
from shirube.sample.columns import DAY
from shirube.sample.company import N_PRODUCTS, Array, Company, business_hours_after

Frame = dict[str, Array]

P0, P1, P2, P3, P4, P5, P6, PX = range(8)
PHASES = ["P0", "P1", "P2", "P3", "P4", "P5", "P6", "PX"]
CALL_CHANNELS = ["visit", "remote", "phone", "event", "briefing"]
REACTIONS = ["none", "positive", "neutral", "negative", "question"]
USAGE = ["none", "trial", "continued", "stopped"]
WEB_ACTIONS = ["page_view", "view", "search", "download"]
STAGES = [
    "知らない",
    "知っている",
    "関心がある",
    "検討中",
    "使用経験あり(1-4例)",
    "継続して使用",
    "使用を中止した",
]
VISIT, REMOTE, PHONE, EVENT, BRIEFING = range(5)
EFFECTIVE_MINUTES = 30


@dataclass(frozen=True)
class Parameters:
    """Everything that is true about behaviour; copied into truth.json."""

    initial_phase: tuple[float, ...] = (0.35, 0.27, 0.18, 0.09, 0.06, 0.035, 0.005, 0.01)
    forward_per_month: tuple[float, ...] = (0.04, 0.07, 0.08, 0.07, 0.05, 0.01, 0.0, 0.03)
    lapse_per_month: float = 0.008
    webinar_effect_per_month: float = 0.10
    portal_effect_per_month: float = 0.0
    webinar_exposure: tuple[float, ...] = (0.05, 0.07, 0.10, 0.10, 0.09, 0.08, 0.08, 0.03)
    webinar_hospital_factor: float = 1.3
    portal_exposure: tuple[float, ...] = (0.06, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.06)
    portal_read_rate: float = 0.24
    portal_read_rate_preferred: float = 0.55
    pull_act_per_month: float = 0.72
    request_per_month: float = 0.45
    continued_statement_per_month: float = 0.35
    calls_per_target_month: float = 1.25
    calls_per_other_month: float = 0.25
    effective_call_rate: float = 0.5
    mr_email_per_month: float = 0.8
    hq_email_per_month: float = 1.4
    product_email_share: float = 0.7
    click_rate: float = 0.07
    click_rate_preferred: float = 0.25
    bounce_rate: float = 0.02
    drop_rate: float = 0.01
    human_open_rate: float = 0.3
    privacy_proxy_share: float = 0.15
    gateway_share: float = 0.06
    opt_out_per_month: float = 0.003
    explicit_follow_up_share: float = 0.2
    survey_response_rate: float = 0.24
    survey_misreport_rate: float = 0.03
    inquiry_on_label_per_month: float = 0.025
    inquiry_off_label_per_month: float = 0.004


def stack(frames: list[Frame]) -> Frame:
    """Put frames with the same columns on top of each other."""
    return {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}


def rows(frame: Frame, chosen: Array) -> Frame:
    """The chosen rows of a frame, by mask or by row number."""
    return {name: values[chosen] for name, values in frame.items()}


def size(frame: Frame) -> int:
    """Number of rows."""
    return len(next(iter(frame.values())))


@dataclass
class Month:
    """All that happened in one month, as frames of equally long arrays; moments are local (JST) seconds."""

    index: int
    phase: Array
    calls: Frame
    emails: Frame
    activities: Frame
    webinars: Frame
    portal: Frame
    web: Frame
    inquiries: Frame
    survey: Frame
    consents: Frame
    signals: Frame
    webinar_on: Array
    portal_on: Array
    moved_forward: Array


@dataclass
class Counters:
    """Next free number of each kind of record."""

    call: int = 1
    detail: int = 1
    email: int = 1
    activity: int = 1
    consent: int = 1
    inquiry: int = 1
    web: int = 1
    session: int = 1
    response: int = 1
    meeting: int = 1
    delivery: int = 1

    def draw(self, kind: str, count: int) -> Array:
        """The next `count` numbers of a kind."""
        first = getattr(self, kind)
        setattr(self, kind, first + count)
        return np.arange(first, first + count)


class Simulation:
    """Runs the company month by month; call `month(0)`, `month(1)` … in order."""

    def __init__(self, company: Company, seed: int, parameters: Parameters | None = None) -> None:
        self.company = company
        self.p = parameters or Parameters()
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
        self.first_consents = self._first_consents(rng)

    # ---- consent ------------------------------------------------------------------------------------------

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

    # ---- one month ----------------------------------------------------------------------------------------

    def month(self, index: int) -> Month:
        """Simulate one month and move the latent phases on to the next."""
        rng = np.random.default_rng(self.seeds[index])
        company, period, people = self.company, self.company.period, self.company.physicians
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
        self._advance(rng, index, phase, webinar_on)
        consents = stack([self.first_consents, opt_outs]) if index == 0 else opt_outs
        moved = (self.since == index + 1) & (self.phase > phase) & (phase <= P4)
        return Month(
            index, phase, calls, emails, activities, webinars, portal, web, inquiries, survey, consents, signals,
            webinar_on, portal_on, moved,
        )  # fmt: skip

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

    def _advance(self, rng: np.random.Generator, index: int, phase: Array, webinar_on: Array) -> None:
        """Move latent phases to the next month: forward, lapse, or stay."""
        forward = np.array(self.p.forward_per_month)[phase]
        helped = webinar_on & (phase <= P4)
        forward = forward + helped * self.p.webinar_effect_per_month
        draw = rng.random(phase.shape)
        moves = draw < forward
        target = np.where(phase == PX, P2, np.minimum(phase + 1, P6))
        lapses = (rng.random(phase.shape) < self.p.lapse_per_month) & (phase >= P2) & (phase <= P5) & ~moves
        after = np.where(moves, target, np.where(lapses, PX, phase)).astype(np.int8)
        self.since = np.where(after != phase, index + 1, self.since).astype(np.int16)
        self.phase = after

    # ---- channels -----------------------------------------------------------------------------------------

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
                product_of + N_PRODUCTS * (2 * t)
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
        """Plain page views by people who are not signed in (1), not in the CRM (2), or testing the site (3)."""
        frames = []
        for visitor, extra in ((1, max(3, count // 8)), (2, max(2, count // 100)), (3, 3)):
            nobody = np.full(extra, -1)
            frames.append({
                "physician": 10_000_000 + rng.integers(0, 1000, extra) + visitor * 100_000, "product": nobody, "content": nobody.copy(),
                "session": self.count.draw("session", extra),
                "moment": rng.choice(workdays, extra) * DAY + rng.integers(7 * 3600, 22 * 3600, extra),
                "action": np.zeros(extra, dtype=np.int64), "seconds": np.zeros(extra, dtype=np.int64),
                "visitor": np.full(extra, visitor),
            })  # fmt: skip
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
            "physician": picked["physician"], "product": picked["product"], "content": picked["content"],
            "session": self.count.draw("session", count),
            "moment": picked["read_day"] * DAY + rng.integers(12 * 3600, 21 * 3600, count),
            "action": np.ones(count, dtype=np.int64), "seconds": picked["seconds"], "visitor": np.full(count, 4),
        }  # fmt: skip
        web = stack([web, twins])
        web["number"] = self.count.draw("web", size(web))
        return web

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
        """E-mails to the test account (1), anonymously tracked ones (2), and ones sent after an objection (3)."""
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
        chosen = []
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

        Kinds: 0 delivered, 1 bounced, 2 opened, 3 clicked, 4 unsubscribed. Agents: 0-2 people, 3 privacy proxy,
        4 and more link scanners. Scanner clicks come in four ways, one for each rule that catches them.
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

    def _product(self, rng: np.random.Generator, who: Array) -> Array:
        edges = np.cumsum(self.company.physicians.product_weight, axis=1)[who]
        return np.minimum((rng.random(len(who))[:, None] > edges).sum(axis=1), N_PRODUCTS - 1)

    # ---- calls --------------------------------------------------------------------------------------------

    def _call_rows(self, who: Array, day: Array, product: Array) -> Frame:
        count = len(who)
        zero, no = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
        return {
            "physician": who, "day": day, "clock": zero + 10 * 3600, "channel": zero.copy(), "status": zero + 2,
            "duration": zero + 1, "reaction": zero.copy(), "request": no, "question": no.copy(), "usage": zero.copy(),
            "product": product, "second_product": zero - 1, "topic": zero.copy(), "followed_kind": zero.copy(),
            "followed": zero.copy(), "parent": zero.copy(), "is_parent": no.copy(), "attendee": zero - 1,
            "facility": zero - 1, "deleted": no.copy(), "user": zero - 1, "number": zero.copy(), "speaker": no.copy(),
            "test": no.copy(),
        }  # fmt: skip

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
            (by_call, 1, 0, 1), (without_site, 2, 0, 2), (asks, 1, 0, 1), (tries, 1, 1, 1), (continues, 1, 2, 1),
            (lectures, 1, 0, 1), (stops, 0, 3, 1),
        ):  # fmt: skip
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
        """Routine calls plus the ones made for a reason; the last of `others` stays last, so rows can be found."""
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
            return rows(
                self._with_users(self._call_rows(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int))),
                slice(0, 0),
            )  # type: ignore[arg-type]
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
        for frame, group in ((parents, used), (children, group_of)):
            frame["channel"][:] = BRIEFING
            frame["duration"][:] = 30
            frame["clock"] = clock[group]
            self._with_users(frame)
        return stack([parents, children])

    def _signals(self, activities: Frame, webinars: Frame, web: Frame) -> Frame:
        """Engagement in digital channels that a representative could see: kinds 1 e-mail, 2 webinar, 3 site."""
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

    # ---- inquiries and surveys ----------------------------------------------------------------------------

    def _inquiries(
        self, rng: np.random.Generator, workdays: Array, phase: Array, active: Array
    ) -> tuple[Frame, Frame]:
        """Medical inquiries with their hand-off times, and the calls in which some of them came up.

        Categories: 0 on label, 1 off label, 2 safety. Off-label ones come from any phase and say nothing about it.
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
        product = self._product(rng, who)
        count = len(who)
        days = period.business_days(index)[:3]
        mail = {
            "physician": who, "product": np.full(count, -1), "channel": np.ones(count, dtype=np.int64),
            "clicks": np.zeros(count, dtype=bool), "moment": rng.choice(days, count) * DAY + 12 * 3600 + rng.integers(0, 3600, count),
            "template": np.full(count, 2 * N_PRODUCTS + 2), "topic": np.full(count, -1), "wave": np.ones(count, dtype=np.int64),
            "kind": np.zeros(count, dtype=np.int64),
        }  # fmt: skip
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
        nps = np.clip(np.round(rng.normal(5.3 + 0.35 * np.where(ph == PX, 0, ph), 2.0)), 0, 10).astype(
            np.int64
        )
        nps = np.where(ph == P6, rng.integers(9, 11, total), nps)
        duration = rng.integers(60, 900, total)
        satisfied = np.clip(np.round(rng.normal(3.4 + 0.1 * np.where(ph == PX, 0, ph), 0.8)), 1, 5).astype(
            np.int64
        )
        frame = {
            "number": self.count.draw("response", total),
            "physician": responders,
            "product": asked,
            "started": started,
            "seconds": duration,
            "csat": satisfied,
            "nps": nps,
            "useful": np.clip(np.round(rng.normal(6.4, 1.8, total)), 0, 10).astype(np.int64),
            "ces": np.clip(np.round(rng.normal(4.6, 1.2, total)), 1, 7).astype(np.int64),
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
