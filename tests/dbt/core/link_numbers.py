"""The numbers of links and physicians as the star makes them, written out once more."""

from __future__ import annotations

import base64
import hashlib


def _key(*parts: str) -> str:
    digest = hashlib.md5("|".join(parts).encode(), usedforsecurity=False).digest()[:9]
    return base64.b64encode(digest, altchars=b"Aa").decode()


def physician(code: str) -> str:
    """The key of the physician with this code of the master."""
    return _key("physician", code)


def link(source: str, reference_type: str, reference: str, code: str, since: str = "1900-01-01") -> str:
    """The number of the link of a reference, as a source used it, to the physician with this code."""
    return "L" + _key(source, reference_type, reference, since, physician(code))
