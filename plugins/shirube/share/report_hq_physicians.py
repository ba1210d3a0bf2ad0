"""The second head-office page: what physicians want, whether it is met, and what was seen of them.

Nothing is estimated here: means, shares, intervals and verdicts come from the marts that each part names.
The page chooses and puts in words, by the rules of `page_hq_physicians.yaml`. Where a mart has nothing to
say, the page says that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shirube.share import chart, wording
from shirube.share.cases import Case, Sentence, case_of, refuse_stronger_words
from shirube.share.number_lines import (
    CannotSay,
    current_values,
    number_line,
    rate_counted,
    rate_interval,
    rate_said,
)
from shirube.share.per_hundred import people_span, signed_people
from shirube.share.readability import glossary_of
from shirube.share.release_files import Kpi, ReleaseFiles, Row, last_closed_month
from shirube.share.survey_note import answered_note
from shirube.share.wording import declared

NOTHING_CLAIMED = "E0"
"""The level of a sentence that says that there is nothing to say."""

# What was done for patients: its words, who asked or was concerned, how much there was, how much was done.
_FOR_PATIENTS = (
    (
        "safety",
        "n_physicians_with_safety_notice",
        "n_physicians_with_safety_notice",
        "n_physicians_informed_in_time",
    ),
    (
        "question",
        "n_physicians_with_proper_use_question",
        "proper_use_questions",
        "proper_use_questions_answered",
    ),
    ("request", "n_physicians_with_material_request", "material_requests", "material_requests_fulfilled"),
)


@dataclass(frozen=True)
class CountedLine:
    """One row of the table of numbers: what it is and when, its value, interval and counts, and its state."""

    label: str
    months: str
    value: str
    interval: str
    counted: str
    note: str


@dataclass(frozen=True)
class Part:
    """One matter of the page under its heading."""

    title: str
    case: Case


@dataclass
class PhysiciansPage:
    """Everything that stands on the page, already in words."""

    title: str
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
    picture: str
    picture_title: str
    picture_note: str
    numbers_title: str
    numbers: list[CountedLine]
    numbers_note: str
    parts: list[Part]
    cannot_say: list[CannotSay]
    not_said: list[str]
    release_id: str
    glossary: list[tuple[str, str]] = field(default_factory=list)

    def running_text(self) -> str:
        """All sentences of the page, for the readability rules."""
        parts = [self.answer, self.limits, *self.claims, self.picture_note, self.numbers_note]
        for part in self.parts:
            parts += [*part.case.said, part.case.limits]
        parts += [f"{item.why}。{item.when}" for item in self.cannot_say] + self.not_said
        parts += [explanation for _, explanation in self.glossary]
        return "\n".join(part for part in parts if part)

    def all_text(self) -> str:
        """Every word of the page, table and headings included."""
        cells = [" ".join([n.label, n.months, n.value, n.interval, n.counted, n.note]) for n in self.numbers]
        headings = [self.title, self.question, self.picture_title, self.numbers_title]
        headings += [f"{part.title} {part.case.evidence}" for part in self.parts]
        headings += ["幅 根拠の強さ", self.evidence, *[item.what for item in self.cannot_say]]
        return "\n".join([self.running_text(), *headings, *cells, *self.missing])


def physicians_page(release: ReleaseFiles, registry: dict[str, Kpi]) -> PhysiciansPage:
    """Assemble the page from a release.

    Raises ValueError where it would claim more than the evidence of its numbers, or hold too many of them.
    """
    words = _words()
    month = last_closed_month(release.as_of)
    wanted = _wanted(release, month)
    contrasts = _contrasts(release, month)
    sufficed = _sufficed_rows(release, month)
    together = _together_rows(release, month)
    answer, level = _answer(wanted)
    sentences: list[tuple[str, list[Sentence], str]] = [
        ("derived", _derived(wanted), str(words["derived"]["limits"])),
        ("contrast", _contrast_sentences(contrasts), _cautions(contrasts)),
        ("sufficed", _sufficed_sentences(sufficed), str(words["sufficed"]["limits"])),
        ("together", _together_sentences(release, together), _reading(together)),
        ("role_gap", _role_gap(release, month), str(words["role_gap"]["limits"])),
        ("benchmark", _benchmarks(release, registry, month), str(words["benchmark"]["limits"])),
    ]
    claims = _claims(wanted)
    refuse_stronger_words("page of the physicians", [(answer, level), *((claim, level) for claim in claims)])
    for _, said, _ in sentences:
        refuse_stronger_words("page of the physicians", said)
    numbers = _numbers(release, month, sufficed, contrasts)
    if len(numbers) > int(words["maximum_numbers"]):
        raise ValueError(f"{len(numbers)} numbers; a page holds {words['maximum_numbers']}")
    arrived, missing = release.sources()
    is_claimed = any(row["quadrant"] != "cannot_tell" for row in wanted)
    page = PhysiciansPage(
        title=str(words["title"]),
        month=f"{month.year}年{month.month}月",
        as_of=f"{wording.full_day(release.as_of)}時点",
        arrived=len(arrived),
        expected=len(arrived) + len(missing),
        missing=missing,
        question=str(words["question"]),
        answer=f"{answer}。",
        evidence=wording.strength(level) if is_claimed else "",
        limits=str(words["limits"]["answered" if is_claimed else "nothing_claimed"]),
        claims=claims,
        picture=_picture(wanted),
        picture_title=str(words["picture"]["title"]),
        picture_note=_picture_note(release, wanted),
        numbers_title=str(words["numbers"]["title"]),
        numbers=numbers,
        numbers_note=_numbers_note(numbers),
        parts=[Part(str(words[name]["title"]), _case(said, limits)) for name, said, limits in sentences],
        cannot_say=_cannot_say(wanted, contrasts, sufficed, together),
        not_said=[str(sentence) for sentence in words["always_not_said"]],
        release_id=release.release_id,
    )
    page.glossary = glossary_of(page.all_text())
    return page


def _words() -> dict[str, Any]:
    return declared("page_hq_physicians")


def _case(said: list[Sentence], limits: str) -> Case:
    """What claims nothing has no limits to name."""
    is_claimed = any(level > NOTHING_CLAIMED for _, level in said)
    return case_of(said, limits if is_claimed else "", least="E1")


def _named(names: Sequence[str]) -> str:
    return "".join(f"「{name}」" for name in names)


# What physicians want (mart_mr_expectation)


def _wanted(release: ReleaseFiles, month: date) -> list[Row]:
    """The elements of a representative's work as all physicians rate them, the most important first."""
    rows = release.newest(
        "mart_mr_expectation",
        "period_start, period_end, element_name_ja, quadrant, n_importance, importance_mean, "
        "importance_mean_low, importance_mean_high, importance_line, n_satisfaction, satisfaction_mean, "
        "satisfaction_mean_low, satisfaction_mean_high, satisfaction_line, derived_importance, "
        "derived_importance_low, derived_importance_high",
        month,
        # All physicians stand in every way of dividing them.
        "segment_type = 'specialty_group' and segment_id = 'all'",
    )
    return sorted(rows, key=lambda row: (-(row["importance_mean"] or 0), str(row["element_name_ja"])))


