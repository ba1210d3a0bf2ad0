"""The head-office page: whether it works, how sure that is, what nobody can know yet, on one sheet of paper.

Nothing is estimated here: verdicts, intervals, reasons come from `mart_necessity` and `mart_pilot_readout`,
numbers from `fct_kpi_value`. The page chooses and puts in words, by the rules of `page_hq.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from shirube.share import chart, wording
from shirube.share.cases import Case, case_of, refuse_stronger_words
from shirube.share.number_lines import (
    HEADINGS,
    CannotSay,
    NumberLine,
    cannot_say,
    current_values,
    evidence_of,
    number_line,
    without_value,
)
from shirube.share.per_hundred import people, people_span, signed_people
from shirube.share.pilot_picture import PilotPicture, pilot_picture
from shirube.share.readability import glossary_of
from shirube.share.release_files import Kpi, ReleaseFiles, Row, last_closed_month
from shirube.share.survey_note import who_answered
from shirube.share.wording import declared

ROLE = "executive"
COMPANY = ("company", "company")
_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class NecessityLine:
    """Whether one channel is needed: its verdict in words, the estimate per 100 physicians, and why."""

    channel: str
    verdict: str
    effect: str
    interval: str
    detectable: str
    compared: str
    evidence: str
    reason: str


@dataclass(frozen=True)
class PilotLine:
    """What one initiative showed, with its design and what must be said beside it."""

    name: str
    design: str
    result: str
    verdict: str
    evidence: str
    reason: str
    compared: str
    caution: str


@dataclass(frozen=True)
class SatisfactionCase:
    """Why satisfaction is asked: what was seen with it, how far its index holds, and what is left open."""

    said: str
    evidence: str
    limits: str


@dataclass
class HeadOfficePage:
    """Everything that stands on the head-office page, already in words."""

    month: str
    as_of: str
    arrived: int
    expected: int
    missing: list[str]
    question: str
    answer: str
    evidence: str
    limits: str
    claims: list[str]
    pilots_answer: str
    pilots_evidence: str
    pilots_limits: str
    picture: str
    picture_title: str
    picture_note: str
    necessity: list[NecessityLine]
    segments_title: str
    segments: Case
    numbers: list[NumberLine]
    numbers_note: str
    satisfaction_title: str
    satisfaction: SatisfactionCase
    pilots: list[PilotLine]
    pilots_title: str
    pilots_note: str
    pilot_picture: PilotPicture
    cannot_say: list[CannotSay]
    how_to_know: str
    not_said: list[str]
    release_id: str
    glossary: list[tuple[str, str]] = field(default_factory=list)

    def running_text(self) -> str:
        """All sentences of the page, for the readability rules."""
        parts = [
            self.answer,
            self.limits,
            *self.claims,
            self.pilots_answer,
            self.pilots_limits,
            self.picture_note,
            *self.segments.said,
            self.segments.limits,
            self.numbers_note,
            self.satisfaction_title,
            self.satisfaction.said,
            self.satisfaction.limits,
            self.pilots_title,
            self.pilots_note,
            self.pilot_picture.note,
            self.how_to_know,
        ]
        parts += [line.reason for line in self.necessity] + [line.reason for line in self.pilots]
        parts += [f"{item.why}。{item.when}" for item in self.cannot_say] + self.not_said
        parts += [explanation for _, explanation in self.glossary]
        return "\n".join(part for part in parts if part)

    def all_text(self) -> str:
        """Every word of the page, tables and headings included."""
        cells = [line.words() for line in self.numbers]
        cells += [
            " ".join([n.channel, n.verdict, n.effect, n.interval, n.compared, n.evidence])
            for n in self.necessity
        ]
        cells += [
            " ".join([p.name, p.design, p.result, p.verdict, p.evidence, p.caution]) for p in self.pilots
        ]
        parts = [self.running_text(), self.question, self.evidence, self.pilots_evidence, self.picture_title]
        parts += [self.segments_title, self.segments.evidence]
        parts += [self.satisfaction.evidence, self.pilot_picture.title]
        if self.evidence or self.segments.evidence or self.pilots_evidence or self.satisfaction.evidence:
            parts.append("根拠の強さ")
        if self.necessity:
            parts.append("手段 接点 意味のある差 見つけられる差")
        return "\n".join([*parts, *cells, *[item.what for item in self.cannot_say], *self.missing])


def head_office_page(release: ReleaseFiles, registry: dict[str, Kpi]) -> HeadOfficePage:
    """Assemble the head-office page from a release.

    Raises ValueError where it would claim more than the evidence of its numbers, or hold too many of them.
    """
    page = declared("page_hq")
    month = last_closed_month(release.as_of)
    necessity = _necessity(release, of_parts=False)
    answer = _answer(necessity)
    tried = _pilot_rows(release)
    pilots_answer = _pilots_answer(tried)
    satisfaction, satisfaction_level = _satisfaction(release, month)
    parts = _necessity(release, of_parts=True)
    segments = _segment_sentences(parts)
    said = [*answer, *segments, *pilots_answer, (satisfaction.said, satisfaction_level)]
    refuse_stronger_words("head-office page", said)
    values = [value for value in release.values(*COMPANY) if value.period_end <= month]
    current = current_values(values, registry, month)
    chosen = [kpi for kpi in registry.values() if kpi.kpi_id in current and ROLE in kpi.audience]
    if len(chosen) > int(page["maximum_numbers"]):
        raise ValueError(
            f"{len(chosen)} numbers are meant for {ROLE}; a page holds {page['maximum_numbers']}"
        )
    pilots, picture = [_pilot_line(row) for row in tried], _picture(necessity)
    arrived, missing = release.sources()
    claims = [row["evidence_level"] for row in necessity if row["verdict"] != "cannot_tell"]
    proved = [row["evidence_level"] for row in tried if row["verdict"] != "cannot_tell"]
    result = HeadOfficePage(
        month=f"{month.year}年{month.month}月",
        as_of=f"{wording.full_day(release.as_of)}時点",
        arrived=len(arrived),
        expected=len(arrived) + len(missing),
        missing=missing,
        question=str(page["question"]),
        answer="".join(f"{clause}。" for clause, _ in answer),
        evidence=wording.strength(min(claims)) if claims else "",
        limits=str(page["limits"][min(claims)] if claims else page["limit_where_nothing_is_claimed"]),
        claims=_claims(necessity),
        pilots_answer="".join(f"{clause}。" for clause, _ in pilots_answer),
        pilots_evidence=wording.strength(min(proved)) if proved else "",
        pilots_limits=str(page["limits"][min(proved)]) if proved else "",
        picture=picture,
        picture_title=str(page["picture_title"]),
        picture_note=str(page["picture_note"]) if picture else "",
        necessity=_necessity_lines(necessity),
        segments_title=str(page["segments"]["title"]) if parts else "",
        segments=_segment_case(segments),
        numbers=[number_line(kpi, current[kpi.kpi_id], month) for kpi in chosen],
        numbers_note=who_answered(release, values, chosen, current) + evidence_of(chosen),
        satisfaction_title=str(page["satisfaction"]["title"]),
        satisfaction=satisfaction,
        pilots=pilots[: int(page["pilots"]["most"])],
        pilots_title=str(page["pilots"]["title" if pilots else "title_without"]),
        pilots_note=_pilots_note(len(pilots)),
        pilot_picture=pilot_picture(release, tried),
        cannot_say=cannot_say(chosen, current, without_value(values, registry, month, ROLE)),
        how_to_know=str(page["how_to_know"]) if _is_any_unknown(necessity) else "",
        not_said=[str(sentence) for sentence in page["always_not_said"]],
        release_id=release.release_id,
    )
    result.glossary = glossary_of(result.all_text() + HEADINGS)
    return result


def _necessity(release: ReleaseFiles, *, of_parts: bool) -> list[Row]:
    """The newest verdict on each channel, for all physicians or for each part of them, in the channels'
    order; empty where withheld."""
    return release.query_if_held(
        "mart_necessity",
        "select n.*, c.name_ja as channel_name from {mart_necessity} n "
        "inner join {dim_channel} c on c.channel_id = n.channel_id "
        "where (n.segment_id <> 'all') = $of_parts "
        "order by c.sort_order, n.channel_id, n.segment_type, n.segment_id desc",
        {"of_parts": of_parts},
    )


def _segment_sentences(rows: list[Row]) -> list[tuple[str, str]]:
    """One sentence per segment, verdict and level that some channel has, each with its level, strongest words
    first; then how many pairs of segment and channel are not told."""
    page = declared("page_hq")
    words = page["segments"]
    if not rows:
        return []
    told: dict[tuple[str, str, str], list[str]] = {}
    for verdict in page["clauses"]:
        for row in rows:
            if row["verdict"] == verdict != "cannot_tell" and row["benefit_per_100"] is not None:
                channel = str(words["channel_without_need" if verdict == "not_needed" else "channel"]).format(
                    channel=row["channel_name"],
                    size=signed_people(row["benefit_per_100"]),
                    span=people_span(row["benefit_low_per_100"], row["benefit_high_per_100"]),
                    detectable=people(row["minimum_detectable_per_100"]),
                )
                told.setdefault((row["segment_name"], verdict, row["evidence_level"]), []).append(channel)
    if not told:
        named = "、".join(dict.fromkeys(str(row["segment_name"]) for row in rows))
        return [(str(words["nothing_told"]).format(segments=named, number=len(rows)), "E1")]
    shown = list(told.items())[: int(words["most"])]
    sentences = [
        (
            str(words["told"]).format(
                segment=segment, clause=page["clauses"][verdict][level].format(channels="、".join(channels))
            ),
            level,
        )
        for (segment, verdict, level), channels in shown
    ]
    left = len(rows) - sum(len(channels) for _, channels in shown)
    unknown = sum(row["verdict"] == "cannot_tell" for row in rows)
    if unknown == left and unknown:
        sentences.append((str(words["not_told"]).format(number=unknown), "E1"))
    elif left:
        sentences.append((str(words["more"]).format(number=left), "E1"))
    return sentences


def _segment_case(sentences: list[tuple[str, str]]) -> Case:
    levels = [level for _, level in sentences if level > "E1"]
    return case_of(sentences, str(declared("page_hq")["limits"][min(levels)]) if levels else "", least="E2")


def _is_any_unknown(necessity: list[Row]) -> bool:
    return any(row["verdict"] == "cannot_tell" for row in necessity)


def _answer(necessity: list[Row]) -> list[tuple[str, str]]:
    """One clause per verdict that some channel has, each with its evidence level, strongest words first."""
    page = declared("page_hq")
    if not necessity:
        return [(str(page["nothing_measured"]), "E1")]
    clauses: list[tuple[str, str]] = []
    for verdict, words in page["clauses"].items():
        rows = [row for row in necessity if row["verdict"] == verdict]
        if verdict == "cannot_tell" and rows and not clauses:
            return [(str(page["everything_cannot_be_told"]), "E1")]
        if verdict == "cannot_tell":
            clauses += [(words.format(channels=_channels(rows, len(necessity))), "E1")] if rows else []
            continue
        # Each level has a verb of its own: what a comparison shows is not said to be an effect.
        for level in sorted({row["evidence_level"] for row in rows}, reverse=True):
            same = "、".join(str(row["channel_name"]) for row in rows if row["evidence_level"] == level)
            clauses.append((words[level].format(channels=same), level))
    return clauses


def _evidence(level: str) -> str:
    return str(declared("wording")["evidence"][level]["name"])


def _necessity_lines(necessity: list[Row]) -> list[NecessityLine]:
    """One line per channel; channels without an estimate that share verdict and reason stand in one."""
    together: dict[object, list[Row]] = {}
    for row in necessity:
        is_estimated = row["benefit_per_100"] is not None
        key = row["channel_id"] if is_estimated else (row["verdict"], row["evidence_level"], row["reason"])
        together.setdefault(key, []).append(row)
    return [_necessity_line(rows[0], _channels(rows, len(necessity))) for rows in together.values()]


def _channels(rows: list[Row], of: int) -> str:
    """The channels of one line by name; where they are many, their number."""
    if len(rows) > _NAMED_AT_MOST:
        words = declared("page_hq")["together"]
        return str(words["all"] if len(rows) == of else words["others"]).format(number=len(rows))
    return "、".join(str(row["channel_name"]) for row in rows)


def _necessity_line(row: Row, channels: str) -> NecessityLine:
    benefit = row["benefit_per_100"]
    return NecessityLine(
        channel=channels,
        verdict=_necessity_word(row["verdict"]),
        effect="—" if benefit is None else f"{signed_people(benefit)}人",
        interval=people_span(row["benefit_low_per_100"], row["benefit_high_per_100"]),
        detectable=people(row["minimum_detectable_per_100"]),
        compared="—" if not row["n_treated"] else f"{row['n_treated']:,}件と{row['n_control'] or 0:,}件",
        evidence=_evidence(row["evidence_level"]),
        reason=f"{row['reason']}。" if row["reason"] else "",
    )


def _necessity_word(verdict: str) -> str:
    return str(declared("wording")["necessity_verdicts"][verdict])


def _picture(necessity: list[Row]) -> str:
    """The estimates with their intervals; none where nothing could be estimated."""
    if all(row["benefit_per_100"] is None for row in necessity):
        return ""
    page = declared("page_hq")
    lines = [
        chart.Estimate(
            label=str(row["channel_name"]),
            value=row["benefit_per_100"],
            low=row["benefit_low_per_100"],
            high=row["benefit_high_per_100"],
            remark=_necessity_word(row["verdict"]),
        )
        for row in necessity
    ]
    meaningful = float(necessity[0]["meaningful_per_100"])
    return chart.intervals(
        lines, meaningful, unit=str(page["picture_unit"]), title=str(page["picture_title"])
    )


def _satisfaction(release: ReleaseFiles, month: date) -> tuple[SatisfactionCase, str]:
    """The newest comparison of satisfied and other physicians, the longest of those that end on one day, and
    its evidence level; a plain sentence where there is none."""
    words = declared("page_hq")["satisfaction"]
    rows = release.newest("mart_leadership_case", "*", month, "scope_type = 'company'")
    if not rows:
        return SatisfactionCase(str(words["none"]), "", ""), "E1"
    row = rows[0]
    is_counted = row["n_satisfied"] is not None and row["n_not_satisfied"] is not None
    clauses = [
        str(words["counted" if is_counted else "few"]).format(
            months=wording.month_span(row["period_start"], row["period_end"]),
            satisfied=f"{row['n_satisfied'] or 0:,}",
            others=f"{row['n_not_satisfied'] or 0:,}",
        ),
        *(
            str(words["unknown"]).format(subject=subject)
            if row[f"{part}_verdict"] == "cannot_tell"
            else str(row[f"{part}_words"])
            for part, subject in words["subjects"].items()
        ),
        _reliability(row),
    ]
    level = str(row["evidence_level"])
    said = "".join(f"{clause}。" for clause in clauses)
    return SatisfactionCase(said, wording.strength(level), f"{row['must_not_conclude']}。"), level


def _reliability(row: Row) -> str:
    """How far the questions of satisfaction hold together, with its interval and what is asked of it."""
    words = declared("page_hq")["satisfaction"]
    if row["alpha"] is None or row["alpha_low"] is None or row["alpha_high"] is None:
        return str(words["reliability_unknown"])
    numbers = {
        name: wording.rounded(row[column], 2)
        for name, column in {
            "alpha": "alpha",
            "low": "alpha_low",
            "high": "alpha_high",
            "least": "min_reliability",
        }.items()
    }
    return str(words["reliability"]).format(physicians=f"{row['n_alpha']:,}", **numbers)


def _pilot_rows(release: ReleaseFiles) -> list[Row]:
    """What the initiatives showed, newest first; empty where none could be read."""
    return release.query_if_held(
        "mart_pilot_readout", "select * from {mart_pilot_readout} order by starts_on desc, initiative_id"
    )


def _pilot_line(row: Row) -> PilotLine:
    words = declared("page_hq")["pilots"]
    return PilotLine(
        name=str(row["name_ja"]),
        design=str(words["designs"][row["design"]]),
        result=_result(row),
        verdict=_necessity_word(row["verdict"]),
        evidence=_evidence(row["evidence_level"]),
        reason=f"{row['reason']}。" if row["reason"] else "",
        compared=_compared(row),
        caution=str(words["easy_product"]) if row["is_easy_product"] else "",
    )


def _pilots_answer(rows: list[Row]) -> list[tuple[str, str]]:
    """How many initiatives came out how, each clause with its evidence level; empty where none was tried."""
    if not rows:
        return []
    words = declared("page_hq")["pilots"]["answer"]
    clauses = [(str(words["tried"]).format(number=len(rows)), "E1")]
    for verdict in ("needed", "conditional", "not_needed"):
        found = [row["evidence_level"] for row in rows if row["verdict"] == verdict]
        clauses += [
            (str(words[verdict][level]).format(number=found.count(level)), level)
            for level in sorted(set(found), reverse=True)
        ]
    easy = sum(bool(row["is_easy_product"]) for row in rows if row["verdict"] != "cannot_tell")
    if easy:
        clauses.append((str(words["easy"]).format(number=easy), "E1"))
    unknown = sum(row["verdict"] == "cannot_tell" for row in rows)
    if unknown:
        clauses.append((str(words["cannot_tell"]).format(number=unknown), "E1"))
    return clauses


def _claims(necessity: list[Row]) -> list[str]:
    """How large the difference is that the answer speaks of, once per channel with such a verdict."""
    words = declared("page_hq")["claim"]
    return [
        str(words["more" if row["benefit_per_100"] >= 0 else "fewer"]).format(
            channel=row["channel_name"],
            size=wording.rounded(abs(row["benefit_per_100"]), 1),
            span=people_span(row["benefit_low_per_100"], row["benefit_high_per_100"]),
        )
        for row in necessity
        if row["verdict"] != "cannot_tell" and row["benefit_per_100"] is not None
    ]


def _pilots_note(number: int) -> str:
    """That there is none, or how many more than fit on the sheet; empty where all are shown."""
    words = declared("page_hq")["pilots"]
    more = number - int(words["most"])
    return str(words["none"]) if not number else str(words["more"]).format(number=more) if more > 0 else ""


def _compared(row: Row) -> str:
    """「883人と876人」 and the difference that they would have shown (H9); a dash where nobody is compared or
    counts are not shown."""
    if not row["n_treated"] or not row["n_control"]:
        return "—"
    counted = f"{row['n_treated']:,}人と{row['n_control']:,}人"
    if row["minimum_detectable_per_100"] is None:
        return counted
    found = str(declared("page_hq")["pilots"]["detectable"]).format(
        difference=people(row["minimum_detectable_per_100"])
    )
    return f"{counted}、{found}"


def _result(row: Row) -> str:
    if row["benefit_per_100"] is None:
        return "—"
    span = people_span(row["benefit_low_per_100"], row["benefit_high_per_100"])
    return f"100人あたり{signed_people(row['benefit_per_100'])}人（{span}）"
