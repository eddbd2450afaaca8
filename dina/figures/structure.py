"""Figure: what identification loses with shape, texture, arrangement, category or one place of the candidate images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dina import stores
from dina.figures.looks import BLACK, BLUE, GREY, PALE, VERMILLION
from dina.figures.style import DOTTED, chance_line, hide_frame, letter, page_figure
from dina.figures.verdicts import CONDITIONS, answers

NAMES = {
    "none": "original",
    "line_drawing": "line\ndrawing",
    "texture": "texture",
    "phase_scrambled": "phases\nscrambled",
    "patch_shuffled": "{grid} × {grid}\npatches",
}
LOOK_OF = {"frozen": (BLUE, "o", -0.09), "retrained": (VERMILLION, "s", 0.09)}  # colour, marker, step aside
MODE = "single"
EXAMPLE = 0
CANDIDATES = {"same": "same", "other": "other"}
LEAST_SCALE = 0.02  # of the map's colours: less than two images in a hundred is no structure


def draw_structure(ablation: Path) -> Figure:
    """Top-1 by ablation under an example of each, by category of the candidates, and what each place is worth."""
    scores, verdicts, categories = (stores.read_table(ablation, name) for name in ("scores", "verdicts", "categories"))
    attributes = stores.read_attributes(ablation)
    examples = stores.read_array(ablation, "examples")[:, EXAMPLE]
    pool = "textured" if "textured" in set(scores["pool"]) else "test"
    of = scores[(scores["pool"] == pool) & (scores["trial_mode"] == MODE)]
    shown = _in_order(attributes["conditions"], of)
    figure = page_figure(4.3)
    grid = figure.add_gridspec(3, 4, height_ratios=[0.55, 1.9, 0.75], width_ratios=[3.1, 0.8, 1.25, 0.06])
    strip = grid[0, 0].subgridspec(1, len(shown))
    for place, k in enumerate(shown):
        axes = figure.add_subplot(strip[place])
        axes.imshow(examples[k], vmin=0, vmax=1)
        hide_frame(axes)
    dots = figure.add_subplot(grid[1, 0])
    _draw_ablations(dots, of, [attributes["conditions"][k] for k in shown])
    among = figure.add_subplot(grid[:2, 1])
    _draw_categories(among, categories[categories["trial_mode"] == MODE] if len(categories) else categories)
    places = figure.add_subplot(grid[:2, 2])
    _draw_map(figure, places, figure.add_subplot(grid[:2, 3]), ablation)
    for axes, character in zip((dots, among, places), "abc", strict=True):
        letter(axes, character)
    _state(figure.add_subplot(grid[2, :]), verdicts)
    figure.legend(handles=_handles(of), loc="outside lower center", ncols=4)
    return figure


def _in_order(conditions: list[dict], scores: pd.DataFrame) -> list[int]:
    """Positions among ``conditions`` of those that are drawn, in the order of ``NAMES``."""
    scored = set(scores["ablation"])
    drawn = [k for k, condition in enumerate(conditions) if condition["ablation"] in NAMES]
    order = list(NAMES)
    drawn = [k for k in drawn if conditions[k]["ablation"] in scored]
    return sorted(drawn, key=lambda k: (order.index(conditions[k]["ablation"]), conditions[k]["grid"] or 0))


def _draw_ablations(axes: Axes, scores: pd.DataFrame, conditions: list[dict]) -> None:
    for condition, (colour, marker, aside) in LOOK_OF.items():
        for place, ablation in enumerate(conditions):
            of = scores[(scores["ablation"] == ablation["ablation"]) & (scores["condition"] == condition)]
            if ablation["grid"] is not None:
                of = of[of["grid"] == ablation["grid"]]
            for row in of.itertuples():
                axes.vlines(place + aside, row.ci_low, row.ci_high, color=colour, linewidth=1)
                face = "white" if row.marked else colour
                axes.plot(place + aside, row.value, marker, color=colour, markerfacecolor=face, zorder=3)
    chance_line(axes, scores["chance"].iloc[0])
    names = [NAMES[ablation["ablation"]].format(grid=ablation["grid"]) for ablation in conditions]
    axes.set_xticks(range(len(conditions)), names)
    axes.set(xlim=(-0.5, len(conditions) - 0.5), ylim=(0, None), title="candidates are changed")
    axes.set_ylabel(f"top-1, one trial, among {int(scores['pool_size'].max())} images")
    axes.grid(axis="y", color=PALE, linewidth=0.4, alpha=0.5)


def _draw_categories(axes: Axes, categories: pd.DataFrame) -> None:
    if not len(categories):
        hide_frame(axes)
        axes.text(0.5, 0.5, "no category\nthat images share", ha="center", va="center", transform=axes.transAxes)
        return
    for condition, (colour, marker, aside) in LOOK_OF.items():
        of = categories[categories["condition"] == condition].set_index("candidates")
        of = of.loc[[name for name in CANDIDATES if name in of.index]]
        places = np.arange(len(of)) + aside
        axes.vlines(places, of["ci_low"], of["ci_high"], color=colour, linewidth=1)
        axes.plot(places, of["value"], color=colour, marker=marker, linewidth=0.6)
    chance_line(axes, categories["chance"].iloc[0])
    axes.set_xticks(range(len(CANDIDATES)), list(CANDIDATES.values()))
    axes.set(xlim=(-0.5, len(CANDIDATES) - 0.5), ylim=(0, 1.02), title="rivals of a category")
    size = categories["pool_size"].iloc[0]
    axes.set_ylabel(f"top-1, one trial, among {size:.3g} images" + ("" if float(size).is_integer() else " on average"))


def _draw_map(figure: Figure, axes: Axes, bar: Axes, ablation: Path) -> None:
    lost = stores.read_array(ablation, "occlusion_similarity")
    top = max(float(lost.max()), LEAST_SCALE)
    shown = axes.imshow(lost, cmap="magma", vmin=0, vmax=top, extent=(0, 1, 1, 0))
    hide_frame(axes)
    axes.set_title("a place is hidden")
    share = stores.read_attributes(ablation)["occlusion_window"]
    top1 = stores.read_array(ablation, "occlusion").max()
    axes.set_xlabel(f"window: {100 * share:.0f} % of the width\nat most {100 * top1:.0f} % of images lost", labelpad=3)
    figure.colorbar(shown, cax=bar, label="similarity lost")


def _state(axes: Axes, verdicts: pd.DataFrame) -> None:
    """The verdicts as lines of text, decided ones in bold."""
    hide_frame(axes)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    lines = [
        (question, CONDITIONS[condition], answer)
        for question, of in answers(verdicts).items()
        for condition, answer in of.items()
    ]
    for k, (question, condition, answer) in enumerate(lines):
        y = 1 - (k + 0.5) / max(len(lines), 1)
        style = {"va": "center", "fontsize": 6.5, "color": BLACK}
        axes.text(0, y, f"{question}?", **style)
        axes.text(0.17, y, condition, **(style | {"color": GREY}))
        axes.text(0.38, y, answer.verdict, weight="bold", **style)
        axes.text(0.47, y, answer.evidence, **style)


def _handles(scores: pd.DataFrame) -> list[Line2D]:
    drawn = [condition for condition in LOOK_OF if condition in set(scores["condition"])]
    handles = [
        Line2D([], [], color=LOOK_OF[name][0], marker=LOOK_OF[name][1], linestyle="none", label=CONDITIONS[name])
        for name in drawn
    ]
    style = {"color": GREY, "linestyle": "none", "marker": "o", "markerfacecolor": "white"}
    handles.append(Line2D([], [], **style, label="contrast not fully restored"))
    return [*handles, Line2D([], [], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance")]
