"""Frames of one HDF5 file, read lazily."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.readers.pages import Header

if TYPE_CHECKING:
    import h5py


class Hdf5Pages:
    """The frames of a data set (frames, height, width); see :class:`~dina.imaging.readers.pages.Pages`."""

    header = Header()

    def __init__(self, path: Path, dataset: str | None):
        self.path = path
        self.files = {path}
        self._file = None
        with open_hdf5(path) as file:
            self._name = _find_dataset(file, path, dataset)
            found = file[self._name]
            self.n_pages, self.height, self.width = found.shape
            self.dtype = found.dtype.newbyteorder("=")

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); the file stays open until :meth:`close`."""
        if self._file is None:
            self._file = open_hdf5(self.path)
        try:  # whole runs of frames: strided selections are slow in HDF5
            return self._file[self._name][pages.start : pages.stop][:: pages.step]
        except (OSError, RuntimeError) as error:
            where = f"{self.path}, frames {pages.start} to {pages.stop - 1}"
            remedy = "The file is damaged, or its compression filter is missing: copy it again, or rewrite it."
            raise InputError(problem(where, f"unreadable data ({error})", "frames", remedy)) from error

    def times_s(self, pages: range) -> None:
        """Nothing: HDF5 has no place agreed upon for times."""

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading, or say why not."""
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(problem(path, f"an unreadable file ({error})", "HDF5", "Copy the file again.")) from error


def _find_dataset(file: h5py.File, path: Path, name: str | None) -> str:
    """The data set that is asked for, or the only one with three dimensions and numbers in it."""
    import h5py

    found: dict[str, str] = {}

    def describe(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim == 3 and item.dtype.kind in "iuf":
            found[name] = f"{name} {item.shape} {item.dtype}"

    file.visititems(describe)
    listed = "; ".join(found.values()) or "none with three dimensions"
    if name is not None:
        if name.strip("/") not in found:
            raise InputError(
                problem(f"{path}, data set {name!r}", "no movie", f"one of: {listed}", "Correct dataset in the sheet.")
            )
        return name.strip("/")
    if len(found) != 1:
        raise InputError(
            problem(
                path,
                f"{len(found)} data sets that may be the movie ({listed})",
                "one",
                "Name it as dataset in the recording sheet.",
            )
        )
    return next(iter(found))
