"""Figures: which image it was, over pool sizes, and all decoders side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from dina.figures.dots import APART, MODES, draw_dots, legend_of_modes, mark_rows
from dina.figures.looks import BLACK, GREY, LOOKS, PALE, in_order
from dina.figures.style import DOTTED, letter, page_figure
from dina.probing.statistics import MEAN_OVER_SEEDS

CEILING, BEYOND = "ideal_observer", "beyond the ceiling"
METRICS = {"top1": "top-1", "top5": "top-5", "median_rank": "median rank"}
BESIDE = 0.02  # of the pool size, so that intervals do not hide each other
LABELS_APART = 1.5  # pools that are closer to the largest would run into its label
ALPHA = 0.05
LARGE_POOL = 200  # beyond, 1, 2, 5, 10 … 500 would run into each other on the axis of ranks
TITLES = dict(zip(MODES, ("one trial", "repeats averaged"), strict=True))


def draw_pools(scores: pd.DataFrame) -> Figure:
    """Top-1 against the size of the pool, one panel a trial mode.

    Parameters
    ----------
    scores : means over seeds, as :func:`dina.probing.identification.probe_identification` writes them
    """
    top1 = scores[scores["metric"] == "top1"]
    modes = [mode for mode in MODES if mode in set(top1["trial_mode"])]
    figure = page_figure(3.1)
    panels = np.atleast_1d(figure.subplots(1, len(modes), sharey=True))
    for axes, mode, character in zip(panels, modes, "ab", strict=False):
        draw_pool_curves(axes, top1[top1["trial_mode"] == mode])
        axes.set_title(TITLES[mode])
        letter(axes, character)
    panels[0].set_ylabel("top-1: share ranked first")
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    order = [LOOKS[name].short for name in in_order(top1["decoder"])] + [BEYOND, "chance"]
    order = [label for label in order if label in handles]
    figure.legend([handles[label] for label in order], order, loc="outside right center")
    return figure


def draw_pool_curves(axes: Axes, top1: pd.DataFrame) -> None:
    """Top-1 of every decoder in one trial mode, with intervals, the ceiling and chance."""
    pools = np.unique(top1["pool_size"])
    decoders = in_order(top1["decoder"])
    for place, decoder in enumerate(decoders):
        of, look = top1[top1["decoder"] == decoder].sort_values("pool_size"), LOOKS[decoder]
        style = {"color": look.colour, "marker": look.marker, "linestyle": "-" if look.kind == "decoder" else "--"}
        beside = of["pool_size"] * (1 + BESIDE * (place - len(decoders) / 2))
        axes.vlines(beside, of["ci_low"], of["ci_high"], color=look.colour, linewidth=0.8)
        axes.plot(beside, of["value"], **style, label=look.short)
    if CEILING in decoders:
        of = top1[top1["decoder"] == CEILING].sort_values("pool_size")
        axes.fill_between(of["pool_size"], of["value"], 2, color=PALE, alpha=0.3, linewidth=0, label=BEYOND)
    axes.plot(pools, 1 / pools, color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance")
    axes.set_xscale("log")
    labelled = [pool for pool in pools if pool == pools[-1] or pool * LABELS_APART <= pools[-1]]
    axes.set_xticks(labelled, [str(pool) for pool in labelled])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="images in the pool", ylim=(0, 1.02))


def draw_decoders(scores: pd.DataFrame, comparisons: pd.DataFrame) -> Figure:
    """Every decoder in the largest pool: top-1, top-5, median rank, and DINA's top-1 over each other's.

    Parameters
    ----------
    scores, comparisons : as :func:`dina.probing.identification.probe_identification` writes them
    """
    rows = in_order(scores["decoder"])
    pool = int(scores["pool_size"].max())
    largest = scores[scores["pool_size"] == scores.groupby("decoder")["pool_size"].transform("max")]
    figure = page_figure(0.27 * len(rows) + 1.1)
    panels = figure.subplots(1, len(METRICS) + 1)
    for axes, (metric, title), character in zip(panels, METRICS.items(), "abc", strict=False):
        of = largest[largest["metric"] == metric]
        draw_dots(axes, of[of["seed"] == MEAN_OVER_SEEDS], rows)
        _draw_seeds(axes, of[(of["seed"] != MEAN_OVER_SEEDS) & (of["trial_mode"] == MODES[0])], rows)
        axes.set(title=title, xlabel=f"among {pool} images")
        letter(axes, character)
    _rank_axis(panels[2], pool)
    for axes in panels[:2]:
        axes.set(xlim=(0, 1.05), xticks=[0, 0.5, 1])
    _draw_ratios(panels[3], comparisons, rows)
    letter(panels[3], "d")
    mark_rows(panels, rows)
    seed = Line2D([], [], color=BLACK, linestyle="none", marker="|", markersize=7, label="each seed, one trial")
    figure.legend(handles=[*legend_of_modes(), seed], loc="outside lower center", ncols=4)
    return figure


def _rank_axis(axes: Axes, pool: int) -> None:
    """A log axis with as many labels as a narrow panel holds."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if pool <= LARGE_POOL else (1,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")


def _draw_seeds(axes: Axes, scores: pd.DataFrame, rows: list[str]) -> None:
    """Each seed's score of one trial, as a tick on the mean's line."""
    for row, decoder in enumerate(rows):
        values = scores.loc[scores["decoder"] == decoder, "value"]
        axes.plot(values, np.full(len(values), row - APART), "|", color=LOOKS[decoder].colour, markersize=7)


def _draw_ratios(axes: Axes, comparisons: pd.DataFrame, rows: list[str]) -> None:
    values = comparisons.rename(columns={"over": "decoder", "decoder": "of", "ratio": "value"}).assign(chance=np.nan)
    draw_dots(axes, values[np.isfinite(values["value"])], rows)
    for doubtful in values[values["p_holm"] >= ALPHA].itertuples():
        shift = APART * (1 if doubtful.trial_mode == MODES[1] else -1)
        at = (0.99, rows.index(doubtful.decoder) + shift)
        axes.annotate("n.s.", at, xycoords=("axes fraction", "data"), ha="right", va="center", fontsize=6, color=GREY)
    axes.axvline(1, color=PALE, linewidth=1, zorder=0)
    axes.set(title="DINA ÷ decoder", xlabel="ratio of top-1", xlim=(0, None))
