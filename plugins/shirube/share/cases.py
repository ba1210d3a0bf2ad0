"""What a page says of one matter: sentences, how strong their evidence is, what they do not carry (H8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shirube.share import wording

Sentence = tuple[str, str]
"""A sentence without its full stop, and the evidence level of what it says."""


@dataclass(frozen=True)
class Case:
    """Sentences, their evidence level in words, and what it does not carry; both empty where nothing is
    claimed."""

    said: list[str]
    evidence: str
    limits: str


def case_of(sentences: Sequence[Sentence], limits: str, *, least: str) -> Case:
    """The case of these sentences; the weakest level from `least` on is named."""
    levels = [level for _, level in sentences if level >= least]
    return Case(
        [f"{sentence}。" for sentence, _ in sentences],
        wording.strength(min(levels)) if levels else "",
        limits,
    )


def refuse_stronger_words(page: str, sentences: Sequence[Sentence]) -> None:
    """Raises ValueError where a sentence claims more than its evidence level allows."""
    for sentence, level in sentences:
        too_strong = wording.verbs_above(sentence, level)
        if too_strong:
            raise ValueError(f"{page}: {', '.join(too_strong)} claims more than {level}")
