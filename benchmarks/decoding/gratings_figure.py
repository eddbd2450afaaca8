"""The figure of the gratings benchmark: accuracy by session, decoder and activity, with chance."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

LABELS = {"dina": "DINA", "dina_start": "DINA, start", "ridge": "ridge"}
PANELS = {
    "direction": ("direction", ("response", "before onset")),
    "orientation": ("orientation", ("response", "before onset")),
    "direction, history removed": ("direction", ("response less history",)),
}  # title → target, activities
APART = 0.22  # of a session's row, between decoders


def draw(table: pd.DataFrame, path: Path) -> None:
    """A row a session; dots with 95 % intervals over cycles, open for activity before onset."""
    from matplotlib.lines import Line2D

    from dina.figures.looks import BLACK, GREY, LOOKS
    from dina.figures.style import DOTTED, PNG_DPI, house_style, letter, page_figure

    sessions = list(dict.fromkeys(table["session"]))
    with house_style():
        figure = page_figure(0.9 + 0.62 * len(sessions))
        panels = figure.subplots(1, len(PANELS), sharey=True)
        for axes, (title, (target, activities)), character in zip(panels, PANELS.items(), "abc", strict=True):
            shown = table[(table["target"] == target) & table["activity"].isin(activities)]
            for one in shown.itertuples():
                y = sessions.index(one.session) + APART * (list(LABELS).index(one.decoder) - 1)
                colour = LOOKS[one.decoder].colour
                face = "white" if one.activity == "before onset" else colour
                axes.hlines(y, one.ci_low, one.ci_high, color=colour, linewidth=1)
                axes.plot(one.accuracy, y, LOOKS[one.decoder].marker, color=colour, markerfacecolor=face, zorder=3)
            chance = shown["chance"].iloc[0]
            axes.axvline(chance, color=GREY, linewidth=0.8, linestyle=DOTTED, zorder=0)
            axes.set(title=title, xlabel="share of trials told right", xlim=(0, 1.02))
            axes.set_ylim(len(sessions) - 0.5, -0.5)
            axes.tick_params(axis="y", length=0)
            letter(axes, character)
        neurons = table.groupby("session")["n_neurons"].first()
        names = [f"{name.split('_')[1]}\n{neurons[name]} neurons" if "_" in name else name for name in sessions]
        panels[0].set_yticks(range(len(sessions)), names)
        decoders = [
            Line2D([], [], color=LOOKS[name].colour, marker=LOOKS[name].marker, linestyle="none", label=label)
            for name, label in LABELS.items()
        ]
        activities = [
            Line2D([], [], color=BLACK, marker="o", linestyle="none", markerfacecolor=face, label=label)
            for face, label in ((BLACK, "response"), ("white", "before onset (control)"))
        ]
        chance = Line2D([], [], color=GREY, linewidth=0.8, linestyle=DOTTED, label="chance")
        figure.legend(handles=[*decoders, *activities, chance], loc="outside lower center", ncols=6)
        figure.savefig(path, dpi=PNG_DPI, metadata={"Software": None})