def _in_quadrant(wanted: list[Row], quadrant: str) -> list[str]:
    return [str(row["element_name_ja"]) for row in wanted if row["quadrant"] == quadrant]


def _is_rated(row: Row) -> bool:
    return row["importance_mean"] is not None and row["satisfaction_mean"] is not None


def _answer(wanted: list[Row]) -> Sentence:
    words = _words()["answer"]
    if not wanted:
        return str(words["none"]), "E1"
    if not any(_is_rated(row) for row in wanted):
        counted = [int(row["n_importance"]) for row in wanted if row["n_importance"]]
        few = str(words["few"]).format(number=f"{max(counted, default=0):,}")
        return few if counted else str(words["withheld"]), "E1"
    to_improve = _in_quadrant(wanted, "improve")
    if to_improve:
        return str(words["improve"]).format(elements=_named(to_improve)), "E1"
    is_decided = all(row["quadrant"] != "cannot_tell" for row in wanted)
    return str(words["nothing_to_improve" if is_decided else "cannot_tell"]), "E1"


def _claims(wanted: list[Row]) -> list[str]:
    """How important and how satisfying what the answer names is; then what else is high or low."""
    words = _words()
    sizes = [
        str(words["size"]).format(
            element=row["element_name_ja"],
            importance=wording.rounded(row["importance_mean"], 1),
            importance_span=_points(row["importance_mean_low"], row["importance_mean_high"]),
            satisfaction=wording.rounded(row["satisfaction_mean"], 1),
            satisfaction_span=_points(row["satisfaction_mean_low"], row["satisfaction_mean_high"]),
        )
        for row in wanted
        if row["quadrant"] == "improve"
    ]
    return sizes + [
        str(sentence).format(elements=_named(found))
        for quadrant, sentence in words["claims"].items()
        if (found := _in_quadrant(wanted, quadrant))
    ]


