"""Figure: how few neurons rebuild each latent, which they are, and whether their pairs add to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from dina import stores
from dina.figures.looks import BLACK, BLUE, GREY, PALE, VERMILLION
from dina.figures.style import chance_line, letter, page_figure, say

# Name in the legend, colour, marker, place beside the other
TARGETS = {
    "neural": ("neural: what the decoder computes", BLUE, "o", -0.2),
    "image": ("image: what the image shown gives", VERMILLION, "s", 0.2),
}
CLAIMED_FROM = 5  # neurons: from here to the claim's most, arXiv 2605.04309
HALF_BAR = 0.2


def draw_latent_sets(attribution: Path) -> Figure:
    """R² against neurons, sizes of sets, gain from pairs, and reliability of the sets' members."""
    latents, paths, members, reliability, summary = (
        stores.read_table(attribution, name) for name in ("latents", "paths", "members", "reliability", "summary")
    )
    attributes = stores.read_attributes(attribution)
    figure = page_figure(4.6)
    panels = figure.subplots(2, 2)
    if latents.empty:
        for axes in panels.ravel():
            say(axes, "no latent varies with the image")
        return figure
    (path, sizes), (gains, reliable) = panels
    _draw_paths(path, paths, latents)
    _draw_sizes(sizes, latents, summary, attributes)
    _draw_gains(gains, latents, attributes)
    _draw_reliability(reliable, members, reliability)
    for axes, character in zip(panels.ravel(), "abcd", strict=True):
        letter(axes, character)
    handles = [Line2D([], [], color=of[1], marker=of[2], label=of[0]) for of in TARGETS.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _draw_paths(axes: Axes, paths: pd.DataFrame, latents: pd.DataFrame) -> None:
    """Median and quartiles over latents against the number of neurons; dashed: by all neurons."""
    for target, (_, colour, _, _) in TARGETS.items():
        of = paths[paths["target"] == target].groupby("n_neurons")["r2"].quantile([0.25, 0.5, 0.75]).unstack()
        axes.fill_between(of.index, of[0.25], of[0.75], color=colour, alpha=0.18, linewidth=0)
        axes.plot(of.index, of[0.5], color=colour)
        axes.axhline(
            latents[latents["target"] == target]["r2_all"].median(), color=colour, linestyle="--", linewidth=0.8
        )
    axes.set(title="few neurons rebuild a latent", xlabel="neurons", ylabel="R² of images left out")
    axes.set(xlim=(1, max(2, paths["n_neurons"].max())), ylim=(min(0, axes.get_ylim()[0]), 1.03))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_sizes(axes: Axes, latents: pd.DataFrame, summary: pd.DataFrame, attributes: dict) -> None:
    """How many latents need how many neurons; those that more would be needed for stand apart at the right."""
    most, claimed = attributes["most_neurons"], attributes["claimed_neurons"]
    beyond = most + 2
    axes.axvspan(CLAIMED_FROM - 0.5, claimed + 0.5, color=PALE, alpha=0.35, linewidth=0, zorder=0)
    for target, (_, colour, _, beside) in TARGETS.items():
        of = latents[latents["target"] == target]
        sizes, counts = np.unique(np.where(of["reached"], of["n_members"], beyond), return_counts=True)
        axes.bar(sizes + beside, counts, 2 * HALF_BAR, color=colour, linewidth=0)
    found = summary.set_index(["target", "quantity"])["value"]
    shares = [f"{target} {100 * found[target, f'share_within_{claimed}']:.0f} %" for target in TARGETS]
    axes.set(title=f"by at most {claimed}: {', '.join(shares)}", ylabel="latents")
    axes.text(claimed + 0.8, 0.98, "shaded: as claimed", va="top", color=GREY, transform=axes.get_xaxis_transform())
    axes.set(xlabel=f"neurons for {100 * attributes['share_of_all']:g} % of all neurons' R²", xlim=(0, beyond + 1))
    ticks = [tick for tick in (1, 5, 10, 15, 20, 25, 30) if tick < most] + [beyond]
    axes.set_xticks(ticks, [*map(str, ticks[:-1]), f"> {most}"])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_gains(axes: Axes, latents: pd.DataFrame, attributes: dict) -> None:
    """What pairs add, latent by latent in order of it, with 95 % intervals; filled where significant."""
    tested = latents.dropna(subset=["gain"])
    if tested.empty:
        say(axes, "no set of two neurons or more")
        return
    counts = []
    for target, (_, colour, marker, beside) in TARGETS.items():
        of = tested[tested["target"] == target].sort_values("gain")
        rank = np.arange(1, len(of) + 1) + beside
        axes.vlines(rank, of["gain_low"], of["gain_high"], color=colour, linewidth=0.8, alpha=0.6)
        for significant, face in ((True, colour), (False, "white")):
            chosen = (of["pairwise"] == significant).to_numpy()
            axes.plot(rank[chosen], of["gain"][chosen], marker, color=colour, markerfacecolor=face, markersize=3)
        counts.append(f"{target} {int(of['pairwise'].sum())} of {len(of)}")
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    chance_line(axes, tested["gain_chance"].median(), "additive surrogates")
    axes.legend(loc="upper left")
    axes.set(title=f"pairs gain: {', '.join(counts)}", xlabel="latents, in order", ylabel="gain in R²")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_reliability(axes: Axes, members: pd.DataFrame, reliability: pd.DataFrame) -> None:
    """How reliable the sets' members are, each counted once a set, beside all neurons: shares at or below a value."""
    if reliability["reliability"].nunique() == 1:
        axes.set_title("reliability of the sets' members")
        say(axes, "reliability is not known:\ntoo few images were shown twice")
        return
    kinds = {"all neurons": (reliability["reliability"], BLACK, "--")}
    for target, (_, colour, _, _) in TARGETS.items():
        kinds[f"sets, {target}"] = (members[members["target"] == target]["reliability"], colour, "-")
    for label, (values, colour, line) in kinds.items():
        if len(values):
            axes.ecdf(values, color=colour, linestyle=line, label=f"{label}: {values.median():.2f}")
    axes.set(title="reliability of the sets' members", xlabel="reliability over training repeats", xlim=(0, None))
    axes.set_ylabel("share at or below")
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.legend(loc="lower right", title="median", title_fontsize=7)
