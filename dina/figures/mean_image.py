"""Figure: each plane's mean image with the outlines of its ROIs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dina import stores
from dina.figures.looks import ORANGE, SKY, VERMILLION
from dina.figures.planes import draw_outlines, draw_plane, scale_bar
from dina.figures.style import PAGE_WIDTH_IN, page_figure
from dina.imaging.rois import Footprints
from dina.probing.known import KnownPlane

MAX_COLUMNS = 4
MAX_PLANES = 12
MIN_SPIKES = 20  # a neuron that fires less often leaves too little to be found by
DASHES = (0, (2, 1))


def draw_mean_images(session: Path, registered: list[Path], known: dict[int, KnownPlane]) -> Figure:
    """One picture a plane; beyond twelve planes, twelve spread evenly over the depth."""
    attributes = stores.read_attributes(session)
    images = stores.read_array(session, "mean_image")
    shown = np.unique(np.linspace(0, len(images) - 1, min(len(images), MAX_PLANES)).round().astype(int))
    columns = min(len(shown), MAX_COLUMNS)
    rows = -(-len(shown) // columns)
    panel_in = min(PAGE_WIDTH_IN / columns, 0.7 * PAGE_WIDTH_IN)
    figure = page_figure(rows * (panel_in * images.shape[1] / images.shape[2] + 0.25) + 0.3)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, place in zip(panels, shown, strict=False):
        draw_plane(axes, images[place], registered[place])
        _draw_rois(axes, session, attributes["planes"][place], images.shape[2], known)
    for axes in panels[len(shown) :]:
        axes.remove()
    scale_bar(panels[0], images.shape[2], attributes["pixel_size_um"])
    figure.legend(handles=_legend(bool(known)), loc="outside lower center", ncols=3)
    return figure


def _draw_rois(axes: Axes, session: Path, plane: int, width: int, known: dict[int, KnownPlane]) -> None:
    rois, neurons = (stores.read_table(session, name) for name in ("rois", "neurons"))
    here = np.flatnonzero(neurons["plane"] == plane)
    found = Footprints.read(session).subset(here)
    matched = known[plane].match >= 0 if known else np.ones(len(here), bool)
    draw_outlines(axes, found.subset(np.flatnonzero(matched)), width, ORANGE)
    draw_outlines(axes, found.subset(np.flatnonzero(~matched)), width, VERMILLION, DASHES)
    if known:
        missed = np.flatnonzero(known[plane].missed & (known[plane].n_spikes >= MIN_SPIKES))
        draw_outlines(axes, known[plane].footprints.subset(missed), width, SKY)
    axes.set_title(f"plane {plane}: {len(here)} of {(rois['plane'] == plane).sum()} ROIs accepted")


def _legend(known: bool) -> list[Line2D]:
    entries = [(ORANGE, "-", "accepted ROI")]
    if known:
        entries = [
            (ORANGE, "-", "accepted ROI on a true neuron"),
            (VERMILLION, DASHES, "accepted, no neuron there"),
            (SKY, "-", f"missed neuron of at least {MIN_SPIKES} spikes"),
        ]
    return [Line2D([], [], color=colour, linestyle=style, label=label) for colour, style, label in entries]
