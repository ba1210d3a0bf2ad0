"""Frames: equally long arrays by column name, and the counters that number their rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shirube.sample.columns import Array

Frame = dict[str, Array]


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
