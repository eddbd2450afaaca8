"""Across recordings: identification with one point a mouse, and intervals from a hierarchical bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.probing.pools import NO_RIVALS, OTHER_GALLERY, top_k_probability
from dina.probing.statistics import bounds
from dina.writing import replacing

COLUMNS = (
    "level", "mouse", "decoder", "over", "trial_mode", "metric", "pool_size", "value", "ci_low", "ci_high", "p",
    "n_mice", "n_recordings", "n_images", "chance",
)  # fmt: skip
OURS = "dina"
SEED = 0

Mice = Sequence[Sequence[np.ndarray]]  # mice → recordings → (images, columns)


def tabulate_across_recordings(
    recordings: dict[str, Path], mice: dict[str, str], n_bootstrap: int, csv: Path, parquet: Path
) -> None:
    """Top-1 of every decoder that all recordings have, by mouse and over mice, and DINA's less each rival's.

    Recordings are compared in the largest pool that all have. A mouse's value is the mean over its recordings, each the
    mean over its test images; the value over mice is the mean of theirs. Rows of ``level`` "mouse" are one mouse each,
    those of "all" have 95 % intervals and, for differences, a two-sided p.

    Parameters
    ----------
    recordings : name → the recording's folder of results
    mice : recording → its mouse
    csv, parquet : where the table is written, both with the same rows: ``COLUMNS``
    """
    ranks = {name: stores.read_table(folder / "probes/identification", "ranks") for name, folder in recordings.items()}
    keys = _common(ranks.values())
    pool = int(min(of["n_candidates"].min() for of in (_of_keys(table, keys) for table in ranks.values())))
    names = list(dict.fromkeys(mice[name] for name in recordings))
    values = [[_hits(ranks[name], keys, pool) for name in recordings if mice[name] == mouse] for mouse in names]
    table = pd.DataFrame(_rows(names, values, keys, pool, n_bootstrap), columns=list(COLUMNS))
    with replacing(parquet) as partial:
        table.to_parquet(partial, index=False)
    with replacing(csv) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def over_mice(values: Mice) -> np.ndarray:
    """(columns,) mean over mice of the mean over a mouse's recordings of the mean over a recording's images."""
    return np.mean([np.mean([images.mean(0) for images in mouse], axis=0) for mouse in values], axis=0)


def hierarchical_bootstrap(values: Mice, n_bootstrap: int) -> np.ndarray:
    """(n_bootstrap, columns) means over mice, drawn anew at every level: mice, recordings of each, images of each.

    A mouse drawn twice has its images drawn twice. Columns are drawn together, so that their differences are paired.
    Percentile intervals from few mice are too narrow, as of any bootstrap of few: see the figure's caption.

    References
    ----------
    Saravanan, Berman & Sober 2020, Neurons Behav. Data Anal. Theory 3(5).
    """
    rng = np.random.default_rng(SEED)
    samples = np.empty((n_bootstrap, values[0][0].shape[1]))
    for k in range(n_bootstrap):
        drawn = [
            [_drawn(mouse[r], rng) for r in rng.integers(len(mouse), size=len(mouse))]
            for mouse in (values[m] for m in rng.integers(len(values), size=len(values)))
        ]
        samples[k] = np.mean([np.mean(mouse, axis=0) for mouse in drawn], axis=0)
    return samples


def _drawn(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean over images drawn with replacement."""
    counts = np.bincount(rng.integers(len(images), size=len(images)), minlength=len(images))
    return counts @ images / len(images)


def _common(ranks: Any) -> list[tuple[str, str]]:
    """(decoder, trial mode) that every recording has, of one gallery."""
    each = [list(dict.fromkeys(zip(of["decoder"], of["trial_mode"], strict=True))) for of in ranks]
    return [key for key in each[0] if key[0] not in OTHER_GALLERY and all(key in other for other in each)]


def _of_keys(ranks: pd.DataFrame, keys: list[tuple[str, str]]) -> pd.DataFrame:
    return ranks[ranks["decoder"].isin([decoder for decoder, _ in keys])]


def _hits(ranks: pd.DataFrame, keys: list[tuple[str, str]], pool: int) -> np.ndarray:
    """(images, keys) probability of being first in the pool, over seeds and repeats."""
    found = []
    by_key = ranks.groupby(["decoder", "trial_mode"])
    for key in keys:
        of = by_key.get_group(key)
        hit = top_k_probability(of["rivals_ahead"].to_numpy(), int(of["n_candidates"].iloc[0]), pool, 1)
        found.append(pd.Series(hit).groupby(of["image"].to_numpy()).mean().to_numpy())
    return np.stack(found, axis=1)


def _rows(
    names: list[str], values: Mice, keys: list[tuple[str, str]], pool: int, n_bootstrap: int
) -> list[dict[str, Any]]:
    counts = {
        "n_mice": len(values),
        "n_recordings": sum(map(len, values)),
        "n_images": sum(len(images) for mouse in values for images in mouse),
    }
    point, samples = over_mice(values), hierarchical_bootstrap(values, n_bootstrap)
    by_mouse = [over_mice([mouse]) for mouse in values]
    rows = []
    for column, (decoder, mode) in enumerate(keys):
        about = {"decoder": decoder, "over": "", "trial_mode": mode, "metric": "top1", "pool_size": pool}
        about |= counts | {"chance": 1 / pool, "p": np.nan}
        rows += _points(about, names, [of[column] for of in by_mouse])
        rows.append(_summary(about, point[column], samples[:, column]))
    for column, (decoder, mode) in enumerate(keys):
        if decoder in (OURS, *NO_RIVALS) or (OURS, mode) not in keys:
            continue
        ours = keys.index((OURS, mode))
        about = {"decoder": OURS, "over": decoder, "trial_mode": mode, "metric": "top1_difference", "pool_size": pool}
        about |= counts | {"chance": 0.0}
        rows += _points(about | {"p": np.nan}, names, [of[ours] - of[column] for of in by_mouse])
        difference = samples[:, ours] - samples[:, column]
        tail = min(np.sum(difference <= 0), np.sum(difference >= 0))
        about |= {"p": min(1.0, 2 * (tail + 1) / (n_bootstrap + 1))}
        rows.append(_summary(about, point[ours] - point[column], difference))
    return rows


def _points(about: dict[str, Any], names: list[str], values: list[float]) -> list[dict[str, Any]]:
    return [
        about | {"level": "mouse", "mouse": name, "value": value} for name, value in zip(names, values, strict=True)
    ]


def _summary(about: dict[str, Any], value: float, samples: np.ndarray) -> dict[str, Any]:
    low, high = bounds(samples)
    return about | {"level": "all", "mouse": "", "value": value, "ci_low": low, "ci_high": high}