def _points(low: float, high: float) -> str:
    return f"{wording.rounded(low, 1)}〜{wording.rounded(high, 1)}"


def _picture(wanted: list[Row]) -> str:
    """Importance and satisfaction of each element with their intervals; none where no mean is shown."""
    if not any(_is_rated(row) for row in wanted):
        return ""
    words = _words()["picture"]

    def measure(row: Row, name: str) -> chart.Measure | None:
        mean, low, high = (row[f"{name}_mean{end}"] for end in ("", "_low", "_high"))
        return None if mean is None or low is None or high is None else (mean, low, high)

    pairs = [
        chart.Pair(
            str(row["element_name_ja"]),
            measure(row, "importance"),
            measure(row, "satisfaction"),
            str(words["remarks"][row["quadrant"]]),
        )
        for row in wanted
    ]
    ends = (wanted[0]["importance_line"], wanted[0]["satisfaction_line"])
    lines = [
        chart.Line(at, str(name)) for at, name in zip(ends, words["lines"], strict=True) if at is not None
    ]
    first, second = words["measures"]
    return chart.pairs_of_means(
        pairs, (first, second), lines, float(words["top"]), str(words["unit"]), str(words["title"])
    )


def _picture_note(release: ReleaseFiles, wanted: list[Row]) -> str:
    """Of how many answers it is, of whom they are (H5), and how high and low are told apart."""
    counted = [int(row[name]) for row in wanted for name in ("n_importance", "n_satisfaction") if row[name]]
    if not counted or not any(_is_rated(row) for row in wanted):
        return ""
    words = _words()["picture"]
    start, end = wanted[0]["period_start"], wanted[0]["period_end"]
    least, most = min(counted), max(counted)
    number = str(words["number" if least == most else "numbers"]).format(
        number=f"{most:,}", least=f"{least:,}", most=f"{most:,}"
    )
    note = str(words["note"]).format(months=wording.month_span(start, end), number=number)
    values = release.values("company", "company")
    return note + answered_note(release, values, {(start, end): wording.month_span(start, end)})


def _derived(wanted: list[Row]) -> list[Sentence]:
    """The elements that go together with satisfaction altogether, the strongest first."""
    words = _words()["derived"]
    if not wanted:
        return [(str(words["none"]), NOTHING_CLAIMED)]
    found = sorted(
        (row for row in wanted if (row["derived_importance_low"] or 0) > 0),
        key=lambda row: -row["derived_importance"],
    )[: int(words["most"])]
    if not found:
        return [(str(words["cannot_tell"]), NOTHING_CLAIMED)]
    elements = "".join(
        str(words["element"]).format(
            element=row["element_name_ja"],
            value=wording.rounded(row["derived_importance"], 2),
            low=wording.rounded(row["derived_importance_low"], 2),
            high=wording.rounded(row["derived_importance_high"], 2),
        )
        for row in found
    )
    return [(str(words["said"]).format(elements=elements), "E2"), (str(words["scale"]), "E2")]


# One channel against several (mart_experience_contrast)


