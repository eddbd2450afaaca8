"""Arrays that the user brings, opened without reading them: NumPy files and Zarr folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem

if TYPE_CHECKING:
    import zarr

ARRAYS = {".npy", ".zarr"}


def open_matrix(path: Path, name: str | None = None) -> np.ndarray | zarr.Array:
    """An array in a ``.npy`` file, mapped into memory, or in a ``.zarr`` folder, whose chunks are read when needed.

    Parameters
    ----------
    path : Path
    name : of an array in a Zarr group; None takes the only one

    Raises
    ------
    InputError
        If the file is unreadable or holds objects (pickles are never loaded), or if a group holds no such array, or
        several and no name is given.
    """
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        return _open_zarr(path, name)
    except (ValueError, OSError, KeyError) as error:
        expected, remedy = "a NumPy file without objects, or Zarr", "Save it with numpy.save or zarr.save."
        raise InputError(problem(path, f"an unreadable array ({error})", expected, remedy)) from error


def _open_zarr(path: Path, name: str | None) -> zarr.Array:
    import zarr

    opened = zarr.open(path, mode="r")
    if isinstance(opened, zarr.Array):
        return opened
    arrays = dict(opened.arrays())
    if name is None and len(arrays) == 1:
        return next(iter(arrays.values()))
    if name not in arrays:
        found, expected = f"arrays {', '.join(sorted(arrays)) or 'none'}", f"one {name!r}" if name else "one array"
        raise InputError(problem(path, found, expected, "Name one as dataset in the recording sheet."))
    return arrays[name]
