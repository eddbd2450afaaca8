"""Populations whose answer to neuron ablation is known: which neurons matter, and what noise correlations carry."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from dina.ablation.needed import MEAN, Curve, comparison_rows, needed_rows
from dina.ablation.neurons import top1_curve
from dina.ablation.noise_correlations import Shuffles, noise_rows, repeated_alone, shuffle_and_refit
from dina.ablation.orders import ATTRIBUTION, RANDOM, draw_orders, fixed_orders
from dina.ablation.refits import Refits
from dina.models.features import bank_maps
from dina.models.gabor import GaborBank
from dina.probing.queries import single_trials
from dina.recordings.trials import TrialResponses, describe_neurons
from dina.settings import DinaModelSettings, DinaSettings, GaborSettings
from dina.training.closed_form import fit_encoding

CPU = torch.device("cpu")
GABOR = GaborSettings(frequencies_cpi=(2.0, 4.0), n_orientations=4, grid=4)
DINA = DinaSettings(model=DinaModelSettings(n_image_components=80, channels=16, n_components=40))
N_NEURONS, N_MATTER = 60, 12
IMAGES = {"train": 300, "validation": 40, "test": 80}
SIZE_PX, BLOCK_PX = 32, 4
PRIVATE_SD, SHARED_SD = 1.4, 3.0  # of the noise; signals have unit variance
N_BOOTSTRAP, N_SHUFFLES = 1000, 5
SEEDS = (0, 1, 2)

Noise = Literal["informative", "independent"]


def population(seed: int, noise: Noise = "independent", n_matter: int = N_NEURONS) -> TrialResponses:
    """Neurons that each follow one map of a Gabor bank at one place; every image but those of validation shown twice.

    Parameters
    ----------
    noise : ``informative`` adds one number drawn for every trial to all neurons, up or down as their signals go
        together most, far above each one's own noise: whoever knows of it takes it off, and what is left is cleaner
        than neurons whose noise is as large but their own. ``independent`` noise is as large, and correlates nowhere
    n_matter : neurons that follow images, spread over all; the others are noise
    """
    rng = np.random.default_rng(seed)
    n_images = sum(IMAGES.values())
    blocks = rng.random((n_images, SIZE_PX // BLOCK_PX, SIZE_PX // BLOCK_PX))
    images = blocks.repeat(BLOCK_PX, 1).repeat(BLOCK_PX, 2).astype(np.float32)
    maps = bank_maps(GaborBank(GABOR, images.shape[1:]), images).flatten(1).numpy()
    signal = maps[:, rng.choice(maps.shape[1], N_NEURONS, replace=False)]
    signal = (signal - signal.mean(0)) / signal.std(0) * matters(n_matter)
    split_of_image = np.repeat([0, 1, 2], list(IMAGES.values()))
    shown = np.concatenate([np.arange(n_images), np.flatnonzero(split_of_image != 1)])
    repeat = (np.arange(len(shown)) >= n_images).astype(np.int16)
    own, shared = PRIVATE_SD * rng.standard_normal((len(shown), N_NEURONS)), rng.standard_normal((len(shown), 1))
    if noise == "independent":
        shared = rng.standard_normal((len(shown), N_NEURONS))
    direction = np.sign(np.linalg.svd(signal, full_matrices=False)[2][0])
    strength = SHARED_SD if n_matter == N_NEURONS else 0.0
    responses = (signal[shown] + own + strength * direction * shared).astype(np.float32)
    image_index, split = shown.astype(np.int32), split_of_image[shown].astype(np.uint8)
    return TrialResponses(
        responses=responses,
        image_index=image_index,
        repeat=repeat,
        onset_s=np.arange(len(shown)) * 0.8,
        split=split,
        images=images,
        category=np.full(n_images, -1, np.int16),
        category_names=(),
        degrees_per_pixel=1.0,
        **describe_neurons(responses, image_index, repeat, split, stabilised=False),
    )


def matters(n_matter: int) -> np.ndarray:
    """(neurons,) whether each follows images."""
    chosen = np.zeros(N_NEURONS, bool)
    chosen[np.linspace(0, N_NEURONS - 1, n_matter).round().astype(int)] = True
    return chosen


def refits_of(trials: TrialResponses) -> Refits:
    """The closed form, fitted anew to these trials."""
    fitted = fit_encoding(trials, DINA.model, GABOR, device=CPU)
    return Refits.of(trials, fitted, DINA, GABOR, detail="quick", seed=0, device=CPU)


def shuffles_of(noise: Noise, seeds: tuple[int, ...] = SEEDS) -> Shuffles:
    """DINA on populations with this noise, intact and shuffled: the images of all of them side by side."""
    each = []
    for seed in seeds:
        repeated = repeated_alone(population(seed, noise))
        each.append(shuffle_and_refit(repeated, refits_of(repeated), N_SHUFFLES, seed))
    tests = each[0].intact
    return Shuffles(
        {test: np.concatenate([one.intact[test] for one in each]) for test in tests},
        {test: np.concatenate([one.broken[test] for one in each], axis=1) for test in tests},
        each[0].left,
        [row for one in each for row in one.checks],
    )


def curves_of(trials: TrialResponses, seed: int) -> list[Curve]:
    """DINA's curves of the order by attribution and of random ones, the others at their mean."""
    refits, queries = refits_of(trials), single_trials(trials)
    decoder, known = refits.fit(trials)
    fixed = fixed_orders(trials, [decoder.model.requires_grad_(False)], refits.fitted, CPU)
    drawn = draw_orders(fixed, trials.reliability, 3, np.random.default_rng(seed))
    counts = np.array([3, 6, 12, 24, 36, 48, N_NEURONS])
    curves = []
    for order, draws in {ATTRIBUTION: [fixed[ATTRIBUTION]], RANDOM: drawn[RANDOM]}.items():
        top1 = np.mean([top1_curve(decoder, queries, known, one, counts) for one in draws], axis=0)
        curves.append(Curve("dina", order, MEAN, counts / N_NEURONS, top1))
    return curves


