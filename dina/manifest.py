"""Manifests: content digests of everything in a store that a consumer reads.

A manifest holds nothing that varies while the content stays (no times, versions or settings), so a
stage rerun with the same outcome wakes nothing behind it. How the content came about stands in
``provenance.json`` inside the store, and the digest of every file's bytes, which packages' versions may
change, in ``SHA256SUMS`` there; the manifest leaves out both.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dina.errors import UNREADABLE, StoreError, problem

PROVENANCE = "provenance.json"
SUMS = "SHA256SUMS"  # as `sha256sum --check` reads it
NOT_CONTENT = {PROVENANCE, SUMS, ".snakemake_timestamp", ".DS_Store"}
NOT_CONTENT_PREFIXES = ("._", ".nfs")  # what file servers and Finder leave
READ_BYTES = 1 << 22
AGAIN = "Delete the store and its manifest, then run snakemake again."
BYTES_PER_MB = 1 << 20
BYTES_PER_CELL = 8  # of a table: numbers, or places of strings


def write_manifest(store: Path, path: Path) -> Path:
    """Digest a store, write its ``SHA256SUMS``, and its manifest to ``path``.

    Cost is a read of every file and another one of arrays and tables, in memory of a few megabytes.
    """
    described = describe_store(store, write_sums(store))
    path.write_text(json.dumps(described, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def describe_store(store: Path, sums: dict[str, str] | None) -> dict[str, Any]:
    """What a store holds: arrays, tables, files and attributes.

    Parameters
    ----------
    store : folder
    sums : name of a file → sha256 of its bytes, see :func:`read_sums`; None leaves all digests out

    Raises
    ------
    StoreError
        Naming the array, table or file that cannot be read.
    """
    arrays, attributes = _describe_arrays(store, digest=sums is not None)
    tables, files = {}, {}
    for name in content_files(store):
        if name.startswith("arrays.zarr/"):
            continue
        path = store / name
        if path.suffix == ".parquet":
            with _named(path):
                tables[name] = _describe_table(path, digest=sums is not None)
        else:
            files[name] = {"bytes": path.stat().st_size} | ({"sha256": sums[name]} if sums else {})
    return {"arrays": arrays, "attributes": attributes, "tables": tables, "files": files}


def content_files(store: Path) -> list[str]:
    """Every file of a store that belongs to its content, by its name inside, in order."""
    paths = (path for path in store.rglob("*") if path.is_file())
    names = (path.relative_to(store).as_posix() for path in paths if not _is_foreign(path.name))
    return sorted(names)


def write_sums(store: Path) -> dict[str, str]:
    """Write, and return, the digest of every file's bytes; the first line is the digest of the lines below it."""
    sums = {name: file_digest(store / name) for name in content_files(store)}
    lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    (store / SUMS).write_text(f"# {_text_digest(lines)}\n{lines}", encoding="utf-8")
    return sums


def read_sums(store: Path) -> dict[str, str]:
    """Name inside the store → digest of its bytes.

    Raises
    ------
    ValueError
        If the list does not match its own digest, or is no list.
    OSError
        If there is none.
    """
    first, _, lines = (store / SUMS).read_text(encoding="utf-8").partition("\n")
    if first != f"# {_text_digest(lines)}":
        raise ValueError("its first line is not the digest of the others")
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines.splitlines())}


def sealed(record: dict[str, Any]) -> str:
    """A record as JSON, with a digest of the rest of it under ``sha256``."""
    digest = _text_digest(json.dumps(record, sort_keys=True))
    return json.dumps(record | {"sha256": digest}, indent=1, sort_keys=True) + "\n"


def has_seal(text: str) -> bool:
    """Whether a record is, to the byte, as :func:`sealed` wrote it."""
    try:
        record = json.loads(text)
        del record["sha256"]
        return text == sealed(record)
    except (ValueError, KeyError, TypeError):
        return False


def held_mb(path: str | Path) -> float:
    """Megabytes behind one input of a rule: a store by its manifest, unpacked; other files and folders as they are.

    A store's folder counts nothing beside its manifest, nor does what is not there. Of a store the manifest alone is
    read, a few kilobytes, so a graph of thousands of jobs can afford it.
    """
    path = Path(path)
    if path.is_dir():
        is_store = path.with_name(path.name + ".json").is_file()
        n_bytes = 0 if is_store else sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    elif path.suffix == ".json" and path.with_suffix("").is_dir():
        n_bytes = _bytes_listed(path)
    else:
        n_bytes = path.stat().st_size if path.is_file() else 0
    return n_bytes / BYTES_PER_MB


def _bytes_listed(path: Path) -> int:
    try:
        return _bytes_of(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError):  # no manifest, or a damaged one: told by who reads the store
        return 0


def _bytes_of(manifest: dict[str, Any]) -> int:
    arrays = sum(math.prod(of["shape"]) * np.dtype(of["dtype"]).itemsize for of in manifest["arrays"].values())
    tables = sum(of["rows"] * len(of["columns"]) * BYTES_PER_CELL for of in manifest["tables"].values())
    return arrays + tables + sum(of["bytes"] for of in manifest["files"].values())


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def array_digest(array: Any) -> str:
    """sha256 of an array's values in C order, read in slabs along the first axis so memory stays small."""
    digest = hashlib.sha256()
    if array.ndim == 0 or array.size == 0:
        digest.update(np.ascontiguousarray(array[...]).tobytes())
        return digest.hexdigest()
    row_bytes = max(1, int(np.prod(array.shape[1:])) * np.dtype(array.dtype).itemsize)
    step = array.chunks[0] * max(1, READ_BYTES // (row_bytes * array.chunks[0]))
    for start in range(0, array.shape[0], step):
        digest.update(np.ascontiguousarray(array[start : start + step]).tobytes())
    return digest.hexdigest()


def _describe_arrays(store: Path, *, digest: bool) -> tuple[dict, dict]:
    if not (store / "arrays.zarr").is_dir():
        return {}, {}
    import zarr

    with _named(store / "arrays.zarr/zarr.json"):
        group = zarr.open_group(store / "arrays.zarr", mode="r")
    arrays = {}
    for folder in sorted(path for path in (store / "arrays.zarr").iterdir() if path.is_dir()):
        with _named(folder):
            array = zarr.open_array(folder, mode="r")
            unit = array.attrs.get("unit", "")
            arrays[folder.name] = {"shape": list(array.shape), "dtype": str(array.dtype), "unit": unit}
            if digest:
                arrays[folder.name]["sha256"] = array_digest(array)  # the checksum codec raises on a flipped byte
    return arrays, dict(group.attrs)


def _describe_table(path: Path, *, digest: bool) -> dict[str, Any]:
    import pyarrow.parquet as pq

    if not digest:
        metadata = pq.read_metadata(path)
        return {"rows": metadata.num_rows, "columns": metadata.schema.to_arrow_schema().names}
    import pyarrow as pa

    table = pq.read_table(path, page_checksum_verification=True).replace_schema_metadata(None).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {
        "rows": table.num_rows,
        "columns": table.column_names,
        "sha256": hashlib.sha256(sink.getvalue()).hexdigest(),
    }


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Whatever a library raises where it cannot read a damaged file, under the file's name."""
    try:
        yield
    except UNREADABLE as error:
        raise StoreError(problem(path, f"something unreadable ({error})", "what the stage wrote", AGAIN)) from error


def _is_foreign(name: str) -> bool:
    return name in NOT_CONTENT or name.startswith(NOT_CONTENT_PREFIXES)


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
