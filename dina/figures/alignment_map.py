"""Figure: where in the image the two towers agree, in how many regions, and what shuffled pairs give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from dina import stores
from dina.figures.looks import BLACK, BLUE, GREY, ORANGE, PALE, VERMILLION
from dina.figures.style import hide_frame, letter, page_figure, say

# Name, colour and marker; the order of rows
RULES = {
    "aligned": ("aligned", BLUE, "o"),
    "upper_half": ("above half of max.", ORANGE, "s"),
    "half_of_match": ("half of match", VERMILLION, "^"),
}
OUTLINED = ("aligned", "half_of_match")
N_BINS = 40


def draw_alignment_map(attribution: Path) -> Figure:
    """Maps of agreement and of the match's shares, regions over an image; their null, numbers and distances."""
    places, counts, distances = (
        stores.read_table(attribution, name) for name in ("alignment", "region_counts", "distances")
    )
    attributes = stores.read_attributes(attribution)
    shuffled = stores.read_array(attribution, "shuffled_r")
    figure = page_figure(4.7)
    maps_row, tests_row = figure.subfigures(2, 1, height_ratios=[1.25, 1])
    upper, lower = maps_row.subplots(1, 3), tests_row.subplots(1, 3, width_ratios=[1, 1.1, 0.9])
    grid = shuffled.shape[1:]
    maps = {name: places[name].to_numpy().reshape(grid) for name in ("r", "match", *RULES)}
    _draw_map(upper[0], maps["r"], "agreement", "r, mean over channels")
    _draw_map(upper[1], maps["match"], "part in the match", f"part of the whole maps' r of {maps['match'].sum():.2f}")
    _draw_image(upper[2], stores.read_array(attribution, "example_image"), maps)
    _draw_null(lower[0], places["r"].to_numpy(), shuffled, attributes)
    _draw_counts(lower[1], counts)
    _draw_distances(lower[2], distances)
    for axes, character in zip((*upper, *lower), "abcdef", strict=True):
        letter(axes, character)
    return figure


def _draw_map(axes: Axes, values: np.ndarray, title: str, label: str) -> None:
    limits = {"vmin": min(0, values.min()), "vmax": max(values.max(), 1e-6)}
    shown = axes.imshow(values, cmap="cividis", **limits)
    hide_frame(axes)
    axes.set_title(title)
    axes.figure.colorbar(shown, ax=axes, label=label, location="bottom", shrink=0.9, pad=0.03, aspect=28)


def _draw_image(axes: Axes, image: np.ndarray, maps: dict[str, np.ndarray]) -> None:
    """A test image under the outlines of the aligned places and of those that hold half of the match."""
    n_rows, n_columns = maps["r"].shape
    axes.imshow(image, vmin=0, vmax=1, alpha=0.7, extent=(0, n_columns, n_rows, 0))
    for rule, width in zip(OUTLINED, (2.8, 1.4), strict=True):
        label, colour, _ = RULES[rule]
        edges = outline(maps[rule] > 0)
        known = label if len(edges) else ""  # no entry in the legend for what is not there
        lines = LineCollection(edges, colors=colour, linewidths=width, capstyle="projecting", label=known)
        lines.set_clip_on(False)
        axes.add_collection(lines)
    hide_frame(axes)
    axes.set_title("over a test image")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2, columnspacing=1.2)


def outline(taken: np.ndarray) -> np.ndarray:
    """(segments, 2, 2) ends (x, y) of the edges between taken and other cells of (rows, columns), each 1 wide."""
    padded = np.pad(taken.astype(int), 1)
    row, column = np.nonzero(np.diff(padded[:, 1:-1], axis=0))
    across = np.stack([np.stack([column, row], 1), np.stack([column + 1, row], 1)], 1)
    row, column = np.nonzero(np.diff(padded[1:-1], axis=1))
    down = np.stack([np.stack([column, row], 1), np.stack([column, row + 1], 1)], 1)
    return np.concatenate([across, down])


def _draw_null(axes: Axes, r: np.ndarray, shuffled: np.ndarray, attributes: dict) -> None:
    """Agreement of true pairs and of shuffled ones, over places, each as shares of its own kind."""
    bins = np.linspace(min(r.min(), shuffled.min()), max(r.max(), shuffled.max()), N_BINS)
    for values, colour, label in ((shuffled.ravel(), GREY, "shuffled pairs"), (r, BLUE, "true pairs")):
        axes.hist(values, bins, weights=np.full(len(values), 1 / len(values)), color=colour, alpha=0.7, label=label)
    axes.axvline(0, color=BLACK, linewidth=0.6, linestyle=":")
    axes.set(title="against shuffled pairs", xlabel="agreement r", ylabel="share of places")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.legend(loc="upper center")


def _draw_counts(axes: Axes, counts: pd.DataFrame) -> None:
    """Separate regions by each rule, beside the range of 95 % of shuffles."""
    of_rule = counts.set_index("rule")
    for row, (rule, (_, colour, marker)) in enumerate(RULES.items()):
        of = of_rule.loc[rule]
        axes.hlines(
            row, of["chance_low"], of["chance_high"], color=PALE, linewidth=5, label="" if row else "95 % of shuffles"
        )
        axes.plot(of["n_regions"], row, marker, color=colour, zorder=3)
    labels = [f"{label}\n{of_rule.loc[rule, 'n_places']} places" for rule, (label, _, _) in RULES.items()]
    axes.set(title="separate regions", xlabel="regions", ylim=(len(RULES) - 0.5, -0.9))
    axes.set_yticks(range(len(RULES)), labels)
    axes.set_xlim(-0.4, None)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper right")


def _draw_distances(axes: Axes, distances: pd.DataFrame) -> None:
    """Distances between the centroids of every two regions of one rule."""
    if distances.empty:
        say(axes, "by no rule more than one region")
        axes.set_title("how far apart")
        return
    unit = "deg" if distances["distance_deg"].notna().all() else "px"
    for row, (rule, (_, colour, marker)) in enumerate(RULES.items()):
        of = distances[distances["rule"] == rule][f"distance_{unit}"]
        axes.plot(of, np.full(len(of), row), marker, color=colour, alpha=0.6, markersize=3.5, markeredgewidth=0)
        if of.empty:
            axes.text(0.02, row, "one region or none", va="center", color=GREY, transform=axes.get_yaxis_transform())
    axes.set(title="how far apart", xlabel=f"between centroids ({unit})", ylim=(len(RULES) - 0.5, -0.9))
    axes.set_yticks(range(len(RULES)), [])
    axes.set_xlim(0, None)
