"""Immutable releases: written whole, checked, then shown to readers by one atomic switch."""

from shirube.release.manifest import ReleaseError, read_current_manifest, read_manifest, verify
from shirube.release.publish import Release, ReleaseBlockedError, publish
from shirube.release.retention import prune
from shirube.release.retire import retire, undo_retire
from shirube.release.rollback import current, rollback

__all__ = [
    "Release",
    "ReleaseBlockedError",
    "ReleaseError",
    "current",
    "prune",
    "publish",
    "read_current_manifest",
    "read_manifest",
    "retire",
    "rollback",
    "undo_retire",
    "verify",
]
