"""Identification: which image of a pool of unseen ones was shown."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.decoders.base import load_decoder
from dina.decoders.dina import DinaDecoder
from dina.decoders.ideal_observer import ideal_observer_scores
from dina.decoders.template import template_scores
from dina.device import resolve_device
from dina.models.ranking import rivals_ahead
from dina.probing.queries import averaged_trials, single_trials
from dina.probing.statistics import COLUMNS, MEAN_OVER_SEEDS, paired_ratio, row
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import ProbingSettings

SINGLE, AVERAGED = "single", "averaged"
FIVE = 5


def probe_identification(
    responses: Path,
    decoders: list[Path],
    output: Path,
    settings: ProbingSettings,
    *,
    device: str = "auto",
    truth: Path | None = None,
) -> None:
    """Rank every test image for every test response, by every decoder and reference, and write the store.

    The store holds the table ``scores`` (:data:`~dina.probing.statistics.COLUMNS`; seed -1 is the mean over seeds,
    ``dina_ensemble`` the ensemble of DINA's seeds, ``dina_start`` its closed-form start), the table ``ratios`` (DINA's
    top-1 over each rival's, paired over images), and ``rivals_ahead`` (decoders, test images) of single trials with
    the decoders' names as attribute.

    Parameters
    ----------
    responses : store
    decoders : stores of all decoders and seeds
    truth : the simulation's truth, for the ideal observer; None for a real recording
    """
    trials = read_trials(responses)
    ahead = _ahead_of_decoders(trials, decoders, device) | _ahead_of_references(trials, truth)
    n_images = len(trials.image_ids(TEST))
    rows = [
        line
        for (decoder, mode), per_seed in ahead.items()
        for seed, values in _with_mean(per_seed)
        for line in _rows(np.stack(values), settings, decoder, mode, seed)
    ]
    with stores.new_store(output) as store:
        stores.write_table(store, "scores", pd.DataFrame(rows)[list(COLUMNS)])
        stores.write_table(store, "ratios", _ratios(ahead, n_images, settings))
        names = [decoder for decoder, mode in ahead if mode == SINGLE and decoder != "template"]
        per_image = [np.nanmean(list(ahead[name, SINGLE].values()), axis=(0, 1)) for name in names]
        stores.write_array(store, "rivals_ahead", np.stack(per_image))
        stores.write_attributes(store, {"decoders": names, "n_images": n_images})


def top_k_probability(ahead: np.ndarray, n_candidates: int, pool_size: int, k: int) -> np.ndarray:
    """Probability that the true image is among the first ``k`` of a random pool.

    With ``b`` of the ``M − 1`` rivals ahead, the number of those in a pool of ``K`` is hypergeometric; for k = 1 the
    probability is ``C(M − 1 − b, K − 1) / C(M − 1, K − 1)``. A tie counts half of a rival ahead: the mean of the
    probabilities with and without it.

    Parameters
    ----------
    ahead : (queries,) rivals ahead, halves for ties
    n_candidates : M
    pool_size : K ≤ M

    Returns
    -------
    (queries,)
    """
    from scipy.stats import hypergeom

    low, high = np.floor(ahead), np.ceil(ahead)
    return np.mean([hypergeom.cdf(k - 1, n_candidates - 1, b, pool_size - 1) for b in (low, high)], axis=0)


def _ahead_of_decoders(trials: TrialResponses, decoders: list[Path], device: str) -> dict:
    """(decoder, trial mode) → seed → one (repeats, images) array of rivals ahead, NaN where there is no repeat."""
    queries = {SINGLE: single_trials(trials), AVERAGED: averaged_trials(trials)}
    gallery = trials.images[trials.image_ids(TEST)]
    on = resolve_device(device)
    ahead: dict[tuple[str, str], dict[int, np.ndarray]] = defaultdict(dict)
    ensemble: dict[str, list[np.ndarray]] = defaultdict(list)
    for store in decoders:
        decoder, seed = load_decoder(store, on), int(store.name.removeprefix("seed-"))
        start = decoder.before_training() if isinstance(decoder, DinaDecoder) else None
        for mode, asked in queries.items():
            scores = decoder.scores(asked.z, gallery)
            ahead[decoder.name, mode][seed] = _by_image(rivals_ahead(scores, asked.true), asked.true, len(gallery))
            if decoder.name == "dina":
                spread = scores.std(1, keepdims=True)
                ensemble[mode].append((scores - scores.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1))
            if start is not None and ("dina_start", mode) not in ahead:  # it is the same for all seeds
                first = rivals_ahead(start.scores(asked.z, gallery), asked.true)
                ahead["dina_start", mode] = {0: _by_image(first, asked.true, len(gallery))}
    for mode, scores in ensemble.items():
        true = queries[mode].true
        ahead["dina_ensemble", mode] = {0: _by_image(rivals_ahead(np.mean(scores, 0), true), true, len(gallery))}
    return dict(ahead)


def _ahead_of_references(trials: TrialResponses, truth: Path | None) -> dict:
    ahead = {}
    scores, image = template_scores(trials)
    if len(image):
        true = np.arange(len(scores)) % len(image)
        ahead["template", SINGLE] = {0: _by_image(rivals_ahead(scores, true), true, len(image))}
    if truth is not None:
        scores, trial, image = ideal_observer_scores(trials, truth)
        true = np.searchsorted(image, trials.image_index[trial])
        ahead["ideal_observer", SINGLE] = {0: _by_image(rivals_ahead(scores, true), true, len(image))}
        summed = np.zeros((len(image), len(image)))
        np.add.at(summed, true, scores)
        every = np.arange(len(image))
        ahead["ideal_observer", AVERAGED] = {0: _by_image(rivals_ahead(summed, every), every, len(image))}
    return ahead


def _by_image(values: np.ndarray, image: np.ndarray, n_images: int) -> np.ndarray:
    """(most repeats, images) values of queries, by image; NaN where an image has fewer repeats."""
    order = np.argsort(image, kind="stable")
    counts = np.bincount(image, minlength=n_images)
    table = np.full((counts.max(), n_images), np.nan)
    repeat = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    table[repeat, image[order]] = values[order]
    return table


def _with_mean(per_seed: dict[int, np.ndarray]) -> list[tuple[int, list[np.ndarray]]]:
    """Each seed's rivals ahead, and all of them under the seed that stands for the mean."""
    seeds = [(seed, [values]) for seed, values in per_seed.items()] if len(per_seed) > 1 else []
    return [*seeds, (MEAN_OVER_SEEDS, list(per_seed.values()))]


def _rows(stacked: np.ndarray, settings: ProbingSettings, decoder: str, mode: str, seed: int) -> list[dict[str, Any]]:
    """Rows of one decoder and mode, from (seeds, repeats, images) rivals ahead; the pool is its own gallery."""
    n_images = stacked.shape[2]
    about = {"decoder": decoder, "seed": seed, "split": "test", "trial_mode": mode}
    rows = []
    for pool in sorted({size for size in settings.pool_sizes if size < n_images} | {n_images}):
        for metric, k in (("top1", 1), ("top5", FIVE)):
            here = about | {"metric": metric, "pool_size": pool, "chance": min(1.0, k / pool)}
            rows.append(row(_hits(stacked, n_images, pool, k), settings.n_bootstrap, about=here))
    rank = np.nanmean(stacked, axis=(0, 1)) + 1
    here = about | {"metric": "median_rank", "pool_size": n_images, "chance": (n_images + 1) / 2}
    return [*rows, row(rank, settings.n_bootstrap, statistic=np.median, about=here)]


def _hits(stacked: np.ndarray, n_images: int, pool: int, k: int) -> np.ndarray:
    """(images,) probability of a hit, over seeds and repeats, from (seeds, repeats, images) rivals ahead."""
    hit = top_k_probability(np.nan_to_num(stacked), n_images, pool, k)
    return np.nanmean(np.where(np.isnan(stacked), np.nan, hit), axis=(0, 1))


def _ratios(ahead: dict, n_images: int, settings: ProbingSettings) -> pd.DataFrame:
    """DINA's top-1 over each other decoder's, paired over images; without the template, whose pool differs."""
    rows = []
    for (decoder, mode), per_seed in ahead.items():
        if decoder in ("dina", "dina_ensemble", "template") or ("dina", mode) not in ahead:
            continue
        ours, theirs = (
            _hits(np.stack(list(seeds.values())), n_images, n_images, 1) for seeds in (ahead["dina", mode], per_seed)
        )
        ratio, low, high = paired_ratio(ours, theirs, settings.n_bootstrap)
        about = {"decoder": "dina", "over": decoder, "trial_mode": mode, "metric": "top1"}
        rows.append(about | {"ratio": ratio, "ci_low": low, "ci_high": high, "n": len(ours)})
    return pd.DataFrame(rows)
