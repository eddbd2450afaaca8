"""Figure: how many neurons carry the match and the latents, and which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dina import stores
from dina.attribution.shares import shares_of_match
from dina.figures.looks import BLACK, BLUE, GREY, PALE
from dina.figures.style import letter, page_figure, say


def draw_neuron_importance(attribution: Path) -> Figure:
    """Cumulative importance, importance against reliability, and neurons that make half of each latent."""
    importance = shares_of_match(stores.read_array(attribution, "match_importance"))
    latents = stores.read_table(attribution, "latents")
    fields = stores.read_table(attribution, "receptive_fields")
    variance = fields[fields["method"] == "dina"].set_index("neuron")["signal_variance"].sort_index()
    figure = page_figure(2.5)
    cumulative, reliability, halves = figure.subplots(1, 3)
    if np.isfinite(importance).all():
        _draw_shares(cumulative, reliability, importance, variance)
    else:
        for axes in (cumulative, reliability):
            say(axes, "Neurons' parts cancel:\nthere is no match to share in.")
    counts = latents["neurons_for_half"]
    halves.hist(counts, np.arange(0.5, max([1, *counts]) + 1.5), color=PALE)
    halves.axvline(counts.median(), color=BLACK, linewidth=1, linestyle="--")
    halves.set(title=f"half of a latent: median {counts.median():g}", xlabel="neurons", ylabel="latents")
    for axes, character in zip((cumulative, reliability, halves), "abc", strict=True):
        letter(axes, character)
    halves.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw_shares(cumulative: Axes, reliability: Axes, importance: np.ndarray, variance: pd.Series) -> None:
    ranked = np.cumsum(np.sort(importance)[::-1])
    n_half = int(np.argmax(ranked >= 0.5)) + 1
    cumulative.plot(np.arange(1, len(ranked) + 1), ranked, color=BLUE)
    cumulative.axhline(1, color=GREY, linewidth=0.6)
    cumulative.plot([0, n_half, n_half], [0.5, 0.5, 0], color=BLACK, linewidth=0.8, linestyle="--")
    cumulative.set(title=f"half of the match: {n_half} neurons", xlabel="neurons, most important first")
    cumulative.set(ylabel="share of the match", xlim=(0, None), ylim=(0, None))
    if variance.isna().all():
        say(reliability, "no image was shown twice:\nsignal variance is not known")
        return
    reliability.axhline(0, color=GREY, linewidth=0.6)
    reliability.plot(variance, 100 * importance[variance.index], "o", color=BLUE, alpha=0.5, markersize=3, mew=0)
    reliability.set(title="by signal variance", xlabel="signal variance", ylabel="share of the match (%)")
