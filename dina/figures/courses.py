"""What figures of whole recordings share: which planes stand for all, and lines over hours that stay readable."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

MAX_PLANES = 4
N_BINS = 400  # points of a line across a page; more cannot be told apart in print
LONG_S = 300  # recordings from this length on are drawn over minutes


def shown_planes(flagged: np.ndarray) -> np.ndarray:
    """Places of at most four planes, spread evenly over the depth: flagged ones first, then others.

    Parameters
    ----------
    flagged : (planes,) bool
    """
    first = _spread(np.flatnonzero(flagged), MAX_PLANES)
    return np.sort(np.concatenate([first, _spread(np.flatnonzero(~flagged), MAX_PLANES - len(first))]))


def _spread(places: np.ndarray, n: int) -> np.ndarray:
    return places[np.linspace(0, len(places) - 1, min(len(places), n)).round().astype(int)]


def time_unit(time_s: np.ndarray) -> tuple[str, float]:
    """Unit of a recording's time axis, and its seconds."""
    return ("min", 60.0) if time_s[-1] >= LONG_S else ("s", 1.0)


def binned(time: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Time, minimum, median and maximum in equal bins of frames, at most ``N_BINS``."""
    n = max(1, -(-len(values) // N_BINS))
    parts = np.split(np.arange(len(values)), range(n, len(values), n))
    rows = [(time[p].mean(), values[p].min(), np.median(values[p]), values[p].max()) for p in parts]
    return tuple(np.array(rows).T)


def draw_course(axes: Axes, time_s: np.ndarray, values: np.ndarray, colour: str) -> None:
    """Median and full range in bins, over the whole recording."""
    middle_of_bin, low, middle, high = binned(time_s / time_unit(time_s)[1], values)
    axes.fill_between(middle_of_bin, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(middle_of_bin, middle, color=colour, linewidth=1)
    axes.margins(x=0)


def mark_frames(axes: Axes, time_s: np.ndarray, chosen: np.ndarray, colour: str, label: str) -> None:
    """A tick at the lower edge for each chosen frame."""
    if chosen.any():
        time = time_s[chosen] / time_unit(time_s)[1]
        axes.plot(time, np.zeros(len(time)), "|", color=colour, transform=axes.get_xaxis_transform(), label=label)
