"""Figure for curation: every ROI of a plane by its number, accepted, or rejected and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from dina import stores
from dina.figures.courses import shown_planes
from dina.figures.looks import BLACK, GREEN, ORANGE, PALE, PURPLE, SKY, VERMILLION
from dina.figures.planes import draw_outlines, draw_plane, scale_bar
from dina.figures.style import PAGE_WIDTH_IN, page_figure
from dina.imaging.rois import Footprints

if TYPE_CHECKING:
    import pandas as pd

ACCEPTED = ORANGE
YELLOW = "#F0E442"  # of the same palette: too faint on white, but not on a mean image
REASON_COLOURS = {
    "not compact": SKY,
    "too small": PURPLE,
    "too large": GREEN,
    "too little evidence": YELLOW,
    "darker than its surround": VERMILLION,
    "baseline not above 0": PALE,
    "by curation": "white",
}
MAX_NUMBERED = 300  # of a plane's ROIs; beyond, the accepted alone have their number drawn
MAX_HEIGHT_IN = 1.3 * PAGE_WIDTH_IN  # of a plane's picture
NUMBER_PT, REJECTED_PT = 6.0, 5.5  # room for three digits within a soma of 12 px in a field of 512
DIGIT_WIDTH, LINE_HEIGHT = 0.66, 1.05  # of DejaVu Sans, per font size
MOVES = (0, -1.2, 1.2)  # lines by which an accepted ROI's number makes way for another's
PADDING_PT = 0.5  # of the ground behind a number
LEGEND_COLUMNS = 4
POINTS_PER_IN = 72


def draw_rois(session: Path, rois: list[Path], registered: list[Path]) -> Figure:
    """A page-wide picture a plane; beyond four planes, four spread evenly over the depth.

    Parameters
    ----------
    session : with the table ``rois``
    rois, registered : stores of every plane, in the session's order
    """
    attributes = stores.read_attributes(session)
    images = stores.read_array(session, "mean_image")
    table = stores.read_table(session, "rois")
    height, width = images.shape[1:]
    panel_in = min(PAGE_WIDTH_IN * height / width, MAX_HEIGHT_IN)
    points_per_px = POINTS_PER_IN * panel_in / height
    handles = _legend(table)
    shown = shown_planes(np.zeros(len(images), bool))
    figure = page_figure((panel_in + 0.2) * len(shown) + 0.2 + 0.17 * -(-len(handles) // LEGEND_COLUMNS))
    panels = figure.subplots(len(shown), squeeze=False).ravel()
    for axes, place in zip(panels, shown, strict=True):
        plane = attributes["planes"][place]
        here = table[table["plane"] == plane]
        draw_plane(axes, images[place], registered[place])
        _draw_every_roi(axes, Footprints.read(rois[place]), here, width)
        _number(axes, here, points_per_px)
        accepted = here["rejected"] == ""
        axes.set_title(f"plane {plane}: {accepted.sum()} of {len(here)} ROIs accepted")
    scale_bar(panels[-1], width, attributes["pixel_size_um"])
    figure.legend(handles=handles, loc="outside upper left", ncols=LEGEND_COLUMNS, columnspacing=1.2)
    return figure


def _draw_every_roi(axes: Axes, footprints: Footprints, table: pd.DataFrame, width: int) -> None:
    """Outlines, the accepted ones last; a mark on those that are red."""
    for reason, of in table.groupby("rejected"):
        if reason:
            draw_outlines(axes, footprints.subset(of["roi"]), width, REASON_COLOURS[reason], linewidth=0.5)
    accepted = table[table["rejected"] == ""]
    draw_outlines(axes, footprints.subset(accepted["roi"]), width, ACCEPTED, linewidth=1.0)
    red = _red(accepted)
    tops = [footprints.pixel[footprints.roi(roi)].min() // width for roi in red["roi"]]
    axes.plot(red["x_px"], tops, **_red_mark())


def _red(table: pd.DataFrame) -> pd.DataFrame:
    """The accepted ROIs that are red; none without a structural channel."""
    return table[(table["rejected"] == "") & table.get("red", False)]


def _red_mark() -> dict:
    return {
        "color": VERMILLION,
        "linestyle": "none",
        "marker": "v",
        "markersize": 4.5,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
    }


def _number(axes: Axes, table: pd.DataFrame, points_per_px: float) -> None:
    """Accepted ROIs' numbers at their centroids, or a line off; those of rejected ones where they hide no other."""
    taken: list[np.ndarray] = []
    some = table if len(table) <= MAX_NUMBERED else table[table["rejected"] == ""]
    for roi in some.assign(last=some["rejected"] != "").sort_values("last", kind="stable").itertuples():
        size = REJECTED_PT if roi.last else NUMBER_PT
        extent = (size * np.array([DIGIT_WIDTH * len(str(roi.roi)), LINE_HEIGHT]) + 2 * PADDING_PT) / points_per_px
        centres = [np.array([roi.x_px, roi.y_px + lines * extent[1]]) for lines in ((0,) if roi.last else MOVES)]
        free = [at for at in centres if not any(overlaps(_box(at, extent), other) for other in taken)]
        if roi.last and not free:
            continue
        centre = free[0] if free else centres[0]
        taken.append(_box(centre, extent))
        axes.text(
            *centre,
            str(roi.roi),
            fontsize=size,
            color=REASON_COLOURS[roi.rejected] if roi.last else ACCEPTED,
            ha="center",
            va="center_baseline",
            bbox={"facecolor": BLACK, "alpha": 0.8, "linewidth": 0, "pad": PADDING_PT},
            clip_on=True,
        )


def _box(centre: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom."""
    return np.concatenate([centre - extent / 2, centre + extent / 2])


def overlaps(box: np.ndarray, other: np.ndarray) -> bool:
    """Whether two boxes (left, top, right, bottom) share an area."""
    return bool(np.all(box[:2] < other[2:]) and np.all(other[:2] < box[2:]))


def _legend(table: pd.DataFrame) -> list[Artist]:
    """The accepted, the red, and every reason with its number of ROIs in all planes."""
    counts = table["rejected"].value_counts()
    handles: list[Artist] = [Line2D([], [], color=ACCEPTED, label=f"accepted: {counts.get('', 0)}")]
    if len(red := _red(table)):
        handles.append(Line2D([], [], **_red_mark(), label=f"red neurons: {len(red)}"))
    handles += [
        Patch(facecolor=colour, edgecolor=BLACK, linewidth=0.4, label=f"{reason}: {counts[reason]}")
        for reason, colour in REASON_COLOURS.items()
        if reason in counts
    ]
    return handles
