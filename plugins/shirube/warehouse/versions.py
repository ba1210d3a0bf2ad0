"""What a release is a function of, as digests: configuration, code, batches, who is left out, and the day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path

from shirube import __version__
from shirube.home import project_root

_CONFIGURATION = (
    ("expectations", (".yaml", ".yml")),
    ("dbt_project/macros", (".sql",)),
    ("dbt_project/models", (".sql", ".yml")),
    ("dbt_project/seeds", (".csv", ".yml")),
)


def config_version(root: Path | None = None) -> str:
    """12 hex digits over contracts, suites, seeds, models and the KPI registry of a project."""
    project = root or project_root()
    files = [project / "dbt_project" / "dbt_project.yml"]
    for folder, endings in _CONFIGURATION:
        files += [path for path in (project / folder).rglob("*") if path.suffix in endings]
    return _digest(project, files)[:12]


@cache
def code_version() -> str:
    """The package's version and 12 hex digits over its source."""
    package = Path(__file__).resolve().parents[1]
    return f"{__version__}+{_digest(package, package.rglob('*.py'))[:12]}"


def release_id_of(
    as_of: date, deliveries: Iterable[str], configuration: str, stopped_digest: str | None = None
) -> str:
    """The day, and 10 hex digits over everything else that decides what is in the release.

    `stopped_digest` stands for the physicians to leave out, None where there are none.
    """
    parts = [*sorted(deliveries), code_version(), configuration, as_of.isoformat()]
    parts += [f"stopped {stopped_digest}"] if stopped_digest else []
    digest = sha256("\0".join(parts).encode()).hexdigest()
    return f"{as_of.isoformat()}-{digest[:10]}"


def _digest(root: Path, files: Iterable[Path]) -> str:
    whole = sha256()
    for path in sorted(files):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0")
        whole.update(sha256(path.read_bytes()).digest())
    return whole.hexdigest()
