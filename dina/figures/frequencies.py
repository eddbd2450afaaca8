"""Figure: what identification loses when spatial frequencies are taken from the candidate images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dina import stores
from dina.figures.dots import MODES
from dina.figures.looks import BLUE, GREY, SKY
from dina.figures.style import DOTTED, hide_frame, letter, page_figure

FILTERS = {"low_pass": "only frequencies below the cut-off", "high_pass": "only frequencies above the cut-off"}
# Name, colour, marker, and a factor that moves points aside so that intervals do not hide each other
STYLES = dict(zip(MODES, (("one trial", BLUE, "o", 0.98), ("repeats averaged", SKY, "D", 1.02)), strict=True))
EXAMPLE = 0  # of the images that the store shows under every condition


def draw_frequencies(ablation: Path) -> Figure:
    """One panel a filter: DINA's top-1 over cut-offs, with one image under each of them below.

    The original images stand one octave beyond the cut-off that takes least away.
    """
    scores = stores.read_table(ablation, "scores")
    attributes = stores.read_attributes(ablation)
    examples = stores.read_array(ablation, "examples")[:, EXAMPLE]
    figure = page_figure(3.7)
    grid = figure.add_gridspec(2, len(FILTERS), height_ratios=[3.4, 1])
    first = None
    for column, (kind, title) in enumerate(FILTERS.items()):
        axes = figure.add_subplot(grid[0, column], sharey=first)
        first = first or axes
        shown = scores[scores["ablation"].isin(("none", kind))]
        original = 2 * shown["cutoff"].max() if kind == "low_pass" else shown["cutoff"].min() / 2
        _draw_filter(axes, shown.assign(cutoff=shown["cutoff"].fillna(original)), original)
        axes.set(title=title, xlabel=f"cut-off ({attributes['cutoff_unit']})")
        letter(axes, "ab"[column])
        pictures = {
            condition["cutoff"] or original: picture
            for condition, picture in zip(attributes["conditions"], examples, strict=True)
            if condition["ablation"] in ("none", kind)
        }
        strip = grid[1, column].subgridspec(1, len(pictures))
        for place, cutoff in enumerate(sorted(pictures)):
            _draw_example(figure.add_subplot(strip[place]), pictures[cutoff], _name(cutoff, original))
    first.set(ylabel=f"top-1 among {int(scores['pool_size'].max())} images", ylim=(0, None))
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw_filter(axes: Axes, scores: pd.DataFrame, original: float) -> None:
    """A line a trial mode; open marks where some image's contrast could not be restored in full."""
    for mode, (name, colour, marker, beside) in STYLES.items():
        of = scores[scores["trial_mode"] == mode].sort_values("cutoff")
        place = of["cutoff"] * beside
        axes.vlines(place, of["ci_low"], of["ci_high"], color=colour, linewidth=0.8)
        axes.plot(place, of["value"], color=colour, marker=marker, label=name)
        axes.plot(place[of["marked"]], of["value"][of["marked"]], marker, color=colour, markerfacecolor="white")
        axes.axhline(of.loc[of["ablation"] == "none", "value"].iloc[0], color=colour, linewidth=0.6, linestyle="--")
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", label="contrast not fully restored")
    axes.axhline(scores["chance"].iloc[0], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance")
    axes.set_xscale("log")
    cutoffs = np.unique(scores["cutoff"])
    axes.set_xticks(cutoffs, [_name(cutoff, original) for cutoff in cutoffs])
    axes.xaxis.set_minor_locator(NullLocator())


def _name(cutoff: float, original: float) -> str:
    return "original" if cutoff == original else f"{cutoff:g}"


def _draw_example(axes: Axes, image: np.ndarray, name: str) -> None:
    axes.imshow(image, vmin=0, vmax=1)
    hide_frame(axes)
    axes.set_xlabel(name, labelpad=2, fontsize=7)
