"""Figure: how well each neuron is predicted, beside how well it could be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dina import stores
from dina.figures.dots import APART, MODES, draw_dot, legend_of_modes
from dina.figures.looks import BLACK, GREY, LOOKS, PALE, in_order, written
from dina.figures.style import DOTTED, letter, page_figure, say

BIN_WIDTH = 0.1
SHOWN = (-0.5, 1.5)  # normalised correlations beyond stand in the outermost bins
METRICS = {"prediction_correlation": "correlation", "feve": "FEVE"}
CEILING = "ceiling"
NO_REPEATS = "Too few test images were shown twice, or no neuron repeats: no noise ceiling can be measured."


def draw_prediction(prediction: Path) -> Figure:
    """Correlation against ceiling, neuron by neuron; its ratio over neurons; what all explainable neurons reach."""
    scores = stores.read_table(prediction, "scores")
    if scores.empty:
        figure = page_figure(0.5)
        say(figure.subplots(), NO_REPEATS)
        return figure
    neurons, predictions = (stores.read_table(prediction, name) for name in ("neurons", "predictions"))
    attributes = stores.read_attributes(prediction)
    table = predictions.merge(neurons, on="neuron")
    decoders = in_order(table["decoder"])
    figure = page_figure(2.9)
    each, shares, summary = figure.subplots(1, 3, width_ratios=(1.1, 1, 1))
    _draw_each(each, table, decoders)
    _draw_shares(shares, table[table["explainable"]], scores, decoders)
    _draw_summary(summary, scores, decoders)
    for axes, character in zip((each, shares, summary), "abc", strict=True):
        letter(axes, character)
    figure.legend(handles=[*_legend(decoders), *legend_of_modes(chance=False)], loc="outside lower center", ncols=6)
    n, above = int(neurons["explainable"].sum()), attributes["explainable_above"]
    figure.suptitle(
        f"{attributes['n_images']} repeated test images; {n} of {len(neurons)} neurons have a signal variance above "
        f"{above:g}",
        x=0.01,
        ha="left",
        fontsize=7.5,
    )
    return figure


def _draw_each(axes: Axes, table: pd.DataFrame, decoders: list[str]) -> None:
    for decoder in decoders:
        of, look = table[table["decoder"] == decoder], LOOKS[decoder]
        for kept, colour in ((False, PALE), (True, look.colour)):
            some = of[of["explainable"] == kept]
            axes.plot(
                some["ceiling_averaged"],
                some["correlation_averaged"],
                look.marker,
                color=colour,
                markersize=3,
                markeredgewidth=0,
                alpha=0.6,
            )
    axes.plot([0, 1], [0, 1], color=BLACK, linewidth=0.8)
    axes.axhline(0, color=GREY, linewidth=0.8, linestyle=DOTTED, zorder=0)
    axes.set(title="each neuron", xlabel="noise ceiling", ylabel="correlation with the prediction", xlim=(0, 1))


def _draw_shares(axes: Axes, table: pd.DataFrame, scores: pd.DataFrame, decoders: list[str]) -> None:
    bins = np.arange(SHOWN[0], SHOWN[1] + BIN_WIDTH / 2, BIN_WIDTH)
    overall = scores[scores["metric"] == "normalised_correlation"].set_index("decoder")["value"]
    for decoder in decoders:
        values = table.loc[table["decoder"] == decoder, "normalised_correlation"].dropna().clip(*SHOWN)
        colour = LOOKS[decoder].colour
        axes.hist(values, bins, histtype="step", color=colour, linewidth=1.2)
        axes.axvline(overall[decoder], color=colour, linestyle="--", linewidth=1, label=written(overall[decoder], 2))
    axes.axvline(1, color=BLACK, linewidth=0.8)
    axes.legend(title="overall", loc="upper left", handlelength=1.2)
    axes.set(title="share of the ceiling", xlabel="normalised correlation", ylabel="explainable neurons", xlim=SHOWN)


def _draw_summary(axes: Axes, scores: pd.DataFrame, decoders: list[str]) -> None:
    """Rows: the correlations of each decoder beside their ceilings, then each one's FEVE."""
    rows = [(metric, decoder) for metric in METRICS for decoder in decoders]
    for row, (metric, decoder) in enumerate(rows):
        of = scores[scores["metric"] == metric]
        n_modes = of["trial_mode"].nunique()
        for score in of[of["decoder"].isin([decoder, CEILING])].itertuples():
            y = row + (APART if score.trial_mode == MODES[1] else -APART) * (n_modes > 1)
            if score.decoder == CEILING:
                axes.plot([score.value] * 2, [y - APART, y + APART], color=BLACK, linewidth=1.4)
            else:
                draw_dot(axes, score, y, LOOKS[decoder].colour, filled=score.trial_mode == MODES[0])
    axes.set_yticks(range(len(rows)), [METRICS[metric] for metric, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE, linewidth=0.4, alpha=0.5)
    axes.set(title="explainable neurons", xlabel="over neurons", ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlim(min(0, axes.get_xlim()[0]), 1)


def _legend(decoders: list[str]) -> list[Line2D]:
    style = {"linestyle": "none", "markersize": 4}
    handles = [
        Line2D([], [], **style, marker=LOOKS[name].marker, color=LOOKS[name].colour, label=LOOKS[name].short)
        for name in decoders
    ]
    handles.append(Line2D([], [], **style, marker="o", color=PALE, label="not explainable"))
    return [*handles, Line2D([], [], color=BLACK, label="ceiling")]
