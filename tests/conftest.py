"""The order of the tests."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole data homes first: begun last, their minutes leave one worker waiting for the other."""
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)
