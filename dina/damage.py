"""What in a store is damaged: every file that is not what its stage wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dina.errors import StoreError, problem
from dina.manifest import AGAIN, PROVENANCE, SUMS, content_files, describe_store, file_digest, has_seal, read_sums

KINDS = ("arrays", "attributes", "tables", "files")
SHOWN = 10  # damaged files that an error names one by one


@dataclass(frozen=True)
class Damage:
    """One file that is damaged.

    Attributes
    ----------
    path : the file; where it cannot be told, the array's folder
    found, expected : str
    """

    path: Path
    found: str
    expected: str


def find_damage(store: Path, manifest: Path, *, verify: bool) -> list[Damage]:
    """Everything in a store that differs from its manifest and its list of files, in order of names.

    Parameters
    ----------
    store : folder
    manifest : its manifest's file, ``dina.stores.manifest_path(store)``
    verify : bool
        Digest every byte: cost is two reads of the store, in memory of a few megabytes. Otherwise names, shapes,
        types, sizes and whether every chunk is there: milliseconds.
    """
    if not store.is_dir():
        return [Damage(store, "no such folder", "the store of the manifest beside it")]
    expected, damaged = _read_manifest(manifest)
    sums, more = _read_sums(store)
    damaged += more
    if sums is not None:
        damaged += _files(store, sums, verify=verify)
    if verify:
        damaged += _provenance(store)
    if expected is not None and sums is not None and not damaged:
        damaged = _content(store, manifest, expected, sums if verify else None)
    return damaged


def check_store(store: Path, manifest: Path, *, verify: bool) -> None:
    """Refuse a store that differs from its manifest; see :func:`dina.stores.checked`."""
    damaged = find_damage(store, manifest, verify=verify)
    if damaged:
        raise StoreError(told(store, damaged, writer_of(store)))


def told(store: Path, damaged: list[Damage], writer: str | None, *, shown: int | None = SHOWN) -> str:
    """A store's damage as one paragraph: every file, the rule that wrote it, the remedy."""
    listed = [f"{of.path}: found {of.found}; expected {of.expected}." for of in damaged[:shown]]
    more = len(damaged) - len(listed)
    if more:
        listed.append(f"… and {more} more files of this store: dina verify names them all.")
    if len(listed) == 1:
        of = damaged[0]
        return problem(of.path, of.found, of.expected, f"{_written(store, writer)} {AGAIN}")
    return "\n".join([*listed, f"{_written(store, writer)} {AGAIN}"])


def writer_of(store: Path) -> str | None:
    """The rule that wrote a store, with its wildcards, by its provenance; None where that does not say."""
    try:
        record = json.loads((store / PROVENANCE).read_text(encoding="utf-8"))
        wildcards = ", ".join(f"{name} {value}" for name, value in record["wildcards"].items())
        return f"{record['rule']} ({wildcards})" if wildcards else record["rule"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _written(store: Path, writer: str | None) -> str:
    return f"{store} is written by {writer or 'a rule that no provenance names'}."


def _read_manifest(manifest: Path) -> tuple[dict[str, dict] | None, list[Damage]]:
    if not manifest.is_file():
        return None, [Damage(manifest, "no manifest", "one beside its store")]
    try:
        read = json.loads(manifest.read_text(encoding="utf-8"))
        return {kind: dict(read[kind]) for kind in KINDS}, []
    except (ValueError, KeyError, TypeError) as error:
        return None, [Damage(manifest, f"an unreadable manifest ({error})", "JSON as it was written")]


def _read_sums(store: Path) -> tuple[dict[str, str] | None, list[Damage]]:
    try:
        return read_sums(store), []
    except FileNotFoundError:
        return None, [Damage(store / SUMS, "no such file", "the list of the store's files")]
    except ValueError as error:
        return None, [Damage(store / SUMS, f"a damaged list ({error})", "the list of the store's files")]


def _provenance(store: Path) -> list[Damage]:
    """A record that was damaged; what was written outside of the workflow has none."""
    path = store / PROVENANCE
    if not path.is_file() or has_seal(path.read_text(encoding="utf-8", errors="replace")):
        return []
    return [Damage(path, "a record that does not match its own digest", "one as it was written")]


def _files(store: Path, sums: dict[str, str], *, verify: bool) -> list[Damage]:
    """Files that are missing, that nobody listed, or whose bytes differ."""
    present = set(content_files(store))
    damaged = []
    for name in sorted(present | set(sums)):
        path = store / name
        if name not in present:
            damaged.append(Damage(path, "no such file", "one, as listed when the store was written"))
        elif name not in sums:
            damaged.append(Damage(path, "a file that was not there when the store was written", "none"))
        elif verify and (found := _digest_or_error(path)) != (expected := f"bytes with sha256 {sums[name]}"):
            damaged.append(Damage(path, found, expected))
    return damaged


def _digest_or_error(path: Path) -> str:
    """A file that the disk itself refuses to read is damaged as well."""
    try:
        return f"bytes with sha256 {file_digest(path)}"
    except OSError as error:
        return f"an error of the disk ({error})"


def _content(store: Path, manifest: Path, expected: dict[str, dict], sums: dict[str, str] | None) -> list[Damage]:
    """What differs from the manifest though every file is there."""
    try:
        found = describe_store(store, sums)
    except StoreError as error:
        return [Damage(store, f"what cannot be read ({error})", "what its manifest names")]
    damaged = []
    for kind in KINDS:
        for name in sorted(set(found[kind]) | set(expected[kind])):
            if not _agrees(kind, found[kind].get(name), expected[kind].get(name)):
                said = f"{kind[:-1]} {name!r} as {_short(found[kind].get(name))}"
                damaged.append(Damage(store, said, f"{_short(expected[kind].get(name))}, says {manifest.name}"))
    return damaged


def _agrees(kind: str, found: Any, expected: Any) -> bool:
    """Whether an item is what the manifest says, as far as it was looked at: a quick look has no digests."""
    if kind == "attributes" or found is None or expected is None:
        return found == expected
    return all(expected.get(key) == value for key, value in found.items())


def _short(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)
