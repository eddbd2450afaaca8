"""Figure: whether the methods of attribution pass their checks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from dina import stores
from dina.figures.looks import BLACK, METHODS, SKY, VERMILLION, written
from dina.figures.style import DOTTED, letter, limit_line, page_figure

CONTROLS = ("edges", "random")


def draw_faithfulness(pixels: Path, neurons: Path) -> Figure:
    """Deletion and insertion of pixels and neurons, the randomisation cascade, and every check of every method."""
    curves, cascade, checks = (
        stores.read_table(pixels, name) for name in ("deletion_curves", "cascade", "faithfulness")
    )
    of_neurons, neuron_checks = (stores.read_table(neurons, name) for name in ("deletion_curves", "faithfulness"))
    figure = page_figure(5.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1, 1])
    panels = upper.subplots(1, 3)
    for axes, kind, label in zip(panels, ("deletion", "insertion"), ("turned grey", "shown, on grey"), strict=False):
        _draw_curves(axes, curves[curves["kind"] == kind])
        axes.set(title=f"{kind} of pixels", xlabel=f"share of pixels {label}", ylabel="match (above grey)")
    silenced = of_neurons[of_neurons["kind"] == "deletion"]
    _draw_curves(panels[2], silenced)
    panels[2].set(title="deletion of neurons", xlabel="share of neurons silenced", ylabel="match above gallery")
    panels[1].legend(loc="lower right", fontsize=6)
    panels[2].legend(loc="upper right", fontsize=6)
    falls, table = lower.subplots(1, 2, width_ratios=[1, 1.9])
    most_alike = checks[checks["check"] == "randomised"]["reference"].iloc[0]
    _draw_cascade(falls, cascade[cascade["measure"] == "rank"], most_alike)
    _draw_checks(table, checks, neuron_checks)
    for axes, character in zip((*panels, falls, table), "abcde", strict=True):
        letter(axes, character)
    return figure


def _draw_curves(axes: Axes, curves: pd.DataFrame) -> None:
    for name in (name for name in METHODS if name in set(curves["method"])):
        of, look = curves[curves["method"] == name].sort_values("share"), METHODS[name]
        style = DOTTED if name in CONTROLS else "-"
        axes.fill_between(of["share"], of["ci_low"], of["ci_high"], color=look.colour, alpha=0.12, linewidth=0)
        axes.plot(of["share"], of["value"], color=look.colour, linestyle=style, marker=look.marker, label=look.label)
    axes.set_xlim(0, 1)


def _draw_cascade(axes: Axes, cascade: pd.DataFrame, most_alike: float) -> None:
    layers = list(dict.fromkeys(cascade["layer"]))
    x = np.arange(len(layers) + 1)
    for name in (name for name in METHODS if name in set(cascade["method"])):
        of, look = cascade[cascade["method"] == name].set_index("layer").loc[layers], METHODS[name]
        value, low, high = (np.r_[1, of[column]] for column in ("value", "ci_low", "ci_high"))
        style = DOTTED if name in CONTROLS else "-"
        around = [np.maximum(value - low, 0), np.maximum(high - value, 0)]
        axes.errorbar(x, value, around, color=look.colour, linestyle=style, marker=look.marker, elinewidth=0.8)
    limit_line(axes, most_alike)
    axes.set_xticks(x, ["trained", *(f"+ {layer}" for layer in layers)], rotation=30, ha="right")
    axes.set(title="weights drawn anew", ylabel="rank correlation with own map", ylim=(-0.1, 1.08))


def _draw_checks(axes: Axes, checks: pd.DataFrame, of_neurons: pd.DataFrame) -> None:
    """A cell for each check and method: its value over what it must beat, filled where it fails."""
    both = pd.concat([checks.assign(of=""), of_neurons.assign(of=" of neurons")])
    both["row"] = both["method"].map(lambda name: METHODS[name].short) + both["of"]
    names = list(dict.fromkeys(both["check"]))
    rows = list(dict.fromkeys(both["row"]))
    failed = np.full((len(rows), len(names)), np.nan)
    for line in both.itertuples():
        row, column = rows.index(line.row), names.index(line.check)
        failed[row, column] = not line.passed
        text = f"{written(line.value, 2)}\n{'✓' if line.passed else '✗'} {written(line.reference, 2)}"
        axes.text(column, row, text, ha="center", va="center", fontsize=5.5, color=BLACK)
    axes.imshow(failed, cmap=ListedColormap([SKY, VERMILLION]), vmin=0, vmax=1, alpha=0.35, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=6)
    axes.set_yticks(range(len(rows)), rows, fontsize=6.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("checks: value over what it must beat")
