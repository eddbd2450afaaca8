"""A plane's frames as one raw int16 file, read and written in parts, never held or mapped whole.

suite2p works on anything that can be sliced like an array; ordinary reads and writes keep the memory
of a stage independent of the recording's length, which a memory map does not.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import ShapeError

FRAMES = "frames.int16"


class FrameFile:
    """Frames in a raw file, little-endian int16, C order (frames, height, width).

    Reads ``file[start:stop]`` and ``file[indices]``, writes ``file[start:stop] = frames``.

    Parameters
    ----------
    path : Path
    height, width : int
    create : bool
        Start an empty file; otherwise open one for reading and writing where allowed.
    """

    def __init__(self, path: Path, height: int, width: int, *, create: bool = False):
        self.path = path
        self.dtype = np.dtype("<i2")
        self._size = (height, width)
        if create:
            path.touch()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width)."""
        return (self.path.stat().st_size // self._frame_bytes, *self._size)

    @property
    def _frame_bytes(self) -> int:
        return self._size[0] * self._size[1] * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step != 1:
                return self[np.arange(start, stop, step)]
            return self._read(start, max(0, stop - start))
        return np.concatenate([self._read(int(frame), 1) for frame in key])

    def __setitem__(self, key: slice, frames: np.ndarray) -> None:
        start, stop, step = key.indices(len(self))
        if np.shape(frames) == self._size and stop - start == 1:
            frames = frames[None]  # suite2p squeezes a batch of one frame
        if step != 1 or np.shape(frames) != (stop - start, *self._size):
            raise ShapeError(f"{self.path}: found {np.shape(frames)} to write at {key}; frames are {self._size}.")
        with open(self.path, "r+b") as stream:
            stream.seek(start * self._frame_bytes)
            stream.write(np.ascontiguousarray(frames, self.dtype).data)

    def append(self, frames: np.ndarray) -> None:
        """Write (frames, height, width) behind the last frame."""
        with open(self.path, "ab") as stream:
            stream.write(np.ascontiguousarray(frames, self.dtype).data)

    def window(self, frames: slice) -> FrameWindow:
        """A stretch of the file that reads and writes like a file of its own."""
        return FrameWindow(self, frames)

    def blocks(self, n_frames: int = 100) -> list[slice]:
        """Slices that cover the file."""
        return [slice(start, min(start + n_frames, len(self))) for start in range(0, len(self), n_frames)]

    def _read(self, frame: int, n_frames: int) -> np.ndarray:
        flat = np.fromfile(self.path, self.dtype, n_frames * math.prod(self._size), offset=frame * self._frame_bytes)
        return flat.reshape(n_frames, *self._size)


class FrameWindow:
    """A stretch of a frame file, for those who work on their part of it."""

    def __init__(self, file: FrameFile, frames: slice):
        self._file = file
        self._start, stop, _ = frames.indices(len(file))
        self.shape = (stop - self._start, *file.shape[1:])

    def __getitem__(self, key: slice) -> np.ndarray:
        return self._file[self._within(key)]

    def __setitem__(self, key: slice, frames: np.ndarray) -> None:
        self._file[self._within(key)] = frames

    def _within(self, key: slice) -> slice:
        start, stop, step = key.indices(self.shape[0])
        return slice(self._start + start, self._start + stop, step)


def open_frames(registered: str | Path) -> FrameFile:
    """The frames of a ``registered`` store."""
    attributes = stores.read_attributes(registered)
    return FrameFile(Path(registered) / FRAMES, attributes["height_px"], attributes["width_px"])
