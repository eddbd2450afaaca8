"""Figure: where each neuron looks, by the trained decoder, beside the truth of a simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dina import stores
from dina.figures.looks import BLACK, BLUE, GREY, ORANGE, PALE, written
from dina.figures.style import hide_frame, letter, page_figure, say

METHODS = {
    "dina": ("DINA", BLUE),
    "linear_pixels": ("linear, pixels", GREY),
    "linear_contrast": ("linear, local contrast", ORANGE),
}
YARDSTICK = "linear_contrast"  # beside DINA where no truth is known: it finds complex cells as well
ROW_IN = 0.85
FEWEST_COLUMNS = 6  # of examples; fewer leave places empty


def draw_receptive_fields(attribution: Path) -> Figure:
    """Example fields above; recovered against true centres below, or against a linear field's where none are known."""
    attributes = stores.read_attributes(attribution)
    fields, agreement = (stores.read_table(attribution, name) for name in ("receptive_fields", "agreement"))
    known = len(agreement) > 0
    unresponsive = f"no neuron with signal variance above {attributes['min_signal_variance']}"
    rows = _example_fields(attribution)
    responsive = fields[fields["signal_variance"] > attributes["min_signal_variance"]]
    figure = page_figure(ROW_IN * len(rows) + 3.0)
    upper, lower = figure.subfigures(2, 1, height_ratios=[ROW_IN * len(rows) + 0.3, 2.7])
    _draw_examples(upper, rows, stores.read_array(attribution, "example_neuron"), fields, attributes)
    dina = responsive[responsive["method"] == "dina"]
    if dina.empty:
        say(lower.subplots(), unresponsive)
    elif known:
        _draw_agreement(lower, dina.dropna(subset=["true_x_deg", "x_deg"]), agreement)
    else:
        _draw_centres(lower, dina, responsive[responsive["method"] == YARDSTICK])
    return figure


def _example_fields(attribution: Path) -> dict[str, np.ndarray]:
    """Row name → (examples, height, width) fields."""
    examples = stores.read_array(attribution, "example_neuron")
    true = "example_true_field"
    rows = {"true": stores.read_array(attribution, true)} if stores.holds(attribution, true) else {}
    return rows | {
        "DINA,\nlinear part": stores.read_array(attribution, "example_field"),
        "DINA,\nenergy": stores.read_array(attribution, "field_energy")[examples],
        "linear field\nof pixels": stores.read_array(attribution, "example_linear_field"),
    }


def _draw_examples(
    figure: SubFigure, rows: dict[str, np.ndarray], examples: np.ndarray, fields: pd.DataFrame, attributes: dict
) -> None:
    """One column a neuron, one row a kind of field, centres marked; axes in pixels from the image's centre."""
    panels = figure.subplots(len(rows), max(len(examples), FEWEST_COLUMNS), squeeze=False)
    centres = fields[fields["method"] == "dina"].set_index("neuron")
    height, width = rows["DINA,\nlinear part"].shape[1:]
    for axes in panels.ravel():
        hide_frame(axes)
    for row, (name, pictures) in enumerate(rows.items()):
        panels[row, 0].set_ylabel(name, rotation="horizontal", ha="right", va="center")
        for axes, picture, neuron in zip(panels[row], pictures, examples, strict=False):
            signed = picture.min() < 0
            limit = max(np.abs(picture).max(), 1e-12)
            colours = {"cmap": "RdBu_r", "vmin": -limit} if signed else {"cmap": "magma", "vmin": 0}
            axes.imshow(picture, **colours, vmax=limit, extent=(-width / 2, width / 2, height / 2, -height / 2))
            _mark_centres(axes, centres.loc[neuron], attributes["degrees_per_pixel"], dark=not signed)
    for axes, neuron in zip(panels[0], examples, strict=False):
        axes.set_title(f"neuron {neuron}", loc="center", fontsize=7, pad=3)
    figure.text(0.005, 0.98, "$\\bf{a}$", va="top", fontsize=8)


def _mark_centres(axes: Axes, centre: pd.Series, degrees_per_pixel: float | None, *, dark: bool) -> None:
    """A cross where DINA takes the neuron to look, a ring at its true centre."""
    axes.plot(centre["x_px"], centre["y_px"], "+", color="white" if dark else BLACK, markersize=6, markeredgewidth=1)
    if "true_x_deg" in centre and degrees_per_pixel and np.isfinite(centre["true_x_deg"]):
        x, y = (centre[f"true_{axis}_deg"] / degrees_per_pixel for axis in "xy")
        axes.plot(x, y, "o", color="white" if dark else BLACK, markerfacecolor="none", markersize=6)


