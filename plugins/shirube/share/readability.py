"""Can someone who is no analyst read it: sentence lengths, and words that nobody explained."""

from __future__ import annotations

import re
import statistics

from shirube.share.wording import declared

_KATAKANA = re.compile(r"[ァ-ヴー]{2,}")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]+")
_SENTENCE_END = re.compile(r"[。\n]")


def sentences(text: str) -> list[str]:
    """The sentences of running text, without their full stops."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def median_sentence_length(text: str) -> float:
    """Median number of characters of a sentence; 0 for no text."""
    lengths = [len(sentence) for sentence in sentences(text)]
    return float(statistics.median(lengths)) if lengths else 0.0


def glossary_of(text: str) -> list[tuple[str, str]]:
    """The declared terms that stand in `text`, each with its explanation, in declared order."""
    return [
        (str(entry["term"]), str(entry["explanation"]))
        for entry in declared("glossary")["terms"]
        if str(entry["term"]) in text
    ]


def unexplained_terms(text: str, names: tuple[str, ...] = ()) -> list[str]:
    """Katakana words and Latin abbreviations in `text` that no glossary entry or everyday word covers.

    `names` are proper names (offices, products) that need no explanation. Sorted, each once.
    """
    glossary = declared("glossary")
    known = [str(word) for word in glossary["everyday"]] + [str(entry["term"]) for entry in glossary["terms"]]
    for known_word in sorted({*known, *names}, key=len, reverse=True):
        text = text.replace(known_word, " ")
    return sorted(set(_KATAKANA.findall(text)) | set(_LATIN.findall(text)))
