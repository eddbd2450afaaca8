"""Arrays that the user brings, opened without reading them: NumPy files and Zarr folders."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError  # of headers that NumPy takes for those of Python 2
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem, reading

if TYPE_CHECKING:
    import zarr

ARRAYS = {".npy", ".zarr"}


def open_array(path: Path, expected: str, remedy: str, *, found: str = "an unreadable file") -> np.ndarray:
    """The array of an ``.npy`` file, mapped: no more is read than is looked at, whatever size its header announces.

    ``expected``, ``remedy`` and ``found`` are told where it cannot be read.

    Raises
    ------
    InputError
        If there is no such file, if it is damaged or in another format, or if it holds Python objects, which are
        never unpickled.
    """
    with reading(path, expected, remedy, found=found, also=(TokenError,)):
        return np.lib.format.open_memmap(path, mode="r")


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
    about = {"remedy": "Save it with numpy.save or zarr.save.", "found": "an unreadable array"}
    if path.suffix.lower() == ".npy":
        return open_array(path, "a NumPy file without objects", **about)
    with reading(path, "a Zarr array, or a group of them", **about):
        return _open_zarr(path, name)


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
