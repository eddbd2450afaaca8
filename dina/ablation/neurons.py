"""How many neurons a decoder needs: the stage ``ablate_neurons``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.ablation.curves import goal_of, keep_counts, order_by_reliability, share_needed
from dina.decoders.base import Decoder, load_decoder
from dina.device import resolve_device
from dina.probing.queries import Queries, single_trials, top1_by_image
from dina.probing.statistics import LEVEL, resampled, row
from dina.recordings.trials import TEST, TrialResponses, read_trials
from dina.settings import AblationSettings
from dina.threads import apply_threads

STRONGEST, RANDOM = "strongest", "random"
REFERENCE = "convolutional"  # the decoder whose best score others are asked to reach
RANDOM_STEP = 2  # random orders are averages, smooth enough at every second share
BATCH_QUERIES = 2048  # masked responses scored at once: some 0.5 GB in a convolutional decoder

Curves = dict[tuple[str, str], np.ndarray]  # (decoder, order) → (points, images) top-1


def ablate_neurons(
    responses: Path, decoders: list[Path], output: Path, settings: AblationSettings, *, device: str = "auto"
) -> None:
    """Leave only some neurons on, the others at their training mean, and write ``ablations/neurons``.

    Neurons are added from the most to the least reliable one on training repeats (``strongest``; absent where
    reliability is unknown) and in random orders (``random``, their mean, dealt out among a decoder's seeds). Decoders
    stay as trained; queries are single trials. The store holds the tables ``curves`` (one row per decoder, order and
    share) and ``needed``, shares of neurons: ``neurons_for_90pct`` of the way from chance to the decoder's own best
    score, ``neurons_for_equal_score`` for 90 % of the way to the convolutional decoder's best. NaN means never, in
    a value or in a bound; a decoder at chance has no such shares. Intervals are a bootstrap over images, the same for
    every decoder.

    Parameters
    ----------
    decoders : list of Path
        Every decoder and seed; scores are means over seeds.
    """
    apply_threads()
    trials = read_trials(responses)
    counts = keep_counts(settings.neuron_shares, trials.n_neurons)
    curves = _curves(_by_name(decoders, device), trials, counts, settings)
    shares = {STRONGEST: counts / trials.n_neurons, RANDOM: _thinned(counts) / trials.n_neurons}
    with stores.new_store(output) as store:
        stores.write_table(store, "curves", pd.DataFrame(list(_curve_rows(curves, shares, settings))))
        stores.write_table(store, "needed", pd.DataFrame(list(_needed_rows(curves, shares, settings))))
        stores.write_attributes(
            store,
            {
                "n_neurons": trials.n_neurons,
                "n_random_orders": settings.n_random_orders,
                "ranked_by": trials.reliability_source,
                "reference": REFERENCE,
            },
        )


def top1_curve(
    decoder: Decoder, queries: Queries, represented: np.ndarray, ranking: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Top-1 with only the first neurons of a ranking left on, the others at 0, their training mean.

    Parameters
    ----------
    represented : (images, d), the gallery as the decoder represents it
    ranking : (neurons,) permutation, the neurons that stay on longest first
    counts : (points,) neurons left on

    Returns
    -------
    (points, images)
    """
    rank = np.empty(len(ranking), int)
    rank[ranking] = np.arange(len(ranking))
    curve = []
    at_once = max(1, BATCH_QUERIES // len(queries.z))
    for start in range(0, len(counts), at_once):
        on = rank < counts[start : start + at_once, None]
        masked = (queries.z * on[:, None]).reshape(-1, len(ranking))
        scores = decoder.compare(masked, represented).reshape(len(on), len(queries.z), -1)
        curve += [top1_by_image(score, queries.true) for score in scores]
    return np.stack(curve)


def _by_name(decoders: list[Path], device: str) -> dict[str, list[Decoder]]:
    """The decoders by name, each with its seeds."""
    place = resolve_device(device)
    seeds: dict[str, list[Decoder]] = defaultdict(list)
    for path in decoders:
        decoder = load_decoder(path, place)
        seeds[decoder.name].append(decoder)
    return dict(seeds)


def _curves(
    decoders: dict[str, list[Decoder]], trials: TrialResponses, counts: np.ndarray, settings: AblationSettings
) -> Curves:
    """Every decoder's curves; the orders are fixed without test trials, and the same for all."""
    queries, gallery = single_trials(trials), trials.images[trials.image_ids(TEST)]
    strongest = order_by_reliability(trials.reliability)
    rng = np.random.default_rng(settings.seed)
    random = [rng.permutation(trials.n_neurons) for _ in range(settings.n_random_orders)]
    curves = {}
    for name, seeds in decoders.items():
        known = [seed.represent(gallery) for seed in seeds]
        if strongest is not None:
            each = [top1_curve(seed, queries, r, strongest, counts) for seed, r in zip(seeds, known, strict=True)]
            curves[name, STRONGEST] = np.mean(each, axis=0)
        each = [
            top1_curve(seeds[k % len(seeds)], queries, known[k % len(seeds)], order, _thinned(counts))
            for k, order in enumerate(random)
        ]
        curves[name, RANDOM] = np.mean(each, axis=0)
    return curves


def _thinned(counts: np.ndarray) -> np.ndarray:
    """Every second point, counted from the last, which has all neurons on."""
    return counts[::-RANDOM_STEP][::-1]


def _curve_rows(curves: Curves, shares: dict[str, np.ndarray], settings: AblationSettings) -> Iterator[dict[str, Any]]:
    for (decoder, order), curve in curves.items():
        for share, first in zip(shares[order], curve, strict=True):
            about = _about(decoder, order, "top1", len(first)) | {"share": share}
            yield row(first, settings.n_bootstrap, about=about)


def _needed_rows(curves: Curves, shares: dict[str, np.ndarray], settings: AblationSettings) -> Iterator[dict[str, Any]]:
    n_images = next(iter(curves.values())).shape[1]
    chance = 1 / n_images
    # The first sample holds every image once: the value itself; the others are its bootstrap.
    samples = np.vstack([np.arange(n_images), resampled(n_images, settings.n_bootstrap)])
    drawn = {key: curve[:, samples].mean(-1).T for key, curve in curves.items()}
    goals = {key: _goal(curve, chance) for key, curve in drawn.items()}
    reference = goals.get((REFERENCE, STRONGEST), goals.get((REFERENCE, RANDOM)))
    for (decoder, order), curve in drawn.items():
        asked = {"neurons_for_90pct": goals[decoder, order], "neurons_for_equal_score": reference}
        for metric, goal in asked.items():
            if goal is not None:
                needed = share_needed(shares[order], curve, goal)
                yield _about(decoder, order, metric, n_images) | _interval(needed[0], needed[1:]) | {"n": n_images}


def _goal(curve: np.ndarray, chance: float) -> np.ndarray:
    """(samples,) goals of a curve, (samples, points); none where all neurons together cannot be told from chance."""
    if np.quantile(curve[1:, -1], (1 - LEVEL) / 2) <= chance:
        return np.full(len(curve), np.nan)
    return goal_of(curve, chance)


def _interval(value: float, samples: np.ndarray) -> dict[str, float]:
    """A share and its interval, bounds taken from shares that occur; infinity becomes NaN, never."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], method="inverted_cdf")
    found = {"value": value, "ci_low": low, "ci_high": high}
    return {name: float(number) if np.isfinite(number) else np.nan for name, number in found.items()}


def _about(decoder: str, order: str, metric: str, n_images: int) -> dict[str, Any]:
    about = {"decoder": decoder, "order": order, "trial_mode": "single", "metric": metric}
    return about | {"pool_size": n_images, "chance": 1 / n_images}
