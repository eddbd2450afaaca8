"""How the contents of an NWB file came about: settings, versions and digests of every store behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dina.stores import manifest_path

if TYPE_CHECKING:
    from pynwb import NWBFile

COLUMNS = {
    "store": "folder of the results",
    "key": "what is said of it: keys of its provenance, joined by dots, or sha256 and the name of an array or table",
    "value": "as text; numbers and lists as JSON",
}
TOLD = ("rule", "finished", "params", "packages", "python")
OF_THIS_MACHINE = {"movie", "state", "curation"}  # params that name the user's folders


def add_provenance(file: NWBFile, paths: list[Path]) -> None:
    """Add the table ``provenance`` to an open file's ``analysis``.

    One row a fact, since readers of NWB look into no JSON; of a store without a record, the digests alone.
    """
    from hdmf.common import DynamicTable, VectorData

    rows = [(f"{store.parent.name}/{store.name}", *fact) for store in paths for fact in _facts(store)]
    columns = [
        VectorData(name=name, description=about, data=list(values))
        for (name, about), values in zip(COLUMNS.items(), zip(*rows, strict=True), strict=True)
    ]
    file.add_analysis(DynamicTable(name="provenance", description="stages behind this file", columns=columns))


def _facts(store: Path) -> Iterator[tuple[str, str]]:
    record = store / "provenance.json"
    known = json.loads(record.read_text()) if record.is_file() else {}
    for name in TOLD:
        value = known.get(name, {})
        if name == "params":
            value = {key: of for key, of in value.items() if key not in OF_THIS_MACHINE}
        yield from _dotted(name, value)
    manifest = json.loads(manifest_path(store).read_text())
    for kind in ("arrays", "tables", "files"):
        for name, of in manifest[kind].items():
            yield f"sha256.{name}", of["sha256"]


def _dotted(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Nested keys as one, joined by dots, each with its value as text."""
    if isinstance(value, dict):
        for name, of in value.items():
            yield from _dotted(f"{key}.{name}", of)
    else:
        yield key, value if isinstance(value, str) else json.dumps(value)
