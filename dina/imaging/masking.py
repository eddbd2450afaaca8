"""Frames that a user wants masked: light that leaked in, a shutter that was closed, a stage that was moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.movies import MIN_FRAMES
from dina.tables import numbers_in, read_table, refuse


def read_bad_frames(path: Path, n_frames: int) -> np.ndarray:
    """(frames,) bool, from a table of ``first`` and ``last`` volume, from 0, both included.

    Raises
    ------
    InputError
        If a row is no range inside the movie, or if fewer than ``MIN_FRAMES`` are left.
    """
    first, last = numbers_in(read_table(path, "a table of bad frames"), path, "first", "last")
    wrong = (first < 0) | (last < first) | (last >= n_frames) | (first % 1 != 0) | (last % 1 != 0)
    found = np.array([f"frames {a:g} to {b:g}" for a, b in zip(first, last, strict=True)], dtype=object)
    refuse(path, wrong, found, f"whole numbers from 0 to {n_frames - 1}, in order", "Frames count volumes, from 0.")
    bad = np.zeros(n_frames, bool)
    for a, b in zip(first.astype(int), last.astype(int), strict=True):
        bad[a : b + 1] = True
    n_left = n_frames - int(bad.sum())
    if n_left < MIN_FRAMES:
        found, expected = f"{n_left} of {n_frames} frames left", f"at least {MIN_FRAMES}"
        raise InputError(problem(path, found, expected, "Mask fewer frames, or leave the recording out."))
    return bad
