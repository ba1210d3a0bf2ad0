"""The office page: what one office reads on one sheet of paper, assembled from the published numbers.

Nothing is calculated here: values, intervals, differences, verdicts, suppression come from `fct_kpi_value`,
their meaning from the registry. The page chooses and puts in words, by the rules declared beside this module.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shirube.share import chart, wording
from shirube.share.number_lines import (
    COUNTED,
    HEADINGS,
    SAID,
    STALE,
    CannotSay,
    NumberLine,
    cannot_say,
    counter,
    current_values,
    difference,
    evidence_of,
    months,
    note,
    number_line,
    said,
    signed,
    whole,
    without_value,
)
from shirube.share.readability import glossary_of
from shirube.share.release_files import Kpi, ReleaseFiles, Row, Value, last_closed_month, last_closed_period
from shirube.share.survey_note import who_answered
from shirube.share.wording import Difference, declared

FINDINGS_LEVEL = "E1"
"""Evidence of what stands beside the numbers: it is counted, and nothing is compared."""


@dataclass(frozen=True)
class Voice:
    """What somebody in the field wrote, word for word, with its id, and what must stand beside a success."""

    kind: str
    text: str
    story_id: str
    beside: str


@dataclass(frozen=True)
class Finding:
    """A sentence beside the numbers with the words it begins with; `is_said`: it is no 「まだ言えません」."""

    lead: str
    text: str
    is_said: bool


@dataclass
class OfficePage:
    """Everything that stands on one office page, already in words."""

    office_id: str
    office: str
    month: str
    as_of: str
    arrived: int
    expected: int
    missing: list[str]
    answer: str
    verdict: str
    certainty: str
    why: str
    picture: str
    picture_title: str
    picture_note: str
    numbers: list[NumberLine]
    numbers_note: str
    step: dict[str, str]
    findings: list[Finding]
    findings_note: str
    cannot_say: list[CannotSay]
    contents: list[str]
    contents_note: str
    voices: list[Voice]
    voices_note: str
    not_said: list[str]
    evidence_level: str
    release_id: str
    glossary: list[tuple[str, str]] = field(default_factory=list)

    def running_text(self) -> str:
        """All sentences of the page, for the readability rules; headings and table cells are no sentences."""
        parts = [
            self.answer,
            self.why,
            self.step["what"],
            self.step["why"],
            self.voices_note,
            self.picture_note,
            self.numbers_note,
        ]
        parts += [f"{item.why}。{item.when}" for item in self.cannot_say] + self.not_said
        parts += [*self.contents, self.contents_note]
        parts += [voice.beside for voice in self.voices]
        parts += [*(finding.text for finding in self.findings), self.findings_note]
        parts += [explanation for _, explanation in self.glossary]
        return "\n".join(part for part in parts if part)

    def all_text(self) -> str:
        """Every word of the page, tables and headings included."""
        cells = [line.words() for line in self.numbers]
        parts = [self.running_text(), self.verdict, self.certainty, self.picture_title, self.step["who"]]
        parts += [finding.lead for finding in self.findings]
        return "\n".join([*parts, *cells, *[item.what for item in self.cannot_say], *self.missing])


def office_page(release: ReleaseFiles, registry: dict[str, Kpi], office_id: str, office: str) -> OfficePage:
    """Assemble the page of one office from a release.

    Raises ValueError where the page would break one of its own rules: a sentence that claims more than the
    evidence level of its numbers, or more numbers than a reader is asked to take in.
    """
    page = declared("page")
    month = last_closed_month(release.as_of)
    values = [value for value in release.values("office", office_id) if value.period_end <= month]
    current = current_values(values, registry, month)
    chosen = [kpi for kpi in registry.values() if kpi.kpi_id in current and "mr" in kpi.audience]
    if len(chosen) > int(page["maximum_numbers"]):
        raise ValueError(f"{len(chosen)} numbers are meant for MRs; a page holds {page['maximum_numbers']}")
    head = _headline(chosen, current)
    if head:
        chosen = [head, *[kpi for kpi in chosen if kpi is not head]]
    answer, verdict, certainty, why = _answer(head, current[head.kpi_id] if head else None)
    picture, picture_note = _picture(values, page["chart"], release.judged_only(office_id), month)
    arrived, missing = release.sources()
    voices, voices_note = _voices(release, office_id)
    contents, contents_note = _contents(release)
    findings = [_preference(release, office_id, month), _strength(release, office_id, month)]
    numbers_note = who_answered(release, values, chosen, current) + evidence_of(chosen)
    not_said = list(dict.fromkeys(kpi.must_not_conclude_ja for kpi in chosen))
    result = OfficePage(
        office_id=office_id,
        office=office,
        month=f"{month.year}年{month.month}月",
        as_of=f"{wording.full_day(release.as_of)}時点",
        arrived=len(arrived),
        expected=len(arrived) + len(missing),
        missing=missing,
        answer=answer,
        verdict=verdict,
        certainty=certainty,
        why=why,
        picture=picture,
        picture_title="先生の段階ごとの人数",
        picture_note=picture_note,
        numbers=[number_line(kpi, current[kpi.kpi_id], month) for kpi in chosen],
        numbers_note=numbers_note,
        step=_step({kpi.kpi_id: kpi for kpi in chosen}, current),
        findings=findings,
        findings_note=_findings_note(findings),
        cannot_say=cannot_say(chosen, current, without_value(values, registry, month, "mr")),
        contents=contents,
        contents_note=contents_note,
        voices=voices,
        voices_note=voices_note,
        not_said=[*not_said[: int(page["maximum_warnings"])], *page["always_not_said"]],
        evidence_level=max([kpi.evidence_level for kpi in chosen], default="E1"),
        release_id=release.release_id,
    )
    result.glossary = glossary_of(result.all_text() + HEADINGS)
    # The answer may claim what its own number supports; the rest what the strongest number supports.
    _check_verbs(office_id, f"{answer}\n{why}", head.evidence_level if head else "E1")
    _check_verbs(office_id, "\n".join(result.step.values()), result.evidence_level)
    _check_verbs(office_id, "\n".join(finding.text for finding in findings), FINDINGS_LEVEL)
    _check_verbs(office_id, "\n".join(voice.beside for voice in voices), FINDINGS_LEVEL)
    return result


def _check_verbs(office_id: str, text: str, level: str) -> None:
    too_strong = wording.verbs_above(text, level)
    if too_strong:
        raise ValueError(f"office page {office_id}: {', '.join(too_strong)} claims more than {level}")


def _headline(chosen: list[Kpi], current: dict[str, Value]) -> Kpi | None:
    """The first number from the physician's side that can be said; failing that, that can be counted."""
    sides = declared("page")["physician_side"]
    candidates = [kpi for kpi in chosen if kpi.kpi_id.split(".")[0] in sides and kpi.kind == "rate"]
    for states in (SAID, COUNTED):
        for kpi in candidates:
            value = current[kpi.kpi_id]
            if value.display_state in states and value.denominator:
                return kpi
    return candidates[0] if candidates else None


