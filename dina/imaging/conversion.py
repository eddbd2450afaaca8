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
FEWEST_LEVELS = 128  # of a usual frame's brightest pixel: fewer show in the noise of traces
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
    clipped_share : float
        Share of pixels at the movie's highest value: next to none, unless the detector or the file clipped them.
    repeated_share : float
        Share of frames that are, pixel by pixel, the one before, masked frames apart.
    """

    pixel_scale: float
    mean_image: np.ndarray
    frame_mean: np.ndarray
    clipped_share: float
    repeated_share: float


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
        If a frame that is not masked holds NaN or infinity, or the same value in every pixel, or pixels so much
        brighter than those of other frames that little would be left of these in 16 bits.
    """
    bad = np.zeros(movie.n_frames, bool) if bad is None else bad
    shift: int | None = None
    written: list[tuple[slice, int]] = []
    mean_image, frame_mean = np.zeros((movie.height, movie.width)), []
    last_good = np.zeros((1, movie.height, movie.width), np.int16)
    peaks, clipped, n_repeated = [], _Highest(), 0
    for start, block in tqdm(movie.blocks(), desc="reading the movie", mininterval=PROGRESS_S):
        masked = bad[start : start + len(block)]
        peaks.append(_peaks(block, masked, movie, start))
        clipped.add(block[~masked] if masked.any() else block)
        before, shift = shift, _divisor(float(peaks[-1].max()), movie.dtype, shift)
        if before is not None and shift > before:
            last_good >>= shift - before
        values = _carry(_divided(block, shift, masked), masked, last_good)
        n_repeated += _count_repeats(values, masked, last_good)
        last_good = values[-1:].copy()
        frames.append(values)
        written.append((slice(start, start + len(block)), shift or 0))
        mean_image += values.sum(0, dtype=np.float64) * 2.0 ** written[-1][1]
        frame_mean.append(values.mean((1, 2), dtype=np.float64) * 2.0 ** written[-1][1])
    shift = shift or 0
    _refuse_coarse(np.concatenate(peaks)[~bad], shift, movie, bad)
    for block, used in written:
        if used < shift:
            frames[block] = frames[block] >> (shift - used)
    _fill_beginning(frames, bad)
    scale = 2.0**-shift
    return Imported(
        scale,
        (mean_image / len(frames) * scale).astype(np.float32),
        (np.concatenate(frame_mean) * scale).astype(np.float32),
        clipped.count / ((~bad).sum() * movie.height * movie.width),
        n_repeated / max(1, (~bad).sum()),
    )


class _Highest:
    """Counts pixels at the highest value seen so far."""

    def __init__(self):
        self.value, self.count = -math.inf, 0

    def add(self, frames: np.ndarray) -> None:
        """Look through more frames, without a pass over those that do not reach so high."""
        highest = float(frames.max()) if len(frames) else -math.inf
        if highest > self.value:
            self.value, self.count = highest, 0
        if highest == self.value:
            self.count += int(np.count_nonzero(frames == frames.dtype.type(highest)))


def _count_repeats(values: np.ndarray, masked: np.ndarray, last_good: np.ndarray) -> int:
    """How many frames that are not masked are the one before, pixel by pixel."""
    earlier = [last_good[0], *values[:-1]]
    pairs = [(now, before) for now, before, bad in zip(values, earlier, masked, strict=True) if not bad]
    # a row tells nearly all apart
    return sum(np.array_equal(now[0], before[0]) and np.array_equal(now, before) for now, before in pairs)


def _refuse_coarse(peaks: np.ndarray, shift: int, movie: PlaneMovie, bad: np.ndarray) -> None:
    """Raise where a few pixels, a thousand times as bright as the rest, leave it only a few levels."""
    usual = float(np.median(peaks))
    lossy = shift > 1 or movie.dtype.kind == "f"  # halving, as of bright uint16, costs one bit
    if lossy and usual / 2.0**shift < FEWEST_LEVELS:
        frame = int(np.flatnonzero(~bad)[np.argmax(peaks)])
        found, expected = f"values up to {peaks.max():g} where frames usually end at {usual:g}", "a hundredth of that"
        raise InputError(problem(movie.locate(frame), found, expected, f"Is it a hot pixel? {BY_NAME}"))


def _peaks(block: np.ndarray, masked: np.ndarray, movie: PlaneMovie, start: int) -> np.ndarray:
    """(frames,) largest magnitude of each frame, 0 of masked ones; refuses those that are no picture."""
    low, high = (np.where(masked, 0, extreme((1, 2)).astype(np.float64)) for extreme in (block.min, block.max))
    for wrong, found, expected in (
        (~np.isfinite(low) | ~np.isfinite(high), "NaN or infinity", "finite values"),
        ((low == high) & ~masked, f"{low[np.argmax((low == high) & ~masked)]:g} in every pixel", "a picture"),
    ):
        if wrong.any():
            raise InputError(problem(movie.locate(start + int(np.argmax(wrong))), found, expected, BY_NAME))
    return np.maximum(np.abs(low), np.abs(high))


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
    if block.dtype.kind == "f":  # half precision would overflow
        block = np.rint(np.ldexp(block.astype(np.promote_types(block.dtype, np.float32)), -(shift or 0)))
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
