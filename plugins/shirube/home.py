"""Where a data home keeps its things: the folder layout is a public interface."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "SHIRUBE_HOME"


def project_root() -> Path:
    """The checkout that holds `dags/`, `dbt_project/` and `expectations/`.

    `SHIRUBE_PROJECT` names it when the package was installed from a wheel; in a checkout it is found from
    this file.
    """
    configured = os.environ.get("SHIRUBE_PROJECT")
    return Path(configured).resolve() if configured else Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """The data home: every path that the pipeline reads or writes below one root folder."""

    root: Path

    @classmethod
    def at(cls, path: Path | str | None = None) -> Home:
        """Take `path`, else `$SHIRUBE_HOME`, else `./var`, whether or not anything is there."""
        chosen = path or os.environ.get(HOME_VARIABLE) or "var"
        return cls(Path(chosen).expanduser().resolve())

    @classmethod
    def existing(cls, path: Path | str | None = None) -> Home:
        """The data home that is there; raises `FileNotFoundError` where none is, and creates none."""
        home = cls.at(path)
        if not (home.inbox.is_dir() or home.ledger_file.exists()):
            raise FileNotFoundError(
                f"{home.root} にデータホームがありません。--home か {HOME_VARIABLE} を確かめてください。 / "
                f"There is no data home at {home.root}."
            )
        return cls.resolve(path)

    @classmethod
    def resolve(cls, path: Path | str | None = None) -> Home:
        """The home at `path`, as in `at`; creates the folders that are missing."""
        home = cls.at(path)
        for folder in (
            home.inbox,
            home.lake,
            home.quarantine,
            home.ledger_file.parent,
            home.warehouse,
            home.releases,
        ):
            folder.mkdir(parents=True, exist_ok=True)
        home.vault.mkdir(mode=0o700, parents=True, exist_ok=True)
        return home

    @property
    def inbox(self) -> Path:
        """Files as they arrive, `inbox/<source>/…`; never altered by the pipeline."""
        return self.root / "inbox"

    @property
    def lake(self) -> Path:
        """Typed Parquet, one immutable file per landed batch."""
        return self.root / "lake"

    @property
    def quarantine(self) -> Path:
        """Reasons why rows or whole files were refused, `quarantine/<source>/<batch_id>/`."""
        return self.root / "quarantine"

    @property
    def ledger_file(self) -> Path:
        """SQLite file with every file ever seen and every release made."""
        return self.root / "ledger" / "ledger.sqlite"

    @property
    def vault(self) -> Path:
        """Direct identifiers, received originals and the token key; mode 0700."""
        return self.root / "vault"

    @property
    def warehouse(self) -> Path:
        """dbt's working files; may be deleted at any time."""
        return self.root / "warehouse"

    @property
    def releases(self) -> Path:
        """Immutable releases and the `current` link."""
        return self.root / "releases"

    @property
    def current(self) -> Path:
        """The link to the release that readers see."""
        return self.releases / "current"
