"""Figure: in which order DINA needs fewest neurons, as trained and trained anew, and what noise correlations carry."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dina import stores
from dina.figures.dots import APART
from dina.figures.looks import BLACK, BLUE, GREEN, GREY, ORANGE, PALE, PURPLE, SKY, VERMILLION, written
from dina.figures.neuron_curve import BEYOND, share_axis
from dina.figures.style import chance_line, letter, limit_line, page_figure, say


class Order(NamedTuple):
    """An order as readers see it."""

    label: str
    colour: str
    marker: str


ORDERS = MappingProxyType(
    {
        "attribution": Order("attribution", BLUE, "o"),
        "matched": Order("random, matched in reliability", SKY, "D"),
        "strongest": Order("reliability", GREEN, "s"),
        "response": Order("response", ORANGE, "^"),
        "central": Order("central fields", PURPLE, "v"),
        "random": Order("random", GREY, "X"),
    }
)
SHADED = ("attribution", "matched")  # the two that are compared; more intervals would hide the curves
REMOVALS = {"mean": "others at their mean", "retrained": "trained anew without them"}
TESTS = {"shuffled": "repeats\nshuffled", "diagonal": "correlations\nnot known"}
SHARE_METRIC = "neurons_for_90pct"
LINE_CHARACTERS = 38  # of a sentence in place of a panel


def draw_neuron_orders(ablation: Path) -> Figure:
    """Top-1 of DINA against the share of neurons by order, the shares that are needed, and noise correlations."""
    curves, needed, noise, checks = (
        stores.read_table(ablation, name) for name in ("curves", "needed", "noise_correlations", "noise_checks")
    )
    attributes = stores.read_attributes(ablation)
    curves, needed = (table[table["decoder"] == "dina"] for table in (curves, needed))
    figure = page_figure(4.8)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.15, 1])
    panels = [figure.add_subplot(cell) for cell in grid]
    top = 1.05 * curves["ci_high"].max()
    for axes, (removal, title) in zip((panels[0], panels[2]), REMOVALS.items(), strict=True):
        _draw_curves(axes, curves[curves["removal"] == removal])
        axes.set(title=title, ylim=(0, top), xlim=(curves["share"].min() / BEYOND, BEYOND))
        axes.set_ylabel(f"top-1, one trial, of {int(curves['pool_size'].max())}")
    panels[2].set_xlabel(f"share of {attributes['n_neurons']} neurons left on")
    _draw_needed(panels[1], needed, curves["share"].min())
    _draw_noise(panels[3], noise, checks, attributes["no_noise_correlations"])
    for axes, character in zip((panels[0], panels[2], panels[1], panels[3]), "abcd", strict=True):
        letter(axes, character)
    handles, _ = panels[0].get_legend_handles_labels()
    handles += _legend_of_marks()
    figure.legend(handles=handles, loc="outside lower center", ncols=4, columnspacing=1.2)
    return figure


def _draw_curves(axes: Axes, curves: pd.DataFrame) -> None:
    """A line an order."""
    for order, look in ORDERS.items():
        of = curves[curves["order"] == order].sort_values("share")
        if of.empty:
            continue
        if order in SHADED:
            axes.fill_between(of["share"], of["ci_low"], of["ci_high"], color=look.colour, alpha=0.15, linewidth=0)
        axes.plot(of["share"], of["value"], color=look.colour, marker=look.marker, markersize=3, label=look.label)
    if len(curves):
        chance_line(axes, curves["chance"].iloc[0])
    share_axis(axes)


def _draw_needed(axes: Axes, needed: pd.DataFrame, smallest: float) -> None:
    """Shares for 90 % of the own best as marks: filled as trained, open trained anew; a bar for 50 %."""
    axes.set_title("neurons needed")
    orders = [order for order in ORDERS if order in set(needed["order"])]
    shares = needed[np.isfinite(needed["value"])]
    if shares.empty:
        say(axes, "With all neurons on, DINA\ncannot be told from chance.")
        return
    for row, order in enumerate(orders):
        look = ORDERS[order]
        for removal, shift in zip(REMOVALS, (-APART, APART), strict=True):
            of = shares[(shares["order"] == order) & (shares["removal"] == removal)].set_index("metric")
            face = look.colour if removal == "mean" else "white"
            if SHARE_METRIC in of.index:
                found = of.loc[SHARE_METRIC]
                axes.hlines(row + shift, found["ci_low"], np.nan_to_num(found["ci_high"], nan=1.0), color=look.colour)
                style = {"color": look.colour, "markerfacecolor": face, "zorder": 3}
                axes.plot(found["value"], row + shift, look.marker, **style)
            if "neurons_for_50pct" in of.index:
                half = of.loc["neurons_for_50pct", "value"]
                axes.plot(half, row + shift, "|", color=look.colour, markersize=7, markeredgewidth=1.4)
    axes.set_yticks(range(len(orders)), [ORDERS[order].label.replace(", matched", ",\nmatched") for order in orders])
    axes.set_ylim(len(orders) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("share of neurons")
    share_axis(axes)
    axes.set_xlim(smallest / BEYOND, BEYOND)


def _draw_noise(axes: Axes, noise: pd.DataFrame, checks: pd.DataFrame, reason: str) -> None:
    """Differences with intervals, their verdicts in words, and how much of the correlations a shuffle left."""
    axes.set_title("what noise correlations carry")
    if noise.empty:
        say(axes, fill(reason, LINE_CHARACTERS))
        return
    limit_line(axes, 0, vertical=True)
    found = noise.set_index("test").reindex([test for test in TESTS if test in set(noise["test"])])
    for row, test in enumerate(found.itertuples()):
        axes.hlines(row, test.ci_low, test.ci_high, color=VERMILLION)
        axes.plot(test.value, row, "o", color=VERMILLION, zorder=3)
        beside = {"ha": "center", "va": "bottom", "bbox": {"color": "white", "pad": 1}, "zorder": 2}
        axes.text(test.value, row - 0.13, test.verdict, **beside)
    axes.set_yticks(range(len(found)), [TESTS[test] for test in found.index])
    axes.set_ylim(len(found) - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    widest = 1.15 * max(0.02, found[["ci_low", "ci_high"]].abs().to_numpy().max())
    axes.set_xlim(-widest, widest)
    rms = checks[checks["split"] == "test"].groupby("condition")["rms"].mean()
    chance = checks.loc[checks["split"] == "test", "independent_rms"].mean()
    axes.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    intact, shuffled, independent = (written(r, 3) for r in (rms["intact"], rms["shuffled"], chance))
    told = f"correlations, root mean square: {intact};\nshuffled {shuffled}, independent neurons {independent}"
    axes.set_xlabel(f"top-1 lost without them\n{told}")


def _legend_of_marks() -> list[Line2D]:
    style = {"color": BLACK, "linestyle": "none", "marker": "o"}
    return [
        Line2D([], [], **style, label="90 %, as trained"),
        Line2D([], [], **style, markerfacecolor="white", label="90 %, trained anew"),
        Line2D([], [], **style | {"marker": "|"}, markersize=7, label="50 %"),
    ]
