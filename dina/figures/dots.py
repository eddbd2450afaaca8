"""Dot plots: one row a decoder, its scores with intervals."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from dina.figures.looks import BLACK, GREY, LOOKS, PALE
from dina.figures.style import DOTTED

MODES = ("single", "averaged")  # one trial is a filled mark, an image's repeats averaged an open one
APART = 0.17  # of a row, between the two


def draw_dots(axes: Axes, scores: pd.DataFrame, rows: list[str]) -> None:
    """Draw one metric of all decoders.

    Parameters
    ----------
    axes : Axes
    scores : one row a decoder and trial mode: decoder, trial_mode, value, ci_low, ci_high, chance
    rows : decoders from top to bottom; those without a score stay empty
    """
    for row, decoder in enumerate(rows):
        of = scores[scores["decoder"] == decoder]
        for mode, shift in zip(MODES, (-APART, APART) if len(of) > 1 else (0, 0), strict=True):
            for score in of[of["trial_mode"] == mode].itertuples():
                draw_dot(axes, score, row + shift, LOOKS[decoder].colour, filled=mode == MODES[0])
    chance = scores["chance"].dropna()
    if len(chance):
        axes.axvline(chance.iloc[0], color=GREY, linewidth=0.8, linestyle=DOTTED, zorder=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color=PALE, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)


def mark_rows(panels: Iterable[Axes], rows: list[str]) -> None:
    """Name the decoders beside the leftmost panel; the others share its rows."""
    for column, axes in enumerate(panels):
        axes.set_yticks(range(len(rows)), ["" if column else LOOKS[decoder].short for decoder in rows])
        axes.tick_params(axis="y", length=0)


def legend_of_modes(chance: bool = True) -> list[Line2D]:
    """What filled, open and dotted mean."""
    style = {"color": BLACK, "linestyle": "none", "marker": "o"}
    handles = [
        Line2D([], [], **style, label="one trial"),
        Line2D([], [], **style, markerfacecolor="white", label="repeats averaged"),
    ]
    if chance:
        handles.append(Line2D([], [], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance"))
    return handles


def draw_dot(axes: Axes, score, y: float, colour: str, *, filled: bool) -> None:
    """One score, with ``value``, ``ci_low`` and ``ci_high``, at the height ``y``."""
    if np.isfinite(score.ci_low):
        axes.hlines(y, score.ci_low, score.ci_high, color=colour, linewidth=1)
    axes.plot(score.value, y, "o", color=colour, markerfacecolor=colour if filled else "white", zorder=3)
