"""Figure: how the brain moved, and what is left of it after registration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dina import stores
from dina.figures.courses import binned, draw_course, mark_frames, shown_planes, time_unit
from dina.figures.looks import BLACK, BLUE, GREY, ORANGE, VERMILLION
from dina.figures.style import letter, limit_line, page_figure
from dina.probing.known import KnownPlane
from dina.recordings.limits import beyond_limits, limit_of

CLOSE_UP_FRAMES = 60  # more, and steps to and fro of one pixel run together to a bar
DIRECTIONS = (("vertical", BLUE), ("horizontal", ORANGE))


def draw_motion(session: Path, quality: Path, registered: list[Path], known: dict[int, KnownPlane]) -> Figure:
    """One row a plane: the whole recording, a close-up, and the motion that is left.

    Beyond four planes, four stand for all: those with a flag first, spread evenly over the depth.
    """
    planes = stores.read_attributes(session)["planes"]
    time_s = stores.read_array(session, "frame_time_s")
    valid = stores.read_array(session, "valid_frames")
    thresholds = stores.read_table(quality, "thresholds")
    beyond = beyond_limits(stores.read_table(quality, "planes"), thresholds)
    shown = shown_planes(beyond.any(axis=1).to_numpy())
    figure = page_figure(1.35 * len(shown) + 0.75)
    grid = figure.subplots(len(shown), 3, squeeze=False, width_ratios=[2.6, 1.5, 1.2])
    for (whole, close, left), place in zip(grid, shown, strict=True):
        time, masked = time_s[place], ~valid[place]
        offsets = stores.read_array(registered[place], "rigid_offsets_px")[: len(time)].astype(float)
        true = known[planes[place]].motion_px[: len(time)] if known else None
        _draw_whole(whole, time, offsets, true)
        mark_frames(whole, time, masked, VERMILLION if beyond["masked_share"][place] else GREY, "masked")
        _draw_close_up(close, time, offsets, true)
        is_beyond = bool(beyond["residual_motion_px"][place] or beyond["residual_motion_p95_px"][place])
        _draw_residual(left, registered[place], time, limit_of(thresholds), is_beyond)
        whole.set_title(f"plane {planes[place]}")
        whole.set_ylabel("displacement (px)")
    unit = time_unit(time_s[0])[0]
    for axes, text in zip(grid[-1], (unit, "s", unit), strict=True):
        axes.set_xlabel(f"time ({text})")
    grid[0, 1].set_title(f"{min(CLOSE_UP_FRAMES, time_s.shape[1])} frames from the middle")
    grid[0, 2].set_title("motion left (px)")
    for axes, character in zip(grid[0], "abc", strict=True):
        letter(axes, character)
    entries = {
        label: handle
        for axes in [*grid[:, 1], *grid[:, 0]]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(entries.values(), entries, loc="outside lower left", ncols=len(entries))
    return figure


def _draw_whole(axes: Axes, time_s: np.ndarray, offsets: np.ndarray, true: np.ndarray | None) -> None:
    for direction, (_, colour) in enumerate(DIRECTIONS):
        draw_course(axes, time_s, offsets[:, direction], colour)
        if true is not None:
            middle_of_bin, _, middle, _ = binned(time_s / time_unit(time_s)[1], true[:, direction])
            axes.plot(middle_of_bin, middle, color=BLACK, linewidth=0.5)


def _draw_close_up(axes: Axes, time_s: np.ndarray, offsets: np.ndarray, true: np.ndarray | None) -> None:
    """Frame by frame."""
    start = max(0, (len(time_s) - CLOSE_UP_FRAMES) // 2)
    near = slice(start, start + CLOSE_UP_FRAMES)
    for direction, (name, colour) in enumerate(DIRECTIONS):
        axes.step(
            time_s[near], offsets[near, direction], where="mid", color=colour, linewidth=0.8, label=f"{name}, measured"
        )
    if true is not None:
        lines = axes.plot(time_s[near], true[near], color=BLACK, linewidth=0.5)
        lines[0].set_label("true")
    axes.margins(x=0)
    axes.locator_params(axis="x", nbins=4)
    axes.yaxis.get_major_locator().set_params(integer=True)


def _draw_residual(axes: Axes, registered: Path, time_s: np.ndarray, limit: dict[str, float], is_beyond: bool) -> None:
    """Displacement of short averages of the registered movie from its mean image."""
    frame = np.minimum(stores.read_array(registered, "residual_frame"), len(time_s) - 1)
    residual = stores.read_array(registered, "residual_motion_px")
    axes.plot(
        time_s[frame] / time_unit(time_s)[1],
        residual,
        "o-",
        color=VERMILLION if is_beyond else BLACK,
        markersize=2.5,
        linewidth=0.8,
        clip_on=False,
    )
    for name, text in (("residual_motion_px", "median"), ("residual_motion_p95_px", "95 %")):
        limit_line(axes, limit[name], text)
    axes.locator_params(axis="y", nbins=4)
    axes.set_ylim(
        0, 1.15 * max(limit["residual_motion_p95_px"], limit["residual_motion_px"], np.nanmax(residual, initial=0))
    )
