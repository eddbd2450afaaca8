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
from dina.models.ranking import rivals_ahead, z_scored
from dina.probing.comparisons import compare
from dina.probing.distractors import NONE, chance_of_pool, distractors, first_of_pool
from dina.probing.pools import NO_RIVALS, OTHER_GALLERY, top_k_probability
from dina.probing.queries import averaged_trials, single_trials
from dina.probing.statistics import COLUMNS, MEAN_OVER_SEEDS, paired_ratio, row
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import ProbingSettings

SINGLE, AVERAGED = "single", "averaged"
FIVE = 5
SEED = 0
CEILING = "ideal_observer"


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
    ``dina_ensemble`` the ensemble of DINA's seeds, ``dina_start`` DINA before contrastive training, ``dina_shuffled``
    DINA with responses that belong to other images, ``dina_untrained`` with a random neural tower), of which
    ``top1_hard``, ``top1_easy`` and ``top1_same_category`` are among chosen distractors
    (:mod:`dina.probing.distractors`), and ``top1_of_ceiling`` is the share of the ideal observer's top-1; the table
    ``comparisons`` (:func:`dina.probing.comparisons.compare`); the table ``ranks`` of every query; and
    ``rivals_ahead`` (decoders, test images) of single trials with the decoders' names as attribute.

    Parameters
    ----------
    responses : store
    decoders : stores of all decoders and seeds
    truth : the simulation's truth, for the ideal observer; None for a real recording
    """
    trials = read_trials(responses)
    found = Found(trials)
    _ask_decoders(found, trials, decoders, device)
    _ask_references(found, trials, truth)
    rows = [
        line
        for (decoder, mode), per_seed in found.ahead.items()
        for seed, values in _with_mean(per_seed)
        for line in _rows(np.stack(values), settings, decoder, mode, seed)
    ]
    rows += [line for key, hits in found.among.items() for line in _rows_among(hits, found.pools, settings, *key)]
    n_images = len(trials.image_ids(TEST))
    top1 = _top1_by_image(found.ahead, n_images)
    rows += _rows_of_ceiling(top1, n_images, settings)
    with stores.new_store(output) as store:
        stores.write_table(store, "scores", pd.DataFrame(rows)[list(COLUMNS)])
        stores.write_table(store, "comparisons", compare("dina", top1, NO_RIVALS, settings.n_bootstrap))
        stores.write_table(store, "ranks", _ranks(found.ahead))
        names = [decoder for decoder, mode in found.ahead if mode == SINGLE and decoder not in OTHER_GALLERY]
        per_image = [np.nanmean(list(found.ahead[name, SINGLE].values()), axis=(0, 1)) for name in names]
        stores.write_array(store, "rivals_ahead", np.stack(per_image))
        stores.write_attributes(store, {"decoders": names, "n_images": n_images})


class Found:
    """What the probe found, decoder by decoder.

    Attributes
    ----------
    pools : kind of distractors → (images, distractors)
    ahead : (decoder, trial mode) → seed → (repeats, images) rivals ahead, NaN where there is no repeat
    among : (decoder, trial mode) → kind of distractors → one (repeats, images) array of hits a seed
    """

    def __init__(self, trials: TrialResponses):
        ids = trials.image_ids(TEST)
        self.n_images = len(ids)
        self.pools = distractors(trials.images[ids], trials.category[ids])
        self.ahead: dict[tuple[str, str], dict[int, np.ndarray]] = defaultdict(dict)
        self.among: dict[tuple[str, str], dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))

    def add(self, decoder: str, mode: str, seed: int, scores: np.ndarray, true: np.ndarray) -> None:
        """Take in (queries, test images) scores and the image that each query shows."""
        self.ahead[decoder, mode][seed] = _by_image(rivals_ahead(scores, true), true, self.n_images)
        for kind, pool in self.pools.items():
            hits = first_of_pool(scores, true, pool)
            self.among[decoder, mode][kind].append(_by_image(hits, true, self.n_images))


def _ask_decoders(found: Found, trials: TrialResponses, decoders: list[Path], device: str) -> None:
    queries = {SINGLE: single_trials(trials), AVERAGED: averaged_trials(trials)}
    gallery = trials.images[trials.image_ids(TEST)]
    on = resolve_device(device)
    ensemble: dict[str, list[np.ndarray]] = defaultdict(list)
    for store in decoders:
        decoder, seed = load_decoder(store, on), int(store.name.removeprefix("seed-"))
        represented = decoder.represent(gallery)
        for mode, asked in queries.items():
            scores = decoder.compare(asked.z, represented)
            found.add(decoder.name, mode, seed, scores, asked.true)
            if isinstance(decoder, DinaDecoder):
                found.add("dina_shuffled", mode, seed, scores, _of_another(asked.true, len(gallery)))
                untrained = decoder.untrained(seed).compare(asked.z, represented)
                found.add("dina_untrained", mode, seed, untrained, asked.true)
                ensemble[mode].append(z_scored(scores))
        start = decoder.before_training() if isinstance(decoder, DinaDecoder) else None
        if start is not None:
            represented = start.represent(gallery)
            for mode, asked in queries.items():
                found.add("dina_start", mode, seed, start.compare(asked.z, represented), asked.true)
    for mode, scores in ensemble.items():
        found.add("dina_ensemble", mode, 0, np.mean(scores, 0), queries[mode].true)


def _of_another(true: np.ndarray, n_images: int) -> np.ndarray:
    """Another image for each query, the same for all queries of an image: a permutation that moves every image."""
    order = np.random.default_rng(SEED).permutation(n_images)
    next_of = np.empty(n_images, int)
    next_of[order] = np.roll(order, -1)
    return next_of[true]


def _ask_references(found: Found, trials: TrialResponses, truth: Path | None) -> None:
    scores, image = template_scores(trials)
    if len(image):  # the gallery holds the images that were shown twice
        true = np.arange(len(scores)) % len(image)
        found.ahead["template", SINGLE] = {0: _by_image(rivals_ahead(scores, true), true, len(image))}
    if truth is not None:
        scores, trial, image = ideal_observer_scores(trials, truth)
        true = np.searchsorted(image, trials.image_index[trial])
        found.add("ideal_observer", SINGLE, 0, scores, true)
        summed = np.zeros((len(image), len(image)))
        np.add.at(summed, true, scores)
        found.add("ideal_observer", AVERAGED, 0, summed, np.arange(len(image)))


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


def _rows_among(
    hits: dict[str, list[np.ndarray]], pools: dict[str, np.ndarray], settings: ProbingSettings, decoder: str, mode: str
) -> list[dict[str, Any]]:
    """Rows of one decoder and mode among chosen distractors, mean over seeds."""
    about = {"decoder": decoder, "seed": MEAN_OVER_SEEDS, "split": "test", "trial_mode": mode}
    rows = []
    for kind, per_seed in hits.items():
        sizes = (pools[kind] != NONE).sum(1)
        per_image = np.nanmean(np.stack(per_seed)[..., sizes > 0], axis=(0, 1))
        here = {"metric": f"top1_{kind}", "pool_size": int(sizes.max()) + 1, "chance": chance_of_pool(pools[kind])}
        rows.append(row(per_image, settings.n_bootstrap, about=about | here))
    return rows


def _ranks(ahead: dict[tuple[str, str], dict[int, np.ndarray]]) -> pd.DataFrame:
    """One row a query: rivals ahead of the true image, and the candidates that it was sought among."""
    tables = []
    for (decoder, mode), per_seed in ahead.items():
        for seed, values in per_seed.items():
            repeat, image = np.nonzero(np.isfinite(values))
            of = {"decoder": decoder, "trial_mode": mode, "seed": seed, "n_candidates": values.shape[1]}
            found = {"image": image, "repeat": repeat, "rivals_ahead": values[repeat, image].astype(np.float32)}
            tables.append(pd.DataFrame(of | found))
    return pd.concat(tables, ignore_index=True)


def _top1_by_image(ahead: dict, n_images: int) -> dict[tuple[str, str], np.ndarray]:
    """(decoder, trial mode) → (images,) top-1 over seeds and repeats; not of those whose gallery is another."""
    return {
        key: _hits(np.stack(list(seeds.values())), n_images, n_images, 1)
        for key, seeds in ahead.items()
        if key[0] not in OTHER_GALLERY
    }


def _rows_of_ceiling(
    top1: dict[tuple[str, str], np.ndarray], n_images: int, settings: ProbingSettings
) -> list[dict[str, Any]]:
    """Each decoder's top-1 as a share of the ideal observer's over the same images; nothing where that is unknown."""
    rows = []
    for (decoder, mode), values in top1.items():
        at_most = top1.get((CEILING, mode))
        if at_most is None or decoder == CEILING:
            continue
        ratio, low, high = paired_ratio(values, at_most, settings.n_bootstrap)
        chance = 1 / n_images / at_most.mean() if at_most.any() else np.nan
        about = {"decoder": decoder, "seed": MEAN_OVER_SEEDS, "split": "test", "trial_mode": mode, "chance": chance}
        about |= {"metric": "top1_of_ceiling", "pool_size": n_images, "n": n_images}
        rows.append(about | {"value": ratio, "ci_low": low, "ci_high": high})
    return rows
