"""Figure: fluorescence and deconvolved activity of some neurons, over their true spikes where known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dina import stores
from dina.figures.looks import BLACK, BLUE, GREY, written
from dina.figures.style import page_figure
from dina.probing.known import KnownPlane

if TYPE_CHECKING:
    import pandas as pd

N_NEURONS = 6
WINDOW_S = 60.0
ROW_IN = 0.72
# Heights within a neuron's row
DFF, DECONVOLVED, SPIKES = (0.44, 0.94), (0.18, 0.40), (0.08, 0.16)


def draw_traces(session: Path, known: dict[int, KnownPlane], truth: Path | None) -> Figure:
    """At most six neurons spread evenly over the ranks of skewness, in the minute in which they were most active.

    Each row: dF/F on top, deconvolved activity as stems below, true spikes as ticks at the bottom.
    """
    neurons = stores.read_table(session, "neurons")
    attributes = stores.read_attributes(session)
    ranked = neurons["skewness"].to_numpy().argsort(kind="stable")[::-1]
    ranked = ranked[neurons["has_dff"].to_numpy()[ranked]] if neurons["has_dff"].any() else ranked
    chosen = ranked[np.unique(np.linspace(0, len(ranked) - 1, min(N_NEURONS, len(ranked))).round().astype(int))]
    dff, deconvolved = (stores.read_array(session, name)[chosen] for name in ("dff", "deconvolved"))
    window = busiest(deconvolved, round(WINDOW_S * attributes["volume_rate_hz"]))
    figure = page_figure(ROW_IN * len(chosen) + 0.7)
    axes = figure.subplots()
    times_s = stores.read_array(session, "frame_time_s")
    labels = []
    for row, neuron in enumerate(chosen):
        plane = int(neurons["plane"].iloc[neuron])
        time_s = times_s[attributes["planes"].index(plane)][window]
        floor = len(chosen) - 1 - row
        _draw_neuron(axes, time_s, dff[row, window], deconvolved[row, window], floor)
        labels.append(_label(neurons.iloc[neuron]))
        if truth is not None:
            labels[-1] += _draw_spikes(axes, time_s, _match(neurons["plane"].to_numpy(), neuron, known), truth, floor)
    axes.set_yticks(np.arange(len(chosen))[::-1] + 0.5, labels)
    axes.set(ylim=(0, len(chosen)), xlabel="time (s)")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.01)
    figure.legend(handles=_legend(bool(known)), loc="outside upper center", ncols=3)
    return figure


def busiest(deconvolved: np.ndarray, n_frames: int) -> slice:
    """The stretch of ``n_frames`` with the most activity, each neuron counted relative to its own sum."""
    share = (deconvolved / np.maximum(deconvolved.sum(1, keepdims=True), 1e-12)).sum(0)
    n_frames = min(n_frames, len(share))
    sums = np.cumsum(np.r_[0, share])
    start = int(np.argmax(sums[n_frames:] - sums[:-n_frames]))
    return slice(start, start + n_frames)


def _draw_neuron(axes: Axes, time_s: np.ndarray, dff: np.ndarray, deconvolved: np.ndarray, floor: int) -> None:
    if np.isfinite(dff).all():  # a neuron without a baseline above 0 has none
        low, high = dff.min(), max(dff.max(), dff.min() + 1e-6)
        scale = (DFF[1] - DFF[0]) / (high - low)
        axes.plot(time_s, floor + DFF[0] + scale * (dff - low), color=GREY, linewidth=0.9)
        _percent_bar(axes, time_s[-1], floor, scale, high - low)
    events = np.flatnonzero(deconvolved > 0)
    heights = deconvolved[events] / max(deconvolved.max(), 1e-12) * (DECONVOLVED[1] - DECONVOLVED[0])
    base = floor + DECONVOLVED[0]
    axes.vlines(time_s[events], base, base + heights, color=BLUE, linewidth=1)


def _label(neuron: pd.Series) -> str:
    """Its place among the session's neurons, and the ROI that curation knows it by."""
    place = f"(plane {neuron['plane']}, ROI {neuron['roi']})"
    return f"neuron {neuron['neuron']}\n{place}\nskewness {written(neuron['skewness'], 1)}"


def _percent_bar(axes: Axes, end_s: float, floor: int, scale: float, span: float) -> None:
    """A bar beside the trace for a round dF/F of at most its span."""
    most = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10])
    length = most[most <= span][-1] if np.any(most <= span) else most[0]
    x = 1.008
    place = axes.get_yaxis_transform()
    bottom = floor + DFF[0]
    axes.plot([x, x], [bottom, bottom + scale * length], color=GREY, linewidth=1.5, transform=place, clip_on=False)
    axes.text(x, bottom + scale * length / 2, f"  {100 * length:g} %", va="center", fontsize=7, transform=place)


def _match(plane: np.ndarray, neuron: int, known: dict[int, KnownPlane]) -> int:
    """Row of the truth, -1 where the ROI is no neuron."""
    return int(known[int(plane[neuron])].match[np.count_nonzero(plane[:neuron] == plane[neuron])])


def _draw_spikes(axes: Axes, time_s: np.ndarray, match: int, truth: Path, floor: int) -> str:
    """Draw the true spikes of a neuron; returns what the row's label must add."""
    if match < 0:
        return "\nno true neuron"
    spikes = stores.read_array(truth, "spike_time_s")[stores.read_array(truth, "spike_neuron") == match]
    shown = spikes[(spikes >= time_s[0]) & (spikes <= time_s[-1])]
    axes.vlines(shown, floor + SPIKES[0], floor + SPIKES[1], color=BLACK, linewidth=0.8)
    return ""


def _legend(known: bool) -> list[Line2D]:
    handles = [
        Line2D([], [], color=GREY, label="dF/F"),
        Line2D([], [], color=BLUE, label="deconvolved activity (each row to its own maximum)"),
    ]
    if known:
        handles.append(Line2D([], [], color=BLACK, marker="|", linestyle="none", label="true spikes"))
    return handles
