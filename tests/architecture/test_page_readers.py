"""Whoever may read a page may read the marts it is made of."""

from __future__ import annotations

import re
from typing import Any

import pytest
from shirube.home import project_root

from tests.architecture.column_lineage import meta

HEAD_OFFICE = {
    "report_hq.py": {"mart_necessity", "mart_leadership_case", "mart_pilot_readout"},
    "report_hq_physicians.py": {
        *("mart_mr_expectation", "mart_experience_contrast", "mart_not_needed"),
        *("mart_patient_contribution", "mart_attribution", "mart_mr_role_gap", "mart_benchmark"),
    },
    "pilot_picture.py": {"mart_effect_period", "mart_pilot_readout"},
}


@pytest.mark.parametrize("module", HEAD_OFFICE)
def test_the_executive_may_read_every_mart_of_the_head_office_pages(
    dbt_models: dict[str, dict[str, Any]], module: str
) -> None:
    text = (project_root() / "plugins" / "shirube" / "share" / module).read_text(encoding="utf-8")
    read = {name for name in re.findall(r"\bmart_\w+", text) if name in dbt_models}
    assert read == HEAD_OFFICE[module], "a mart that is not named here is read by nobody's leave"
    assert [name for name in read if "executive" not in meta(dbt_models[name])["audience"]] == []