def _answer(kpi: Kpi | None, value: Value | None) -> tuple[str, str, str, str]:
    """(answer, verdict, certainty, why) of the headline."""
    nothing = wording.verdict_word("cannot_tell")
    if kpi is None or value is None:
        return "先生から見た数字は、まだ届いていません。", nothing, "", "もとになる記録がないためです。"
    words = declared("wording")["periods"][value.period_type]
    if value.display_state not in COUNTED or not value.denominator:
        reason = note(value) or "対象がありませんでした"
        return f"「{kpi.name_ja}」は、{words['this']}は言えません。", nothing, "", f"{reason}。"
    remarks = [] if value.period_type == "month" else [months(value)]
    if value.display_state == "stale":
        remarks = [f"{STALE}の値", months(value)]
    elif value.display_state == "reference":
        remarks.append("参考値")
    elif value.display_state == "shown" and value.value is not None and value.previous_value is not None:
        base = wording.frequency_base(value.value)
        if (value.previous_denominator or 0) >= kpi.minimum_sample:
            before = wording.rounded(value.previous_value * base)
            remarks.append(f"{words['previous']}は{before}{kpi.unit_ja}")
    answer = f"{kpi.numerator_ja}は、{said(kpi, value)}でした" + (
        f"（{'、'.join(remarks)}）" if remarks else ""
    )
    verdict = value.verdict or "cannot_tell"
    change = difference(value)
    if value.display_state == "stale":
        return (
            f"{answer}。",
            wording.verdict_word(verdict),
            f"{STALE}の判定",
            f"新しい判定は出せません。{note(value)}。",
        )
    certainty = (
        "" if verdict == "cannot_tell" else wording.certainty(verdict, change, kpi.meaningful_difference)
    )
    return f"{answer}。", wording.verdict_word(verdict), certainty, _why(kpi, value, verdict, change)


