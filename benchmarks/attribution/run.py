"""The instruments against recordings whose answers were planted: ``make bench-attribution``.

Writes ``benchmarks/results/attribution.csv``: name, value, goal, unit, and whether the goal was reached.
"""

from __future__ import annotations

import argparse
import operator
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from attribution.planted_fields import receptive_field_rows, saliency_rows
from attribution.planted_images import planted_images
from attribution.planted_interactions import planted_rows
from attribution.planted_latents import rows as latent_rows
from attribution.planted_neurons import planted_neuron_rows
from attribution.speed import speed_rows

RESULTS = Path(__file__).resolve().parents[1] / "results"
PARTS: dict[str, Callable[[Path], Iterable[dict]]] = {
    "receptive_fields": receptive_field_rows,
    "saliency": saliency_rows,
    "images": lambda _: planted_images(),
    "neurons": lambda _: planted_neuron_rows(),
    "latents": lambda _: latent_rows(),
    "interactions": lambda _: planted_rows(),
    "speed": lambda _: speed_rows(),
}
COMPARISONS = {"==": operator.eq, ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


def main() -> None:
    """Fill the table, part by part; parts that are not asked for stay as they stand in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--table", type=Path, default=RESULTS / "attribution.csv")
    asked = parser.parse_args()
    asked.table.parent.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(asked.table, keep_default_na=False) if asked.table.is_file() else pd.DataFrame({"part": []})
    for part in asked.parts:
        with tempfile.TemporaryDirectory() as folder:
            found = pd.DataFrame([{"part": part} | row for row in PARTS[part](Path(folder))])
        found["reached"] = [is_reached(row.value, row.goal) for row in found.itertuples()]
        print(found.to_string(index=False), flush=True)
        table = pd.concat([table[table["part"] != part], found])
        ordered = table.sort_values("part", key=lambda parts: parts.map(list(PARTS).index), kind="stable")
        ordered.to_csv(asked.table, index=False, float_format="%.4g")


def is_reached(value: float, goal: str) -> str:
    """``yes`` or ``no`` for a goal such as ">= 0.9" or "== 2"; empty for a figure without one."""
    if not goal:
        return ""
    sign, _, limit = goal.partition(" ")
    return "yes" if COMPARISONS[sign](value, float(limit)) else "no"


if __name__ == "__main__":
    main()
