"""Figure: identification across recordings, one point a mouse, and DINA's lead over each rival."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dina.figures.dots import MODES, draw_dots, mark_rows
from dina.figures.looks import BLACK, GREY, LOOKS, PALE, in_order
from dina.figures.style import DOTTED, house_style, letter, page_figure, save

BELOW = 0.25  # of a row, from the mean to the mice
SPREAD = 0.12  # of a row, over which mice are dealt out so that equal ones show
TITLES = dict(zip(MODES, ("one trial", "repeats averaged"), strict=True))


def plot_across_recordings(table: Path, folder: Path) -> None:
    """Draw ``across-recordings``.

    Parameters
    ----------
    table : CSV that :func:`dina.probing.across.tabulate_across_recordings` wrote
    folder : where the files go
    """
    values = pd.read_csv(table, keep_default_na=False, na_values={"value": "", "ci_low": "", "ci_high": "", "p": ""})
    with house_style():
        save(draw_across(values), folder, "across-recordings")


def draw_across(table: pd.DataFrame) -> Figure:
    """For one trial and for repeats averaged: top-1 of each decoder, and DINA's less each rival's."""
    rows = in_order(table["decoder"], "decoder", "reference")
    modes = [mode for mode in MODES if mode in set(table["trial_mode"])]
    figure = page_figure(0.3 * len(rows) + 1.2)
    panels = np.atleast_1d(figure.subplots(1, 2 * len(modes)))
    differences = table[table["metric"] == "top1_difference"]
    differences = differences.assign(decoder=differences["over"], chance=np.nan)
    for place, mode in enumerate(modes):
        level, lead = panels[2 * place : 2 * place + 2]
        of = table[(table["metric"] == "top1") & (table["trial_mode"] == mode)]
        _draw(level, of, rows)
        level.set(title=TITLES[mode], xlabel=f"top-1 of {int(table['pool_size'].iloc[0])}", xlim=(0, 1.05))
        _draw(lead, differences[differences["trial_mode"] == mode], rows)
        lead.axvline(0, color=BLACK, linewidth=0.8, zorder=0)
        lead.set(title="DINA − decoder", xlabel="difference of top-1")
    for axes, character in zip(panels, "abcd", strict=False):
        letter(axes, character)
    mark_rows(panels, rows)
    n_mice, n_recordings = (int(table[name].iloc[0]) for name in ("n_mice", "n_recordings"))
    figure.suptitle(f"n = {n_mice} mice, {n_recordings} recordings", x=0.01, ha="left", fontsize=7.5)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=3)
    return figure


def _draw(axes: Axes, table: pd.DataFrame, rows: list[str]) -> None:
    """The mean with its interval, and below it the mice."""
    draw_dots(axes, table[table["level"] == "all"], rows)
    for row, decoder in enumerate(rows):
        values = table.loc[(table["decoder"] == decoder) & (table["level"] == "mouse"), "value"]
        y = row + BELOW + np.linspace(-SPREAD, SPREAD, len(values)) * (len(values) > 1)
        axes.plot(values, y, "o", color=LOOKS[decoder].colour, markersize=2.5, markeredgewidth=0, alpha=0.6)
        if row:
            axes.axhline(row - 0.5, color=PALE, linewidth=0.3, zorder=0)


def _legend() -> list[Line2D]:
    style = {"color": BLACK, "linestyle": "none", "marker": "o"}
    return [
        Line2D([], [], **style | {"linestyle": "-"}, label="mean over mice, 95 % interval"),
        Line2D([], [], **style, markersize=2.5, label="one mouse"),
        Line2D([], [], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance"),
    ]
