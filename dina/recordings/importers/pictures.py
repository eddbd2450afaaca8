"""The images of a public data set, cut to a window and brought together with the trials that showed them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.images import squares_of
from dina.recordings.stimuli import Shown
from dina.recordings.stimulus_log import StimulusLog
from dina.tables import row_of

if TYPE_CHECKING:
    import pandas as pd

WHITE = 255  # of 8 bits, in whatever type they are stored

Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))


def window_of(text: str | None, usual: Window, shape: tuple[int, int], where: object) -> Window:
    """The part of an image that is kept: rows and columns.

    Parameters
    ----------
    text : the sheet's ``image_window``, or None for the ``usual`` one
    shape : height and width of the images, pixels

    Raises
    ------
    InputError
        If it reaches beyond the image.
    """
    if text is None:
        return usual
    rows, columns = (slice(*map(int, part.split(":"))) for part in text.split(","))
    if rows.stop > shape[0] or columns.stop > shape[1]:
        expected = f"a part of {shape[0]} rows and {shape[1]} columns"
        remedy = "Correct image_window in the recording sheet, or empty it."
        raise InputError(problem(where, f"the window {text}", expected, remedy))
    return rows, columns


def width_in_window(width_deg: float | None, window: Window, width_px: int) -> float | None:
    """Visual angle of a window, degrees, where that of whole images, ``width_px`` wide, is known."""
    return None if width_deg is None else width_deg * len(range(width_px)[window[1]]) / width_px


def from_8_bit(pixels: np.ndarray, where: object) -> np.ndarray:
    """Pixels of 8 bits, as whole numbers or floats: float32, 0 black to 1 white.

    Raises
    ------
    InputError
        If one is outside 0 to 255, or no number.
    """
    taken = np.asarray(pixels, np.float32)
    low, high = float(taken.min()), float(taken.max())
    if not (low >= 0 and high <= WHITE):  # NaN, too
        raise InputError(problem(where, f"pixels from {low:g} to {high:g}", f"0 to {WHITE}", "Is the file whole?"))
    return taken / WHITE


def shown_of(
    image: np.ndarray,
    pictures: Callable[[np.ndarray], Iterator[np.ndarray]],
    size_px: int,
    where: Path,
    *,
    width_deg: float | None,
    behaviour: pd.DataFrame,
    category: np.ndarray | None = None,
    split: np.ndarray | None = None,
    onset_s: np.ndarray | None = None,
) -> Shown:
    """What a data set showed, trial after trial.

    Memory is that of the images returned, 16 kB each at 64 px, and of one picture.

    Parameters
    ----------
    image : (trials,) int, the number of the image that a trial shows
    pictures : gives those of some numbers, ascending, each (height, width) float32, 0 black to 1 white
    size_px : height and width returned
    where : what names the images, for errors
    width_deg : visual angle that a picture spans, degrees; None where unknown
    behaviour : one row a trial
    category, split : (trials,) str, or None
    onset_s : (trials,) float64, or None where no times are known

    Raises
    ------
    InputError
        If an image stands on two sides of the split, naming the trial.
    """
    numbers, index = np.unique(image, return_inverse=True)
    if split is not None:
        _refuse_two_sides(index, split, where)
    squares, width_px = squares_of(pictures(numbers), len(numbers), size_px, where)
    log = StimulusLog(
        onset=np.full(len(image), np.nan) if onset_s is None else onset_s,
        unit="s",
        image=image.astype(str).astype(object),
        category=category,
        split=split,
        behaviour=behaviour,
    )
    return Shown(log, squares, index.astype(np.int32), None if width_deg is None else width_deg / width_px, where)


def _refuse_two_sides(index: np.ndarray, split: np.ndarray, where: Path) -> None:
    first = np.unique(index, return_index=True)[1]
    odd = np.flatnonzero(split != split[first][index])
    if len(odd):
        trial, earlier = int(odd[0]), int(first[index[odd[0]]])
        found = f"its image in {split[trial]!r} and, in {row_of(where, earlier)}, in {split[earlier]!r}"
        remedy = "Is the data set whole, and of one recording?"
        raise InputError(problem(f"{where}, {row_of(where, trial)}", found, "one side for an image", remedy))
