"""A plane's frames as one raw int16 file, read and written in parts, never held or mapped whole.

suite2p works on anything that can be sliced like an array; ordinary reads and writes keep the memory
of a stage independent of the recording's length, which a memory map does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dina import stores
from dina.errors import InputError, ShapeError, problem
from dina.imaging.movies import Movie

FRAMES = "frames.int16"
LARGEST = np.iinfo(np.int16).max
PROGRESS_S = 5.0


class FrameFile:
    """Frames in a raw file, little-endian int16, C order (frames, height, width).

    Reads ``file[start:stop]`` and ``file[indices]``, writes ``file[start:stop] = frames``.

    Parameters
    ----------
    path : Path
    height, width : int
    dtype : numpy dtype of two bytes
    create : bool
        Start an empty file; otherwise open one for reading and writing where allowed.
    """

    def __init__(self, path: Path, height: int, width: int, *, dtype: str = "<i2", create: bool = False):
        self.path = path
        self.dtype = np.dtype(dtype)
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

    def blocks(self, n_frames: int = 100) -> list[slice]:
        """Slices that cover the file."""
        return [slice(start, min(start + n_frames, len(self))) for start in range(0, len(self), n_frames)]

    def _read(self, frame: int, n_frames: int) -> np.ndarray:
        flat = np.fromfile(self.path, self.dtype, n_frames * math.prod(self._size), offset=frame * self._frame_bytes)
        return flat.reshape(n_frames, *self._size)


def open_frames(registered: str | Path) -> FrameFile:
    """The frames of a ``registered`` store."""
    attributes = stores.read_attributes(registered)
    return FrameFile(Path(registered) / FRAMES, attributes["height_px"], attributes["width_px"])


@dataclass(frozen=True)
class Imported:
    """What was learned while a movie was read.

    Attributes
    ----------
    pixel_scale : float
        Stored value per value in the movie, a power of two.
    mean_image : (height, width) float32, in stored values
    """

    pixel_scale: float
    mean_image: np.ndarray


def import_frames(movie: Movie, frames: FrameFile) -> Imported:
    """Copy a movie into an empty frame file as int16, without wrapping, and average it.

    Values are kept where they fit. Otherwise all are multiplied by the largest power of two that makes
    them fit (uint16 beyond 32,767 is halved). Sixteen-bit movies are read once; wider types, whose
    range must be known before the first frame is written, twice.

    Raises
    ------
    InputError
        If a frame holds NaN or infinity, or if the movie never changes.
    """
    narrow = movie.dtype.itemsize <= 2 and movie.dtype.kind in "iu"
    scale = 1.0 if narrow else _fitting_scale(*_value_range(movie), movie)
    unsigned = FrameFile(frames.path, movie.height, movie.width, dtype="<u2")
    total = np.zeros((movie.height, movie.width))
    low, high = math.inf, -math.inf
    for _, block in tqdm(movie.blocks(), desc="reading the movie", mininterval=PROGRESS_S):
        values = block if narrow else np.rint(block * scale)
        low, high = min(low, values.min()), max(high, values.max())
        total += values.sum(0, dtype=np.float64)
        (unsigned if movie.dtype == np.uint16 else frames).append(values)
    _refuse_constant(low, high, movie)
    if high > LARGEST:
        scale = 0.5
        for block in frames.blocks():
            frames[block] = unsigned[block] >> 1
    return Imported(scale, (total / len(frames) * (scale if narrow else 1)).astype(np.float32))


def _value_range(movie: Movie) -> tuple[float, float]:
    """Smallest and largest value of the movie; frames with NaN or infinity are refused by name."""
    low, high = math.inf, -math.inf
    for start, block in tqdm(movie.blocks(), desc="finding the range of values", mininterval=PROGRESS_S):
        finite = np.isfinite(block).all(axis=(1, 2))
        if not finite.all():
            where = movie.locate(start + int(np.argmin(finite)))
            remedy = "Replace such frames, for instance by the one before, and keep their number."
            raise InputError(problem(where, "NaN or infinity", "finite values", remedy))
        low, high = min(low, float(block.min())), max(high, float(block.max()))
    return low, high


def _fitting_scale(low: float, high: float, movie: Movie) -> float:
    """The largest power of two that maps the range into int16; integers are never enlarged."""
    _refuse_constant(low, high, movie)
    scale = 2.0 ** math.floor(math.log2(LARGEST / max(abs(low), abs(high))))
    return scale if movie.dtype.kind == "f" else min(1.0, scale)


def _refuse_constant(low: float, high: float, movie: Movie) -> None:
    if low == high:
        found = f"{low} in every pixel of every frame"
        raise InputError(problem(movie.locate(0), found, "a movie that changes", "Was the shutter open?"))
