"""Recordings whose answer is known: cells that see only the coarse or the fine, stimuli that differ in one thing alone.

Each planted recording is decoded by DINA in closed form and goes through the image ablations as any other; the verdict
must be what was planted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter

from dina.ablation.filters import match_contrast
from dina.ablation.images import measure
from dina.ablation.retraining import retrain
from dina.ablation.scoring import Textures
from dina.ablation.textures import textures_of
from dina.models.features import bank_maps
from dina.models.gabor import CHANNELS_PER_FILTER, GaborBank
from dina.recordings.importers.simulated import import_simulated_responses
from dina.recordings.trials import TEST, TrialResponses, describe_neurons, read_trials
from dina.settings import (
    AblationSettings,
    DinaSettings,
    GaborSettings,
    ImageAblationSettings,
    PopulationSettings,
    ProtocolSettings,
    ScenesSettings,
    SimulationSettings,
)

SIZE_PX, WIDTH_DEG = 32, 40.0
COUNTS = {"n_train": 200, "n_validation": 20, "n_test": 40}
N_NEURONS = 60
BANDS_CPD = {"low": (0.03, 0.05), "high": (0.24, 0.32)}  # preferred frequencies; the images show up to 0.4
CUTOFFS_CPD = (0.04, 0.08, 0.16)
GABOR = GaborSettings(frequencies_cpi=(1.5, 3.0, 6.0, 10.0), n_orientations=6)
NOISE_SD = 0.3  # of hand-made cells, whose signals have s.d. 1
GRAIN = 0.3  # contrast of the texture on which shapes are shown, of the step at their outline
TEXTURE_CPI = (4.0, 10.0)  # finer than what a line drawing takes for shape, coarser than the images' limit
TEXTURE_BANDWIDTH_CPI = 1.2
STEPS = 40
WANTED = {"low": "coarse", "high": "fine", "shape": "shape", "texture": "texture"}
CPU = torch.device("cpu")


def tuned_to(band: str, seed: int = 0) -> TrialResponses:
    """Gabor cells that prefer low or high frequencies alone, under photographs as they are."""
    settings = SimulationSettings(
        seed=seed,
        scenes=ScenesSettings(**COUNTS, size_px=SIZE_PX, width_deg=WIDTH_DEG),
        population=PopulationSettings(
            spatial_frequency_cpd=BANDS_CPD[band],
            bandwidth_octaves=1.0,
            share_unresponsive=0.0,
            gain_log_sd=0.3,
            mean_evoked_spikes=4.0,
            private_gain_log_sd=0.1,
            shared_gain_log_sd=0.1,
        ),
        protocol=ProtocolSettings(share_train_repeated=0.5),
    )
    with tempfile.TemporaryDirectory() as folder:
        import_simulated_responses(settings, Path(folder) / "responses", n_neurons=N_NEURONS)
        return read_trials(Path(folder) / "responses")


def shapes(n: int, seed: int) -> np.ndarray:
    """(n, size, size) a light blob of random outline on dark, both of one and the same fine noise."""
    rng = np.random.default_rng(seed)
    coarse = gaussian_filter(rng.standard_normal((n, SIZE_PX, SIZE_PX)), (0, SIZE_PX / 8, SIZE_PX / 8), mode="wrap")
    blob = np.where(coarse > np.median(coarse, axis=(1, 2), keepdims=True), 0.5, -0.5)
    grain = gaussian_filter(rng.standard_normal(blob.shape), (0, 0.7, 0.7), mode="wrap")
    return _grey(blob + GRAIN * grain / grain.std((1, 2), keepdims=True))


def homogeneous_textures(n: int, seed: int) -> np.ndarray:
    """(n, size, size) noise of one frequency and orientation each, the same everywhere."""
    rng = np.random.default_rng(seed)
    frequency = np.exp(rng.uniform(*np.log(TEXTURE_CPI), n))
    orientation = rng.uniform(0, np.pi, n)
    axis = np.fft.fftfreq(SIZE_PX, 1 / SIZE_PX)
    distance = [
        np.hypot(axis[:, None] - sign * (frequency * np.sin(orientation))[:, None, None],
                 axis - sign * (frequency * np.cos(orientation))[:, None, None])
        for sign in (1, -1)
    ]  # fmt: skip
    passed = np.exp(-((np.minimum(*distance) / TEXTURE_BANDWIDTH_CPI) ** 2) / 2)
    return _grey(np.fft.ifft2(np.fft.fft2(rng.standard_normal(passed.shape)) * passed).real)


def seen_by_cells(images: np.ndarray, *, pooled: bool, seed: int = 0) -> TrialResponses:
    """Trials of hand-made complex cells: energy of the Gabor bank at one place each, or its means over all places."""
    rng = np.random.default_rng(seed)
    maps = bank_maps(GaborBank(GABOR, images.shape[1:]), images).numpy()
    maps = maps.reshape(len(maps), len(GABOR.frequencies_cpi), CHANNELS_PER_FILTER, -1, *maps.shape[2:])[:, :, -1]
    values = maps.mean((3, 4)) if pooled else maps
    values = values.reshape(len(maps), -1)
    values = values[:, rng.integers(values.shape[1], size=N_NEURONS)]
    signal = (values - values.mean(0)) / values.std(0)
    split = np.repeat(np.arange(3, dtype=np.uint8), list(COUNTS.values()))
    shown = np.tile(np.arange(len(images), dtype=np.int32), 2)
    repeat = np.repeat(np.arange(2, dtype=np.int16), len(images))
    responses = (signal[shown] + NOISE_SD * rng.standard_normal((len(shown), N_NEURONS))).astype(np.float32)
    return TrialResponses(
        responses=responses,
        image_index=shown,
        repeat=repeat,
        onset_s=np.arange(len(shown)) * 0.8,
        split=split[shown],
        images=images,
        category=np.full(len(images), -1, np.int16),
        category_names=(),
        degrees_per_pixel=WIDTH_DEG / SIZE_PX,
        **describe_neurons(responses, shown, repeat, split[shown], stabilised=False),
    )


def planted(what: str, seed: int = 0) -> TrialResponses:
    """The recording of ``WANTED`` whose answer is known."""
    n = sum(COUNTS.values())
    match what:
        case "shape":
            return seen_by_cells(shapes(n, seed), pooled=False, seed=seed)
        case "texture":
            return seen_by_cells(homogeneous_textures(n, seed), pooled=True, seed=seed)
    return tuned_to(what, seed)


def verdicts_of(trials: TrialResponses, *, with_textures: bool, seed: int = 0) -> pd.DataFrame:
    """The table of verdicts of a recording, by DINA in closed form; cut-offs and the rest as fits its size."""
    dina = DinaSettings(seeds=(seed,))
    decoder = retrain(trials, dina, GABOR, detail="quick", seed=seed, device=CPU)
    textures = _textures(trials, with_textures, seed)
    kinds = () if with_textures else None  # textures of training images, which a refit to them needs, are not made
    settings = AblationSettings(images=ImageAblationSettings(occlusion_steps=2, patch_grids=(), retrain=kinds))
    found = measure(trials, [decoder], textures, CUTOFFS_CPD, settings, dina, GABOR, detail="quick")
    return found.verdicts[found.verdicts["trial_mode"] == "averaged"]


def planted_images(seed: int = 0) -> Iterator[dict[str, object]]:
    """Rows name, value, goal, unit: how far the nearer end of each verdict's interval lies on the planted side."""
    for what, wanted in WANTED.items():
        question = "coarse or fine" if what in BANDS_CPD else "shape or texture"
        table = verdicts_of(planted(what, seed), with_textures=what not in BANDS_CPD, seed=seed)
        for row in table[table["question"] == question].itertuples():
            nearer = row.ci_low if wanted == question.split(" ")[0] else -row.ci_high
            name = f"planted {wanted}, {row.condition}"
            yield {"name": name, "value": nearer, "goal": "> 0", "unit": "share of the original's top-1 above chance"}


def _textures(trials: TrialResponses, wanted: bool, seed: int) -> Textures:
    ids = trials.image_ids(TEST) if wanted else np.empty(0, int)
    images = trials.images[ids]
    made = textures_of(images, ids, n_steps=STEPS, seed=seed, device=CPU)[0] if wanted else images
    return Textures(match_contrast(made, images), ids)


def _grey(values: np.ndarray) -> np.ndarray:
    """Around mid-grey, with the contrast of the simulated scenes."""
    values = values - values.mean((1, 2), keepdims=True)
    return (0.5 + 0.175 * values / values.std((1, 2), keepdims=True)).astype(np.float32)


if __name__ == "__main__":
    print(pd.DataFrame(planted_images()).to_string(index=False))