def _amount(kpi: Kpi, value: Value, change: Difference) -> str:
    """The difference in words: 「100人中4人の差」 where the rounded numbers beside it differ by just that.

    Else without a number, or a reader who subtracts would find another one.
    """
    previous = str(declared("wording")["periods"][value.period_type]["previous"])
    amount = wording.rounded(abs(change.value) * 100)
    shares = [share for share in (value.value, value.previous_value) if share is not None]
    shown = [int(wording.rounded(share * 100)) for share in shares if wording.frequency_base(share) == 100]
    if len(shown) == 2 and amount == str(abs(shown[0] - shown[1])) != "0":
        return f"100{kpi.unit_ja}中{amount}{kpi.unit_ja}の差"
    return f"{previous}との差"


def _why(kpi: Kpi, value: Value, verdict: str, change: Difference | None) -> str:
    """Why the verdict is what it is, in two short sentences."""
    number = f"数えたのは、{kpi.denominator_ja}{whole(value.denominator):,}{counter(kpi)}です。"
    if change is None or verdict == "cannot_tell":
        reason = value.verdict_reason or "比べるための数字ではありません"
        if change is not None:
            reason = f"{_amount(kpi, value, change)}は、偶然でも起こります"
        return f"{number}{reason}。"
    low, high = (signed(wording.rounded(edge * 100)) for edge in (change.low, change.high))
    span = f"差の幅は、100{kpi.unit_ja}中{low}〜{high}{kpi.unit_ja}です"
    return f"{number}{span}。{value.verdict_reason}。"


def _picture(
    values: list[Value], kpi_id: str, judged_only: dict[tuple[date, str], int], month: date
) -> tuple[str, str]:
    """The picture of phases, last month and this, and the note under it."""
    rows = [
        value
        for value in values
        if value.kpi_id == kpi_id
        and value.period_type == "month"
        and value.phase_id
        and not (value.product_id or value.channel_id or value.breakdown)
    ]
    if not rows:
        return "", "段階の記録がまだ足りないため、図はありません。"
    ends = sorted({value.period_end for value in rows})[-2:]
    newest = {value.phase_id: value for value in rows if value.period_end == ends[-1]}
    earlier = {value.phase_id: value for value in rows if len(ends) == 2 and value.period_end == ends[0]}
    groups = [
        chart.Group(str(name), _bar(earlier.get(phase), judged_only), _bar(newest.get(phase), judged_only))
        for phase, name in declared("wording")["phases"].items()
    ]
    bars = [bar for group in groups for bar in (group.before, group.after)]
    hidden = any(bar.instead == "*" for bar in bars)
    if all(bar.value is None for bar in bars):
        return "", "どの段階の人数も、人が特定されるおそれがあるため出しません。"
    labels = (f"{ends[0].month}月" if earlier else "前", f"{ends[-1].month}月")
    picture = chart.grouped_bars(groups, *labels, unit="人", title="先生の段階ごとの人数")
    note = "段階は先生の行動や回答から決め、こちらからの連絡だけでは進みません。"
    if ends[-1] != month:
        note = f"図は{ends[-1].month}月までの人数です。{note}"
    return picture, note + ("*は、人が特定されるおそれがあるため出しません。" if hidden else "")


def _bar(value: Value | None, judged_only: dict[tuple[date, str], int]) -> chart.Bar:
    if value is None:
        return chart.Bar(None, instead="—")
    if value.display_state == "counts_only" and value.numerator is not None:
        return chart.Bar(value.numerator)
    if value.display_state not in COUNTED or value.value is None:
        return chart.Bar(None, instead="*")
    judged = judged_only.get((value.period_end, value.phase_id or ""), 0)
    return chart.Bar(value.value, value.ci_low, value.ci_high, judged_only=float(judged))


def _step(chosen: dict[str, Kpi], current: dict[str, Value]) -> dict[str, str]:
    """The one next step: the rule whose number, published in full, lies most clearly past its limit."""
    page = declared("page")
    known = 0
    past: list[tuple[float, dict[str, Any], Kpi, Value]] = []
    for rule in page["next_steps"]:
        value, kpi = current.get(rule["kpi"]), chosen.get(rule["kpi"])
        if kpi is None or value is None or value.value is None or value.display_state not in SAID:
            continue
        known += 1
        distance = _past_limit(rule, value.value, value)
        if distance is not None:
            past.append((distance, rule, kpi, value))
    if past:
        # Of equals the one that is declared first.
        _, rule, kpi, value = max(past, key=lambda found: found[0])
        stale = f"（{STALE}の値）" if value.display_state == "stale" else ""
        facts = {"fact": f"{kpi.numerator_ja}は、{said(kpi, value)}です{stale}。"}
        step = {part: str(rule[part]).format_map(facts) for part in ("who", "what", "why")}
        if len(past) > 1:
            step["why"] += str(page["why_of_several"]).format(number=len(past))
        return step
    step = dict(page["default_step" if known else "step_without_numbers"])
    if 0 < known < len(page["next_steps"]):
        step["why"] = step["why_of_some"]
    return {part: str(step[part]) for part in ("who", "what", "why")}


