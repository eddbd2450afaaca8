"""From what a microscope stored to int16, in one pass, without wrapping and without a second copy of the movie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from dina.errors import InputError, problem
from dina.imaging.frames import FrameFile
from dina.imaging.movies import PlaneMovie

LARGEST = int(np.iinfo(np.int16).max)
HEADROOM_BITS = 2  # floats are scaled by the first frames; later ones may be four times as bright at no cost
PROGRESS_S = 5.0
BY_NAME = "Replace such frames and keep their number, or list them as bad_frames in the recording sheet."


@dataclass(frozen=True)
class Imported:
    """What was learned while a movie was read.

    Attributes
    ----------
    pixel_scale : float
        Stored value per value in the movie, a power of two.
    mean_image : (height, width) float32, in stored values
    frame_mean : (frames,) float32, mean of every frame, in stored values
    """

    pixel_scale: float
    mean_image: np.ndarray
    frame_mean: np.ndarray


def import_frames(movie: PlaneMovie, frames: FrameFile, bad: np.ndarray | None = None) -> Imported:
    """Copy a movie into an empty frame file as int16 and average it; memory is that of a few blocks.

    Integers are kept where they fit; otherwise all are divided by the smallest power of two that makes them fit, so
    that uint16 beyond 32,767 is halved. Floats are brought into the same range. Blocks that were written before
    the first frame that needs a larger divisor are shifted in place at the end.

    Parameters
    ----------
    movie : PlaneMovie
    frames : FrameFile, empty
    bad : (frames,) bool, optional
        Frames to be masked: whatever they hold, the last good frame before them is written in their place (before
        the first good one, that one).

    Raises
    ------
    InputError
        If a frame that is not masked holds NaN or infinity, or the same value in every pixel.
    """
    bad = np.zeros(movie.n_frames, bool) if bad is None else bad
    shift: int | None = None
    written: list[tuple[slice, int]] = []
    mean_image, frame_mean = np.zeros((movie.height, movie.width)), []
    last_good = np.zeros((1, movie.height, movie.width), np.int16)
    for start, block in tqdm(movie.blocks(), desc="reading the movie", mininterval=PROGRESS_S):
        masked = bad[start : start + len(block)]
        peak = _peak(block, masked, movie, start)
        before, shift = shift, _divisor(peak, movie.dtype, shift)
        if before is not None and shift > before:
            last_good >>= shift - before
        values = _carry(_divided(block, shift, masked), masked, last_good)
        last_good = values[-1:].copy()
        frames.append(values)
        written.append((slice(start, start + len(block)), shift or 0))
        mean_image += values.sum(0, dtype=np.float64) * 2.0 ** written[-1][1]
        frame_mean.append(values.mean((1, 2), dtype=np.float64) * 2.0 ** written[-1][1])
    shift = shift or 0
    for block, used in written:
        if used < shift:
            frames[block] = frames[block] >> (shift - used)
    _fill_beginning(frames, bad)
    scale = 2.0**-shift
    return Imported(
        scale,
        (mean_image / len(frames) * scale).astype(np.float32),
        (np.concatenate(frame_mean) * scale).astype(np.float32),
    )


def _peak(block: np.ndarray, masked: np.ndarray, movie: PlaneMovie, start: int) -> float:
    """Largest magnitude among the frames that are not masked; refuses those that are no picture."""
    low, high = (np.where(masked, 0, extreme((1, 2)).astype(np.float64)) for extreme in (block.min, block.max))
    for wrong, found, expected in (
        (~np.isfinite(low) | ~np.isfinite(high), "NaN or infinity", "finite values"),
        ((low == high) & ~masked, f"{low[np.argmax((low == high) & ~masked)]:g} in every pixel", "a picture"),
    ):
        if wrong.any():
            raise InputError(problem(movie.locate(start + int(np.argmax(wrong))), found, expected, BY_NAME))
    return float(max(np.abs(low).max(), np.abs(high).max()))


def _divisor(peak: float, dtype: np.dtype, used: int | None) -> int | None:
    """The power of two to divide by, at least the one used so far; None as long as no frame says."""
    if dtype.kind != "f":
        if dtype == np.int16 or dtype.itemsize == 1:
            return 0
        return max(used or 0, int(peak).bit_length() - LARGEST.bit_length())
    if peak == 0:
        return used
    fitting = math.ceil(math.log2(peak / LARGEST))
    return fitting + HEADROOM_BITS if used is None else max(used, fitting)


def _divided(block: np.ndarray, shift: int | None, masked: np.ndarray) -> np.ndarray:
    """Values by a power of two as int16; masked frames are 0."""
    if masked.any():
        block = np.where(masked[:, None, None], np.zeros((), block.dtype), block)
    if block.dtype.kind == "f":
        block = np.rint(block * 2.0 ** -(shift or 0))
    elif shift:
        block = block >> shift
    return block.astype(np.int16)


def _carry(values: np.ndarray, masked: np.ndarray, last_good: np.ndarray) -> np.ndarray:
    """Put the last good frame before it in the place of each masked one."""
    if not masked.any():
        return values
    source = np.maximum.accumulate(np.where(masked, 0, np.arange(1, len(values) + 1)))
    return np.concatenate([last_good, values])[source]


def _fill_beginning(frames: FrameFile, bad: np.ndarray) -> None:
    """Put the first good frame in the place of masked ones before it."""
    first = int(np.argmin(bad))
    if first:
        good = frames[first : first + 1]
        for frame in range(first):
            frames[frame : frame + 1] = good
