"""The survey's further questions: asked behind the older ones, answered as planted."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from shirube.contracts import load_contracts
from shirube.home import project_root
from shirube.sample import generate, opinions

from tests.sample.conftest import Sample

OLDER = 22


def export(sample: Sample, entry: dict[str, Any]) -> list[list[str]]:
    text = sample.path(entry).read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def answers(sample: Sample) -> list[dict[str, str]]:
    """The finished answers of every wave's last export, by the column of the contract."""
    names = [column for column, _, _ in opinions.QUESTIONS]
    found = []
    for entry in sample.files("survey_qualtrics"):
        if entry.get("note") != "superseded":
            for line in export(sample, entry)[3:]:
                if line[5] == "1" and line[2] == "0":
                    found.append(dict(zip(names, line[OLDER:], strict=True)))
    return found


def test_further_questions_stand_behind_the_older_ones(sample: Sample) -> None:
    unfinished_in_all = 0
    for entry in sample.files("survey_qualtrics"):
        lines = export(sample, entry)
        assert {len(line) for line in lines} == {OLDER + len(opinions.QUESTIONS)}
        assert lines[0][OLDER - 1] == "channel" and lines[0][OLDER] == "Q8_1"
        unfinished = [line for line in lines[3:] if line[5] == "0"]
        unfinished_in_all += len(unfinished)
        assert all(set(line[OLDER:]) == {""} for line in unfinished)
    assert unfinished_in_all >= 5


def test_an_early_export_and_the_last_one_agree(sample: Sample) -> None:
    seen: dict[str, list[str]] = {}
    for entry in sample.files("survey_qualtrics"):
        for line in export(sample, entry)[3:]:
            assert seen.setdefault(line[7], line) == line
    assert len(seen) > 20


def test_answers_are_on_their_scale_and_some_channels_are_not_rated(sample: Sample) -> None:
    found = answers(sample)
    assert len(found) > 30
    scores = {value for row in found for column, value in row.items() if column not in opinions.CODED}
    assert scores <= {"", *map(str, range(11))}
    rated = [row["convenience_mr_visit"] for row in found]
    assert 0.05 < rated.count("") / len(rated) < 0.6
    assert [row["interest_mr_visit"] == "" for row in found] == [value == "" for value in rated]
    for column, words in opinions.CODED.items():
        assert {row[column] for row in found} == set(words), column


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Only the survey's files, of a company large enough for its means."""
    root: Path = tmp_path_factory.mktemp("larger")
    truth = generate(root, seed=3, physicians=1500, months=12, sources=["survey_qualtrics"])
    return Sample(root, truth)


def test_means_are_as_planted(larger: Sample) -> None:
    found = answers(larger)
    assert len(found) > 300
    planted = larger.truth["opinions"]
    for item in ("importance", "usefulness", "want"):
        for subject, mean in planted[item].items():
            scores = np.array([int(row[f"{item}_{subject}"]) for row in found])
            # Scores are rounded and cut at 10; whoever prefers visits wants them two points more.
            room = 0.35 if subject != "face_to_face" else 1.2
            assert abs(scores.mean() - mean) < room, (item, subject)
    # What carries overall satisfaction most is not what is called most important: stated and derived differ.
    carried = planted["carried_by_overall_satisfaction"]
    assert max(carried, key=carried.get) == "context_first"
    assert max(planted["importance"], key=planted["importance"].get) == "safety_first"


def test_visits_are_recalled_as_planted(larger: Sample) -> None:
    planted = larger.truth["opinions"]["visit_recall"]
    given = [row[opinions.RECALL_COLUMN] for row in answers(larger)]
    assert len(given) > 300
    for answer in opinions.CODED[opinions.RECALL_COLUMN]:
        # Some had a call and some had none: what is said lies between what each of them says.
        between = sorted((planted["with_a_call"][answer], planted["without_a_call"][answer]))
        assert between[0] - 0.03 < given.count(answer) / len(given) < between[1] + 0.03, answer


def test_contract_seed_and_questions_name_the_same_columns() -> None:
    project = project_root() / "dbt_project"
    with (project / "seeds" / "survey_question.csv").open(encoding="utf-8") as handle:
        seed = [row["answer_column"] for row in csv.DictReader(handle)]
    asked = [column for column, _, _ in opinions.QUESTIONS if column not in opinions.CODED]
    assert seed == asked
    contract = load_contracts()["survey_qualtrics"]
    assert {*asked, *opinions.CODED} <= {column.name for column in contract.columns}
    macro = (project / "macros" / "survey.sql").read_text(encoding="utf-8")
    listed = macro.split("return([")[1].split("])")[0]
    assert yaml.safe_load(f"[{listed}]") == asked