def _past_limit(rule: dict[str, Any], number: float, value: Value) -> float | None:
    """How far a number lies past its rule's limit, in widths of its interval on the side of the limit.

    More than 1 where the whole interval lies past it; None where the number does not reach it.
    """
    if "at_least" in rule:
        beyond, edge = number - float(rule["at_least"]), value.ci_low
    else:
        beyond, edge = float(rule["at_most"]) - number, value.ci_high
    if beyond < 0:
        return None
    return beyond / abs(number - edge) if edge is not None and edge != number else 0.0


def _findings_note(findings: list[Finding]) -> str:
    if not any(finding.is_said for finding in findings):
        return ""
    return str(declared("page")["findings"]["evidence"]).format(strength=wording.strength(FINDINGS_LEVEL))


def _preference(release: ReleaseFiles, office_id: str, month: date) -> Finding:
    """How far the first choices spread: of the office, else of the company, else that it cannot be said."""
    findings = declared("page")["findings"]
    words, period = findings["preference"], str(findings["period"])
    rows = release.query_if_held(
        "mart_preference_diversity",
        "select * from {mart_preference_diversity} where breakdown is null and period_type = $period "
        "and period_end = $end and n_choosing_physicians >= $least and diversity is not null "
        "and (scope_type = 'company' or (scope_type = 'office' and scope_id = $office)) "
        "order by case when scope_type = 'office' then 0 else 1 end",
        {
            "period": period,
            "end": last_closed_period(period, month),
            "least": int(words["minimum_physicians"]),
            "office": office_id,
        },
    )
    if not rows:
        none = str(words["none"]).format(minimum=words["minimum_physicians"])
        return Finding(str(words["lead_unsaid"]), none, is_said=False)
    row = rows[0]
    text = str(words["said"]).format(
        whose=words["whose"][row["scope_type"]],
        known=f"{row['n_choosing_physicians']:,}",
        target="—" if row["n_target_physicians"] is None else f"{row['n_target_physicians']:,}",
        month=row["period_end"].month,
        value=wording.rounded(row["diversity"], 2),
        low=wording.rounded(row["diversity_low"], 2),
        high=wording.rounded(row["diversity_high"], 2),
    )
    # Where the interval reaches zero, all may want the same.
    if row["diversity_low"] <= 0:
        return Finding(str(words["lead_unsaid"]), text + str(words["perhaps_one"]), is_said=True)
    return Finding(str(words["lead"]), text, is_said=True)


def _strength(release: ReleaseFiles, office_id: str, month: date) -> Finding:
    """What was first learned in dialogues of the office's representatives, never of one of them."""
    findings = declared("page")["findings"]
    words, period = findings["strength"], str(findings["period"])
    rows = release.query_if_held(
        "mart_mr_strength",
        "select * from {mart_mr_strength} where scope_type = 'office' and scope_id = $office "
        "and period_type = $period and period_end = $end and first_needs >= $least "
        "and n_mr_with_need >= $representatives and first_needs_by_mr is not null",
        {
            "office": office_id,
            "period": period,
            "end": last_closed_period(period, month),
            "least": int(words["minimum_needs"]),
            "representatives": int(words["minimum_representatives"]),
        },
    )
    if not rows:
        none = str(words["none"]).format(
            representatives=words["minimum_representatives"], needs=words["minimum_needs"]
        )
        return Finding(str(words["lead_unsaid"]), none, is_said=False)
    row = rows[0]
    text = str(words["said"]).format(
        months=f"{row['period_start'].month}〜{row['period_end'].month}月",
        needs=f"{row['first_needs']:,}",
        learned=f"{row['first_needs_by_mr']:,}",
    )
    if row["dialogues"] and row["dialogues_recorded"] is not None:
        text += str(words["recorded"]).format(
            dialogues=f"{row['dialogues']:,}", recorded=f"{row['dialogues_recorded']:,}"
        )
    return Finding(str(words["lead"]), text, is_said=True)


