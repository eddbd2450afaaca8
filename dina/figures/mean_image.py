"""Figure: each plane's mean image with the outlines of its ROIs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dina import stores
from dina.figures.looks import BLACK, ORANGE, SKY, VERMILLION
from dina.figures.style import PAGE_WIDTH_IN, hide_frame, page_figure
from dina.imaging.rois import Footprints
from dina.probing.known import KnownPlane

MAX_COLUMNS = 4
MAX_PLANES = 12
GREY_PERCENTILES = (1, 99.7)  # vessels' walls and the brightest somata saturate
GAMMA = 0.7  # below 1 dim somata show beside bright ones
MIN_SPIKES = 20  # a neuron that fires less often leaves too little to be found by
BAR_SHARE = 0.25  # of the image's width, at most
NICE_LENGTHS = (1, 2, 5)
DASHES = (0, (2, 1))


def draw_mean_images(session: Path, known: dict[int, KnownPlane]) -> Figure:
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
        _draw_plane(axes, session, attributes["planes"][place], images[place], known)
    for axes in panels[len(shown) :]:
        axes.remove()
    _scale_bar(panels[0], images.shape[2], attributes["pixel_size_um"])
    figure.legend(handles=_legend(bool(known)), loc="outside lower center", ncols=3)
    return figure


def _draw_plane(axes: Axes, session: Path, plane: int, image: np.ndarray, known: dict[int, KnownPlane]) -> None:
    rois, neurons = (stores.read_table(session, name) for name in ("rois", "neurons"))
    here = np.flatnonzero(neurons["plane"] == plane)
    found = Footprints.read(session).subset(here)
    low, high = np.percentile(image[image > 0] if np.any(image > 0) else image, GREY_PERCENTILES)
    axes.imshow(image, norm=PowerNorm(GAMMA, vmin=low, vmax=max(high, low + 1e-6)))
    matched = known[plane].match >= 0 if known else np.ones(len(here), bool)
    _outline(axes, found.subset(np.flatnonzero(matched)), image.shape, ORANGE)
    _outline(axes, found.subset(np.flatnonzero(~matched)), image.shape, VERMILLION, DASHES)
    if known:
        missed = np.flatnonzero(known[plane].missed & (known[plane].n_spikes >= MIN_SPIKES))
        _outline(axes, known[plane].footprints.subset(missed), image.shape, SKY)
    axes.set_title(f"plane {plane}: {len(here)} of {(rois['plane'] == plane).sum()} ROIs accepted")
    hide_frame(axes)


def _outline(
    axes: Axes, footprints: Footprints, shape: tuple[int, int], colour: str, dashes: str | tuple = "-"
) -> None:
    """Draw the border of every footprint."""
    lines = [line for k in range(len(footprints)) for line in outlines(footprints.pixel[footprints.roi(k)], shape[1])]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.7, linestyles=[dashes]))


def outlines(pixel: np.ndarray, width: int) -> list[np.ndarray]:
    """Closed lines (points, 2), x and y, around a set of pixels given as y · width + x; holes are filled."""
    from scipy.ndimage import binary_fill_holes

    if not len(pixel):
        return []
    y, x = np.divmod(pixel, width)
    top, left = y.min() - 1, x.min() - 1
    inside = np.zeros((np.ptp(y) + 3, np.ptp(x) + 3), bool)
    inside[y - top, x - left] = True
    filled = binary_fill_holes(inside).astype(float)
    return [line + np.array([left, top]) for line in contour_generator(z=filled).lines(0.5)]


def _scale_bar(axes: Axes, width_px: int, pixel_size_um: float | None) -> None:
    """A bar of round length below the picture, in micrometres where the pixel size is known."""
    size, unit = (pixel_size_um, "µm") if pixel_size_um else (1.0, "px")
    length = round_length(BAR_SHARE * width_px * size)
    place = axes.get_xaxis_transform()
    axes.plot([0, length / size], [-0.02, -0.02], color=BLACK, linewidth=2, transform=place, clip_on=False)
    axes.text(length / size, -0.02, f"  {length:g} {unit}", va="center", fontsize=7, transform=place)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``most``."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in NICE_LENGTHS if step * power <= most))


def _legend(known: bool) -> list[Line2D]:
    entries = [(ORANGE, "-", "accepted ROI")]
    if known:
        entries = [
            (ORANGE, "-", "accepted ROI on a true neuron"),
            (VERMILLION, DASHES, "accepted, no neuron there"),
            (SKY, "-", f"missed neuron of at least {MIN_SPIKES} spikes"),
        ]
    return [Line2D([], [], color=colour, linestyle=style, label=label) for colour, style, label in entries]
