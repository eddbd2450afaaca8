"""Figure: every plane's measures beside their limits, its brightness over time, and the quality of its neurons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dina import stores
from dina.figures.courses import draw_course, mark_frames, shown_planes, time_unit
from dina.figures.looks import BLACK, GREY, PALE, VERMILLION
from dina.figures.style import letter, limit_line, page_figure, say
from dina.recordings.limits import DRAWN, Measure, beyond_limits, limit_of

if TYPE_CHECKING:
    import pandas as pd

BASE_IN, PLANE_IN, COURSE_IN = 0.75, 0.16, 1.15  # heights: labels of the overview, a plane in it, and a row of courses
N_COUNTS = 40
TITLE_PT = 7.5  # of the overview, where ten stand side by side
ROOM = 1.25  # of an axis beyond its limit, so that a value past it is seen to be past it


def draw_quality(session: Path, quality: Path) -> Figure:
    """Above, one column a measure and one line a plane; below, one row a plane: brightness, noise, signal to noise.

    Beyond four planes, four stand for all below, those with a flag first; above, every one is shown.
    """
    planes, thresholds = (stores.read_table(quality, name) for name in ("planes", "thresholds"))
    limit, beyond = limit_of(thresholds), beyond_limits(planes, thresholds)
    shown = shown_planes(beyond.any(axis=1).to_numpy())
    heights = [BASE_IN + PLANE_IN * len(planes), COURSE_IN * len(shown) + 0.35]
    figure = page_figure(sum(heights))
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    _draw_overview(above, planes, limit, beyond)
    _draw_planes(below, session, quality, planes, shown, limit, beyond)
    return figure


def _draw_overview(figure: SubFigure, planes: pd.DataFrame, limit: dict[str, float], beyond: pd.DataFrame) -> None:
    grid = figure.subplots(1, len(DRAWN), sharey=True)
    rows = np.arange(len(planes))
    for axes, measure in zip(grid, DRAWN, strict=True):
        values = measure.scale * planes[measure.name].to_numpy(float)
        colours = np.where(beyond[measure.name], VERMILLION, BLACK)
        axes.scatter(values, rows, c=colours, s=14, linewidths=0, zorder=2, clip_on=False)
        _set_axis(axes, measure, values, measure.scale * limit[measure.name])
        axes.set_title(measure.short.replace(" ", "\n", 1))
        axes.set_xlabel(measure.unit)
        axes.tick_params(left=False)
        axes.spines["left"].set_visible(False)
        axes.hlines(rows, *axes.get_xlim(), color=PALE, linewidth=0.4, zorder=0)
    grid[0].set_yticks(rows, [f"plane {plane}" for plane in planes["plane"]])
    grid[0].set_ylim(len(planes) - 0.4, -0.6)
    letter(grid[0], "a")
    for axes in grid:
        axes.set_title(axes.get_title("left"), fontsize=TITLE_PT)


def _set_axis(axes: Axes, measure: Measure, values: np.ndarray, limit: float) -> None:
    """From 0 (or from either limit) to beyond all values and the limit, ticks at 0 and at the limits."""
    largest = ROOM * max(limit, np.nanmax(np.abs(values), initial=0)) or 1
    axes.set_xlim(-largest if measure.bound == "within" else 0, largest)
    spans = {"at most": [(limit, largest)], "at least": [(0, limit)], "within": [(-largest, -limit), (limit, largest)]}
    for span in spans[measure.bound]:
        axes.axvspan(*span, color=PALE, alpha=0.35, linewidth=0, zorder=-1)
    ticks = (-limit, limit) if measure.bound == "within" else (limit,)
    for value in ticks:
        limit_line(axes, value, vertical=True)
    axes.set_xticks(ticks, [f"{value:g}".replace("-", "−") for value in ticks])


def _draw_planes(
    figure: SubFigure,
    session: Path,
    quality: Path,
    planes: pd.DataFrame,
    shown: np.ndarray,
    limit: dict[str, float],
    beyond: pd.DataFrame,
) -> None:
    time_s = stores.read_array(session, "frame_time_s")
    brightness, jumps = (stores.read_array(quality, name) for name in ("brightness", "jumps"))
    neurons = stores.read_table(quality, "neurons")
    spans = {name: _span(neurons[name].to_numpy(), limit[name]) for name in ("noise_level", "signal_to_noise")}
    grid = figure.subplots(len(shown), 3, squeeze=False, width_ratios=[2.4, 1, 1])
    for row, place in zip(grid, shown, strict=True):
        is_beyond = beyond.iloc[place]
        _draw_brightness(row[0], time_s[place], brightness[place], limit["intensity_change"], is_beyond)
        mark_frames(row[0], time_s[place], jumps[place], VERMILLION if is_beyond["jump_share"] else GREY, "jump")
        row[0].set_title(f"plane {planes['plane'].iloc[place]}")
        row[0].set_ylabel("brightness (%)")
        here = neurons[neurons["plane"] == planes["plane"].iloc[place]]
        for axes, (name, span) in zip(row[1:], spans.items(), strict=True):
            _draw_distribution(axes, here[name].to_numpy(), span, limit[name], bool(is_beyond[name]))
        row[1].set_ylabel("neurons")
    grid[-1, 0].set_xlabel(f"time ({time_unit(time_s[0])[0]})")
    grid[-1, 1].set_xlabel("noise level (%/√Hz)")
    grid[-1, 2].set_xlabel("signal to noise")
    for axes, character in zip(grid[0], "bcd", strict=True):
        letter(axes, character)


def _draw_brightness(axes: Axes, time_s: np.ndarray, brightness: np.ndarray, limit: float, beyond: pd.Series) -> None:
    """The mean of each frame in % of the recording's beginning."""
    finite = np.isfinite(brightness)
    if not finite.any():
        say(axes, "mean intensity not above 0")
        return
    draw_course(axes, time_s[finite], 100 * brightness[finite], VERMILLION if beyond["intensity_change"] else BLACK)
    for value in (1 - limit, 1 + limit):
        limit_line(axes, 100 * value)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 100 * (1 - ROOM * limit)), max(high, 100 * (1 + ROOM * limit)))


def _span(values: np.ndarray, limit: float) -> np.ndarray:
    """Edges of bins, the same in all planes; the last holds what lies beyond."""
    most = max(np.nanpercentile(values, 99) if np.isfinite(values).any() else 0, limit)
    return np.linspace(0, ROOM * most, N_COUNTS + 1)


def _draw_distribution(axes: Axes, values: np.ndarray, edges: np.ndarray, limit: float, is_beyond: bool) -> None:
    values = values[np.isfinite(values)].clip(0, edges[-1])
    if not len(values):
        say(axes, "no neurons")
        return
    axes.hist(values, edges, color=VERMILLION if is_beyond else GREY, zorder=-1)
    limit_line(axes, limit, vertical=True)
    axes.axvline(np.median(values), color=BLACK, linewidth=1)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.margins(x=0)
