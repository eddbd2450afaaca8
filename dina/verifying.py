"""Whether a folder of results is whole: every store against its manifest, and what killed jobs left behind."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dina.damage import find_damage, told, writer_of
from dina.errors import problem
from dina.exports.suite2p_folder import RECORD
from dina.manifest import PROVENANCE, SUMS
from dina.stores import ARRAYS, manifest_path

KEYS = {"arrays", "attributes", "tables", "files"}  # of a manifest


@dataclass(frozen=True)
class Verified:
    """What was found in a folder of results.

    Attributes
    ----------
    n_stores : int
    damaged : store → what is wrong with it, as one paragraph
    leftovers : paths that a killed job left, or that a running one is writing
    """

    n_stores: int
    damaged: dict[Path, str]
    leftovers: list[Path]


def verify_results(results: Path) -> Verified:
    """Digest every byte of every store under ``results``; cost is two reads of all of them."""
    stores, leftovers = find_stores(results)
    recorded = _writers_by_consumers(stores)
    damaged = {}
    for store in stores:
        found = find_damage(store, manifest_path(store), verify=True)
        if found:
            name = store.relative_to(results).as_posix()
            writer = writer_of(store) or next((rule for path, rule in recorded.items() if _ends(path, name)), None)
            damaged[store] = told(store, found, writer, shown=None)
    return Verified(len(stores), damaged, leftovers)


def told_leftover(path: Path) -> str:
    """What is to be done about what a killed job left."""
    return problem(
        path,
        "an unfinished result",
        "none, unless Snakemake runs now",
        "Run snakemake again: the stage that left it clears it away, or goes on from it. Or delete it.",
    )


def find_stores(results: Path) -> tuple[list[Path], list[Path]]:
    """Stores under a folder, whole or not, and what killed jobs left, both in order of names."""
    stores, leftovers = set(), []
    for root, folders, files in os.walk(results):
        here = Path(root)
        leftovers += [here / name for name in (*folders, *files) if _is_leftover(name)]
        folders[:] = [name for name in folders if name not in (ARRAYS, ".snakemake") and not _is_unfinished(name)]
        for name in files:
            if name.endswith(".json") and not name.startswith(".") and is_manifest(here / name):
                stores.add((here / name).with_suffix(""))
        stores |= {here / name for name in folders if _is_store(here / name)}
        folders[:] = [name for name in folders if here / name not in stores]
    return sorted(stores), sorted(leftovers)


def is_manifest(path: Path) -> bool:
    """Whether a JSON file is a manifest; one that cannot be read is if it stands beside a folder of its name."""
    if path.with_name(RECORD).is_file():  # a copy, in a folder for suite2p
        return False
    try:
        return set(json.loads(path.read_text(encoding="utf-8"))) >= KEYS
    except (ValueError, TypeError, OSError):
        return path.with_suffix("").is_dir()


def _is_store(folder: Path) -> bool:
    return manifest_path(folder).is_file() or any((folder / name).exists() for name in (ARRAYS, PROVENANCE, SUMS))


def _is_leftover(name: str) -> bool:
    """Names under which stores, their manifests, and files are written before they are whole."""
    if not name.startswith("."):
        return False
    return any(mark in name for mark in (".partial", ".replaced", ".provenance")) or name.endswith(".json")


def _is_unfinished(name: str) -> bool:
    """Also the folder of a training in progress, which is no leftover: a killed training goes on from it."""
    return _is_leftover(name) or name.endswith(".partial")


def _writers_by_consumers(stores: list[Path]) -> dict[str, str]:
    """Path of a store → the rule that wrote it, as the stages behind it recorded: for a store that is gone."""
    writers = {}
    for store in stores:
        for path, source in _inputs(store):
            writers.setdefault(path, source)
    return writers


def _inputs(store: Path) -> Iterator[tuple[str, str]]:
    try:
        inputs = json.loads((store / PROVENANCE).read_text(encoding="utf-8"))["inputs"]
        yield from ((path, source["written_by"]) for path, source in inputs.items() if source.get("written_by"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return


def _ends(path: str, name: str) -> bool:
    return path == name or path.endswith(f"/{name}")
