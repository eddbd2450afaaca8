"""Figure: which pairs of neurons make a latent together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dina import stores
from dina.figures.looks import BLACK, GREY, PALE, VERMILLION
from dina.figures.style import letter, page_figure, say


def draw_interactions(neurons: Path) -> Figure:
    """The strongest latent's pairs as a matrix; strength of all latents' pairs against their correlations."""
    table = stores.read_table(neurons, "interactions")
    table = table.assign(beyond=table["strength"] - table["null_mean"])
    figure = page_figure(2.6)
    matrix, signal, noise = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    if table.empty:
        say(matrix, "no latent on which the towers agree")
    else:
        _draw_matrix(figure, matrix, table[table["latent"] == table["latent"].iloc[0]])
    # Beyond the mean of its surrogates, in units of their middle 95 %: latents have scales of their own.
    table = table.assign(relative=2 * table["beyond"] / (table["null_high"] - table["null_low"]))
    for axes, name in ((signal, "signal"), (noise, "noise")):
        if table[f"{name}_correlation"].notna().any():
            _draw_against(axes, table, f"{name}_correlation")
            axes.set(title=f"against {name} correlation", xlabel=f"{name} correlation")
        else:
            say(axes, "no repeated training images")
    n_found, n = int(table["significant"].sum()), len(table)
    signal.set_ylabel(f"beyond surrogates / their half-width\n({n_found} of {n} pairs significant)")
    for axes, character in zip((matrix, signal, noise), "abc", strict=True):
        letter(axes, character)
    return figure


def _draw_matrix(figure: Figure, axes: Axes, pairs: pd.DataFrame) -> None:
    """Signed strengths beyond the surrogates' mean, symmetric; significant pairs are marked."""
    named = np.union1d(pairs["neuron_i"], pairs["neuron_j"])
    values = np.full((len(named), len(named)), np.nan)
    i, j = (np.searchsorted(named, pairs[name]) for name in ("neuron_i", "neuron_j"))
    values[i, j] = values[j, i] = pairs["beyond"]
    limit = max(float(pairs["beyond"].abs().max()), 1e-12)
    picture = axes.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit)
    found = pairs["significant"].to_numpy(bool)
    for rows, columns in ((i, j), (j, i)):
        axes.plot(columns[found], rows[found], "*", color=BLACK, markersize=6, mew=0.4, markeredgecolor="white")
    axes.set_xticks(range(len(named)), named, rotation=90, fontsize=6)
    axes.set_yticks(range(len(named)), named, fontsize=6)
    axes.set(title="pairs of the strongest latent", xlabel="neuron", ylabel="neuron")
    axes.tick_params(length=0)
    bar = figure.colorbar(picture, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label("interaction beyond\nsurrogates (latent's unit)", fontsize=6.5)
    bar.ax.tick_params(labelsize=6)


def _draw_against(axes: Axes, table: pd.DataFrame, column: str) -> None:
    axes.axhspan(-1, 1, color=PALE, alpha=0.4, linewidth=0)
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.axvline(0, color=GREY, linewidth=0.6)
    for some, colour, size in (
        (table[~table["significant"]], GREY, 3),
        (table[table["significant"]], VERMILLION, 4.5),
    ):
        axes.plot(some[column], some["relative"], "o", color=colour, alpha=0.7, markersize=size, mew=0)
