"""One plane's frames across the files of a recording, read lazily: TIFF series or HDF5."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.formats import HDF5_SUFFIXES, TIFF_SUFFIXES
from dina.imaging.hdf5 import Hdf5Pages
from dina.imaging.tiff import TiffPages
from dina.settings import AcquisitionInfo

MIN_SIDE_PX = 32
MIN_FRAMES = 30
BLOCK_BYTES = 8 << 20


class Pages(Protocol):
    """What the movie needs of a file format."""

    path: Path
    n_pages: int
    height: int
    width: int
    dtype: np.dtype

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width)."""

    def close(self) -> None:
        """Close the file; reading opens it again."""


class Movie:
    """The functional frames of one plane, in order of acquisition.

    Files are joined before planes and channels are told apart (channel fastest, then plane), since
    acquisition software cuts files anywhere. An incomplete last volume is dropped with a warning.

    Parameters
    ----------
    paths : files in order of acquisition
    plane : int
    acquisition : AcquisitionInfo

    Attributes
    ----------
    n_frames, height, width, n_dropped_pages : int
    dtype : numpy dtype of the files

    Raises
    ------
    InputError
        If a file is unreadable or differs from the first in frame size or type, if no plane of this
        number exists, or if fewer than 30 frames or 32 px a side are left.
    """

    def __init__(self, paths: list[Path], plane: int, acquisition: AcquisitionInfo):
        self._files = [_open_pages(Path(path), acquisition.dataset) for path in paths]
        first = _agree(self._files)
        self.height, self.width, self.dtype = first.height, first.width, first.dtype
        n_planes = 1 if acquisition.separate_files else acquisition.n_planes
        if not 0 <= plane < acquisition.n_planes:
            expected = f"0 to {acquisition.n_planes - 1}"
            raise InputError(problem("plane", plane, expected, "Correct n_planes in the recording sheet."))
        self._stride = n_planes * acquisition.n_channels
        self._offset = (0 if acquisition.separate_files else plane) * acquisition.n_channels
        self._offset += acquisition.functional_channel
        n_pages = sum(file.n_pages for file in self._files)
        self.n_frames, self.n_dropped_pages = divmod(n_pages, self._stride)
        if self.n_dropped_pages:
            warnings.warn(
                f"{paths[-1]}: {n_pages} pages are no whole number of volumes of {n_planes} planes × "
                f"{acquisition.n_channels} channels; the last {self.n_dropped_pages} are dropped.",
                stacklevel=2,
            )
        if self.n_frames < MIN_FRAMES:
            remedy = "Check the files, n_planes and n_channels."
            raise InputError(problem(paths[0], f"{self.n_frames} frames a plane", f"at least {MIN_FRAMES}", remedy))

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Number of the first frame, and (frames, height, width) in the files' type, about 8 MB at a time."""
        step = max(1, BLOCK_BYTES // (self.height * self.width * self.dtype.itemsize))
        frame = 0
        page = self._offset
        for file in self._files:
            while page < file.n_pages and frame < self.n_frames:
                stop = min(page + self._stride * min(step, self.n_frames - frame), file.n_pages)
                block = file.read(range(page, stop, self._stride))
                yield frame, block
                frame += len(block)
                page += self._stride * len(block)
            page -= file.n_pages
            file.close()

    def locate(self, frame: int) -> str:
        """Where a frame stands, for errors: ``movie_002.tif, page 17``."""
        page = self._offset + frame * self._stride
        for file in self._files:
            if page < file.n_pages:
                return f"{file.path}, page {page}"
            page -= file.n_pages
        raise IndexError(frame)


def _open_pages(path: Path, dataset: str | None) -> Pages:
    if not path.is_file():
        raise InputError(problem(path, "no such file", "a movie", "Correct the recording sheet."))
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        return TiffPages(path)
    if suffix in HDF5_SUFFIXES:
        return Hdf5Pages(path, dataset)
    known = ", ".join(sorted(TIFF_SUFFIXES | HDF5_SUFFIXES))
    raise InputError(problem(path, f"a file ending in {suffix!r}", known, "Convert the movie to TIFF or HDF5."))


def _agree(files: list[Pages]) -> Pages:
    """The first of files that agree in frame size and type."""
    if not files:
        raise InputError(problem("movie", "no file", "at least one", "Correct the recording sheet."))
    first = files[0]
    if first.dtype.kind not in "iuf":
        raise InputError(problem(first.path, f"{first.dtype} values", "integers or floats", "Convert the movie."))
    if min(first.height, first.width) < MIN_SIDE_PX:
        found, expected = f"frames of {first.height} × {first.width} px", f"at least {MIN_SIDE_PX} px a side"
        raise InputError(problem(first.path, found, expected, "Is this the movie, and are its axes (frames, y, x)?"))
    for file in files[1:]:
        for name, here, there in (
            ("frames", (file.height, file.width), (first.height, first.width)),
            ("values", file.dtype, first.dtype),
        ):
            if here != there:
                expected = f"{there} as in {first.path.name}"
                raise InputError(problem(file.path, f"{name} of {here}", expected, "Leave the odd file out."))
    return first