def _contrasts(release: ReleaseFiles, month: date) -> list[Row]:
    """Each outcome's newest: needs are shown every month, answers to a survey are not."""
    rows = [
        row
        for outcome in _words()["contrast"]["outcomes"]
        for row in release.newest(
            "mart_experience_contrast",
            "period_start, period_end, contrast_id, outcome_id, n_multi, n_single, difference, "
            "difference_low, difference_high, minimum_detectable_difference, evidence_level, verdict, "
            "caution_ja",
            month,
            f"outcome_id = '{outcome}'",
        )
    ]
    groups = list(_words()["contrast"]["groups"])
    return sorted(rows, key=lambda row: groups.index(row["contrast_id"]))


def _contrast_sentences(rows: list[Row]) -> list[Sentence]:
    """One sentence per group on satisfaction and needs; on recommendation only where there is a verdict."""
    if not rows:
        return [(str(_words()["contrast"]["none"]), NOTHING_CLAIMED)]
    return [_contrast_sentence(row) for row in rows if _is_told(row)]


def _is_told(contrast: Row) -> bool:
    return contrast["outcome_id"] in _words()["contrast"]["always"] or contrast["verdict"] != "cannot_tell"


def _contrast_sentence(row: Row) -> Sentence:
    words = _words()["contrast"]
    verdict = str(row["verdict"])
    kind = verdict.partition("_with_")[0]
    if verdict == "cannot_tell" and row["difference"] is None:
        kind = "few"
    detectable = row["minimum_detectable_difference"]
    sentence = str(words[kind]).format(
        group=words["groups"][row["contrast_id"]],
        outcome=words["outcomes"][row["outcome_id"]],
        detectable="—"
        if detectable is None
        else str(words["detectable"][row["outcome_id"]]).format(
            size=wording.rounded(detectable * (1 if row["outcome_id"] == "nps" else 100), 1)
        ),
    )
    return sentence, NOTHING_CLAIMED if kind == "few" else str(row["evidence_level"])


def _cautions(rows: list[Row]) -> str:
    """What must be said beside the differences: who is pleased meets and answers more."""
    return "".join(dict.fromkeys(str(row["caution_ja"]) for row in rows if _is_told(row)))


# One channel that sufficed (mart_not_needed)


def _sufficed_rows(release: ReleaseFiles, month: date) -> list[Row]:
    """The company's row first, then the segments' of the same period."""
    rows = release.newest(
        "mart_not_needed",
        "scope_type, period_start, period_end, n_physicians_with_need, n_physicians_with_need_suppressed, "
        "physicians_with_csat, physicians_sufficed, sufficed_rate, sufficed_low, sufficed_high, verdict, "
        "verdict_reason",
        month,
        "scope_type in ('company', 'segment')",
    )
    return sorted(rows, key=lambda row: str(row["scope_type"]))


def _sufficed_sentences(rows: list[Row]) -> list[Sentence]:
    words = _words()["sufficed"]
    if not rows or rows[0]["scope_type"] != "company":
        return [(str(words["none"]), NOTHING_CLAIMED), (str(words["stance"]), NOTHING_CLAIMED)]
    company, segments = rows[0], rows[1:]
    is_counted = company["n_physicians_with_need"] is not None
    counted = str(words["counted" if is_counted else "withheld"]).format(
        months=wording.month_span(company["period_start"], company["period_end"]),
        number=f"{company['n_physicians_with_need'] or 0:,}",
        answered=_answered(company["physicians_with_csat"] or 0),
    )
    said = [(counted, "E1"), (str(company["verdict_reason"]), "E1")]
    if segments:
        enough = sum(row["verdict"] == "single_channel_enough" for row in segments)
        said.append((str(words["segments"]).format(number=len(segments), enough=enough), "E1"))
    return [*said, (str(words["stance"]), "E1")]


def _answered(number: int) -> str:
    words = _words()["sufficed"]
    if 0 < number < int(words["least_told"]):
        return str(words["answered_by_few"]).format(least=words["least_told"])
    return str(words["answered"]).format(number=f"{number:,}")


# What was seen together before physicians moved on (mart_attribution)


