"""A fictional pharmaceutical company whose logs look like real ones and whose truth is known."""

from shirube.sample.generate import generate

__all__ = ["generate"]
