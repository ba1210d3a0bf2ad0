"""What a person's answers share: as planted, found again in the files; single answers are as they were."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from shirube.sample import generate, satisfaction

from tests.sample.conftest import Sample

# Places of the answers in the export, and the lowest and highest one of each.
PLACES = {"csat": (12, 1, 5), "nps": (13, 0, 10), "usefulness": (14, 0, 10), "ces": (15, 1, 7)}
INDEX = ("csat", "usefulness", "ces")
PEOPLE, SEED = 3000, 5


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Only the survey's files."""
    root: Path = tmp_path_factory.mktemp("asked")
    truth = generate(root, seed=SEED, physicians=PEOPLE, months=18, sources=["survey_qualtrics"])
    return Sample(root, truth)


@pytest.fixture(scope="module")
def waves(asked: Sample) -> dict[str, dict[str, list[int]]]:
    """The finished answers of each wave's last export, by address."""
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for entry in asked.files("survey_qualtrics"):
        if entry.get("note") != "superseded":
            text = asked.path(entry).read_bytes().decode("utf-8-sig")
            for line in list(csv.reader(io.StringIO(text, newline="")))[3:]:
                if line[5] == "1" and line[2] == "0" and line[8]:
                    wave = found[line[19]]
                    wave[line[8]] = [int(line[place]) for place, _, _ in PLACES.values()]
    return found


def scaled(answers: np.ndarray, items: tuple[str, ...]) -> np.ndarray:
    """Answers (people, items) to 0-1."""
    columns = []
    for item in items:
        _, low, high = PLACES[item]
        columns.append((answers[:, list(PLACES).index(item)] - low) / (high - low))
    return np.column_stack(columns)


def alpha(answers: np.ndarray) -> float:
    """Cronbach's alpha out of the covariances: k / (k - 1) × what lies off the diagonal, of everything."""
    table = np.cov(answers, rowvar=False)
    k = len(table)
    return float(k / (k - 1) * (table.sum() - np.trace(table)) / table.sum())


def test_the_index_is_as_reliable_as_planted(asked: Sample, waves: dict[str, dict[str, list[int]]]) -> None:
    """Within a bootstrap interval, of which the estimator knows nothing; so is each wave's, five of six."""
    planted = asked.truth["satisfaction"]["alpha"]
    assert 0.7 < planted < 0.85
    random, hits = np.random.default_rng(1), []
    for answers in (np.array(list(wave.values())) for wave in waves.values()):
        index = scaled(answers, INDEX)
        assert len(index) > 150
        draws = [alpha(index[random.integers(0, len(index), len(index))]) for _ in range(400)]
        low, high = np.quantile(draws, [0.025, 0.975])
        assert low > 0.6
        hits.append(low <= planted <= high)
    assert len(hits) == 6 and sum(hits) >= 5
    everyone = scaled(np.array([row for wave in waves.values() for row in wave.values()]), INDEX)
    assert abs(alpha(everyone) - planted) < 0.03


def test_a_person_answers_alike_on_two_occasions_as_planted(
    asked: Sample, waves: dict[str, dict[str, list[int]]]
) -> None:
    """Whoever answered in several waves: each answer against the next one."""
    first, second, before = [], [], dict[str, list[int]]()
    for label in sorted(waves):
        for email, answers in waves[label].items():
            if email in before:
                first.append(before[email])
                second.append(answers)
        before |= waves[label]
    earlier, later = (scaled(np.array(rows), INDEX).sum(axis=1) for rows in (first, second))
    assert len(earlier) > 150
    interval = stats.pearsonr(earlier, later).confidence_interval(0.99)
    assert interval.low <= asked.truth["satisfaction"]["retest"] <= interval.high
    assert interval.low > 0.2


def test_single_answers_are_spread_as_before(waves: dict[str, dict[str, list[int]]]) -> None:
    """Means and spreads of items that no phase moves are those of a rounded and cut normal alone."""
    answers = np.array([row for wave in waves.values() for row in wave.values()])
    for name, mean, spread in (("usefulness", 6.4, 1.8), ("ces", 4.6, 1.2)):
        _, low, high = PLACES[name]
        points = np.arange(low, high + 1)
        below = stats.norm.cdf(points[:-1] + 0.5, mean, spread)
        chance = np.diff(np.concatenate([[0.0], below, [1.0]]))
        seen = answers[:, list(PLACES).index(name)]
        counted = np.array([(seen == point).sum() for point in points])
        # Answers of one person on several occasions are not independent, hence the far limit.
        assert stats.chisquare(counted, chance * len(seen)).pvalue > 0.001, name
        assert abs(seen.mean() - chance @ points) < 0.12, name


def test_the_planted_reliability_is_that_of_a_large_draw() -> None:
    """The integral against half a million simulated people."""
    random, people = np.random.default_rng(3), 500_000
    person = random.standard_normal(people)
    share = satisfaction.PERSON_SHARE

    def occasion() -> np.ndarray:
        latent = np.sqrt(share) * person + np.sqrt(1 - share) * random.standard_normal(people)
        items = [
            (item.answer(random.standard_normal(people), latent, 2) - item.lowest)
            / (item.highest - item.lowest)
            for item in satisfaction.INDEX
        ]
        return np.column_stack(items)

    first, second = occasion(), occasion()
    value, retest = satisfaction.index_reliability(satisfaction.INDEX, 2)
    assert alpha(first) == pytest.approx(value, abs=0.003)
    assert np.corrcoef(first.sum(axis=1), second.sum(axis=1))[0, 1] == pytest.approx(retest, abs=0.005)


def test_no_loading_no_reliability() -> None:
    alone = tuple(
        satisfaction.Item(one.mean, 0.0, one.spread, one.lowest, one.highest, 0.0)
        for one in satisfaction.INDEX
    )
    assert satisfaction.index_reliability(alone, 0) == pytest.approx((0.0, 0.0), abs=1e-12)