def _together_rows(release: ReleaseFiles, month: date) -> list[Row]:
    """Of all products together: the row of all paths first, then the channels'."""
    rows = release.newest(
        "mart_attribution",
        "period_start, period_end, channel_id, n_paths, n_conversions, is_same_order, state, reason, "
        "order_note, reading, evidence_level, lookback_days, "
        "least(position_weight, markov_weight, shapley_weight) as least_weight, "
        "greatest(position_weight, markov_weight, shapley_weight) as most_weight, "
        "least(position_low, markov_low, shapley_low) as lowest, "
        "greatest(position_high, markov_high, shapley_high) as highest",
        month,
        "product_id is null",
    )
    return sorted(rows, key=lambda row: (row["channel_id"] is not None, str(row["channel_id"])))


def _together_sentences(release: ReleaseFiles, rows: list[Row]) -> list[Sentence]:
    words = _words()["together"]
    if not rows or rows[0]["channel_id"] is not None:
        return [(str(words["none"]), NOTHING_CLAIMED)]
    paths, level = rows[0], str(rows[0]["evidence_level"])
    if paths["state"] != "computed":
        return [(str(paths["reason"]), NOTHING_CLAIMED)]
    channels = [row for row in rows[1:] if row["least_weight"] is not None]
    channels.sort(key=lambda row: -row["least_weight"])
    shown, left = channels[: int(words["most"])], len(channels) - int(words["most"])
    names = {
        row["channel_id"]: row
        for row in release.query("select channel_id, name_ja, sort_order from {dim_channel}")
    }
    if not paths["is_same_order"]:
        # Where the rules disagree the order must say nothing: the channels stand as everywhere else.
        shown.sort(key=lambda row: names[row["channel_id"]]["sort_order"])
    said = [
        str(words["counted"]).format(
            months=wording.month_span(paths["period_start"], paths["period_end"]),
            paths=f"{paths['n_paths'] or 0:,}",
            conversions=f"{paths['n_conversions'] or 0:,}",
        ),
        str(words["shares"]).format(
            days=paths["lookback_days"],
            channels="、".join(
                str(words["channel"]).format(
                    channel=names[row["channel_id"]]["name_ja"],
                    low=wording.rounded(100 * row["least_weight"]),
                    high=wording.rounded(100 * row["most_weight"]),
                    span="〜".join(wording.rounded(100 * row[end]) for end in ("lowest", "highest")),
                )
                for row in shown
            ),
        ),
        str(words["rules"]),
    ]
    if paths["order_note"]:
        said.append(str(paths["order_note"]))
    if left > 0:
        said.append(str(words["others"]).format(number=left))
    return [(sentence, level) for sentence in said]


def _reading(rows: list[Row]) -> str:
    return f"{rows[0]['reading']}。" if rows else ""


# What they want from representatives against what they received (mart_mr_role_gap)


def _role_gap(release: ReleaseFiles, month: date) -> list[Sentence]:
    words = _words()["role_gap"]
    rows = release.newest(
        "mart_mr_role_gap",
        "period_start, period_end, need_name_ja, n_pairs, wanting_rate, receiving_rate, gap, gap_low, "
        "gap_high, verdict, n_cannot_meet, n_not_wanted",
        month,
    )
    if not rows:
        return [(str(words["none"]), NOTHING_CLAIMED)]
    said: list[Sentence] = []
    for verdict in ("more_wanted", "more_received"):
        found = sorted(
            (row for row in rows if row["verdict"] == verdict),
            key=lambda row: (-abs(row["gap"]), str(row["need_name_ja"])),
        )
        if found:
            most, left = int(words["most"]), len(found) - int(words["most"])
            items = "、".join(_gap_item(row) for row in found[:most])
            items += str(words["more"]).format(number=left) if left > 0 else ""
            said.append((str(words[verdict]).format(items=items), "E1"))
    unknown = sorted(str(row["need_name_ja"]) for row in rows if row["verdict"] == "cannot_tell")
    if unknown:
        said.append(
            (str(words["cannot_tell"]).format(items=_named(unknown)), "E1" if said else NOTHING_CLAIMED)
        )
    return [*said, _wishes(rows)]


