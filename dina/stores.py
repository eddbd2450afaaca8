"""Stores: folders of checksummed Zarr arrays, tables and files, written atomically.

A store is a folder that holds ``arrays.zarr``, Parquet tables and other files; its manifest stands
beside it (``activity/`` and ``activity.json``). It is written into a temporary sibling and renamed,
so a folder with the store's name is always whole. Readers check it against its manifest.
"""

from __future__ import annotations

import errno
import glob
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
LEFTOVER_S = 7 * 24 * 3600.0  # longer than a stage may be silent, and than most queues let a job run
REMOVALS, BETWEEN_REMOVALS_S = 20, 0.05  # writes of a megabyte that have begun end within a second


@contextmanager
def new_store(path: str | Path) -> Iterator[Path]:
    """Write a store atomically: yields a temporary folder, renames it and adds the manifest.

    An existing store of the same name is replaced only after the new one is complete. If the body
    raises, the temporary folder is removed and nothing else changes. Whenever the process dies, what stands under
    the store's name is whole, or it has no manifest and is refused.

    Two processes may write one store at once, on one host or two, as after a kill of Snakemake whose jobs went on:
    each writes a folder of its own, and the last whole one stands. Where it holds what stands there already, as it
    should, that stays untouched, so nobody who reads it is disturbed. What killed processes left is removed by the
    next writer of the same store: at once if they ran on this host, else :data:`LEFTOVER_S` after their last write.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    partial = own_sibling(path, "partial")
    partial.mkdir()
    manifest = partial.with_name(f"{partial.name}.json")
    try:
        yield partial
        write_manifest(partial, manifest)
        if _holds_the_same(path, manifest):
            manifest.replace(manifest_path(path))  # as new for whoever compares times
            shutil.rmtree(partial, ignore_errors=True)
        else:
            _publish(partial, manifest, path)
    except BaseException:
        _remove(partial)
        raise
    finally:
        manifest.unlink(missing_ok=True)


def _publish(partial: Path, manifest: Path, path: Path) -> None:
    """Put a whole folder and its manifest under the store's name, whatever other writers do meanwhile."""
    folder, replaced = partial.stat().st_ino, own_sibling(path, "replaced")
    manifest_path(path).unlink(missing_ok=True)  # never an old manifest beside new content
    while partial.exists():
        with suppress(FileNotFoundError):  # nothing is there, or another writer moved it away just now
            path.rename(replaced)
        try:
            partial.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another writer's folder came between
                raise
        shutil.rmtree(replaced, ignore_errors=True)
    manifest.replace(manifest_path(path))
    with suppress(FileNotFoundError, StoreError):  # moved away: who did so writes a manifest after this one
        if path.stat().st_ino != folder:  # another writer's folder came after this one, but its manifest before
            write_manifest(path, manifest).replace(manifest_path(path))


def _holds_the_same(path: Path, manifest: Path) -> bool:
    """Whether what stands under the store's name is whole, every byte of it, and has this very manifest."""
    try:
        same = manifest_path(path).read_text() == manifest.read_text()
        return same and checked(path, verify=True) == path
    except (OSError, StoreError):
        return False


def own_sibling(path: Path, kind: str) -> Path:
    """A hidden name beside the store that says which process of which host it belongs to.

    The next writer of the store removes what a killed process left under ``partial``, ``replaced`` or ``provenance``.
    """
    return path.with_name(f".{path.name}.{kind}-{platform.node()}-{os.getpid()}")


def _remove_leftovers(path: Path) -> None:
    """Remove what killed writers of this store left, and nothing of those that may live."""
    for kind in ("partial", "replaced", "provenance"):
        for leftover in path.parent.glob(f".{glob.escape(path.name)}.{kind}-*"):
            host, _, process = leftover.name.removesuffix(".json").partition(f".{kind}-")[2].rpartition("-")
            here = host == platform.node() and process.isdigit()
            dead = not _lives(int(process)) if here else _last_write_s(leftover) < time.time() - LEFTOVER_S
            if dead and leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            elif dead:
                leftover.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    """Whether this host has such a process; this one writes a store once at a time, so its own are leftovers."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _last_write_s(leftover: Path) -> float:
    """When anything in a folder was written last; now, if it goes away meanwhile."""
    try:
        return max(file.lstat().st_mtime for file in (leftover, *leftover.rglob("*")))
    except FileNotFoundError:
        return time.time()


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
