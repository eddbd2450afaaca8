"""Reconstruction: the picture that a decoder sees in a response, pixel by pixel."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from dina import stores
from dina.decoders.base import Decoder, load_decoder
from dina.decoders.dina import DinaDecoder
from dina.decoders.pictures import shrink
from dina.device import resolve_device
from dina.models.ridge import ridge_path
from dina.probing.field import population_field
from dina.probing.inversion import Pictures, fit_inversion
from dina.probing.queries import averaged_trials, single_trials
from dina.probing.statistics import COLUMNS, MEAN_OVER_SEEDS, row
from dina.recordings.trials import TEST, TRAIN, VALIDATION, TrialResponses, read_trials
from dina.settings import ProbingSettings

PENALTIES = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
N_EXAMPLES = 8
SEED = 0


def probe_reconstruction(
    responses: Path, decoders: list[Path], output: Path, settings: ProbingSettings, *, device: str = "auto"
) -> None:
    """Reconstruct the test images by every decoder that yields pixels or features, and write the store.

    A decoder that yields features (DINA, ridge to Gabor features) is read out by a linear probe: ridge from its
    features of training trials to pixels, the penalty chosen on validation trials. From there DINA's image tower is
    inverted (:mod:`dina.probing.inversion`), where that suits validation trials. The store holds the table ``scores``
    with ``pixel_correlation``, ``field_correlation`` (over the pixels of ``field`` (size, size), which the population
    sees: :func:`~dina.probing.field.population_field`) and ``ssim`` beside three baselines: ``mean_image`` (the mean
    training image whatever was shown), ``random_image`` (a training image at random) and ``phase_scrambled`` (the true
    image's amplitude spectrum with the phases of noise); ``example_images`` and ``examples`` (decoders, examples,
    size, size) from averaged responses, with the decoders' names as attribute.
    """
    trials = read_trials(responses)
    size = settings.reconstruction_size_px
    ids = trials.image_ids(TEST)
    target = _pictures(trials.images[ids], size)
    queries = {"single": single_trials(trials), "averaged": averaged_trials(trials)}
    on = resolve_device(device)
    pictures: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for store in decoders:
        decoder = load_decoder(store, on)
        reconstruct = reconstructor(decoder, trials, size)
        if reconstruct is not None:
            for mode, asked in queries.items():
                pictures[decoder.name][mode].append(reconstruct(asked.z))
    for name, picture in _baselines(trials, target).items():
        pictures[name]["averaged"].append(picture)
    field = population_field(trials, size)
    rows = []
    for name, modes in pictures.items():
        for mode, per_seed in modes.items():
            shown = queries[mode].true
            for metric, score in (
                ("pixel_correlation", pixel_correlation),
                ("field_correlation", partial(pixel_correlation, field=field)),
                ("ssim", structural_similarity),
            ):
                per_image = np.mean([_by_image(score(p, target[shown]), shown) for p in per_seed], axis=0)
                about = {"decoder": name, "seed": MEAN_OVER_SEEDS, "split": "test", "trial_mode": mode}
                about |= {"metric": metric, "pool_size": 0, "chance": np.nan}
                rows.append(row(per_image, settings.n_bootstrap, about=about))
    chosen = np.linspace(0, len(ids) - 1, min(N_EXAMPLES, len(ids))).round().astype(int)
    scores = pd.DataFrame(rows)[list(COLUMNS)]
    blind = scores[scores["decoder"] == "mean_image"].set_index("metric")["value"]
    scores["chance"] = scores["metric"].map(blind)  # what the best guess that ignores the response reaches
    with stores.new_store(output) as store:
        stores.write_table(store, "scores", scores)
        stores.write_array(store, "field", field)
        stores.write_array(store, "example_images", target[chosen], unit="0 black to 1 white")
        examples = np.stack([modes["averaged"][0][chosen] for modes in pictures.values()])
        stores.write_array(store, "examples", examples, unit="0 black to 1 white")
        if DinaDecoder.name in pictures:
            made = pictures[DinaDecoder.name]["averaged"][0]
            stores.write_array(store, "dina_pictures", made, unit="0 black to 1 white")
        stores.write_attributes(store, {"decoders": list(pictures), "image": ids[chosen]})


def pixel_correlation(pictures: np.ndarray, targets: np.ndarray, field: np.ndarray | None = None) -> np.ndarray:
    """(n,) Pearson correlation over pixels between (n, size, size) pictures; 0 where one is flat.

    ``field`` (size, size) bool keeps some of the pixels.
    """
    flat = (x.reshape(len(x), -1) if field is None else x[:, field] for x in (pictures, targets))
    a, b = (x - x.mean(1, keepdims=True) for x in flat)
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.divide((a * b).sum(1), norm, out=np.zeros(len(a), norm.dtype), where=norm > 0)


def structural_similarity(pictures: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(n,) SSIM of pictures clipped to 0..1 (Wang et al. 2004, IEEE Trans. Image Process. 13:600)."""
    from skimage.metrics import structural_similarity as ssim

    clipped = np.clip(pictures, 0, 1)
    return np.array([ssim(a, b, data_range=1.0) for a, b in zip(clipped, targets, strict=True)])


