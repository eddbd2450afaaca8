"""One combination of a sweep, trained and judged on validation images; and the table of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dina import stores
from dina.device import resolve_device
from dina.recordings.trials import read_trials
from dina.settings import DinaSettings, GaborSettings
from dina.threads import apply_threads
from dina.training.train import fit_dina
from dina.writing import replacing

JUDGED = ("validation_loss", "validation_top1")


def try_settings(
    responses: Path, output: Path, settings: DinaSettings, gabor: GaborSettings, *, seeds: Sequence[int], device: str
) -> None:
    """Train DINA with every seed and write the table ``scores``: ``seed``, its best ``epoch`` and what that reached.

    Test trials are never looked at; weights are not kept.
    """
    apply_threads()
    trials, rows = read_trials(responses), []
    for seed in seeds:
        _, history = fit_dina(trials, settings, gabor, seed=seed, device=resolve_device(device))
        best = [row for row in history if row["is_best"]][-1]
        rows.append({"seed": seed, "epoch": best["epoch"]} | {name: best[name] for name in JUDGED})
    with stores.new_store(output) as store:
        stores.write_table(store, "scores", pd.DataFrame(rows))


def tabulate_sweep(points: list[tuple[str, dict[str, Any], Path]], csv: Path) -> None:
    """One row per recording and combination, the best of each recording first and marked ``chosen``.

    The best has the least validation loss, mean over seeds. That loss chose it, so it flatters; only test images,
    which no sweep sees, tell how well it decodes.

    Parameters
    ----------
    points : recording, values by dotted name, and the store of :func:`try_settings`
    csv : where the table is written
    """
    rows = []
    for recording, values, store in points:
        scores = stores.read_table(store, "scores")
        rows.append(
            {"recording": recording, **values}
            | {name: scores[name].mean() for name in ("epoch", *JUDGED)}
            | {"validation_top1_sd": scores["validation_top1"].std(), "n_seeds": len(scores)}
        )
    table = pd.DataFrame(rows).sort_values(["recording", "validation_loss"], ignore_index=True)
    table.insert(1, "chosen", ~table["recording"].duplicated())
    with replacing(csv) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")
