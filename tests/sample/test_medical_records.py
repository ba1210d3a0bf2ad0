"""What the CRM keeps of questions beyond the label: asked unprompted or not, and each record."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from shirube.sample import generate

from tests.sample.conftest import Sample

Inquiries = list[dict[str, str]]


@pytest.fixture(scope="module")
def medical(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Enough physicians for some of what is rare."""
    root = tmp_path_factory.mktemp("medical")
    truth = generate(root, seed=3, physicians=1500, months=12, sources=["crm_medical_inquiry"])
    return Sample(root, truth)


@pytest.fixture(scope="module")
def beyond_label(medical: Sample) -> Inquiries:
    inquiries = medical.latest("crm_medical_inquiry").values()
    return [row for row in inquiries if row["Inquiry_Category__c"] == "off_label"]


def test_some_were_not_asked_unprompted(medical: Sample, beyond_label: Inquiries) -> None:
    said: dict[str, Any] = medical.truth["planted"]["off_label_not_asked_unprompted"]
    noted = Counter(row["Is_Unsolicited__c"] for row in beyond_label)
    assert (noted["false"], noted[""]) == (said["solicited"], said["unknown"])
    assert noted["true"] > noted["false"] > 0 < noted[""]


def test_a_record_is_called_complete_when_its_eight_fields_are_there(beyond_label: Inquiries) -> None:
    fields = [name for name in beyond_label[0] if name.startswith("GL_") and name != "GL_Record_Complete__c"]
    assert len(fields) == 8
    answered = [row for row in beyond_label if row["Answered_Datetime__c"]]
    assert {sum(row[name] == "false" for name in fields) for row in answered} == {0, 1, 2}
    for row in answered:
        whole = all(row[name] == "true" for name in fields)
        assert row["GL_Record_Complete__c"] == ("true" if whole else "false")
    still_open = [row for row in beyond_label if not row["Answered_Datetime__c"]]
    assert {row[name] for row in still_open for name in fields} == {""}
