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
STYLES = dict(zip(MODES, (("one trial", BLUE, "o"), ("repeats averaged", SKY, "D")), strict=True))
EXAMPLE = 0  # of the images that the store shows under every condition


def draw_frequencies(ablation: Path) -> Figure:
    """One panel a filter: DINA's top-1 over cut-offs, with one image under each of them below."""
    scores = stores.read_table(ablation, "scores")
    attributes = stores.read_attributes(ablation)
    examples = stores.read_array(ablation, "examples")[:, EXAMPLE]
    figure = page_figure(3.7)
    grid = figure.add_gridspec(2, len(FILTERS), height_ratios=[3.4, 1])
    first = None
    for column, (kind, title) in enumerate(FILTERS.items()):
        axes = figure.add_subplot(grid[0, column], sharey=first)
        first = first or axes
        _draw_filter(axes, scores, kind)
        axes.set(title=title, xlabel=f"cut-off ({attributes['cutoff_unit']})")
        letter(axes, "ab"[column])
        shown = [k for k, condition in enumerate(attributes["conditions"]) if condition["ablation"] in ("none", kind)]
        strip = grid[1, column].subgridspec(1, len(shown))
        for place, k in enumerate(shown):
            _draw_example(figure.add_subplot(strip[place]), examples[k], attributes["conditions"][k]["cutoff"])
    first.set(ylabel=f"top-1 among {int(scores['pool_size'].max())} images", ylim=(0, None))
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure


def _draw_filter(axes: Axes, scores: pd.DataFrame, kind: str) -> None:
    for mode, (name, colour, marker) in STYLES.items():
        of = scores[scores["trial_mode"] == mode]
        whole, filtered = of[of["ablation"] == "none"].iloc[0], of[of["ablation"] == kind].sort_values("cutoff")
        axes.axhspan(whole["ci_low"], whole["ci_high"], color=colour, alpha=0.12, linewidth=0)
        axes.axhline(whole["value"], color=colour, linewidth=0.8, linestyle="--")
        axes.vlines(filtered["cutoff"], filtered["ci_low"], filtered["ci_high"], color=colour, linewidth=0.8)
        axes.plot(filtered["cutoff"], filtered["value"], color=colour, marker=marker, label=name)
        weak = filtered[filtered["marked"]]
        axes.plot(weak["cutoff"], weak["value"], marker, color=colour, markerfacecolor="white", zorder=3)
    axes.plot([], [], color=GREY, linewidth=0.8, linestyle="--", label="original images, 95 % interval")
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", label="contrast not fully restored")
    axes.axhline(scores["chance"].iloc[0], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance")
    axes.set_xscale("log")
    cutoffs = np.unique(scores["cutoff"].dropna())
    axes.set_xticks(cutoffs, [f"{cutoff:g}" for cutoff in cutoffs])
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_example(axes: Axes, image: np.ndarray, cutoff: float | None) -> None:
    axes.imshow(image, vmin=0, vmax=1)
    hide_frame(axes)
    axes.set_xlabel("original" if cutoff is None else f"{cutoff:g}", labelpad=2, fontsize=7)
