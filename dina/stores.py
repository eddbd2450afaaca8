"""Stores: folders of checksummed Zarr arrays, tables and files, written atomically.

A store is a folder that holds ``arrays.zarr``, Parquet tables and other files; its manifest stands
beside it (``activity/`` and ``activity.json``). It is written into a temporary sibling and renamed,
so a folder with the store's name is always whole. Readers check it against its manifest.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from dina.damage import check_store
from dina.errors import StoreError, problem
from dina.manifest import AGAIN, write_manifest

if TYPE_CHECKING:
    import pandas as pd

CHUNK_BYTES = 1 << 20
ARRAYS = "arrays.zarr"
REMOVALS, BETWEEN_REMOVALS_S = 20, 0.05  # writes of a megabyte that have begun end within a second


@contextmanager
def new_store(path: str | Path) -> Iterator[Path]:
    """Write a store atomically: yields a temporary folder, renames it and adds the manifest.

    An existing store of the same name is replaced only after the new one is complete. If the body
    raises, the temporary folder is removed and nothing else changes. Whenever the process dies, what stands under
    the store's name is whole, or it has no manifest and is refused.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    for kind in ("partial", "replaced"):  # what a killed process left
        for leftover in path.parent.glob(f".{path.name}.{kind}-*"):
            shutil.rmtree(leftover)
    partial.mkdir()
    try:
        yield partial
        replaced = path.with_name(f".{path.name}.replaced-{os.getpid()}")
        manifest = write_manifest(partial, partial.with_name(f".{path.name}.json"))
        manifest_path(path).unlink(missing_ok=True)  # never an old manifest beside new content
        if path.exists():
            path.rename(replaced)
        partial.rename(path)
        manifest.replace(manifest_path(path))
        shutil.rmtree(replaced, ignore_errors=True)
    except BaseException:
        _remove(partial)
        raise


def _remove(folder: Path) -> None:
    """Remove a folder into which Zarr's threads may still write: where one fails, on a full disk, others go on."""
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(BETWEEN_REMOVALS_S)
        if not folder.exists():
            return


def manifest_path(store: str | Path) -> Path:
    """Where a store's manifest stands: beside the folder, with ``.json`` added to its name."""
    store = Path(store)
    return store.with_name(store.name + ".json")


def checked(store: str | Path, *, verify: bool = False) -> Path:
    """The store's path, after checking it against its manifest.

    Parameters
    ----------
    store : folder
    verify : bool
        Also digest every byte; otherwise only names, shapes, types, sizes and missing files.

    Raises
    ------
    StoreError
        Naming every file that differs and the rule that wrote the store.
    """
    store = Path(store)
    check_store(store, manifest_path(store), verify=verify)
    return store


def create_array(
    store: str | Path,
    name: str,
    shape: tuple[int, ...],
    dtype: Any = np.float32,
    *,
    unit: str = "",
    chunks: tuple[int, ...] | None = None,
) -> zarr.Array:
    """Create an array in a store for writing in parts; chunks hold about 1 MB and carry checksums."""
    group = zarr.open_group(Path(store) / ARRAYS, mode="a", zarr_format=3)
    return group.create_array(
        name,
        shape=shape,
        dtype=np.dtype(dtype),
        chunks=chunks or chunks_of(shape, dtype),
        compressors=ZstdCodec(level=1, checksum=True),
        fill_value=0,
        attributes={"unit": unit},
        config={"write_empty_chunks": True},  # a chunk that is not there is damage, never zeros
    )


def write_array(store: str | Path, name: str, values: Any, *, unit: str = "") -> None:
    """Write a whole array; float64 becomes float32 unless it holds times in seconds."""
    values = np.asarray(values)
    if values.dtype == np.float64 and unit != "s":
        values = values.astype(np.float32)
    array = create_array(store, name, values.shape, values.dtype, unit=unit)
    array[...] = values


def write_attributes(store: str | Path, attributes: Mapping[str, Any]) -> None:
    """Write plain JSON attributes; numpy scalars become Python numbers, NaN is refused."""
    group = zarr.open_group(Path(store) / ARRAYS, mode="a", zarr_format=3)
    group.attrs.update({key: _plain(value, key) for key, value in attributes.items()})


def holds(store: str | Path, name: str) -> bool:
    """Whether a store has an array or a table of that name."""
    store = Path(store)
    return (store / ARRAYS / name / "zarr.json").is_file() or (store / f"{name}.parquet").is_file()


def open_array(store: str | Path, name: str) -> zarr.Array:
    """An array of a store, read lazily."""
    try:
        return zarr.open_array(Path(store) / ARRAYS / name, mode="r")
    except (FileNotFoundError, zarr.errors.NodeNotFoundError):
        raise StoreError(f"{store}: no array {name!r}. Rerun the stage that writes this store.") from None


def read_array(store: str | Path, name: str) -> np.ndarray:
    """An array of a store, whole in memory.

    Raises
    ------
    StoreError
        If there is no such array, or if a chunk's checksum says that it is damaged.
    """
    try:
        return np.asarray(open_array(store, name)[...])
    except (RuntimeError, ValueError) as error:
        raise StoreError(f"{store}: array {name!r} is damaged ({error}). {AGAIN}") from error


def read_attributes(store: str | Path) -> dict[str, Any]:
    """The store's attributes."""
    return dict(zarr.open_group(Path(store) / ARRAYS, mode="r").attrs)


def write_table(store: str | Path, name: str, table: pd.DataFrame) -> None:
    """Write a table as Parquet, without an index; its pages carry checksums."""
    table.to_parquet(Path(store) / f"{name}.parquet", index=False, write_page_checksum=True)


def read_table(store: str | Path, name: str) -> pd.DataFrame:
    """Read a table of a store.

    Raises
    ------
    StoreError
        If there is no such table, or if it is damaged.
    """
    import pandas as pd

    path = Path(store) / f"{name}.parquet"
    try:
        return pd.read_parquet(path, page_checksum_verification=True)
    except (OSError, ValueError) as error:  # Arrow's own errors are among these
        raise StoreError(problem(path, f"an unreadable table ({error})", "a table as it was written", AGAIN)) from error


def chunks_of(shape: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
    """Chunks near 1 MB, with axes halved from the longest so that both directions read alike."""
    chunks = [max(1, n) for n in shape]
    while np.prod(chunks) * np.dtype(dtype).itemsize > CHUNK_BYTES:
        longest = int(np.argmax(chunks))
        chunks[longest] = -(-chunks[longest] // 2)
    return tuple(int(n) for n in chunks)


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(k): _plain(v, f"{key}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, key) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        raise StoreError(f"attribute {key!r} is {value}: JSON has no such number. Write null instead.")
    return value