def reconstructor(decoder: Decoder, trials: TrialResponses, size: int) -> Pictures | None:
    """A function from responses to (n, size, size) pictures, or None for a decoder without pixels or features."""
    train, validation = trials.trials(TRAIN), trials.trials(VALIDATION)
    if decoder.reconstruct(trials.standardised(train[:1])) is not None:
        return _Direct(decoder, size)
    features = decoder.features(trials.standardised(train))
    if features is None:
        return None
    pixels = shrink(trials.images, size)
    held_out = decoder.features(trials.standardised(validation))
    shown = pixels[trials.image_index[validation]]
    best = (np.inf, None, None)
    for _, coefficients, intercept in ridge_path(features, pixels[trials.image_index[train]], PENALTIES):
        error = float(np.mean((held_out @ coefficients + intercept - shown) ** 2))
        if error < best[0]:
            best = (error, coefficients, intercept)
    linear = _LinearProbe(decoder, *best[1:], size)
    return fit_inversion(decoder.model, linear, trials, size) if isinstance(decoder, DinaDecoder) else linear


class _Direct:
    """A decoder that yields pixels itself."""

    def __init__(self, decoder: Decoder, size: int):
        self.decoder, self.size = decoder, size

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """(n, size, size) pictures."""
        return _pictures(self.decoder.reconstruct(z), self.size)


class _LinearProbe:
    """Ridge from a decoder's features to pixels."""

    def __init__(self, decoder: Decoder, coefficients: np.ndarray, intercept: np.ndarray, size: int):
        self.decoder, self.coefficients, self.intercept, self.size = decoder, coefficients, intercept, size

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """(n, size, size) pictures."""
        return (self.decoder.features(z) @ self.coefficients + self.intercept).reshape(-1, self.size, self.size)


def phase_scrambled(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, size, size) pictures with their mean and amplitude spectrum, and the phases of white noise."""
    noise = np.fft.fft2(rng.standard_normal(pictures.shape))
    phase = noise / np.abs(noise)
    phase[:, 0, 0] = 1
    return np.fft.ifft2(np.abs(np.fft.fft2(pictures)) * phase).real.astype(np.float32)


def _baselines(trials: TrialResponses, target: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(SEED)
    n, size = target.shape[:2]
    train = _pictures(trials.images[trials.image_ids(TRAIN)], size)
    return {
        "mean_image": np.repeat(train.mean(0)[None], n, axis=0),
        "random_image": train[rng.integers(len(train), size=n)],
        "phase_scrambled": phase_scrambled(target, rng),
    }


def _pictures(images: np.ndarray, size: int) -> np.ndarray:
    """(n, size, size) of (n, height, width)."""
    return shrink(images, size).reshape(-1, size, size)


def _by_image(values: np.ndarray, image: np.ndarray) -> np.ndarray:
    return np.bincount(image, values) / np.bincount(image)
