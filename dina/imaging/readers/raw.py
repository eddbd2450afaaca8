"""Frames in a headerless file of 16-bit integers, such as suite2p's ``data.bin``."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.readers.pages import Header


class RawPages:
    """Little-endian int16 in C order (pages, height, width); see :class:`~dina.imaging.readers.pages.Pages`.

    Parameters
    ----------
    path : Path
    height, width : int, pixels, as the recording sheet states them

    Raises
    ------
    InputError
        If the size of frames is unknown, or the file is no whole number of them.
    """

    header = Header()

    def __init__(self, path: Path, height: int | None, width: int | None):
        if height is None or width is None:
            found, remedy = f"height_px {height}, width_px {width}", "Fill in the recording sheet."
            raise InputError(problem(f"{path}, size of a frame", found, "both: the file has no header", remedy))
        self.path, self.height, self.width = path, height, width
        self.files = {path}
        self.dtype = np.dtype(np.int16)
        self._stored = np.dtype("<i2")
        n_bytes = path.stat().st_size
        self.n_pages, rest = divmod(n_bytes, self._frame_bytes)
        if rest:
            expected = f"a multiple of {self._frame_bytes}, for frames of {height} × {width} px of 2 bytes"
            remedy = "Correct height_px and width_px, or copy the file again: it may be cut off."
            raise InputError(problem(path, f"{n_bytes} bytes", expected, remedy))

    @property
    def _frame_bytes(self) -> int:
        return self.height * self.width * self._stored.itemsize

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); what lies between is not read."""
        frames = np.empty((len(pages), self.height, self.width), self.dtype)
        for frame, page in zip(frames, pages, strict=True):
            flat = np.fromfile(self.path, self._stored, math.prod(frame.shape), offset=page * self._frame_bytes)
            frame[...] = flat.reshape(frame.shape)
        return frames

    def times_s(self, pages: range) -> None:
        """Nothing: the file has no header."""

    def close(self) -> None:
        """Nothing stays open."""