def _gap_item(row: Row) -> str:
    return str(_words()["role_gap"]["item"]).format(
        item=row["need_name_ja"],
        wanting=wording.natural_frequency(row["wanting_rate"], "人"),
        receiving=wording.natural_frequency(row["receiving_rate"], "人"),
        span=people_span(100 * row["gap_low"], 100 * row["gap_high"]),
    )


def _wishes(rows: list[Row]) -> Sentence:
    """How many of those asked cannot meet, and how many do not want to: of the item that most answered."""
    words = _words()["role_gap"]
    row = max(rows, key=lambda row: (row["n_pairs"] or 0, str(row["need_name_ja"])))
    if row["n_cannot_meet"] is None or row["n_not_wanted"] is None:
        return str(words["wishes_withheld"]), "E1"
    wishes = str(words["wishes"]).format(
        pairs=f"{row['n_pairs']:,}",
        cannot_meet=f"{row['n_cannot_meet']:,}",
        not_wanted=f"{row['n_not_wanted']:,}",
    )
    return wishes, "E1"


# What others have published (mart_benchmark)


def _benchmarks(release: ReleaseFiles, registry: dict[str, Kpi], month: date) -> list[Sentence]:
    """Only what counts the same as one of our numbers stands beside it, with where, when and who."""
    rows = release.query_if_held("mart_benchmark", "select * from {mart_benchmark} order by benchmark_id")
    words = _words()["benchmark"]
    if not rows:
        return [(str(words["none"]), NOTHING_CLAIMED)]
    drawn = [row for row in rows if row["may_be_drawn"]]
    if not drawn:
        return [(str(words["nothing_comparable"]).format(number=len(rows)), NOTHING_CLAIMED)]
    values = [value for value in release.values("company", "company") if value.period_end <= month]
    current = current_values(values, registry, month)
    said = []
    for row in drawn:
        kpi_id = row["comparable_metric_id"]
        own = number_line(registry[kpi_id], current[kpi_id], month) if kpi_id in current else None
        sentence = str(words["drawn" if own else "not_yet"]).format(
            name=row["name_ja"],
            value=str(words["units"][row["unit"]]).format(value=wording.rounded(row["value"], 1)),
            region=words["regions"][row["region"]],
            period=row["period"],
            source=row["source"],
            own=own.value if own else "",
            span=own.interval if own else "",
            caveat=row["caveat_ja"],
        )
        said.append((sentence.removesuffix("。"), "E1"))
    return said


# The table of numbers


def _numbers(
    release: ReleaseFiles, month: date, sufficed: list[Row], contrasts: list[Row]
) -> list[CountedLine]:
    words = _words()["numbers"]
    lines = []
    columns = [
        f"{physicians}, {whole}, {part}, {part}_rate, {part}_rate_low, {part}_rate_high"
        for _, physicians, whole, part in _FOR_PATIENTS
    ]
    for row in release.newest(
        "mart_patient_contribution",
        ", ".join(["period_start, period_end", *columns]),
        month,
        "scope_type = 'company'",
    ):
        for label, physicians, whole, part in _FOR_PATIENTS:
            share = (row[f"{part}_rate"], row[f"{part}_rate_low"], row[f"{part}_rate_high"])
            unit = "人" if whole == physicians else "件"
            line = _rate_line(str(words[label]), row, row[physicians], row[part], row[whole], share, unit)
            lines.append(line)
    for row in sufficed[:1]:
        if row["scope_type"] == "company":
            number = row["n_physicians_with_need"]
            share = (row["sufficed_rate"], row["sufficed_low"], row["sufficed_high"])
            lines.append(
                _rate_line(
                    str(words["sufficed"]), row, number, row["physicians_sufficed"], number, share, "人"
                )
            )
    return [*lines, *(_difference_line(row) for row in contrasts if row["outcome_id"] == "csat_top2")]