def _voices(release: ReleaseFiles, office_id: str) -> tuple[list[Voice], str]:
    """The newest story of success and the newest of the opposite, of the office or else of the company.

    They stay word for word, so no rule of wording is applied to them; the note says how they were chosen.
    """
    words = declared("page")["voices"]
    rows = release.query_if_held(
        "mart_field_voice",
        "select * from {mart_field_voice} where scope_id in (?, 'company') "
        "order by written_on desc, story_id",
        [office_id],
    )
    own = [row for row in rows if row["scope_type"] == "office"]
    chosen = own or rows
    if not chosen:
        return [], str(words["none"])
    voices = []
    for is_success in (True, False):
        for row in chosen:
            if (row["outcome_kind"] == "positive") == is_success:
                text = f"{row['context']}{row['action']}{row['result']}"
                kind, story_id = str(words["kinds"][row["outcome_kind"]]), str(row["story_id"])
                beside = _beside_success(_success_case(release, story_id)) if is_success else ""
                voices.append(Voice(kind, text, story_id, beside))
                break
    success = sum(row["outcome_kind"] == "positive" for row in chosen)
    whose = str(words["own" if own else "company"]).format(number=len(chosen), success=success)
    voice = declared("wording")["evidence"]["E0"]
    level = f"{voice['name']}は、{voice['meaning']}"
    return voices, f"{whose}{words['newest']}{chosen[0]['set_note_ja']}{level}"


def _success_case(release: ReleaseFiles, story_id: str) -> Row | None:
    found = release.query_if_held(
        "mart_success_case",
        "select s.*, p.name as product from {mart_success_case} s "
        "left join {dim_product} p on p.product_id = s.product_id where s.story_id = $story_id",
        {"story_id": story_id},
    )
    return found[0] if found else None


def _beside_success(case: Row | None) -> str:
    """What must stand with a story of success (R17): how many similar attempts did not succeed, and what the
    records say of that time, or that this is not known."""
    words = declared("page")["voices"]["beside"]
    # Stories without a theme are alike in nothing but that.
    if case is None or case["theme"] is None:
        similar = str(words["unknown"])
    elif case["n_similar_stories"]:
        similar = str(words["similar"]).format(
            others=f"{case['n_similar_stories']:,}", failed=f"{case['n_similar_stories_without_success']:,}"
        )
        if case["n_similar_stories"] < int(declared("wording")["counts_only_below"]):
            similar += str(words["few"])
    elif case["n_reported_attempts"] and case["n_reported_attempts_without_success"] is not None:
        similar = str(words["reported"]).format(
            attempts=f"{case['n_reported_attempts']:,}",
            failed=f"{case['n_reported_attempts_without_success']:,}",
        )
    else:
        similar = str(words["alone"])
    if case is None or not case["has_evidence"] or case["n_moved_forward"] is None:
        return similar + str(words["no_fact"])
    return similar + str(words["fact"]).format(
        month=case["observed_period_end"].month,
        product=case["product"] or "",
        start=f"{case['n_at_start']:,}",
        moved=f"{case['n_moved_forward']:,}",
    )


def _contents(release: ReleaseFiles) -> tuple[list[str], str]:
    """Materials for representatives that the interval allows to be labelled 「残す」, by title, and the note
    that says whose numbers these are.

    The mart holds months, quarters and longer periods that end on the same day; the page reads one length.
    """
    words = declared("page")["contents"]
    rows = release.query_if_held(
        "mart_content_evaluation",
        "select e.title, e.period_start, e.period_end, e.n_exposed, e.n_reacted, e.reaction_rate, "
        "e.reaction_low, e.reaction_high from {mart_content_evaluation} e "
        "inner join {dim_channel} c on c.channel_id = e.channel_id "
        "where e.label = 'keep' and c.is_mr_channel and e.title is not null "
        "and e.reaction_rate is not null and e.scope_type = 'company' and e.period_type = $period "
        "and e.period_end = $end order by e.title, e.channel_id",
        {
            "period": words["period"],
            "end": last_closed_period(words["period"], last_closed_month(release.as_of)),
        },
    )
    if not rows:
        return [], str(words["none"])
    sentences = [
        words["line"].format(
            title=row["title"],
            seen=f"{row['n_exposed']:,}",
            reacted=f"{row['n_reacted']:,}",
            interval=wording.frequency_interval(
                row["reaction_rate"], row["reaction_low"], row["reaction_high"], "人"
            ),
        )
        for row in rows
    ]
    of = f"{rows[0]['period_start'].month}〜{rows[0]['period_end'].month}月"
    return list(dict.fromkeys(sentences))[: int(words["maximum"])], str(words["note"]).format(months=of)