def noise_correlation_rows(seeds: tuple[int, ...] = SEEDS) -> list[dict]:
    """Both tests on noise that informs and on noise that does not; goals are on the intervals' bounds."""
    rows = []
    for noise, low, high in (("informative", ">= 0.0001", ""), ("independent", "<= 0", ">= 0")):
        for row in noise_rows(shuffles_of(noise, seeds), N_BOOTSTRAP):
            for column, goal in (("value", ""), ("ci_low", low), ("ci_high", high)):
                name = f"{noise}_noise_{row['test']}" + ("" if column == "value" else f"_{column}")
                rows.append({"name": name, "value": row[column], "goal": goal, "unit": "difference of top-1"})
    return rows


def order_rows(seed: int = 0) -> list[dict]:
    """Where 12 neurons of 60 follow images: what the order by attribution needs, and how far it is above chance."""
    trials = population(seed, n_matter=N_MATTER)
    curves = curves_of(trials, seed)
    needed = {
        row["order"]: row["value"]
        for row in needed_rows(curves, N_BOOTSTRAP, N_NEURONS, None)
        if row["metric"] == "neurons_for_90pct"
    }
    better = next(row for row in comparison_rows(curves, "dina", N_BOOTSTRAP) if row["metric"] == "top1_mean")
    share, top1 = "share of neurons", "difference of top-1"
    return [
        {"name": "attribution_for_90pct", "value": needed[ATTRIBUTION], "goal": "<= 0.2", "unit": share},
        {"name": "random_for_90pct", "value": needed[RANDOM], "goal": "", "unit": share},
        {"name": "attribution_over_random", "value": better["value"], "goal": "", "unit": top1},
        {"name": "attribution_over_random_ci_low", "value": better["ci_low"], "goal": ">= 0.0001", "unit": top1},
    ]


def planted_neuron_rows() -> list[dict]:
    """All rows: name, value, goal, unit; a dozen seconds on one core."""
    return noise_correlation_rows() + order_rows()


if __name__ == "__main__":
    import pandas as pd

    print(pd.DataFrame(planted_neuron_rows())[["name", "value", "goal", "unit"]].round(3).to_string(index=False))
