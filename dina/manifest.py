"""Manifests: content digests of everything in a store that a consumer reads.

A manifest holds nothing that varies while the content stays (no times, versions or settings), so a
stage rerun with the same outcome wakes nothing behind it. How the content came about stands in
``provenance.json`` inside the store, which the manifest leaves out.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from dina.errors import StoreError

NOT_CONTENT = {"provenance.json", ".snakemake_timestamp", ".DS_Store"}
NOT_CONTENT_PREFIXES = ("._", ".nfs")  # what file servers and Finder leave
READ_BYTES = 1 << 22
BYTES_PER_MB = 1 << 20
BYTES_PER_CELL = 8  # of a table: numbers, or places of strings


def write_manifest(store: Path, path: Path) -> Path:
    """Digest a store and write its manifest to ``path``; cost is one read of the store."""
    path.write_text(json.dumps(describe_store(store, digest=True), indent=1, sort_keys=True) + "\n")
    return path


def describe_store(store: Path, *, digest: bool) -> dict[str, Any]:
    """What a store holds: arrays, tables, files and attributes, with sha256 if asked."""
    arrays, attributes = _describe_arrays(store, digest)
    tables, files = {}, {}
    for path in sorted(p for p in store.rglob("*") if p.is_file()):
        name = path.relative_to(store).as_posix()
        if name.startswith("arrays.zarr/") or path.name in NOT_CONTENT or path.name.startswith(NOT_CONTENT_PREFIXES):
            continue
        if path.suffix == ".parquet":
            tables[name] = _describe_table(path, digest)
        else:
            files[name] = {"bytes": path.stat().st_size} | ({"sha256": file_digest(path)} if digest else {})
    return {"arrays": arrays, "attributes": attributes, "tables": tables, "files": files}


def check_store(store: Path, manifest: Path, *, verify: bool) -> None:
    """Compare a store with its manifest; see :func:`dina.stores.checked`."""
    if not store.is_dir():
        raise StoreError(f"{store}: found no such store; expected a folder. Run the stage that writes it.")
    if not manifest.is_file():
        raise StoreError(
            f"{manifest}: found no manifest; expected one beside its store. Rerun the stage that writes {store.name}."
        )
    try:
        expected = json.loads(manifest.read_text())
        found = describe_store(store, digest=verify)
    except (ValueError, OSError, KeyError) as error:
        raise StoreError(f"{store}: unreadable ({error}). Delete it and its manifest, then rerun.") from error
    for kind in ("arrays", "tables", "files", "attributes"):
        if kind == "attributes":
            differs = ["attributes"] if found[kind] != expected[kind] else []
        else:
            differs = sorted(set(found[kind]) ^ set(expected[kind]))
            differs += [
                name
                for name in found[kind]
                if name in expected[kind] and not _agrees(found[kind][name], expected[kind][name])
            ]
        if differs:
            raise StoreError(
                f"{store}: {kind} differ from {manifest.name}: {', '.join(differs)}. "
                "The store was damaged or edited; delete it and its manifest, then rerun."
            )


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


def _describe_arrays(store: Path, digest: bool) -> tuple[dict, dict]:
    if not (store / "arrays.zarr").is_dir():
        return {}, {}
    import zarr

    group = zarr.open_group(store / "arrays.zarr", mode="r")
    arrays = {}
    for name, array in sorted(group.arrays()):
        present = sum(1 for p in (store / "arrays.zarr" / name / "c").rglob("*") if p.is_file())
        expected = int(np.prod(array.cdata_shape))
        if array.ndim and array.size and present != expected:
            raise StoreError(
                f"{store}: array {name!r} has {present} chunks; expected {expected}. "
                "Delete the store and its manifest, then rerun."
            )
        arrays[name] = {"shape": list(array.shape), "dtype": str(array.dtype), "unit": array.attrs.get("unit", "")}
        if digest:
            try:
                arrays[name]["sha256"] = array_digest(array)
            except (RuntimeError, ValueError) as error:  # what the checksum codec raises on a flipped byte
                raise StoreError(
                    f"{store}: array {name!r} is damaged ({error}). Delete the store and its manifest, then rerun."
                ) from error
    return arrays, dict(group.attrs)


def _describe_table(path: Path, digest: bool) -> dict[str, Any]:
    import pyarrow.parquet as pq

    if not digest:
        metadata = pq.read_metadata(path)
        return {"rows": metadata.num_rows, "columns": metadata.schema.to_arrow_schema().names}
    import pyarrow as pa

    table = pq.read_table(path).replace_schema_metadata(None).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return {
        "rows": table.num_rows,
        "columns": table.column_names,
        "sha256": hashlib.sha256(sink.getvalue()).hexdigest(),
    }


def _agrees(found: dict, expected: dict) -> bool:
    return all(expected.get(key) == value for key, value in found.items())