def _rate_line(
    label: str,
    row: Row,
    physicians: int | None,
    part: int | None,
    whole: int | None,
    share: tuple[float | None, float | None, float | None],
    unit: str,
) -> CountedLine:
    """A share in words as far as the number of physicians behind it allows (H2)."""
    words = _words()["numbers"]
    states = declared("wording")["display_states"]
    months = wording.month_span(row["period_start"], row["period_end"])
    if whole is None or part is None or physicians is None:
        return CountedLine(label, months, str(words["withheld"]), "—", "—", str(states["suppressed"]))
    if not whole:
        return CountedLine(label, months, str(words["nobody"]), "—", "—", "")
    value, low, high = share
    state = "counts_only" if value is None else "shown"
    if value is not None and physicians < int(_words()["reference_below"]):
        state = "reference"
    return CountedLine(
        label,
        months,
        rate_said(value, part, whole, state, unit),
        rate_interval(value, low, high, state, unit),
        rate_counted(part, whole, state, unit),
        "" if state == "shown" else str(states[state]),
    )


def _difference_line(row: Row) -> CountedLine:
    """The difference per 100 physicians with both sides' numbers; counts alone where there is none."""
    words = _words()["numbers"]
    label, months = str(words[row["contrast_id"]]), wording.month_span(row["period_start"], row["period_end"])
    if row["n_multi"] is None or row["n_single"] is None:
        withheld = str(declared("wording")["display_states"]["suppressed"])
        return CountedLine(label, months, str(words["withheld"]), "—", "—", withheld)
    counted = str(words["compared"]).format(multi=f"{row['n_multi']:,}", single=f"{row['n_single']:,}")
    if row["difference"] is None:
        few = str(declared("wording")["display_states"]["counts_only"])
        return CountedLine(label, months, str(words["counts_only"]), "—", counted, few)
    size = str(words["difference"]).format(size=signed_people(100 * row["difference"]))
    interval = people_span(100 * row["difference_low"], 100 * row["difference_high"])
    return CountedLine(label, months, size, interval, counted, "")


def _numbers_note(numbers: list[CountedLine]) -> str:
    """Which numbers there are none of, and what those for patients do not say."""
    words = _words()["numbers"]
    labels = {line.label for line in numbers}
    marts = {
        "patients": tuple(name for name, *_ in _FOR_PATIENTS),
        "sufficed": ("sufficed",),
        "contrast": ("several_channels", "orchestrated"),
    }
    missing = [
        str(words["names"][name])
        for name, lines in marts.items()
        if not labels & {str(words[line]) for line in lines}
    ]
    none = str(words["none"]).format(names="、".join(missing)) if missing else ""
    return none + (str(words["note"]) if words["names"]["patients"] not in missing else "")


# What cannot be said yet


def _cannot_say(
    wanted: list[Row], contrasts: list[Row], sufficed: list[Row], together: list[Row]
) -> list[CannotSay]:
    """One line per matter that is open, why, and when it can be told."""
    words = _words()["cannot_say"]
    lines: list[CannotSay] = []

    def add(name: str, why: str = "", **names: str) -> None:
        line = words[name]
        lines.append(CannotSay(str(line["what"]).format(**names), why or str(line["why"]), str(line["when"])))

    if wanted and not any(_is_rated(row) for row in wanted):
        add("expectation")
    elif open_elements := _in_quadrant(wanted, "cannot_tell"):
        add("elements", elements=_named(open_elements))
    for name, is_few in (("contrast", False), ("contrast_few", True)):
        found = [
            row
            for row in contrasts
            if row["verdict"] == "cannot_tell" and (row["difference"] is None) == is_few
        ]
        if found:
            add(name, groups=_compared_with_one(found))
    if sufficed and sufficed[0]["scope_type"] == "company" and sufficed[0]["verdict"] == "cannot_tell":
        add("sufficed", why=str(sufficed[0]["verdict_reason"]))
    if together and together[0]["state"] != "computed":
        add("together", why=str(together[0]["reason"]))
    return lines


def _compared_with_one(rows: list[Row]) -> str:
    """「複数の手段・つないだ接点の満足の割合」 per outcome."""
    words = _words()["contrast"]
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(str(words["outcomes"][row["outcome_id"]]), []).append(
            str(words["short"][row["contrast_id"]])
        )
    return "、".join(f"{'・'.join(names)}の{outcome}" for outcome, names in groups.items())
