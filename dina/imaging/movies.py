"""A recording's movie across its files, and the frames of one plane and channel of it, read lazily."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.acquisition import complete, same_header
from dina.imaging.readers.opening import open_pages
from dina.imaging.readers.pages import Pages
from dina.settings import AcquisitionInfo

MIN_SIDE_PX = 32
MIN_FRAMES = 30
BLOCK_BYTES = 8 << 20


class Movie:
    """All pages of a recording (or of one plane, where each has files of its own), in order of acquisition.

    Files are joined before planes and channels are told apart (channel fastest, then plane, then flyback), since
    acquisition software cuts files anywhere. An incomplete last volume is dropped with a warning.

    Parameters
    ----------
    paths : files in order of acquisition
    acquisition : AcquisitionInfo
        What is left open is taken from the first file's header.

    Attributes
    ----------
    acquisition : AcquisitionInfo, complete but for a rate or pixel size that nothing states
    n_frames : int, volumes
    n_dropped_pages : int
    height, width : int
    dtype : numpy dtype of the files

    Raises
    ------
    InputError
        If a file is unreadable or differs from the first in frame size, type or header, if sheet and header contradict
        each other, if channels do not divide the pages, or if fewer than 30 frames or 32 px a side are left.
    """

    def __init__(self, paths: list[Path], acquisition: AcquisitionInfo):
        self._files = _open_all([Path(path) for path in paths], acquisition)
        first = _agree(self._files, acquisition.header == "use")
        self.path, self.height, self.width, self.dtype = first.path, first.height, first.width, first.dtype
        self.acquisition = complete(acquisition, first.header, first.path)
        self._n_planes = 1 if acquisition.separate_files else self.acquisition.n_planes
        n_pages = sum(file.n_pages for file in self._files)
        self.n_frames, self.n_dropped_pages = self._count_volumes(n_pages)
        if self.n_frames < MIN_FRAMES:
            remedy = "Check the files, n_planes and n_channels."
            raise InputError(problem(first.path, f"{self.n_frames} frames a plane", f"at least {MIN_FRAMES}", remedy))

    @property
    def _pages_per_volume(self) -> int:
        return (self._n_planes + self.acquisition.n_flyback) * self.acquisition.n_channels

    def _count_volumes(self, n_pages: int) -> tuple[int, int]:
        """Whole volumes, and pages left over; the last volume needs no flyback."""
        n_channels = self.acquisition.n_channels
        if n_pages % n_channels:
            found, remedy = f"{n_pages} pages", "Correct n_channels in the sheet, or copy the last file again."
            raise InputError(problem(self.path, found, f"a multiple of {n_channels} channels", remedy))
        n_volumes, rest = divmod(n_pages, self._pages_per_volume)
        if rest >= self._n_planes * n_channels:
            return n_volumes + 1, 0
        if rest:
            warnings.warn(
                f"{self._files[-1].path}: {n_pages} pages are no whole number of volumes of {self._n_planes} planes × "
                f"{n_channels} channels; the last {rest} are dropped.",
                stacklevel=3,
            )
        return n_volumes, rest

    def plane(self, plane: int, channel: int | None = None) -> PlaneMovie:
        """The frames of a plane, of the functional channel unless another is named.

        Raises
        ------
        InputError
            If there is no such plane or channel.
        """
        channel = self.acquisition.functional_channel if channel is None else channel
        for name, value, n in (("plane", plane, self.acquisition.n_planes), ("channel", channel, self._n_channels)):
            if not 0 <= value < n:
                remedy = f"Correct n_{name}s in the recording sheet."
                raise InputError(problem(f"{self.path}, {name}", value, f"0 to {n - 1}", remedy))
        return PlaneMovie(self, self.page_offset(plane, channel), self._pages_per_volume)

    @property
    def _n_channels(self) -> int:
        return self.acquisition.n_channels

    def page_offset(self, plane: int, channel: int) -> int:
        """The page of the first volume that shows a plane and channel."""
        return (0 if self.acquisition.separate_files else plane) * self._n_channels + channel

    def parts(self, offset: int) -> Iterator[tuple[Pages, range]]:
        """Files, and which of their pages stand ``offset`` into a volume, until the last whole volume."""
        page, left = offset, self.n_frames
        for file in self._files:
            n = min(left, len(range(page, file.n_pages, self._pages_per_volume)))
            if n:
                yield file, range(page, page + n * self._pages_per_volume, self._pages_per_volume)
            page += n * self._pages_per_volume - file.n_pages
            left -= n

    def page_times_s(self, plane: int) -> np.ndarray | None:
        """(frames,) times of a plane's frames as the files' headers state them, None unless all do."""
        offset = self.page_offset(plane, self.acquisition.functional_channel)
        times = [file.times_s(pages) for file, pages in self.parts(offset)]
        return None if any(part is None for part in times) else np.concatenate(times)


class PlaneMovie:
    """The frames of one plane and channel.

    Attributes
    ----------
    n_frames, height, width : int
    dtype : numpy dtype of the files
    """

    def __init__(self, movie: Movie, offset: int, stride: int):
        self._movie, self._offset, self._stride = movie, offset, stride
        self.n_frames, self.height, self.width, self.dtype = movie.n_frames, movie.height, movie.width, movie.dtype

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Number of the first frame, and (frames, height, width) in the files' type, about 8 MB at a time."""
        step = max(1, BLOCK_BYTES // (self.height * self.width * self.dtype.itemsize))
        frame = 0
        for file, pages in self._movie.parts(self._offset):
            for start in range(0, len(pages), step):
                try:
                    block = file.read(pages[start : start + step])
                except (OSError, ValueError) as error:  # readers tell what was wrong from the beginning
                    remedy = "Was it moved, or is it still being copied? Run again when it is there."
                    found = f"a file that changed while it was read ({error})"
                    raise InputError(problem(file.path, found, "the movie", remedy)) from error
                yield frame, block
                frame += len(block)
            file.close()

    def locate(self, frame: int) -> str:
        """Where a frame stands, for errors: ``movie_002.tif, page 17``."""
        for file, pages in self._movie.parts(self._offset):
            if frame < len(pages):
                return f"{file.path}, page {pages[frame]}"
            frame -= len(pages)
        raise IndexError(frame)


def _open_all(paths: list[Path], acquisition: AcquisitionInfo) -> list[Pages]:
    """Open files in order; one that an earlier one covers, as in an OME-TIFF of several files, is not opened again."""
    files: list[Pages] = []
    covered: set[Path] = set()
    for path in paths:
        if path.resolve() not in covered:
            files.append(open_pages(path, acquisition))
            covered |= {file.resolve() for file in files[-1].files}
    return files


def _agree(files: list[Pages], believed: bool) -> Pages:
    """The first of files that agree in frame size and type, and in their headers where these are believed."""
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
        if believed:
            same_header(file.header, first.header, file.path, first.path.name)
    return first
