"""Two folders of results, digest by digest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dina.damage import KINDS, writer_of
from dina.manifest import file_digest
from dina.stores import manifest_path
from dina.verifying import find_stores

FILES = ("**/figures/*.*", "tables/*.*")  # made from stores, and the same whenever those are
TIMED = "benchmarks.csv"  # how long jobs took


@dataclass(frozen=True)
class Difference:
    """What two folders of results do not share.

    Attributes
    ----------
    name : of the store or file, in both folders
    what : str
    writer : the rule that wrote the store; None where no provenance says
    """

    name: str
    what: str
    writer: str | None


def compare_results(first: Path, second: Path) -> tuple[int, list[Difference]]:
    """Hold every store's manifest, every figure and every table of two folders against each other.

    Stores are compared by their manifests, so cost does not grow with them; ``dina verify`` says whether
    stores are what their manifests say.

    Parameters
    ----------
    first, second : folders of results

    Returns
    -------
    How many stores and files were compared, and the differences in order of names.
    """
    differences, n = [], 0
    names = sorted({store.relative_to(folder) for folder in (first, second) for store in find_stores(folder)[0]})
    for name in names:
        writer = writer_of(first / name) or writer_of(second / name)
        what = _of_manifests(*(manifest_path(folder / name) for folder in (first, second)))
        differences += [Difference(name.as_posix(), item, writer) for item in what]
    n += len(names)
    files = sorted(
        {
            path.relative_to(folder)
            for folder in (first, second)
            for pattern in FILES
            for path in folder.glob(pattern)
            if path.is_file() and path.name != TIMED and not path.name.startswith(".")
        }
    )
    differences += [
        Difference(name.as_posix(), what, None)
        for name in files
        if (what := _of_files(first, second, name)) is not None
    ]
    return n + len(files), differences


def _of_manifests(first: Path, second: Path) -> list[str]:
    """What two manifests do not share, one line an item."""
    for path, other in ((first, second), (second, first)):
        if not path.is_file():
            return [f"in {other.parent} alone" if other.is_file() else "without a manifest in both"]
    texts = [path.read_text(encoding="utf-8") for path in (first, second)]
    if texts[0] == texts[1]:
        return []
    try:
        one, two = map(json.loads, texts)
        return [
            f"{kind[:-1]} {name!r}: {_item(one[kind].get(name), two[kind].get(name))}"
            for kind in KINDS
            for name in sorted(set(one[kind]) | set(two[kind]))
            if one[kind].get(name) != two[kind].get(name)
        ]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        return [f"an unreadable manifest ({error})"]


def _item(one: Any, two: Any) -> str:
    if one is None or two is None:
        return f"in the {'second' if one is None else 'first'} alone"
    if isinstance(one, dict) and isinstance(two, dict) and one.get("sha256") != two.get("sha256"):
        plain = [{key: value for key, value in of.items() if key != "sha256"} for of in (one, two)]
        if plain[0] == plain[1]:
            return "other values"
        one, two = plain
    return f"{json.dumps(one)} in the first, {json.dumps(two)} in the second"


def _of_files(first: Path, second: Path, name: Path) -> str | None:
    one, two = first / name, second / name
    if not (one.is_file() and two.is_file()):
        return f"in {(first if one.is_file() else second)} alone"
    return None if file_digest(one) == file_digest(two) else "other bytes"
