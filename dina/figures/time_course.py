"""Figure: identification against time since onset, from each bin alone and from the bins so far."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dina import stores
from dina.figures.dots import MODES
from dina.figures.looks import GREY, LOOKS, PALE, in_order
from dina.figures.style import chance_line, house_style, letter, page_figure, save

TITLES = dict(zip(MODES, ("one trial", "repeats averaged"), strict=True))
PANELS = {"alone": ("each bin alone", "middle of the bin"), "so_far": ("bins so far", "end of the last bin")}
SHOWN = "image on"


def plot_time_course(time_course: Path, folder: Path, *, image_duration_s: float | None = None) -> None:
    """Draw ``time-course``.

    Parameters
    ----------
    time_course : store of :func:`dina.probing.time_course.probe_time_course`
    folder : where the files go
    image_duration_s : how long images were on, shaded; None where it is unknown
    """
    with house_style():
        save(draw_time_course(stores.read_table(time_course, "time_course"), image_duration_s), folder, "time-course")


def draw_time_course(table: pd.DataFrame, image_duration_s: float | None) -> Figure:
    """One row of panels a trial mode: top-1 from each bin alone, at its middle, and from bins so far, at their end."""
    modes = [mode for mode in MODES if mode in set(table["trial_mode"])]
    figure = page_figure(2.3 * len(modes) + 0.3)
    panels = figure.subplots(len(modes), len(PANELS), sharex=True, sharey=True, squeeze=False)
    for of_mode, mode in zip(panels, modes, strict=True):
        for axes, (bins, (title, _)) in zip(of_mode, PANELS.items(), strict=True):
            _draw(axes, table[(table["trial_mode"] == mode) & (table["bins"] == bins)], bins, image_duration_s)
            axes.set_title(f"{title}, {TITLES[mode]}")
        of_mode[0].set_ylabel(f"top-1 of {int(table['pool_size'].max())}")
    for axes, (_, where) in zip(panels[-1], PANELS.values(), strict=True):
        axes.set_xlabel(f"time since onset, s ({where})")
    for axes, character in zip(panels.flat, "abcd", strict=False):
        letter(axes, character)
    low, high = table["start_s"].min(), table["stop_s"].max()
    panels[0, 0].set(xlim=(min(low, 0), high), ylim=(0, min(1.02, 1.1 * table["ci_high"].max())))
    handles = {
        label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    order = [LOOKS[name].short for name in in_order(table["decoder"])] + [SHOWN, "chance"]
    order = [label for label in order if label in handles]
    figure.legend([handles[label] for label in order], order, loc="outside right center")
    return figure


def _draw(axes: Axes, table: pd.DataFrame, bins: str, image_duration_s: float | None) -> None:
    if image_duration_s is not None:
        axes.axvspan(0, image_duration_s, color=PALE, alpha=0.3, linewidth=0, label=SHOWN, zorder=0)
    for decoder in in_order(table["decoder"]):
        of, look = table[table["decoder"] == decoder].sort_values("bin"), LOOKS[decoder]
        time_s = of["stop_s"] if bins == "so_far" else (of["start_s"] + of["stop_s"]) / 2
        line = "-" if look.kind == "decoder" else "--"
        axes.fill_between(time_s, of["ci_low"], of["ci_high"], color=look.colour, alpha=0.15, linewidth=0)
        axes.plot(time_s, of["value"], line, color=look.colour, marker=look.marker, label=look.short)
    axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    chance_line(axes, float(np.mean(table["chance"])))