def _draw_agreement(figure: SubFigure, dina: pd.DataFrame, agreement: pd.DataFrame) -> None:
    """Recovered against true centres of responsive neurons, and every method's agreement."""
    panels = figure.subplots(1, 3)
    r = agreement.set_index(["method", "axis"])["r"]
    for axes, axis, name in zip(panels, "xy", ("horizontal", "vertical"), strict=False):
        true, found = dina[f"true_{axis}_deg"], dina[f"{axis}_deg"]
        limit = max(1.0, *true.abs(), *found.abs()) * 1.05
        axes.plot([-limit, limit], [-limit, limit], color=GREY, linewidth=0.6, zorder=0)
        axes.plot(true, found, "o", color=BLUE, alpha=0.5, markersize=3, markeredgewidth=0)
        axes.set(title=f"{name}, r = {written(r['dina', axis], 2)}", xlabel="true centre (deg)", aspect="equal")
        axes.set(ylabel="recovered by DINA (deg)" if axis == "x" else "", xlim=(-limit, limit), ylim=(-limit, limit))
    _draw_methods(panels[2], agreement)
    for axes, character in zip(panels, "bcd", strict=True):
        letter(axes, character)


def _draw_methods(axes: Axes, agreement: pd.DataFrame) -> None:
    """Correlation along both axes and median distance, one row a method."""
    methods = [method for method in METHODS if method in set(agreement["method"])]
    for row, method in enumerate(methods):
        label, colour = METHODS[method]
        of = agreement[agreement["method"] == method].set_index("axis")
        axes.hlines(row, of["r"].min(), of["r"].max(), color=colour, linewidth=0.8)
        for axis in "xy":
            axes.plot(of.loc[axis, "r"], row, marker=f"${axis}$", color=colour, markersize=5)
        text = f"{label}: {of['median_distance_deg'].iloc[0]:.1f}°"
        axes.annotate(text, (0, row), (0, 9), xycoords=axes.get_yaxis_transform(), textcoords="offset points")
    axes.set(title=f"agreement, {int(agreement['n'].max())} neurons", xlabel="r, recovered and true centres")
    axes.set(yticks=[], xlim=(min([0.0, *agreement["r"].dropna()]), 1), ylim=(len(methods) - 0.6, -0.8))
    axes.set_box_aspect(1)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=PALE, linewidth=0.4, alpha=0.5)


def _draw_centres(figure: SubFigure, dina: pd.DataFrame, linear: pd.DataFrame) -> None:
    """Where responsive neurons look, shaded by signal variance, and whether the yardstick finds the same."""
    unit = "deg" if dina["x_deg"].notna().any() else "px"
    centres, *panels = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    points = centres.scatter(dina[f"x_{unit}"], dina[f"y_{unit}"], c=dina["signal_variance"], s=10, cmap="viridis")
    centres.set(title=f"centres of {len(dina)} neurons", xlabel=f"horizontal ({unit})")
    centres.set(ylabel=f"vertical, downwards ({unit})", aspect="equal", adjustable="datalim")
    centres.invert_yaxis()
    figure.colorbar(points, ax=centres, label="signal variance")
    for axes, axis, name in zip(panels, "xy", ("horizontal", "vertical"), strict=True):
        other, found = (of.set_index("neuron")[f"{axis}_{unit}"] for of in (linear, dina))
        limit = max(1.0, *other.abs(), *found.abs()) * 1.05
        axes.plot([-limit, limit], [-limit, limit], color=GREY, linewidth=0.6, zorder=0)
        axes.plot(other, found, "o", color=BLUE, alpha=0.5, markersize=3, markeredgewidth=0)
        r = f", r = {written(np.corrcoef(other, found)[0, 1], 2)}" if len(found) > 2 else ""
        axes.set(title=f"{name}{r}", xlabel=f"by a linear field ({unit})", aspect="equal")
        axes.set(ylabel=f"by DINA ({unit})" if axis == "x" else "", xlim=(-limit, limit), ylim=(-limit, limit))
    for axes, character in zip((centres, *panels), "bcd", strict=True):
        letter(axes, character)
