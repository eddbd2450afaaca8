"""Figure: where in the image the match with the response, and each latent map, comes from, method by method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dina import stores
from dina.figures.looks import BLACK, METHODS, VERMILLION, written
from dina.figures.style import PAGE_WIDTH_IN, hide_frame, page_figure

FEWEST_COLUMNS, MOST_COLUMNS = 5, 8
LATENT_ROWS = 2
TITLE = {"x": 0.01, "ha": "left", "fontsize": 8}
SATURATED_PERCENTILE = 99.5  # a few extreme pixels would flatten all others


def draw_saliency(attribution: Path) -> Figure:
    """Test images over the attribution of their match by every method; saliency of the latents that agree best."""
    images, matches, latents = (
        stores.read_array(attribution, name) for name in ("example_image", "match_attribution", "latent_saliency")
    )
    examples, units, verdicts = (stores.read_table(attribution, name) for name in ("examples", "latents", "verdicts"))
    methods = stores.read_attributes(attribution)["methods"]
    passed = verdicts.set_index("method")["passed"]
    columns = int(np.clip(len(images), FEWEST_COLUMNS, MOST_COLUMNS))
    latent_rows = int(np.clip(-(-len(latents) // columns), 1, LATENT_ROWS))
    rows = 1 + len(methods)
    figure = page_figure(PAGE_WIDTH_IN / columns * 1.06 * (rows + latent_rows) + 0.6)
    upper, lower = figure.subfigures(2, 1, height_ratios=[rows + 0.2, latent_rows + 0.2])
    upper.suptitle("$\\bf{a}$  images, and what in them speaks for (red) or against (blue) the response", **TITLE)
    grid = upper.subplots(rows, columns, squeeze=False)
    for column in range(min(len(images), columns)):
        grid[0, column].imshow(images[column], vmin=0, vmax=1)
        grid[0, column].set_xlabel(f"cosine {written(examples['similarity'].iloc[column], 2)}", labelpad=2, fontsize=7)
        for row, maps in enumerate(matches, 1):
            limit = max(np.percentile(np.abs(maps[column]), SATURATED_PERCENTILE), 1e-12)
            grid[row, column].imshow(maps[column], cmap="RdBu_r", vmin=-limit, vmax=limit)
    for row, method in enumerate(methods, 1):
        mark = "✓ passes" if passed[method] else "✗ fails"
        colour = BLACK if passed[method] else VERMILLION
        grid[row, 0].set_ylabel(f"{METHODS[method].label}\n{mark}", fontsize=6.5, color=colour, ma="center")
    lower.suptitle("$\\bf{b}$  saliency of the latents on which the towers agree best", **TITLE)
    cells = lower.subplots(latent_rows, columns, squeeze=False)
    for axes, saliency, agreement in zip(cells.ravel(), latents, units["agreement"], strict=False):
        axes.imshow(saliency, cmap="magma", vmin=0, vmax=max(saliency.max(), 1e-12))
        axes.set_xlabel(f"r = {written(agreement, 2)}", labelpad=2, fontsize=7)
    for axes in (*grid.ravel(), *cells.ravel()):
        hide_frame(axes)
        axes.set_visible(bool(axes.images))
    return figure
