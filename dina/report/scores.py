"""The scoreboard's headline figures, as the report and the terminal show them."""

from __future__ import annotations

from pathlib import Path

# The order of the report; references at the end.
DECODERS = {
    "dina_ensemble": "DINA, ensemble of seeds",
    "dina": "DINA",
    "encoding": "encoding model",
    "gabor_ridge": "ridge to Gabor features",
    "ridge": "ridge to pixels",
    "convolutional": "convolutional decoder",
    "template": "repeat template (reference)",
    "ideal_observer": "ideal observer (reference)",
}
# Title, metric, trial mode
HEADLINES = (
    ("top-1, one trial", "top1", "single"),
    ("top-1, averaged", "top1", "averaged"),
    ("pixel correlation", "pixel_correlation", "averaged"),
    ("neurons for 90 %", "neurons_for_90pct", "single"),
)


def headline_table(scoreboard: Path) -> dict[str, dict[str, list[str]]]:
    """Recording → decoder → one text per headline: the value, its 95 % interval, a dash where there is none."""
    import pandas as pd

    scores = pd.read_csv(scoreboard)
    tables: dict[str, dict[str, list[str]]] = {}
    for recording, rows in scores.groupby("recording", sort=False):
        present = [name for name in DECODERS if name in set(rows["decoder"])]
        tables[str(recording)] = {
            name: [_cell(rows[rows["decoder"] == name], metric, mode) for _, metric, mode in HEADLINES]
            for name in present
        }
    return tables


def _cell(rows, metric: str, mode: str) -> str:
    found = rows[(rows["metric"] == metric) & (rows["trial_mode"] == mode)]
    if found.empty:
        return "–"
    row = found.iloc[0]
    return f"{row['value']:.2f} [{row['ci_low']:.2f}, {row['ci_high']:.2f}]"
