"""Figure: what identification loses when spatial frequencies are taken from the candidate images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from dina import stores
from dina.figures.looks import BLUE, GREY, PALE, SKY, VERMILLION
from dina.figures.style import DOTTED, hide_frame, letter, page_figure

FILTERS = {"low_pass": "only below the cut-off", "high_pass": "only above the cut-off", "band_pass": "only one band"}
# Condition and trial mode: name, colour, marker, and a factor that moves points aside so that intervals stay apart
STYLES = {
    ("frozen", "single"): ("one trial", BLUE, "o", 1.0),
    ("frozen", "averaged"): ("repeats averaged", SKY, "D", 1.06),
    ("retrained", "single"): ("one trial, DINA fitted anew", VERMILLION, "s", 0.94),
}
EXAMPLE = 0  # of the images that the store shows under every condition
EVERY_IMAGE = "test"  # the pool


def draw_frequencies(ablation: Path) -> Figure:
    """One panel a filter: DINA's top-1 over cut-offs, with one image under each of them below.

    The original images stand one octave beyond the cut-off that takes least away. Where low-pass and high-pass score
    alike is shaded.
    """
    scores, verdicts = (stores.read_table(ablation, name) for name in ("scores", "verdicts"))
    scores = _placed(scores[scores["pool"] == EVERY_IMAGE])
    attributes = stores.read_attributes(ablation)
    examples = stores.read_array(ablation, "examples")[:, EXAMPLE]
    kinds = [kind for kind in FILTERS if kind in set(scores["ablation"])]
    figure = page_figure(3.6)
    grid = figure.add_gridspec(2, len(kinds), height_ratios=[3.4, 1])
    first = None
    for column, kind in enumerate(kinds):
        axes = figure.add_subplot(grid[0, column], sharey=first)
        first = first or axes
        shown = scores[scores["ablation"].isin(("none", kind))]
        filtered = shown.loc[shown["ablation"] == kind, "place"]
        original = filtered.min() / 2 if kind == "high_pass" else 2 * filtered.max()
        names = _draw_filter(axes, shown.fillna({"place": original}), original)
        if kind != "band_pass":
            _shade_crossing(axes, verdicts)
        what = "band" if kind == "band_pass" else "cut-off"
        axes.set(title=FILTERS[kind], xlabel=f"{what} ({attributes['cutoff_unit']})")
        letter(axes, "abc"[column])
        pictures = {
            _place(condition) or original: picture
            for condition, picture in zip(attributes["conditions"], examples, strict=True)
            if condition["ablation"] in ("none", kind)
        }
        strip = grid[1, column].subgridspec(1, len(pictures))
        for place, cutoff in enumerate(sorted(pictures)):
            _draw_example(figure.add_subplot(strip[place]), pictures[cutoff], names[cutoff])
    first.set(ylabel=f"top-1 among {int(scores['pool_size'].max())} images", ylim=(0, None))
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _place(condition: dict[str, Any]) -> float | None:
    """Where a filter stands on the axis: at its cut-off, or in the middle of its band, in octaves."""
    cutoff, upper = condition["cutoff"], condition.get("upper")
    return cutoff if upper is None else float(np.sqrt(cutoff * upper))


def _placed(scores: pd.DataFrame) -> pd.DataFrame:
    """With the column ``place``, NaN for the original images, and ``name`` for ticks."""
    middle = np.sqrt(scores["cutoff"] * scores["upper"])
    one = scores["cutoff"].map("{:g}".format)
    name = one.where(scores["upper"].isna(), one + "–" + scores["upper"].map("{:g}".format))
    return scores.assign(place=middle.fillna(scores["cutoff"]), name=name)


def _draw_filter(axes: Axes, scores: pd.DataFrame, original: float) -> dict[float, str]:
    """A line a condition and trial mode; open marks where some image's contrast could not be restored in full.

    Returns the names of the places.
    """
    for (condition, mode), (name, colour, marker, beside) in STYLES.items():
        of = scores[(scores["condition"] == condition) & (scores["trial_mode"] == mode)].sort_values("place")
        if set(of["ablation"]) <= {"none"}:
            continue
        place = of["place"] * beside
        axes.vlines(place, of["ci_low"], of["ci_high"], color=colour, linewidth=0.8)
        is_filtered = of["ablation"] != "none"
        axes.plot(place[is_filtered], of["value"][is_filtered], color=colour, marker=marker, label=name)
        axes.plot(place[~is_filtered], of["value"][~is_filtered], marker, color=colour)
        axes.plot(place[of["marked"]], of["value"][of["marked"]], marker, color=colour, markerfacecolor="white")
        axes.axhline(of.loc[of["ablation"] == "none", "value"].iloc[0], color=colour, linewidth=0.6, linestyle="--")
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", label="contrast not fully restored")
    axes.axhline(scores["chance"].iloc[0], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance")
    axes.set_xscale("log")
    names = dict(zip(scores["place"], scores["name"], strict=True)) | {original: "original"}
    axes.set_xticks(sorted(names), [names[place] for place in sorted(names)], rotation=35, ha="right")
    axes.tick_params(axis="x", pad=1)
    axes.xaxis.set_minor_locator(NullLocator())
    return names


def _shade_crossing(axes: Axes, verdicts: pd.DataFrame) -> None:
    """The interval of the frequency that has as much on either side, from one trial and towers as trained."""
    of = verdicts[(verdicts["condition"] == "frozen") & (verdicts["trial_mode"] == "single")]
    style = {"color": PALE, "alpha": 0.5, "linewidth": 0, "zorder": 0, "label": "as much below as above"}
    for row in of.dropna(subset="crossing").itertuples():
        axes.axvspan(row.crossing_low, row.crossing_high, **style)


def _draw_example(axes: Axes, image: np.ndarray, name: str) -> None:
    axes.imshow(image, vmin=0, vmax=1)
    hide_frame(axes)
    axes.set_xlabel(name, labelpad=2, fontsize=5.5)
