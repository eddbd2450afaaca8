"""Frames of one HDF5 file, read lazily."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.readers.pages import Header

if TYPE_CHECKING:
    import h5py

PATTERN = "%b"  # in the name of a virtual source, stands for the number of a block
DAMAGED = "The file is damaged, or its compression filter is missing: copy it again, or rewrite it."
UNREADABLE_DATA = "unreadable data"
CACHE_BYTES = (1 << 20, 256 << 20)  # HDF5's own default, and what a stage can spare


class Hdf5Pages:
    """The frames of a data set (frames, height, width); see :class:`~dina.imaging.readers.pages.Pages`.

    Raises
    ------
    InputError
        If the file is unreadable, if it holds no movie or several, or if parts of the movie are missing.
    """

    header = Header()

    def __init__(self, path: Path, dataset: str | None):
        self.path = path
        self.files = {path}
        self._data = None
        with reading(path, "HDF5", found="a damaged file"), open_hdf5(path) as file:
            self._name = _find_dataset(file, path, dataset)
            found = file[self._name]
            self.n_pages, self.height, self.width = found.shape
            self.dtype = found.dtype.newbyteorder("=")
            refuse_gaps(found, path)
            self._cache_bytes = chunk_cache_bytes(found)

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); the file stays open until :meth:`close`."""
        where = f"{self.path}, frames {pages.start} to {pages.stop - 1}"
        with reading(where, "frames", DAMAGED, found=UNREADABLE_DATA):
            if self._data is None:  # kept open, as long as which its cache lasts
                self._data = open_hdf5(self.path, self._cache_bytes)[self._name]
            # whole runs of frames: strided selections are slow in HDF5
            return self._data[pages.start : pages.stop][:: pages.step].astype(self.dtype, copy=False)

    def times_s(self, pages: range) -> None:
        """Nothing: HDF5 has no place agreed upon for times."""

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._data is not None:
            self._data.file.close()
            self._data = None


def open_hdf5(path: Path, cache_bytes: int | None = None) -> h5py.File:
    """Open a file for reading, or say why not; ``cache_bytes`` of unpacked chunks are kept for each data set."""
    import h5py

    with reading(path, "HDF5"):
        return h5py.File(path, "r", rdcc_nbytes=cache_bytes)


def chunk_cache_bytes(data: h5py.Dataset) -> int:
    """Room for all chunks that a frame lies in: frames after it share them, and unpacking them again takes longest."""
    chunk_frames = data.chunks[0] if data.chunks else 0
    return int(np.clip(chunk_frames * np.prod(data.shape[1:]) * data.dtype.itemsize, *CACHE_BYTES))


def files_pointed_at(path: Path) -> list[Path]:
    """Files of which the virtual data sets of a file are made up.

    Raises
    ------
    InputError
        If the file is unreadable.
    """
    import h5py

    found: list[Path] = []

    def collect(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found.extend(virtual_files(item))

    with reading(path, "HDF5", found="a damaged file"), open_hdf5(path) as file:
        file.visititems(collect)
    return found


def virtual_files(data: h5py.Dataset) -> list[Path]:
    """Files of which a virtual data set is made up: beside the one that it lies in, or else in the working folder."""
    names = dict.fromkeys(source.file_name for source in data.virtual_sources()) if data.is_virtual else ()
    folder = Path(data.file.filename).parent
    known = [name for name in names if name != "." and PATTERN not in name]
    return [Path(name) if Path(name).is_file() and not (folder / name).is_file() else folder / name for name in known]


def refuse_gaps(data: h5py.Dataset, path: Path) -> None:
    """Raise if part of a data set was never written, or lies in a file that is absent: HDF5 reads zeros there.

    Raises
    ------
    InputError
        Naming the absent file, or how much is missing.
    """
    where = f"{path}, data set {data.name!r}"
    for file in virtual_files(data):
        if not file.is_file():
            remedy = "Copy it there, or write the movie into a file of its own (h5repack)."
            raise InputError(problem(where, f"no file {str(file)!r}", "the frames that it points at", remedy))
    if data.is_virtual:
        n_found = sum(source.vspace.get_select_npoints() for source in data.virtual_sources())
        n_all, unit = data.size, "values"
    elif data.chunks:
        n_found, unit = data.id.get_num_chunks(), "chunks"
        n_all = math.prod(-(-size // chunk) for size, chunk in zip(data.shape, data.chunks, strict=True))
    else:
        n_found, n_all, unit = data.id.get_storage_size(), data.size * data.dtype.itemsize, "bytes"
    if n_found < n_all:
        remedy = "The recording broke off, or was not written to its end: copy the file again, or cut it there."
        raise InputError(problem(where, f"{n_found} {unit}", f"{n_all}", remedy))


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
