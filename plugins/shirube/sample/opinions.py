"""What physicians say of channels, of representatives and of what they want: the survey's further questions.

They are drawn from a stream of their own: a questionnaire that grows leaves everything else as it was.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shirube.sample import names
from shirube.sample.columns import Array
from shirube.sample.company import Company
from shirube.sample.frames import Frame, size
from shirube.sample.satisfaction import scale, shared

NOT_ANSWERED = -1
_STREAM = 601  # tells this stream from the others of the same seed

# Channel, its name in the question, mean convenience and mean interest. Who prefers the channel adds a point.
CHANNELS: list[tuple[str, str, float, float]] = [
    ("mr_visit", "MR対面", 5.5, 5.8),
    ("mr_email", "MRメール", 6.2, 5.0),
    ("owned_web", "オウンド", 6.4, 5.4),
    ("webinar", "Web講演会", 7.0, 6.8),
    ("portal", "医療系ポータル", 7.2, 6.3),
]
# Topic of information, its name in the question, mean usefulness.
TOPICS: list[tuple[str, str, float]] = [
    ("t_dose", "用法・用量", 6.8),
    ("t_safe", "安全性", 7.2),
    ("t_ptype", "どのような患者さんに使うか", 6.0),
    ("t_evid", "臨床試験の結果", 6.6),
    ("t_guide", "診療ガイドライン", 6.3),
]
# Element, its name, mean importance, mean satisfaction, and what a step of overall satisfaction adds.
ELEMENTS: list[tuple[str, str, float, float, float]] = [
    ("context_first", "事前に状況をつかんで来ること", 8.0, 5.6, 1.2),
    ("knowledge", "製品や病気の知識が正確なこと", 7.6, 6.8, 0.3),
    ("quick_reply", "質問への答えが早いこと", 7.9, 6.0, 0.8),
    ("safety_first", "副作用などの情報をすぐ知らせること", 8.2, 7.0, 0.3),
    ("balanced", "良い点も悪い点も公平に話すこと", 7.2, 6.2, 0.5),
    ("right_frequency", "面談の回数と長さをわきまえること", 6.8, 6.5, 0.2),
    ("right_channel", "希望する方法で連絡すること", 6.5, 6.1, 0.2),
    ("local_knowledge", "地域の医療の情報を持っていること", 5.8, 6.0, 0.0),
]
# How strongly what is said of channels and topics shows the satisfaction that a person's answers share.
LOADINGS: dict[str, float] = {"convenience": 0.5, "interest": 0.3, "usefulness": 0.6}
# What a physician may want of a representative, its name in the question, mean wish.
NEEDS: list[tuple[str, str, float]] = [
    ("face_to_face", "対面での説明", 5.8),
    ("remote_meeting", "オンラインでの面談", 5.2),
    ("email_information", "メールでの情報", 6.2),
    ("safety_information", "安全性や使い方の情報", 7.4),
    ("evidence", "臨床試験や診療ガイドラインの情報", 6.8),
    ("meeting", "説明会や講演会", 5.0),
]
# Answers to whether the physician wants to meet representatives, and how often each is given.
WISHES: list[tuple[str, float]] = [
    ("定期的に会っている", 0.44),
    ("会いたいが会えない", 0.16),
    ("必要なときだけ会いたい", 0.26),
    ("不要", 0.14),
]
WISH_COLUMN = "meeting_wish"
# Answers to whether the physician met or talked with a representative last month, and how often each is given
# where a call was made and where none was.
RECALLS: list[tuple[str, float, float]] = [
    ("はい", 0.88, 0.06),
    ("いいえ", 0.07, 0.90),
    ("覚えていない", 0.05, 0.04),
]
RECALL_COLUMN = "visit_recall"
CODED: dict[str, list[str]] = {
    WISH_COLUMN: [answer for answer, _ in WISHES],
    RECALL_COLUMN: [answer for answer, *_ in RECALLS],
}
"""The answers of questions that have words instead of a scale, by column."""
_TEN = "（0〜10）"

# Column, question text, ImportId: in the order in which they stand behind the older questions.
QUESTIONS: list[tuple[str, str, str]] = [
    *(
        (f"convenience_{channel}", f"{name}の利便性{_TEN}", f"QID8_{place}")
        for place, (channel, name, _, _) in enumerate(CHANNELS, 1)
    ),
    *(
        (f"interest_{channel}", f"{name}への関心度{_TEN}", f"QID9_{place}")
        for place, (channel, name, _, _) in enumerate(CHANNELS, 1)
    ),
    *(
        (f"usefulness_{topic}", f"{name}の情報は診療に役立ちましたか{_TEN}", f"QID10_{place}")
        for place, (topic, name, _) in enumerate(TOPICS, 1)
    ),
    *(
        (f"importance_{element}", f"MRに求めること：{name}の大切さ{_TEN}", f"QID11_{place}")
        for place, (element, name, *_) in enumerate(ELEMENTS, 1)
    ),
    *(
        (f"satisfaction_{element}", f"MRに求めること：{name}への満足{_TEN}", f"QID12_{place}")
        for place, (element, name, *_) in enumerate(ELEMENTS, 1)
    ),
    *(
        (f"want_{need}", f"MRから{name}を受けたいですか{_TEN}", f"QID13_{place}")
        for place, (need, name, _) in enumerate(NEEDS, 1)
    ),
    (WISH_COLUMN, "MRとの面談について", "QID14"),
    (RECALL_COLUMN, "先月、当社のMRと会うか話すかしましたか（説明会を含む）", "QID15"),
]


def planted() -> dict[str, Any]:
    """What is true about these answers, for truth.json: means before the scale's ends cut them."""
    return {
        "convenience": {channel: mean for channel, _, mean, _ in CHANNELS},
        "interest": {channel: mean for channel, _, _, mean in CHANNELS},
        "usefulness": {topic: mean for topic, _, mean in TOPICS},
        "importance": {element: mean for element, _, mean, _, _ in ELEMENTS},
        "satisfaction": {element: mean for element, _, _, mean, _ in ELEMENTS},
        "carried_by_overall_satisfaction": {element: step for element, _, _, _, step in ELEMENTS},
        "want": {need: mean for need, _, mean in NEEDS},
        "loadings_on_satisfaction": dict(LOADINGS),
        "meeting_wish": dict(WISHES),
        "visit_recall": {
            "with_a_call": {answer: share for answer, share, _ in RECALLS},
            "without_a_call": {answer: share for answer, _, share in RECALLS},
        },
    }


