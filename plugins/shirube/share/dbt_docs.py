"""dbt's own documentation site as one file that asks nobody for anything.

dbt ships the page; `dbt docs generate` would fill it by starting dbt and asking the warehouse. Both facts it
needs are already here: the manifest of the build, and the columns and row counts of the release. What would
load from elsewhere (a usage tracker) is cut out, and so are the build machine's paths.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from shirube.share.release_files import ReleaseFiles

_TRACKER = (
    ("!0===e.track&&r.turn_on_tracking()", "void 0"),
    ("//d1fc8wv8zag5ca.cloudfront.net/2.9.0/sp.js", "about:blank"),
    ("fishtownanalytics.sinter-collect.com", "invalid."),
    ("https://fuzzed.getdbt.com/", "about:blank"),
)
_MACHINE_FIELDS = ("root_path", "build_path", "compiled_path", "patch_path", "deferred", "created_at")


def page_template() -> str:
    """dbt's page with the tracker cut out; found without importing dbt, which takes seconds.

    Raises ModuleNotFoundError if dbt is not installed, ValueError if its page is not the one we can mend.
    """
    found = importlib.util.find_spec("dbt")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("dbt is not installed, so its documentation page is not there")
    roots = [Path(location) for location in found.submodule_search_locations]
    page = next(
        (root / "task/docs/index.html" for root in roots if (root / "task/docs/index.html").exists()), None
    )
    if page is None:
        raise ValueError("this dbt carries no documentation page")
    text = page.read_text(encoding="utf-8")
    for tracked, instead in _TRACKER:
        if tracked not in text:
            raise ValueError(
                f"dbt's documentation page changed: {tracked!r} is not in it; look for its new tracker"
            )
        text = text.replace(tracked, instead)
    return text


def offline_page(manifest: dict[str, Any], release: ReleaseFiles) -> str:
    """The documentation site of a build, complete in one HTML text; the same release gives the same text."""
    inlined = {
        '"MANIFEST.JSON INLINE DATA"': _published_manifest(manifest),
        '"CATALOG.JSON INLINE DATA"': _catalog(manifest, release),
    }
    text = page_template()
    for marker, document in inlined.items():
        if marker not in text:
            raise ValueError(f"dbt's documentation page changed: no place for {marker}")
        # A closing tag inside a description must not end the script that carries it.
        text = text.replace(
            marker, json.dumps(document, ensure_ascii=False, sort_keys=True).replace("</", "<\\/")
        )
    return text


def _published_manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest without clock times, ids of the run, machine paths and the bodies of dbt's own macros."""
    metadata = {
        name: manifest["metadata"].get(name)
        for name in ("dbt_schema_version", "dbt_version", "project_name", "adapter_type")
    }
    project = metadata["project_name"]
    published: dict[str, Any] = {**manifest, "metadata": {**metadata, "send_anonymous_usage_stats": False}}
    for part in ("nodes", "sources", "exposures", "macros"):
        published[part] = {
            key: {field: value for field, value in node.items() if field not in _MACHINE_FIELDS}
            for key, node in manifest.get(part, {}).items()
        }
    for node in published["nodes"].values():
        # Compiled SQL holds the paths of this machine; the source text stays.
        if "compiled_code" in node:
            node["compiled_code"] = None
        if isinstance(node.get("relation_name"), str) and "/" in node["relation_name"]:
            node["relation_name"] = None
    for source in published["sources"].values():
        source["relation_name"] = None
    for macro in published["macros"].values():
        if macro.get("package_name") != project:
            macro["macro_sql"] = ""
    return dict(_without(published, "external_location"))


def _without(value: Any, key: str) -> Any:
    """A copy of nested dictionaries and lists without one key, wherever it stands."""
    if isinstance(value, dict):
        return {name: _without(part, key) for name, part in value.items() if name != key}
    if isinstance(value, list):
        return [_without(part, key) for part in value]
    return value


def _catalog(manifest: dict[str, Any], release: ReleaseFiles) -> dict[str, Any]:
    """dbt's catalog of the published tables: their columns, types and rows."""
    nodes: dict[str, Any] = {}
    for key, node in manifest["nodes"].items():
        if node["resource_type"] not in ("model", "seed") or release.file(node["name"]) is None:
            continue
        columns = release.query(f"describe select * from {{{node['name']}}}")
        rows = release.query(f"select count(*) as n from {{{node['name']}}}")[0]["n"]
        nodes[key] = {
            "metadata": {
                "type": "BASE TABLE",
                "schema": node["schema"],
                "name": node["name"],
                "database": node.get("database"),
                "comment": None,
                "owner": None,
            },
            "columns": {
                column["column_name"]: {
                    "type": column["column_type"],
                    "index": index,
                    "name": column["column_name"],
                    "comment": None,
                }
                for index, column in enumerate(columns, start=1)
            },
            "stats": {
                "has_stats": {
                    "id": "has_stats",
                    "label": "Has Stats?",
                    "value": True,
                    "include": False,
                    "description": "",
                },
                "rows": {
                    "id": "rows",
                    "label": "Rows",
                    "value": rows,
                    "include": True,
                    "description": "Published rows",
                },
            },
            "unique_id": key,
        }
    return {"metadata": {}, "nodes": nodes, "sources": {}, "errors": None}
