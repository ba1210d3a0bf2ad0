"""How tests are shared out between processes: what shares an expensive fixture stays in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
ONE_PROCESS_FOLDERS = ("architecture", "dbt/core", "dbt/marts", "share")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group by folder where a folder shares a build, else by file."""
    for item in items:
        path = item.path.relative_to(HERE)
        folder = path.parent.as_posix()
        if folder == "end_to_end" and path.name != "test_demo.py":
            group = "company"
        else:
            group = folder if folder in ONE_PROCESS_FOLDERS else path.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
