"""How the contents of an NWB file came about: one row a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dina.stores import manifest_path

if TYPE_CHECKING:
    from pynwb import NWBFile

COLUMNS = {
    "store": "folder of the results",
    "rule": "stage that wrote it",
    "finished": "when",
    "params": "JSON: the stage's settings and the digest of its code",
    "packages": "JSON: versions",
    "manifest": "JSON: sha256 of every array and table",
}


def add_provenance(file: NWBFile, paths: list[Path]) -> None:
    """Add the table ``provenance`` to an open file's ``analysis``; a store without a record of it has empty cells."""
    from hdmf.common import DynamicTable, VectorData

    rows = [_row(path) for path in paths]
    columns = [VectorData(name=name, description=COLUMNS[name], data=[row[name] for row in rows]) for name in COLUMNS]
    table = DynamicTable("provenance", "stages behind this file, with settings and versions", columns=columns)
    file.add_analysis(table)


def _row(store: Path) -> dict[str, str]:
    record = store / "provenance.json"
    known = json.loads(record.read_text()) if record.is_file() else {}
    return {
        "store": f"{store.parent.name}/{store.name}",
        "rule": known.get("rule", ""),
        "finished": known.get("finished", ""),
        "params": _plain(known.get("params", {})),
        "packages": _plain(known.get("packages", {})),
        "manifest": _plain(json.loads(manifest_path(store).read_text())),
    }


def _plain(values: dict) -> str:
    return json.dumps(values, sort_keys=True)
