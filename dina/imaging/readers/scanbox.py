"""Frames of a Scanbox recording: pixels in an ``.sbx`` file, what they are in a ``.mat`` file of the same name.

Read here rather than through roiextractors, whose reader gives the first plane alone, takes one channel alone,
cuts the rate to a whole number and does not know files of Scanbox 3. Checked on made-up files, where they agree in
what both read, and not on files from a microscope.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.readers.formats import files_beside
from dina.imaging.readers.matlab import WITHOUT, read_matlab
from dina.imaging.readers.pages import Header

N_CHANNELS = {1: 2, 2: 1, 3: 1}  # before Scanbox 3, ``channels`` says which of two detectors were kept: both, or one
MAX_CHANNELS = 4  # as many as the sheet allows
UNIDIRECTIONAL = 1  # value of ``scanmode``
MAX_VALUE = np.iinfo(np.uint16).max  # the digitiser's values fall with brightness
INFO = "info with sz, resfreq, config.lines, scanmode and channels (or chan.nchan)"


class ScanboxPages:
    """The frames of an ``.sbx`` file; see :class:`~dina.imaging.readers.pages.Pages`.

    They lie there as little-endian uint16 in C order (frames, rows, columns, channels), planes in turn. Values are
    turned round, so that bright is high. The columns at the left edge that a bidirectional scan leaves dark are kept.

    Raises
    ------
    InputError
        If the ``.mat`` file is missing or says too little, or if the ``.sbx`` file is no whole number of frames.
    """

    def __init__(self, path: Path):
        self.path = path
        self.files = {path, *files_beside(path)}
        info = _read_info(path)
        self.header = _header(info)
        self.height, self.width = (int(side) for side in info["sz"])
        self.dtype = np.dtype(np.uint16)
        frame_bytes = self._pixels_per_frame * self.dtype.itemsize
        n_frames, rest = divmod(path.stat().st_size, frame_bytes)
        if rest or not n_frames:
            expected = f"a multiple of {frame_bytes}, for {self._n_channels} × {self.height} × {self.width} values"
            remedy = "Copy both files again: one may be cut off, or belong to another recording."
            raise InputError(problem(path, f"{path.stat().st_size} bytes", expected, remedy))
        self.n_pages = n_frames * self._n_channels

    @property
    def _n_channels(self) -> int:
        return self.header.n_channels

    @property
    def _pixels_per_frame(self) -> int:
        return self.height * self.width * self._n_channels

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); what lies between is not read."""
        shape = (self.n_pages // self._n_channels, self.height, self.width, self._n_channels)
        mapped = np.memmap(self.path, "<u2", "r", shape=shape)
        frames = np.empty((len(pages), self.height, self.width), self.dtype)
        for frame, page in zip(frames, pages, strict=True):
            number, channel = divmod(page, self._n_channels)
            frame[...] = MAX_VALUE - mapped[number, :, :, channel]
        return frames

    def times_s(self, pages: range) -> None:
        """Nothing: Scanbox writes the frames of trigger events, not the times of frames."""

    def close(self) -> None:
        """Nothing stays open."""


def scanbox_header(path: Path) -> Header:
    """Planes, channels and rate, from the ``.mat`` file alone.

    Raises
    ------
    InputError
        If it is missing, unreadable, or says too little.
    """
    return _header(_read_info(path))


def _read_info(path: Path) -> dict[str, Any]:
    """The structure ``info``, checked for what is needed."""
    (mat,) = files_beside(path)
    if not mat.is_file():
        remedy = "Copy it beside the .sbx file, under the same name."
        raise InputError(problem(path, f"no {mat.name} beside it", "what Scanbox writes with every recording", remedy))
    variables = read_matlab(mat, INFO)
    with reading(mat, INFO, "Copy the file again.", found=WITHOUT):
        info = variables["info"]
        header = _header(info)
        height, width = (int(side) for side in info["sz"])
        if not 1 <= header.n_channels <= MAX_CHANNELS:
            raise ValueError(f"{header.n_channels} channels")
    if info.get("fold_lines"):
        found, expected = f"frames folded to {info['fold_lines']} lines", "whole frames"
        raise InputError(problem(mat, found, expected, "Convert the movie to TIFF."))
    if min(height, width) < 1:
        raise InputError(problem(f"{mat}, info.sz", f"{height} × {width} px", "the size of a frame", "Copy it again."))
    return info


def _header(info: dict[str, Any]) -> Header:
    """A resonant mirror scans a line a period, or two, there and back; a frame has ``config.lines`` of them."""
    lines_per_period = 1 if int(info["scanmode"]) == UNIDIRECTIONAL else 2
    return Header(
        n_planes=_n_planes(info),
        n_channels=int(info["chan"]["nchan"]) if "chan" in info else N_CHANNELS[int(info["channels"])],
        frame_rate_hz=lines_per_period * float(info["resfreq"]) / float(info["config"]["lines"]),
    )


def _n_planes(info: dict[str, Any]) -> int:
    """Steps of the tunable lens: rows of ``etl_table`` in later versions, values of ``otwave`` in earlier ones."""
    if not info.get("volscan", np.size(info.get("otwave", ()))):
        return 1
    table = np.asarray(info.get("etl_table", ()))
    steps = len(np.atleast_2d(table)) if table.size else np.size(info.get("otwave", ()))
    return max(1, steps)
