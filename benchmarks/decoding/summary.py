"""What the benchmark of decoders says: ``python benchmarks/decoding/summary.py``; ``make bench-decoding`` ends with it.

Reads ``benchmarks/results/decoding.csv``; prints, for each population, the mean over seeds of every decoder and what
DINA reaches of the ideal observer, of the convolutional decoder and of its best rival; draws top-1 beside the table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from decoding.populations import SCENES

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHOWN = ("top1", "top5", "median_rank", "pixel_correlation", "neurons_for_90pct", "neurons_for_equal_score", "seconds")
FAMILY_NAMES = {
    "gabor": "Gabor cells",
    "surround": "Gabor cells with surround",
    "network": "units of a random network",
}
NO_RIVALS = ("dina", "dina_start", "ideal_observer", "template")


def main() -> None:
    """Print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=RESULTS / "decoding.csv")
    asked = parser.parse_args()
    table = pd.read_csv(asked.table)
    for population in table["population"].unique():
        means = mean_over_seeds(table, population)
        print(f"\n{population}, mean of {table.loc[table['population'] == population, 'seed'].nunique()} seeds")
        print(means.round(3).to_string(na_rep=""))
        for line in verdicts(means):
            print("  " + line)
    draw(table, asked.table.with_suffix(".png"))


def mean_over_seeds(table: pd.DataFrame, population: str) -> pd.DataFrame:
    """Metrics and time of every decoder on a population."""
    from dina.figures.looks import in_order

    here = table[table["population"] == population]
    means = here.pivot_table(index="decoder", columns="metric", values="value", aggfunc="mean")
    means["seconds"] = here.groupby("decoder")["seconds"].mean()
    return means.reindex(index=in_order(means.index), columns=[name for name in SHOWN if name in means])


def verdicts(means: pd.DataFrame) -> list[str]:
    """What DINA reaches beside the others."""
    if "dina" not in means.index:
        return []
    told, own = [], means.loc["dina"]
    if "ideal_observer" in means.index:
        told.append(f"top-1: {own['top1'] / means.loc['ideal_observer', 'top1']:.3f} of the ideal observer's")
    rivals = means["top1"].drop(list(NO_RIVALS), errors="ignore")
    if len(rivals):
        told.append(f"top-1: {own['top1'] - rivals.max():+.3f} beside the best rival, {rivals.idxmax()}")
    if "convolutional" in means.index:
        other = means.loc["convolutional"]
        told.append(f"top-1: {own['top1'] / other['top1']:.2f} × the convolutional decoder's")
        told.append(f"pixel correlation: {own['pixel_correlation'] / other['pixel_correlation']:.2f} × its")
        fewer = other["neurons_for_equal_score"] / own["neurons_for_equal_score"]
        told.append(f"neurons for 90 % of the convolutional decoder's best: {fewer:.1f} × fewer")
    return told


def draw(table: pd.DataFrame, path: Path) -> None:
    """Top-1 of every decoder: a row of panels for each size of population, a panel for each family."""
    import matplotlib.pyplot as plt

    from dina.figures.looks import LOOKS, in_order
    from dina.figures.style import DOTTED, PAGE_WIDTH_IN, PNG_DPI, house_style

    top1 = table[table["metric"] == "top1"]
    size, family = (top1["population"].str.split(":").str[part] for part in (0, 1))
    sizes, families = size.unique(), [name for name in FAMILY_NAMES if name in set(family)]
    order = in_order(top1["decoder"])[::-1]
    with house_style():
        figure, axes = plt.subplots(
            len(sizes),
            len(families),
            figsize=(PAGE_WIDTH_IN, 0.6 + 0.19 * len(order) * len(sizes)),
            layout="constrained",
            sharex=True,
            sharey=True,
            squeeze=False,
        )
        for row, of_size in zip(axes, sizes, strict=True):
            for axis, of_family in zip(row, families, strict=True):
                here = top1[(size == of_size) & (family == of_family)]
                axis.set_visible(not here.empty)
                for level, name in enumerate(order):
                    values, look = here.loc[here["decoder"] == name, "value"], LOOKS[name]
                    if len(values):
                        axis.plot(values, [level] * len(values), "|", color=look.colour, markersize=7, alpha=0.6)
                        axis.plot(values.mean(), level, look.marker, color=look.colour, markersize=5)
                axis.axvline(1 / SCENES.n_test, color="0.5", linestyle=DOTTED, linewidth=0.8)
                axis.set_title(FAMILY_NAMES[of_family])
                axis.set_yticks(range(len(order)), [LOOKS[name].short for name in order])
                axis.set_xlim(-0.03, 1.03)
                axis.grid(axis="x", color="0.9", linewidth=0.5)
                axis.set_axisbelow(True)
            row[0].set_ylabel(f"{of_size} neurons".replace("-", ", "))
        for column in axes.T:
            axis = next(axis for axis in column[::-1] if axis.get_visible())  # a size may lack a family
            axis.tick_params(labelbottom=True)
            axis.set_xlabel(f"top-1 of {SCENES.n_test}, one trial each")
        figure.supxlabel("Markers: mean of seeds; ticks: single seeds; dotted: chance.", fontsize="small")
        figure.savefig(path, dpi=PNG_DPI)
        plt.close(figure)


if __name__ == "__main__":
    main()
