"""What dbt declares about publishing: exposed star tables and the KPIs of each mart, from its manifest.json.

An exposure publishes the models it depends on when its `meta` says `publish: star`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shirube.release.kpi_rows import RESTRICTED_KPI_TABLE
from shirube.release.lineage import MartLineage, meta_of, read_lineage

RESTRICTED_ROLES = frozenset({"medical", "compliance"})
"""Who alone may see how off-label questions were answered and which materials were used against the rules."""
RESTRICTED_FOLDER = "restricted"
"""Where a release keeps what only they may read."""


def is_restricted(audience: Iterable[str]) -> bool:
    """Whether this audience is nobody but `RESTRICTED_ROLES`; without an audience a mart is for everyone."""
    roles = set(audience)
    return bool(roles) and roles <= RESTRICTED_ROLES


@dataclass(frozen=True)
class Declared:
    """What is published and how it hangs together.

    `star`: core tables to publish beside the marts, sorted. `kpis`: KPI id → the mart that counts it.
    `grain`: model → the columns that tell its rows apart. `mart_parents`: mart → the marts it reads.
    `lineage`: mart → everything behind it. `restricted`: marts meant for nobody but `RESTRICTED_ROLES`, and
    the table of their KPIs' values where they count any.
    """

    star: tuple[str, ...]
    kpis: dict[str, str]
    grain: dict[str, tuple[str, ...]]
    mart_parents: dict[str, tuple[str, ...]]
    lineage: dict[str, MartLineage]
    restricted: frozenset[str]

    def kpis_of(self, mart: str) -> list[str]:
        """KPI ids counted by a mart, sorted."""
        return sorted(kpi for kpi, owner in self.kpis.items() if owner == mart)

    @property
    def restricted_kpis(self) -> list[str]:
        """KPI ids counted by restricted marts, sorted."""
        return sorted(kpi for kpi, owner in self.kpis.items() if owner in self.restricted)


def read_declared(manifest_file: Path) -> Declared:
    """Read dbt's `manifest.json`.

    Raises: FileNotFoundError if the build left none.
    """
    document = json.loads(manifest_file.read_text(encoding="utf-8"))
    models = {key: node for key, node in document["nodes"].items() if node["resource_type"] == "model"}
    star: set[str] = set()
    for exposure in document["exposures"].values():
        if meta_of(exposure).get("publish") == "star":
            named = (models.get(key) for key in exposure["depends_on"]["nodes"])
            star |= {str(node["name"]) for node in named if node and node["schema"] == "core"}
    kpis: dict[str, str] = {}
    grain: dict[str, tuple[str, ...]] = {}
    restricted: set[str] = set()
    for node in models.values():
        meta = meta_of(node)
        kpis |= {str(kpi["id"]): str(node["name"]) for kpi in meta.get("kpis") or []}
        if isinstance(meta.get("grain"), list):
            grain[str(node["name"])] = tuple(str(column) for column in meta["grain"])
        if node["schema"] == "marts" and is_restricted(meta.get("audience") or []):
            restricted.add(str(node["name"]))
    if restricted & set(kpis.values()):
        restricted.add(RESTRICTED_KPI_TABLE)
    return Declared(
        tuple(sorted(star)),
        kpis,
        grain,
        _mart_parents(models),
        read_lineage(document),
        frozenset(restricted),
    )


def _mart_parents(models: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    marts = {key: str(node["name"]) for key, node in models.items() if node["schema"] == "marts"}
    return {
        name: tuple(sorted(marts[parent] for parent in models[key]["depends_on"]["nodes"] if parent in marts))
        for key, name in marts.items()
    }
