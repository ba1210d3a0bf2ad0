"""The same arguments give the same bytes; others do not; impossible companies are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from shirube.sample import generate
from shirube.sample.columns import iso_utc, us_instants
from shirube.sample.company import Period, business_hours_after
from shirube.sample.writers.dcf import era_dotted, era_seven, era_three


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*")) if path.is_file()
    }  # fmt: skip


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    size = {"physicians": 60, "months": 3, "mrs": 8, "offices": 2}
    generate(tmp_path / "first", seed=3, **size)
    generate(tmp_path / "second", seed=3, **size)
    generate(tmp_path / "other", seed=4, **size)
    first, second, other = (digests(tmp_path / name) for name in ("first", "second", "other"))
    assert first == second and len(first) > 100
    assert {name.split("/")[0] for name in first} >= {"portal_delivery", "web_snowplow", "crm_call"}
    differing = [name for name in first if name in other and other[name] != first[name]]
    assert len(differing) > 50


def test_some_sources_only(tmp_path: Path) -> None:
    """Leaving sources out changes nothing about the others."""
    size = {"seed": 3, "physicians": 60, "months": 2, "mrs": 8, "offices": 2}
    seen: list[str] = []
    generate(tmp_path / "all", **size, progress=lambda event, facts: seen.append(facts["month"]))
    generate(tmp_path / "some", **size, sources=["crm_call", "portal_delivery"])
    every, some = digests(tmp_path / "all"), digests(tmp_path / "some")
    assert {name.split("/")[0] for name in some if "/" in name} == {"crm_call", "portal_delivery"}
    assert all(every[name] == digest for name, digest in some.items() if "/" in name)
    assert seen == ["2026-09", "2026-10"]


def test_a_period_without_april_has_no_transfers(tmp_path: Path) -> None:
    truth = generate(
        tmp_path, physicians=60, months=2, mrs=8, offices=2, sources=["dcf_affiliation", "crm_user"]
    )
    assert truth["planted"]["april_transfers"] == {
        "caught_by": "SCD2: bridge_physician_facility and dim_employee", "physicians": 0, "users": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"physicians": 100, "mrs": 3, "offices": 4}, "every office needs a representative"),
        ({"physicians": 100, "mrs": 30, "offices": 21}, "offices must be between 1 and 20"),
        ({"physicians": 10, "mrs": 8, "offices": 2}, "at least 50 physicians"),
    ],
)
def test_impossible_companies(tmp_path: Path, size: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(tmp_path, **size)


def test_period() -> None:
    period = Period.ending("2026-10-31", 12)
    assert [period.label(0), period.label(5), period.label(11)] == ["2025-11", "2026-04", "2026-10"]
    assert str(np.datetime64(period.april_day, "D")) == "2026-04-01"
    golden_week = [str(day) for day in period.business_days(6).astype("datetime64[D]")[:3]]
    assert golden_week == ["2026-05-01", "2026-05-07", "2026-05-08"]


def test_era_dates() -> None:
    days = np.array(
        ["1989-01-07", "1989-01-08", "2019-04-30", "2019-05-01", "2026-04-01"], dtype="datetime64[D]"
    ).astype(int)
    assert era_seven(days).to_pylist() == ["3640107", "4010108", "4310430", "5010501", "5080401"]
    assert era_dotted(days).to_pylist()[-1] == "R8.4.1"
    assert era_three(np.array([1988, 2019])).to_pylist() == ["363", "501"]


def test_instants() -> None:
    noon = np.array(
        [
            int(np.datetime64("2026-04-15T12:05:09").astype(int)),
            int(np.datetime64("2026-04-15T00:00:01").astype(int)),
        ]
    )
    assert iso_utc(noon).to_pylist() == ["2026-04-15T12:05:09.000Z", "2026-04-15T00:00:01.000Z"]
    assert us_instants(noon).to_pylist() == ["04/15/2026 12:05:09 PM", "04/15/2026 12:00:01 AM"]


def test_business_hours() -> None:
    """Friday 16:30 plus two hours is Monday 10:00; a Sunday starts on Monday 09:00."""
    friday = np.datetime64("2026-04-17T16:30:00").astype(int)
    sunday = np.datetime64("2026-04-19T12:00:00").astype(int)
    done = business_hours_after(np.array([friday, sunday]), np.array([2.0, 1.0]))
    assert [str(np.datetime64(int(s), "s")) for s in done] == ["2026-04-20T10:00:00", "2026-04-20T10:00:00"]
