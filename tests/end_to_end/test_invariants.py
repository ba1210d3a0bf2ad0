"""Order, repetition and sudden death change nothing that a reader can see."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shirube.home import Home
from shirube.landing import land

from tests.end_to_end.conftest import Company, shirube

pytestmark = pytest.mark.end_to_end

SEED = 11
PHYSICIANS = 600

BUILD_KILLS = 8
"""Landing and publishing are killed 12 times each in their own tests: 32 moments in all."""


def mart_hashes(home: Home) -> dict[str, str]:
    """Content hash of each mart of the current release."""
    manifest = json.loads((home.current / "manifest.json").read_text(encoding="utf-8"))
    return {mart["name"]: mart["sha256"] for mart in manifest["marts"]}


def with_the_same_key(company: Company, root: Path) -> Home:
    """A new data home whose tokens join those of the company's."""
    home = Home.resolve(root)
    shutil.copy2(company.home.vault / "token.key", home.vault / "token.key")
    return home


def test_shuffled_split_and_repeated_deliveries_give_the_same_marts(
    company: Company, sample_folder: Path, tmp_path: Path
) -> None:
    home = with_the_same_key(company, tmp_path / "shuffled")
    files = sorted(
        path for path in sample_folder.rglob("*") if path.is_file() and path.parent != sample_folder
    )
    assert len(files) > 500
    chance = random.Random(3)
    chance.shuffle(files)
    half = len(files) // 2
    for part in (files[:half], files[half - 40 :], files[:40]):
        for file in part:
            target = home.inbox / file.relative_to(sample_folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        land(home)
    done = shirube(home.root, "run")
    assert done.returncode == 0, done.stderr[-3000:]
    assert home.current.resolve().name == company.home.current.resolve().name
    hashes = mart_hashes(home)
    assert len(hashes) >= 8
    assert hashes == mart_hashes(company.home)


def test_a_second_run_changes_nothing(company: Company) -> None:
    before = company.home.current.resolve()
    hashes = mart_hashes(company.home)
    done = shirube(company.home.root, "run")
    assert done.returncode == 0, done.stderr[-3000:]
    assert company.home.current.resolve() == before
    assert mart_hashes(company.home) == hashes


def test_a_build_killed_anywhere_is_finished_by_two_at_once_to_the_same_release(
    company: Company, tmp_path: Path
) -> None:
    home = with_the_same_key(company, tmp_path / "killed")
    for folder in ("lake", "ledger"):
        shutil.copytree(company.home.root / folder, home.root / folder, dirs_exist_ok=True)
    command = [sys.executable, "-m", "shirube.cli", "build", "--home", str(home.root)]
    chance = random.Random(5)
    killed = 0
    for _ in range(BUILD_KILLS):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(chance.uniform(0.5, 12))
        if process.poll() is None:
            killed += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not home.current.exists()
    assert killed >= BUILD_KILLS // 2
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outcomes = [process.communicate(timeout=900) for process in pair]
    codes = [process.returncode for process in pair]
    assert 0 in codes, outcomes
    for code, (_, said) in zip(codes, outcomes, strict=True):
        assert code == 0 or b"build" in said.lower()
    assert len([path for path in (home.warehouse / "builds").iterdir() if path.is_dir()]) == 1
    for command_name in ("audit", "publish"):
        done = shirube(home.root, command_name)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert mart_hashes(home) == mart_hashes(company.home)
