"""Categories: what kind of picture was shown, by a linear probe, beside what pixels alone would tell."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.decoders.base import load_decoder
from dina.decoders.pictures import shrink
from dina.device import resolve_device
from dina.probing.statistics import COLUMNS, LEVEL, MEAN_OVER_SEEDS, resampled
from dina.recordings.trials import TEST, TRAIN, TrialResponses, read_trials
from dina.settings import ProbingSettings

ALPHAS = tuple(10.0**power for power in range(-1, 6))
FEWEST_TRAINING_IMAGES = 5
FEWEST_TEST_IMAGES = 2
BLUR_SHARE = 1 / 16  # standard deviation of the blur, share of the image's width
METRIC = "category_balanced_accuracy"


def probe_categories(
    responses: Path, decoders: list[Path], output: Path, settings: ProbingSettings, *, device: str = "auto"
) -> None:
    """Tell the test images' categories from every decoder's features, and write the table ``scores``.

    The probe is ridge classification with balanced class weights, fitted on training trials, its penalty by
    leave-one-out there. Beside the decoders stand ``pixels`` and ``blurred_pixels``: the same probe on the true
    pictures, since a category that pixels give away is no finding. Categories with fewer than five training or two
    test images are left out; with fewer than two categories the table is empty and the attribute says so.
    """
    trials = read_trials(responses)
    kept = _usable_categories(trials)
    rows: list[dict[str, Any]] = []
    if len(kept) >= 2:
        predictions = _predict(trials, kept, decoders, settings, device)
        for (decoder, mode), (predicted, true, image) in predictions.items():
            about = {"decoder": decoder, "seed": MEAN_OVER_SEEDS, "split": "test", "trial_mode": mode, "metric": METRIC}
            rows.append(
                _row(
                    predicted,
                    true,
                    image,
                    settings.n_bootstrap,
                    about | {"pool_size": len(kept), "chance": 1 / len(kept)},
                )
            )
    with stores.new_store(output) as store:
        stores.write_table(store, "scores", pd.DataFrame(rows, columns=list(COLUMNS)))
        stores.write_attributes(store, {"categories": [trials.category_names[k] for k in kept]})


def balanced_accuracy(predicted: np.ndarray, true: np.ndarray) -> float:
    """Mean over the classes present in ``true`` of the share of each that was told right."""
    classes, code = np.unique(true, return_inverse=True)
    right = np.bincount(code, predicted == true, len(classes))
    return float(np.mean(right / np.bincount(code)))


def _usable_categories(trials: TrialResponses) -> np.ndarray:
    n = max(len(trials.category_names), 1)
    counts = [
        np.bincount(trials.category[ids][trials.category[ids] >= 0], minlength=n)
        for ids in (trials.image_ids(TRAIN), trials.image_ids(TEST))
    ]
    return np.flatnonzero((counts[0] >= FEWEST_TRAINING_IMAGES) & (counts[1] >= FEWEST_TEST_IMAGES))


def _predict(trials: TrialResponses, kept: np.ndarray, decoders: list[Path], settings: ProbingSettings, device: str):
    """(decoder, trial mode) → predictions (seeds, queries), the true categories, and the images shown."""
    of_image = np.where(np.isin(trials.category, kept), trials.category, -1)
    train, test = (t[of_image[trials.image_index[t]] >= 0] for t in (trials.trials(TRAIN), trials.trials(TEST)))
    averaged, ids = trials.averaged(TEST)
    averaged, ids = averaged[of_image[ids] >= 0], ids[of_image[ids] >= 0]
    category = of_image[trials.image_index]
    found: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    on = resolve_device(device)
    for store in decoders:
        decoder = load_decoder(store, on)
        features = decoder.features(trials.standardised(train))
        if features is None:
            continue
        probe = _fit(features, category[train])
        found[decoder.name, "single"].append(probe.predict(decoder.features(trials.standardised(test))))
        found[decoder.name, "averaged"].append(probe.predict(decoder.features(averaged)))
    size = settings.reconstruction_size_px
    pixels = shrink(trials.images, size).reshape(-1, size, size)
    train_ids = trials.image_ids(TRAIN)
    train_ids = train_ids[of_image[train_ids] >= 0]
    for name, pictures in (("pixels", pixels), ("blurred_pixels", _blur(pixels))):
        flat = pictures.reshape(len(pictures), -1)
        found[name, "averaged"].append(_fit(flat[train_ids], of_image[train_ids]).predict(flat[ids]))
    asked = {"single": (category[test], trials.image_index[test]), "averaged": (of_image[ids], ids)}
    return {key: (np.stack(predicted), *asked[key[1]]) for key, predicted in found.items()}


def _fit(features: np.ndarray, category: np.ndarray):
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS, class_weight="balanced"))
    return probe.fit(features.astype(np.float64), category)


def _blur(pictures: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(pictures, (0, *(BLUR_SHARE * n for n in pictures.shape[1:])))


def _row(
    predicted: np.ndarray, true: np.ndarray, image: np.ndarray, n_bootstrap: int, about: dict[str, Any]
) -> dict[str, Any]:
    """Balanced accuracy, mean over seeds, with its bootstrap interval over images, all trials of one together."""
    value = np.mean([balanced_accuracy(p, true) for p in predicted])
    _, group = np.unique(image, return_inverse=True)
    trials_of = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    samples = []
    for draw in resampled(len(trials_of), n_bootstrap):
        trials = np.concatenate([trials_of[k] for k in draw])
        samples.append(np.mean([balanced_accuracy(p[trials], true[trials]) for p in predicted]))
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {**about, "value": float(value), "ci_low": float(low), "ci_high": float(high), "n": len(trials_of)}
