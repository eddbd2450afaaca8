"""Prediction: how much of each neuron's repeatable response the encoding models tell, beside the noise ceiling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.decoders.base import load_decoder
from dina.device import resolve_device
from dina.probing.ceilings import Moments, Showings, moments, repeated_showings
from dina.probing.statistics import COLUMNS, MEAN_OVER_SEEDS, bounds, resampled
from dina.recordings.reliability import is_measurable
from dina.recordings.trials import TEST, TRAIN, TrialResponses, read_trials
from dina.settings import ProbingSettings

EXPLAINABLE = 0.15  # signal variance above which neurons are commonly kept (Cadena et al. 2019)
CEILING = "ceiling"  # in the column `decoder`: what a perfect prediction would reach
OF_NEURON = ("correlation_single", "correlation_averaged", "normalised_correlation", "feve")
SAMPLES_AT_ONCE = 50


def probe_prediction(
    responses: Path, decoders: list[Path], output: Path, settings: ProbingSettings, *, device: str = "auto"
) -> None:
    """Compare predicted and measured responses to repeated test images, neuron by neuron, and write the store.

    The store holds the tables ``neurons`` (signal variance over test showings, both ceilings, ``explainable``),
    ``predictions`` (of each decoder and neuron: correlation of single trials and of means over showings, normalised
    correlation, FEVE; means over seeds) and ``scores`` (:data:`~dina.probing.statistics.COLUMNS`, over explainable
    neurons, intervals over images). Over neurons, correlations are averaged and then divided by the averaged ceiling,
    and FEVE's parts are summed before they are divided: a neuron whose signal is measured near 0 must not rule. All are
    empty of ceilings where too few test images were shown twice (:func:`dina.recordings.reliability.is_measurable`).

    Which neurons are explainable is told by training showings, since the test's own would favour neurons whose ceiling
    they overstate; by the test's where too few training images were shown twice.

    Parameters
    ----------
    responses : store
    decoders : stores of decoders that predict responses, all seeds
    """
    trials = read_trials(responses)
    showings, ids = _showings(trials, TEST)
    enough = is_measurable(trials.image_index[trials.trials(TEST)])
    explainable, told_by = explainable_neurons(trials)
    found = _predictions(trials, ids, decoders, device) if enough else {}
    per_seed = {name: [moments(showings, predicted) for predicted in seeds] for name, seeds in found.items()}
    rows = [
        line
        for name, seeds in found.items()
        for line in _scores(name, showings, seeds, explainable, settings.n_bootstrap)
        if explainable.any()
    ]
    scores = pd.DataFrame(rows, columns=list(COLUMNS)).drop_duplicates(["decoder", "metric", "trial_mode"])
    about = {"n_images": len(ids) if enough else 0, "explainable_above": EXPLAINABLE, "explainable_told_by": told_by}
    with stores.new_store(output) as store:
        stores.write_table(store, "neurons", _neurons(trials, showings if enough else None, explainable))
        stores.write_table(store, "predictions", _per_neuron(per_seed))
        stores.write_table(store, "scores", scores)
        stores.write_attributes(store, about)


def explainable_neurons(trials: TrialResponses) -> tuple[np.ndarray, str]:
    """(neurons,) bool, and the split whose showings told it: train, test where that repeats too little, or none."""
    told_by, split = next(
        (
            (name, split)
            for name, split in (("train", TRAIN), ("test", TEST))
            if is_measurable(trials.image_index[trials.trials(split)])
        ),
        ("none", None),
    )
    if split is None:
        return np.zeros(trials.n_neurons, bool), told_by
    measured, _ = _showings(trials, split)
    return moments(measured, measured.mean).signal_variance > EXPLAINABLE, told_by


def _showings(trials: TrialResponses, split: int) -> tuple[Showings, np.ndarray]:
    shown = trials.trials(split)
    return repeated_showings(trials.standardised(shown, weighted=False), trials.image_index[shown])


def _predictions(
    trials: TrialResponses, ids: np.ndarray, decoders: list[Path], device: str
) -> dict[str, list[np.ndarray]]:
    """Decoder → one (images, neurons) prediction a seed, of unweighted responses; 0 for a neuron of weight 0."""
    found = defaultdict(list)
    on = resolve_device(device)
    weights = trials.weights
    for store in decoders:
        decoder = load_decoder(store, on)
        predicted = decoder.predict(trials.images[ids])
        if predicted is not None:
            unweighted = np.divide(predicted, weights, out=np.zeros_like(predicted), where=weights > 0)
            found[decoder.name].append(unweighted)
    return found


def _neurons(trials: TrialResponses, showings: Showings | None, explainable: np.ndarray) -> pd.DataFrame:
    names = ("signal_variance", "ceiling_single", "ceiling_averaged")
    if showings is None:
        measured = dict.fromkeys(names, np.nan)
    else:
        of = moments(showings, showings.mean)
        measured = {name: getattr(of, name).astype(np.float32) for name in names}
    return pd.DataFrame({"neuron": np.arange(trials.n_neurons), **measured, "explainable": explainable})


def _per_neuron(per_seed: dict[str, list[Moments]]) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                name: np.mean([getattr(of_seed, name) for of_seed in seeds], axis=0).astype(np.float32)
                for name in OF_NEURON
            }
        )
        .rename_axis("neuron")
        .reset_index()
        .assign(decoder=decoder)
        for decoder, seeds in per_seed.items()
    ]
    return pd.concat(tables) if tables else pd.DataFrame(columns=["decoder", "neuron", *OF_NEURON])


def _scores(
    decoder: str, showings: Showings, seeds: list[np.ndarray], explainable: np.ndarray, n_bootstrap: int
) -> Iterator[dict[str, Any]]:
    """Rows of one decoder and of the ceiling, with intervals over test images."""
    n_images = len(showings.mean)
    chosen = Showings(showings.mean[:, explainable], showings.within[:, explainable], showings.n_showings)
    samples = defaultdict(list)
    draws = resampled(n_images, n_bootstrap)
    weights = np.stack([np.bincount(draw, minlength=n_images) for draw in draws])
    values = _over_seeds(chosen, seeds, explainable, None)
    for start in range(0, n_bootstrap, SAMPLES_AT_ONCE):
        drawn = _over_seeds(chosen, seeds, explainable, weights[start : start + SAMPLES_AT_ONCE])
        for key, of in drawn.items():
            samples[key].append(of)
    for (of, metric, mode), value in values.items():
        low, high = bounds(np.concatenate(samples[of, metric, mode]))
        about = {"decoder": of if of == CEILING else decoder, "seed": MEAN_OVER_SEEDS, "split": "test"}
        about |= {"trial_mode": mode, "pool_size": 0, "metric": metric, "chance": np.nan if of == CEILING else 0.0}
        yield about | {"value": float(value), "ci_low": low, "ci_high": high, "n": n_images}


def _over_seeds(
    showings: Showings, seeds: list[np.ndarray], explainable: np.ndarray, weights: np.ndarray | None
) -> dict[tuple[str, str, str], np.ndarray]:
    """(whose, metric, trial mode) → its value over explainable neurons, mean over seeds."""
    each = [over_neurons(moments(showings, predicted[:, explainable], weights)) for predicted in seeds]
    return {key: np.mean([of_seed[key] for of_seed in each], axis=0) for key in each[0]}


def over_neurons(of: Moments) -> dict[tuple[str, str, str], np.ndarray]:
    """(whose, metric, trial mode) → figures of a population, from each neuron's moments."""
    ceiling = {"single": of.ceiling_single, "averaged": of.ceiling_averaged}
    reached = {"single": of.correlation_single, "averaged": of.correlation_averaged}
    found = {(CEILING, "prediction_correlation", mode): np.nanmean(value, -1) for mode, value in ceiling.items()}
    found |= {("", "prediction_correlation", mode): np.nanmean(value, -1) for mode, value in reached.items()}
    at_most = found[CEILING, "prediction_correlation", "averaged"]
    found["", "normalised_correlation", "averaged"] = found["", "prediction_correlation", "averaged"] / at_most
    found["", "feve", "single"] = 1 - (of.error - of.noise).sum(-1) / of.signal.sum(-1)
    return found
