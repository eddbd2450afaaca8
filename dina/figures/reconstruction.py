"""Figure: what each decoder sees in the responses, beside what was shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from dina import stores
from dina.figures.dots import draw_dots, legend_of_modes
from dina.figures.looks import LOOKS, in_order, written
from dina.figures.style import PAGE_WIDTH_IN, hide_frame, letter, page_figure
from dina.probing.statistics import MEAN_OVER_SEEDS

METRICS = {"pixel_correlation": "pixel\ncorrelation", "field_correlation": "within\nthe field", "ssim": "SSIM"}
LABEL_WIDTH, METRIC_WIDTH = 1.4, 2.0  # in pictures
LABEL_BOX = {"color": "white", "pad": 0.8, "alpha": 0.85, "linewidth": 0}


def draw_reconstructions(reconstruction: Path) -> Figure:
    """Rows: the true images, then each decoder's pictures of them; at the right, its scores over all test images."""
    scores = stores.read_table(reconstruction, "scores")
    scores = scores[scores["seed"] == MEAN_OVER_SEEDS]
    names = stores.read_attributes(reconstruction)["decoders"]
    true, pictures = (stores.read_array(reconstruction, name) for name in ("example_images", "examples"))
    rows = in_order(names)
    widths = [1.0] * len(true) + [METRIC_WIDTH] * len(METRICS)
    picture_in = PAGE_WIDTH_IN / (sum(widths) + LABEL_WIDTH)
    figure = page_figure(1.12 * picture_in * (len(rows) + 1) + 0.6)
    grid = figure.add_gridspec(len(rows) + 1, len(widths), width_ratios=widths)
    draw_pictures(figure, grid, 0, "true image", true)
    for row, name in enumerate(rows, start=1):
        matched = match_contrast(pictures[names.index(name)], true)
        draw_pictures(figure, grid, row, LOOKS[name].short, matched, correlations(matched, true))
    for column, (metric, title) in enumerate(METRICS.items(), start=len(true)):
        axes = figure.add_subplot(grid[:, column])
        draw_dots(axes, scores[scores["metric"] == metric].assign(chance=0.0), rows)
        axes.set(title=title, yticks=[], ylim=(len(rows) - 0.5, -1.5))  # beside the true images stays empty
    for axes, character in zip((figure.axes[0], *figure.axes[-len(METRICS) :]), "abcd", strict=True):
        letter(axes, character)
    figure.legend(handles=legend_of_modes(chance=False), loc="outside lower right", ncols=2)
    return figure


def match_contrast(pictures: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Pictures (n, size, size) with each true image's mean and spread, so that shrunken ones can be seen."""
    axes = (1, 2)
    centred = pictures - pictures.mean(axes, keepdims=True)
    spread = centred.std(axes, keepdims=True)
    unit = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return true.mean(axes, keepdims=True) + unit * true.std(axes, keepdims=True)


def correlations(pictures: np.ndarray, true: np.ndarray) -> list[float]:
    """Pearson's r over pixels of each shown picture; 0 where one is flat."""
    pairs = zip(pictures.reshape(len(true), -1), true.reshape(len(true), -1), strict=True)
    return [float(np.corrcoef(a, b)[0, 1]) if a.std() * b.std() > 0 else 0.0 for a, b in pairs]


def draw_pictures(
    figure: Figure, grid: GridSpec, row: int, name: str, pictures: np.ndarray, r: list[float] | None = None
) -> None:
    """A row of pictures (n, size, size) with its name, and the correlations ``r`` of each."""
    for column, picture in enumerate(pictures):
        axes = figure.add_subplot(grid[row, column])
        axes.imshow(picture, vmin=0, vmax=1)
        hide_frame(axes)
        if r is not None:
            axes.text(0.03, 0.03, written(r[column], 2), fontsize=7, transform=axes.transAxes, bbox=LABEL_BOX)
        if column == 0:
            axes.set_ylabel(name, rotation="horizontal", ha="right", va="center")
