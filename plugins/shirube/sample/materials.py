"""The company's promotional and scientific materials: what was approved, until when and for whom.

Nothing here is drawn: materials, versions and decisions follow from the period alone, so that every planted
defect (expired, unapproved, for Medical only, never used, too new to judge) and every gap is known by number.
"""

from __future__ import annotations

from dataclasses import dataclass

from shirube.sample import gaps, names
from shirube.sample.company import N_PRODUCTS, Company

N_TOPICS = len(names.TOPICS)
N_TEMPLATES = 2 * N_PRODUCTS + 3
EVIDENCE = 3
"""Number of the topic whose slides get a second version half-way through."""
NEVER_USED = N_PRODUCTS * N_TOPICS - 1
UNAPPROVED, FOR_MEDICAL, TRAINING, NEW = (N_PRODUCTS * N_TOPICS + place for place in range(4))
N_SLIDES = N_PRODUCTS * N_TOPICS + 4

INDICATIONS = ("高血圧症", "関節リウマチ", "2型糖尿病", "末梢性神経障害性疼痛")
DECISIONS = ("残す", "直す", "やめる", "保留")
DEPARTMENTS = ("営業企画部", "メディカル本部", "資材審査室")


@dataclass(frozen=True)
class Version:
    """One row of the approval register; days since 1970, -1 for a date that is not there."""

    number: str
    approval: str
    approved_day: int
    last_day: int


@dataclass(frozen=True)
class Material:
    """One material; `slide` is its number among the slides shown in calls, or -1."""

    number: str
    title: str
    product: int
    topic: int
    audience: str
    info_class: str
    versions: tuple[Version, ...]
    slide: int = -1


def change_day(company: Company) -> int:
    """The day on which the second version of the evidence slides is approved."""
    return company.period.month_start(company.period.months // 2)


def last_day_of_first_version(company: Company) -> int:
    """The last day on which the first version of an evidence slide may be used: two weeks of both."""
    return change_day(company) + 13


def second_versions(company: Company) -> dict[int, int]:
    """The slides that get a second version, with the day on which it is approved."""
    evidence = {product * N_TOPICS + EVIDENCE: change_day(company) for product in range(N_PRODUCTS)}
    return evidence | {
        gap.product * N_TOPICS + gap.topic: gap.until_day
        for gap in gaps.gaps(company)
        if gap.is_lapse and gap.is_filled
    }


def materials(company: Company) -> list[Material]:
    """Every material of the approval register, in the order of its number."""
    start, end = company.period.start_day, company.period.end_day
    made: list[Material] = []

    def version(number: str, place: int, approved: int, last: int) -> Version:
        return Version(number, f"審{place:04d}-{number[0]}", approved, last)

    def versions(place: int, product: int, topic: int, approved: int, last: int) -> tuple[Version, ...]:
        gap = gaps.of(company, product, topic)
        if gap is None:
            return (version("1.0", place, approved, last),)
        made = [version("1.0", place, approved, gap.first_day - 1)] if gap.is_lapse else []
        if gap.is_filled:
            made.append(version("2.0" if gap.is_lapse else "1.0", place, gap.until_day, last))
        return tuple(made)

    contents = company.contents
    for place, content in enumerate(contents.ids):
        topic = int(contents.topic[place])
        made.append(
            Material(
                content,
                contents.titles[place],
                int(contents.product[place]),
                topic,
                "両方" if names.TOPICS[topic][0] == "T-SAFE" else "MR",
                info_class(topic),
                versions(1000 + place, int(contents.product[place]), topic, start - 200, end + 365),
            )
        )
    for slide in range(N_SLIDES):
        if slide in (UNAPPROVED, TRAINING):
            continue  # the register has never seen them
        product, topic = slide_product(slide), slide_topic(slide)
        approved = versions(2000 + slide, product, topic, start - 300, end + 300)
        if slide < N_PRODUCTS * N_TOPICS and topic == EVIDENCE:
            approved = (
                version("1.0", 2000 + slide, start - 300, last_day_of_first_version(company)),
                version("2.0", 2000 + slide, change_day(company), end + 300),
            )
        if slide == NEW:
            approved = (version("1.0", 2000 + slide, end - 60, end + 300),)
        for_medical = slide == FOR_MEDICAL
        title = f"{names.PRODUCTS[product][1]} {names.TOPICS[topic][1]}（説明用）"
        made.append(
            Material(
                slide_material(slide),
                title,
                product,
                topic,
                "Medical" if for_medical else "MR",
                "学術" if for_medical else info_class(topic),
                approved,
                slide,
            )
        )
    for template in range(N_TEMPLATES):
        product = min(template // 2, N_PRODUCTS) if template < 2 * N_PRODUCTS else -1
        made.append(
            Material(
                template_material(template),
                template_name(template),
                product if product < N_PRODUCTS else -1,
                -1,
                "MR",
                "プロモーション",
                (version("1.0", 3000 + template, start - 120, end + 200),),
            )
        )
    return made


def info_class(topic: int) -> str:
    """What the register calls a topic's class of information."""
    return {"T-SAFE": "安全性", "T-DOSE": "適正使用"}.get(names.TOPICS[topic][0], "プロモーション")


def slide_product(slide: int) -> int:
    """Product number of a slide."""
    return slide // N_TOPICS if slide < N_PRODUCTS * N_TOPICS else slide % N_PRODUCTS


def slide_topic(slide: int) -> int:
    """Topic number of a slide."""
    return slide % N_TOPICS if slide < N_PRODUCTS * N_TOPICS else EVIDENCE


def slide_material(slide: int) -> str:
    """`C2001` for slide 0: the document's number in the vault and in the approval register."""
    return f"C{2001 + slide}"


def template_material(template: int) -> str:
    """`C3001` for e-mail template 0."""
    return f"C{3001 + template}"


def template_name(template: int) -> str:
    """What an e-mail template is called."""
    sender = ("担当者", "本社")[template % 2]
    if template >= 2 * N_PRODUCTS + 2:
        return "アンケートのお願い"
    about = names.PRODUCTS[template // 2][1] if template < 2 * N_PRODUCTS else "ごあいさつ"
    return f"{about} ご案内メール（{sender}）"
