"""What pictures of planes share: the mean image, outlines, the always visible part, and a scale bar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation

from dina import stores
from dina.figures.looks import BLACK
from dina.figures.style import DOTTED, hide_frame
from dina.imaging.rois import Footprints

GREY_PERCENTILES = (1, 99.7)  # vessels' walls and the brightest somata saturate
GAMMA = 0.7  # below 1 dim somata show beside bright ones
BAR_SHARE = 0.25  # of the image's width, at most
BAR_BELOW_IN = 0.08  # the picture's lower edge
NICE_LENGTHS = (1, 2, 5)
VISIBLE_COLOUR = "white"


def draw_plane(axes: Axes, image: np.ndarray, registered: Path) -> None:
    """A mean image (height, width), with a dotted line around what every valid frame shows."""
    low, high = np.percentile(image[image > 0] if np.any(image > 0) else image, GREY_PERCENTILES)
    axes.imshow(image, norm=PowerNorm(GAMMA, vmin=low, vmax=max(high, low + 1e-6)))
    attributes = stores.read_attributes(registered)
    (top, bottom), (left, right) = attributes["visible_rows"], attributes["visible_columns"]
    line = {"fill": False, "edgecolor": VISIBLE_COLOUR, "linewidth": 0.6, "linestyle": DOTTED}
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, **line))
    hide_frame(axes)


def draw_outlines(
    axes: Axes, footprints: Footprints, width: int, colour: str, dashes: str | tuple = "-", linewidth: float = 0.7
) -> None:
    """Draw the border of every footprint in an image of this width, pixels."""
    lines = [line for k in range(len(footprints)) for line in outlines(footprints.pixel[footprints.roi(k)], width)]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=linewidth, linestyles=[dashes]))


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


def scale_bar(axes: Axes, width_px: int, pixel_size_um: float | None) -> None:
    """A bar of round length below the picture, in micrometres where the pixel size is known."""
    size, unit = (pixel_size_um, "µm") if pixel_size_um else (1.0, "px")
    length = round_length(BAR_SHARE * width_px * size)
    below = ScaledTranslation(0, -BAR_BELOW_IN, axes.figure.dpi_scale_trans)
    place = axes.get_xaxis_transform() + below
    axes.plot([0, length / size], [0, 0], color=BLACK, linewidth=2, transform=place, clip_on=False)
    axes.text(length / size, 0, f"  {length:g} {unit}", va="center", fontsize=7, transform=place)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``most``."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in NICE_LENGTHS if step * power <= most))
