"""What may not be committed: machine paths, index hosts, unfinished work, copied licences."""

from __future__ import annotations

import re
import subprocess
from importlib import metadata

from shirube.home import project_root

ROOT = project_root()
TEXT_ENDINGS = {".py", ".sql", ".yml", ".yaml", ".toml", ".md", ".j2", ".typ", ".cfg", ".lock", ".csv", ""}


def tracked_files() -> list:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:  # a source archive without git: look at everything that is not generated
        return [p for p in ROOT.rglob("*") if p.is_file() and ".venv" not in p.parts and "var" not in p.parts]
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def offending_lines(pattern: str, ignored: set[str] = frozenset()) -> list[str]:
    found = []
    for file in tracked_files():
        name = str(file.relative_to(ROOT))
        if (
            file.suffix not in TEXT_ENDINGS
            or name in ignored
            or name == "tests/architecture/test_repository.py"
        ):
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{name}:{number}")
    return found


def test_no_machine_path_is_committed() -> None:
    assert len(tracked_files()) > 100
    assert offending_lines(r"(^|[\s\"'=(])/(home|root|work|Users)/") == []


def test_lock_names_versions_and_hashes_but_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"index-url|find-links", lock)
    requirements = re.findall(r"^([a-z0-9._-]+)==", lock, flags=re.MULTILINE)
    assert len(requirements) > 150
    assert lock.count("--hash=sha256:") >= len(requirements)


def test_nothing_unfinished_is_committed() -> None:
    assert offending_lines(r"\b(TODO|FIXME|XXX|NotImplementedError)\b") == []


def test_no_copyleft_library_at_run_time() -> None:
    """Dual-licensed libraries are fine where one of the licences is permissive."""
    permissive_choice = {"text-unidecode"}  # Artistic License or GPL, at the user's choice
    seen, copyleft = 0, []
    for distribution in metadata.distributions():
        seen += 1
        name = distribution.metadata["Name"]
        licence = (
            distribution.metadata.get("License-Expression") or distribution.metadata.get("License") or ""
        )
        classifiers = " ".join(distribution.metadata.get_all("Classifier") or [])
        is_gpl = re.search(r"\bA?GPL", licence[:80]) or re.search(
            r"GNU (Affero )?General Public", classifiers
        )
        if is_gpl and "LGPL" not in licence[:80] and name not in permissive_choice:
            copyleft.append(name)
    assert seen > 150
    assert copyleft == []
