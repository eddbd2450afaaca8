"""Figure: what kind of picture was shown, beside what pixels alone would tell."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from dina import stores
from dina.figures.dots import draw_dots, legend_of_modes, mark_rows
from dina.figures.looks import in_order
from dina.figures.style import page_figure, say


def draw_categories(categories: Path) -> Figure:
    """Balanced accuracy of every decoder, of pixels and of blurred pixels."""
    scores = stores.read_table(categories, "scores")
    if scores.empty:
        figure = page_figure(0.5)
        say(figure.subplots(), "The log names fewer than two categories with enough images.")
        return figure
    rows = in_order(scores["decoder"])
    figure = page_figure(0.27 * max(len(rows), 3) + 1.0)
    axes = figure.subplots()
    n_categories = int(scores["pool_size"].iloc[0])
    axes.set_title("category of the image, balanced accuracy")
    draw_dots(axes, scores, rows)
    mark_rows([axes], rows)
    axes.set(xlim=(0, None), xlabel=f"mean share told right, {n_categories} categories")
    figure.legend(handles=legend_of_modes(), loc="outside lower center", ncols=3)
    return figure
