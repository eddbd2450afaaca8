"""One look for every figure: sizes, fonts, and files that come out the same each time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dina.figures.looks import BLACK, GREY
from dina.writing import replacing

PAGE_WIDTH_IN = 7.09  # 180 mm, two columns of a journal's page: the width at which every figure is printed
PNG_DPI = 200
POSITION_DIGITS = 6  # of the figure's width: a thousandth of a printed dot
DOTTED = (0, (1, 2))

STYLE = {
    # DejaVu Sans comes with matplotlib, so text has the same extent on every machine
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "text.color": BLACK,
    "axes.labelcolor": BLACK,
    "xtick.color": BLACK,
    "ytick.color": BLACK,
    "axes.edgecolor": BLACK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "lines.markeredgewidth": 0.6,
    "patch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.borderaxespad": 0.2,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "svg.fonttype": "none",  # text stays text: searchable, and editable by a journal
    "svg.hashsalt": "dina",
    "figure.constrained_layout.w_pad": 0.04,
    "figure.constrained_layout.h_pad": 0.04,
}


def house_style() -> AbstractContextManager[None]:
    """The style, on top of matplotlib's defaults whatever the user's own ``matplotlibrc`` says."""
    return mpl.style.context(["default", STYLE])


class RoundedLayout(ConstrainedLayoutEngine):
    """Constrained layout with rounded positions: its last digits vary, and SVG names clip paths by them."""

    def execute(self, figure: Figure) -> None:
        """Place every panel; called by matplotlib before it draws."""
        super().execute(figure)
        for axes in figure.axes:
            laid_out = axes.get_in_layout()
            axes.set_position([round(edge, POSITION_DIGITS) for edge in axes.get_position(original=True).bounds])
            axes.set_in_layout(laid_out)  # setting a position takes the panel out of the layout


def page_figure(height_in: float) -> Figure:
    """A figure as wide as a page, whose parts make room for each other's labels."""
    return Figure(figsize=(PAGE_WIDTH_IN, height_in), layout=RoundedLayout())


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write ``{name}.svg`` and ``{name}.png``, each atomically, with nothing in them that varies from run to run."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        with replacing(folder / f"{name}.{suffix}") as partial:
            figure.savefig(partial, dpi=PNG_DPI, metadata=metadata)


def letter(axes: Axes, character: str) -> None:
    """Name a panel as papers do: a bold letter before its title."""
    axes.set_title(f"$\\bf{{{character}}}$  {axes.get_title(loc='left')}")


def hide_frame(axes: Axes) -> None:
    """For pictures: neither ticks nor spines."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def chance_line(axes: Axes, value: float, label: str = "chance") -> None:
    """A dotted line at the level of guessing."""
    axes.axhline(value, color=GREY, linewidth=0.8, linestyle=DOTTED, label=label, zorder=0)


def limit_line(axes: Axes, value: float, label: str = "", *, vertical: bool = False) -> None:
    """A dotted line at a limit; a horizontal one is named at its right end."""
    (axes.axvline if vertical else axes.axhline)(value, color=GREY, linewidth=0.8, linestyle=DOTTED, zorder=0)
    if label:
        axes.text(1.03, value, label, va="center", color=GREY, transform=axes.get_yaxis_transform())


def say(axes: Axes, text: str) -> None:
    """In place of a panel that this recording cannot fill: no frame, no scale."""
    hide_frame(axes)
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
