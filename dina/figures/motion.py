"""Figure: how the brain moved, and how much sharper the mean image is without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dina import stores
from dina.figures.looks import BLACK, BLUE, GREY, ORANGE
from dina.figures.style import letter, page_figure
from dina.probing.known import KnownPlane

MAX_PLANES = 4
N_BINS = 400  # points of a line across a page; more cannot be told apart in print
CLOSE_UP_FRAMES = 100
LONG_S = 300  # recordings from this length on are drawn over minutes
DIRECTIONS = (("vertical", BLUE), ("horizontal", ORANGE))


def draw_motion(session: Path, registered: list[Path], known: dict[int, KnownPlane]) -> Figure:
    """One row a plane: the whole recording, a close-up; and each plane's crispness before and after.

    Beyond four planes, four spread evenly over the depth stand for all; crispness is shown of every one.
    """
    planes = stores.read_attributes(session)["planes"]
    time_s = stores.read_array(session, "frame_time_s")
    shown = np.unique(np.linspace(0, len(planes) - 1, min(len(planes), MAX_PLANES)).round().astype(int))
    figure = page_figure(1.35 * len(shown) + 0.75)
    grid = figure.add_gridspec(len(shown), 3, width_ratios=[2.6, 1.5, 1.2])
    first: list[Axes] = []
    for row, place in enumerate(shown):
        offsets = stores.read_array(registered[place], "rigid_offsets_px").astype(float)
        true = known[planes[place]].motion_px if known else None
        whole, close = (figure.add_subplot(grid[row, column]) for column in (0, 1))
        _draw_whole(whole, time_s[place], offsets, true)
        _draw_close_up(close, time_s[place], offsets, true)
        whole.set_title(f"plane {planes[place]}")
        whole.set_ylabel("displacement (px)")
        last = row == len(shown) - 1
        whole.set_xlabel(f"time ({_unit(time_s[place])[0]})" if last else "")
        close.set_xlabel("time (s)" if last else "")
        first = first or [whole, close]
    first[1].set_title(f"{min(CLOSE_UP_FRAMES, time_s.shape[1])} frames from the middle")
    crispness = figure.add_subplot(grid[:, 2])
    _draw_crispness(crispness, planes, registered)
    for axes, character in zip([*first, crispness], "abc", strict=True):
        letter(axes, character)
    handles, labels = first[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3)
    return figure


def _draw_whole(axes: Axes, time_s: np.ndarray, offsets: np.ndarray, true: np.ndarray | None) -> None:
    """Median and full range in bins, so that hours of frames stay a readable line."""
    time = time_s / _unit(time_s)[1]
    for direction, (_, colour) in enumerate(DIRECTIONS):
        middle_of_bin, low, middle, high = binned(time, offsets[:, direction])
        axes.fill_between(middle_of_bin, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(middle_of_bin, middle, color=colour, linewidth=1)
        if true is not None:
            axes.plot(middle_of_bin, binned(time, true[:, direction])[2], color=BLACK, linewidth=0.5)
    axes.margins(x=0)


def _unit(time_s: np.ndarray) -> tuple[str, float]:
    """Unit of a recording's time axis, and its seconds."""
    return ("min", 60.0) if time_s[-1] >= LONG_S else ("s", 1.0)


def _draw_close_up(axes: Axes, time_s: np.ndarray, offsets: np.ndarray, true: np.ndarray | None) -> None:
    """Frame by frame."""
    start = max(0, (len(time_s) - CLOSE_UP_FRAMES) // 2)
    near = slice(start, start + CLOSE_UP_FRAMES)
    for direction, (name, colour) in enumerate(DIRECTIONS):
        axes.step(time_s[near], offsets[near, direction], where="mid", color=colour, label=f"{name}, measured")
    if true is not None:
        lines = axes.plot(time_s[near], true[near], color=BLACK, linewidth=0.6)
        lines[0].set_label("true")
    axes.margins(x=0)


def _draw_crispness(axes: Axes, planes: list[int], registered: list[Path]) -> None:
    """Before and after, one row a plane, with the motion that is left."""
    attributes = [stores.read_attributes(store) for store in registered]
    rows = np.arange(len(planes))
    before, after = (np.array([a[key] for a in attributes]) for key in ("crispness_raw", "crispness"))
    axes.hlines(rows, before, after, color=GREY, linewidth=0.8)
    axes.plot(before, rows, "o", markerfacecolor="white", color=GREY, label="before")
    axes.plot(after, rows, "o", color=BLACK, label="after")
    for row, a in zip(rows, attributes, strict=True):
        text = f"residual {a['residual_motion_px']:.2f} px"
        axes.annotate(text, (max(before[row], after[row]), row), (0, 5), textcoords="offset points", ha="right")
    axes.set_yticks(rows, [f"plane {plane}" for plane in planes])
    axes.set_ylim(len(planes) - 0.4, -0.6)
    axes.margins(x=0.15)
    axes.set(title="crispness", xlabel="relative gradient (1/px)")
    axes.legend(loc="lower right")


def binned(time: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Time, minimum, median and maximum in equal bins of frames, at most ``N_BINS``."""
    n = max(1, -(-len(values) // N_BINS))
    parts = np.split(np.arange(len(values)), range(n, len(values), n))
    rows = [(time[p].mean(), values[p].min(), np.median(values[p]), values[p].max()) for p in parts]
    return tuple(np.array(rows).T)
