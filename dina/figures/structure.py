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
CANDIDATES = {"same": "same", "other": "other"}
EXAMPLE_HEIGHT, TITLE_PAD = 0.22, 40  # of the panel's height; points, above the examples
COLUMNS = (0, 0.18, 0.27, 0.36)  # of the table of verdicts, share of the width
LEAST_SCALE = 0.02  # of the map's colours, so that nothing but noise stays dark


def draw_structure(ablation: Path) -> Figure:
    """Top-1 by ablation under an example of each, by category of the candidates, and what each place is worth."""
    scores, verdicts, categories = (stores.read_table(ablation, name) for name in ("scores", "verdicts", "categories"))
    attributes = stores.read_attributes(ablation)
    examples = _most_drawn(stores.read_array(ablation, "examples"), attributes["conditions"])
    pool = "textured" if "textured" in set(scores["pool"]) else "test"
    of = scores[(scores["pool"] == pool) & (scores["trial_mode"] == MODE)]
    shown = _in_order(attributes["conditions"], of)
    figure = page_figure(4.1)
    grid = figure.add_gridspec(2, 3, height_ratios=[2.6, 0.12 * len(verdicts) + 0.1], width_ratios=[3.5, 0.9, 1.5])
    dots, among, places = (figure.add_subplot(grid[0, column]) for column in range(3))
    _draw_ablations(dots, of, [attributes["conditions"][k] for k in shown])
    for place, k in enumerate(shown):
        _draw_example(dots, examples[k], place, len(shown))
    _draw_categories(among, categories)
    _draw_map(figure, places, ablation)
    for axes, character in zip((dots, among, places), "abc", strict=True):
        letter(axes, character)
    dots.set_title(dots.get_title(loc="left"), pad=TITLE_PAD)
    _state(figure.add_subplot(grid[1, :]), verdicts)
    figure.legend(handles=_handles(of), loc="outside lower center", ncols=4)
    return figure


def _most_drawn(examples: np.ndarray, conditions: list[dict]) -> np.ndarray:
    """(conditions, height, width) of the example with most lines: one of texture alone would show a blank drawing."""
    kinds = [condition["ablation"] for condition in conditions]
    drawn = examples[kinds.index("line_drawing")]
    return examples[:, np.argmax(np.abs(np.diff(drawn)).mean((1, 2)))]


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
    axes.set_xticks(range(len(conditions)), names, fontsize=6)
    axes.set(xlim=(-0.5, len(conditions) - 0.5), ylim=(0, None), title="candidates are changed")
    axes.set_ylabel(f"top-1, one trial, among {int(scores['pool_size'].max())} images")
    axes.grid(axis="y", color=PALE, linewidth=0.4, alpha=0.5)


def _draw_example(axes: Axes, image: np.ndarray, place: int, n: int) -> None:
    """One image above its column."""
    inset = axes.inset_axes((place / n + 0.05 / n, 1.02, 0.9 / n, EXAMPLE_HEIGHT))
    inset.imshow(image, vmin=0, vmax=1)
    hide_frame(inset)


def _draw_categories(axes: Axes, categories: pd.DataFrame) -> None:
    categories = categories[categories["trial_mode"] == MODE] if len(categories) else categories
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
    axes.set(xlim=(-0.5, len(CANDIDATES) - 0.5), ylim=(0, 1.02), title="rivals' category")
    axes.set_ylabel(f"top-1, one trial, among {categories['pool_size'].iloc[0]:.2g} images")


def _draw_map(figure: Figure, axes: Axes, ablation: Path) -> None:
    lost = stores.read_array(ablation, "occlusion_similarity")
    top = max(float(lost.max()), LEAST_SCALE)
    shown = axes.imshow(lost, cmap="magma", vmin=0, vmax=top)
    hide_frame(axes)
    axes.set_title("one place is hidden")
    share = stores.read_attributes(ablation)["occlusion_window"]
    top1 = max(float(stores.read_array(ablation, "occlusion").max()), 0)
    text = f"window: {share:.2g} of the width\ntop-1 falls by ≤ {top1:.2f}"
    axes.set_xlabel(text, labelpad=3)
    figure.colorbar(shown, ax=axes, location="bottom", shrink=0.8, label="similarity lost")


def _state(axes: Axes, verdicts: pd.DataFrame) -> None:
    """The verdicts as lines of text, decided ones in bold."""
    hide_frame(axes)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    lines = [
        (question, CONDITIONS[condition], answer)
        for question, of in answers(verdicts).items()
        for condition, answer in of.items()
    ]
    style, looks = {"va": "center", "fontsize": 6.5, "color": BLACK}, ({}, {"color": GREY}, {"weight": "bold"}, {})
    for k, (question, condition, answer) in enumerate(lines):
        texts = (f"{question}?", condition, answer.verdict, answer.evidence)
        for x, text, of in zip(COLUMNS, texts, looks, strict=True):
            axes.text(x, 1 - (k + 0.5) / len(lines), text, **(style | of))


def _handles(scores: pd.DataFrame) -> list[Line2D]:
    drawn = [condition for condition in LOOK_OF if condition in set(scores["condition"])]
    handles = []
    for name in drawn:
        colour, marker, _ = LOOK_OF[name]
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle="none", label=f"DINA {CONDITIONS[name]}"))
    style = {"color": GREY, "linestyle": "none", "marker": "o", "markerfacecolor": "white"}
    handles.append(Line2D([], [], **style, label="contrast not fully restored"))
    return [*handles, Line2D([], [], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance")]
