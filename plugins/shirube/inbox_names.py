"""Which names in the inbox count as files: one rule for landing and for the trigger that watches.

Imports nothing heavy, because the triggerer loads it.
"""

from __future__ import annotations

import os

UNFINISHED_ENDINGS = (".part", ".tmp", ".crdownload", "~")
"""Name endings under which other programs write; such files are left until they are renamed."""


def is_unfinished(name: str) -> bool:
    """Whether the name of a file or folder says hidden or still being written."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED_ENDINGS)


def is_utf8(name: str) -> bool:
    """Whether a name can be kept: one in another encoding (CP932 in a ZIP unpacked on Linux) cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """A name that can be printed and stored, whatever its encoding."""
    return os.fsencode(name).decode(errors="replace")