def opinions(seed: int, month: int, company: Company, answers: Frame) -> Frame:
    """The further answers to `answers`, a frame of one wave: one column per question, -1 for none.

    Only finished answers reach these questions; a channel that a physician does not use is not rated.
    """
    rng = np.random.default_rng([seed, _STREAM, month])
    count = size(answers)
    finished = answers["finished"].astype(bool)
    preferred = company.physicians.preference[answers["physician"]]
    frame: Frame = {}

    def ten(mean: Array | float, spread: float, reached: Array, loading: float = 0.0) -> Array:
        felt = shared(rng.standard_normal(count), answers["latent"], loading)
        return np.where(finished & reached, scale(mean + spread * felt, 0, 10), NOT_ANSWERED)

    everybody = np.ones(count, dtype=bool)
    likes = {channel: preferred == names.CHANNELS.index(channel) for channel, *_ in CHANNELS}
    uses = {channel: likes[channel] | (rng.random(count) < 0.7) for channel, *_ in CHANNELS}
    for channel, _, convenience, _ in CHANNELS:
        frame[f"convenience_{channel}"] = ten(
            convenience + likes[channel], 1.8, uses[channel], LOADINGS["convenience"]
        )
    for channel, _, _, interest in CHANNELS:
        frame[f"interest_{channel}"] = ten(
            interest + likes[channel], 1.8, uses[channel], LOADINGS["interest"]
        )
    for topic, _, usefulness in TOPICS:
        frame[f"usefulness_{topic}"] = ten(usefulness, 1.8, everybody, LOADINGS["usefulness"])
    for element, _, importance, _, _ in ELEMENTS:
        frame[f"importance_{element}"] = ten(importance, 1.4, everybody)
    for element, _, _, satisfaction, step in ELEMENTS:
        frame[f"satisfaction_{element}"] = ten(satisfaction + step * (answers["csat"] - 3.5), 1.5, everybody)
    for need, _, want in NEEDS:
        liked = likes["mr_visit"] if need == "face_to_face" else np.zeros(count, dtype=bool)
        frame[f"want_{need}"] = ten(want + 2.0 * liked, 2.0, everybody)
    share = np.array([chance for _, chance in WISHES])
    wish = rng.choice(len(WISHES), count, p=share / share.sum())
    frame[WISH_COLUMN] = np.where(finished, wish, NOT_ANSWERED)
    drawn = rng.random(count)
    with_call, without_call = (np.cumsum([one[place] for one in RECALLS])[:-1] for place in (1, 2))
    recall = np.where(
        answers["met_last_month"], np.searchsorted(with_call, drawn), np.searchsorted(without_call, drawn)
    )
    frame[RECALL_COLUMN] = np.where(finished, recall, NOT_ANSWERED)
    return frame
