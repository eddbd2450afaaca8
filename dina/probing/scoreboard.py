"""The scoreboard: one row per recording, decoder and metric, all recordings in one table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dina import stores
from dina.probing.statistics import MEAN_OVER_SEEDS
from dina.writing import replacing

COLUMNS = (
    "recording", "decoder", "metric", "trial_mode", "pool_size", "value", "ci_low", "ci_high", "n", "chance",
)  # fmt: skip
IDENTIFIED = ("top1", "top1_of_ceiling", "top5", "median_rank")
METRICS = (
    *IDENTIFIED, "pixel_correlation", "category_balanced_accuracy", "prediction_correlation", "normalised_correlation",
    "feve",
)  # fmt: skip
PROBES = ("identification", "reconstruction", "categories", "prediction")


def tabulate_scoreboard(recordings: dict[str, Path], csv: Path, parquet: Path) -> None:
    """Collect the probes' and ablations' headline figures.

    Identification in the pool of all test images; ``dina`` is the mean over seeds. Shares of neurons are of the
    strongest-first order, decoders as trained; prediction is of explainable neurons, whose ceiling has rows of its own.
    Combinations without meaning have no row.

    Parameters
    ----------
    recordings : name → the recording's folder of results
    csv, parquet : where the table is written, both with the same rows
    """
    table = pd.concat([_scores(name, folder) for name, folder in recordings.items()], ignore_index=True)
    with replacing(parquet) as partial:
        table.to_parquet(partial, index=False)
    with replacing(csv) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def _scores(name: str, folder: Path) -> pd.DataFrame:
    probes = pd.concat([stores.read_table(folder / "probes" / probe, "scores") for probe in PROBES])
    probes = probes[(probes["seed"] == MEAN_OVER_SEEDS) & probes["metric"].isin(METRICS)]
    identified = probes["metric"].isin(IDENTIFIED)
    largest = probes[identified].groupby("decoder")["pool_size"].transform("max")
    whole = probes[identified][probes.loc[identified, "pool_size"] == largest]
    needed = stores.read_table(folder / "ablations" / "neurons", "needed")
    needed = needed[(needed["order"] == "strongest") & (needed["removal"] == "mean")]
    table = pd.concat([whole, probes[~identified], needed], ignore_index=True)
    table = table.assign(recording=name)[list(COLUMNS)]
    return table.sort_values(["decoder", "metric", "trial_mode"], ignore_index=True)
