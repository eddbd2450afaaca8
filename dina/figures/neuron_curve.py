"""Figure: how identification grows with the share of neurons left on, and how many are needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from dina import stores
from dina.figures.dots import APART, draw_dots, mark_rows
from dina.figures.looks import BLACK, LOOKS, in_order
from dina.figures.style import chance_line, letter, page_figure, say

ORDERS = {"strongest": "strongest neurons first", "random": "neurons in random order"}
AS_TRAINED = "mean"  # the others at their training mean
SHADED = ("dina", "convolutional")  # the two that are compared; more intervals would hide the curves
BEYOND = 1.1  # a log axis of shares goes on this factor past the smallest and past all neurons
# The two shares, drawn as dots of the two kinds
NEEDED = {"neurons_for_90pct": "single", "neurons_for_equal_score": "averaged"}
HALF = "neurons_for_50pct"  # a bar on the row


def draw_neuron_curve(ablation: Path) -> Figure:
    """Top-1 against the share of neurons, strongest first and at random; the shares that are needed."""
    curves, needed = (stores.read_table(ablation, name) for name in ("curves", "needed"))
    curves, needed = (table[table["removal"] == AS_TRAINED] for table in (curves, needed))
    attributes = stores.read_attributes(ablation)
    orders = [order for order in ORDERS if order in set(curves["order"])]
    decoders = in_order(curves["decoder"])
    figure = page_figure(3.3)
    panels = figure.subplots(1, len(orders) + 1, width_ratios=[1.3] * len(orders) + [1])
    for axes, order in zip(panels, orders, strict=False):
        of = needed[(needed["order"] == order) & (needed["metric"] == "neurons_for_90pct")]
        _draw_curves(axes, curves[curves["order"] == order], of.set_index("decoder")["value"], decoders)
        axes.set(title=ORDERS[order], xlabel=f"share of {attributes['n_neurons']} neurons left on")
    top = 1.05 * curves["ci_high"].max()
    for axes in panels[:-1]:
        axes.set_ylim(0, top)
    panels[0].set_ylabel(f"top-1, one trial, among {int(curves['pool_size'].max())} images")
    _draw_needed(panels[-1], needed[needed["order"] == orders[0]], decoders, curves["share"].min())
    for axes, character in zip(panels, "abc", strict=False):
        letter(axes, character)
    handles, _ = panels[0].get_legend_handles_labels()
    figure.legend(handles=[*handles, *_legend_of_goals()], loc="outside lower center", ncols=4, columnspacing=1.2)
    return figure


def _draw_curves(axes: Axes, curves: pd.DataFrame, needed: pd.Series, decoders: list[str]) -> None:
    """A line a decoder; a large mark where it reaches 90 % of its best score."""
    for decoder in decoders:
        look, of = LOOKS[decoder], curves[curves["decoder"] == decoder].sort_values("share")
        if decoder in SHADED:
            axes.fill_between(of["share"], of["ci_low"], of["ci_high"], color=look.colour, alpha=0.12, linewidth=0)
        axes.plot(of["share"], of["value"], color=look.colour, label=look.short)
        if np.isfinite(share := needed.get(decoder, np.nan)):
            reached = np.interp(share, of["share"], of["value"])
            axes.plot(share, reached, look.marker, color=look.colour, markersize=6, markeredgecolor="white", zorder=3)
    chance_line(axes, curves["chance"].iloc[0])
    share_axis(axes)


def _draw_needed(axes: Axes, needed: pd.DataFrame, decoders: list[str], smallest: float) -> None:
    """Shares as dots: filled for 90 % of a decoder's own best score, open for that of the convolutional decoder's.

    A bar stands for 50 % of the own best, an arrow where some resamples never reach the goal, so that the interval has
    no upper end.
    """
    axes.set_title("neurons needed")
    halves = needed[needed["metric"] == HALF].set_index("decoder")["value"]
    shares = needed[np.isfinite(needed["value"]) & needed["metric"].isin(NEEDED)]
    if shares.empty:
        say(axes, "With all neurons on,\nno decoder can be told\nfrom chance.")
        return
    shares = shares.assign(trial_mode=shares["metric"].map(NEEDED), chance=np.nan, open_end=shares["ci_high"].isna())
    shares["ci_high"] = shares["ci_high"].fillna(1.0)
    draw_dots(axes, shares, decoders)
    for end in shares[shares["open_end"]].itertuples():
        row = decoders.index(end.decoder) + (-APART if end.trial_mode == "single" else APART)
        axes.plot(1.0, row, ">", color=LOOKS[end.decoder].colour, markersize=3, clip_on=False)
    for row, decoder in enumerate(decoders):
        axes.plot(halves.get(decoder, np.nan), row, "|", color=LOOKS[decoder].colour, markersize=8)
    mark_rows([axes], decoders)
    axes.set_xlabel("share of neurons")
    share_axis(axes)
    axes.set_xlim(smallest / BEYOND, BEYOND)


def _legend_of_goals() -> list[Line2D]:
    style = {"color": BLACK, "linestyle": "none", "marker": "o"}
    return [
        Line2D([], [], **style | {"marker": "|"}, label="50 % of its own best"),
        Line2D([], [], **style, label="90 % of its own best"),
        Line2D([], [], **style, markerfacecolor="white", label="90 % of the convolutional decoder's best"),
    ]


def share_axis(axes: Axes) -> None:
    """A logarithmic axis of shares, in per cent."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    axes.xaxis.set_minor_formatter("")


def _percent(share: float, _position: int) -> str:
    return f"{100 * share:g} %"
