"""What people read: office pages, packs of one's own physicians, the catalogue and the linked documents."""

from shirube.share.pages import ShareResult, share

__all__ = ["ShareResult", "share"]
