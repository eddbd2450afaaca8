"""Pairs of neurons that make a latent: in a read-in trained to tell it, in the neural tower, and how they correlate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from dina.attribution.interactions import Found, integrated_hessians, pair_interactions
from dina.attribution.towers import correlations, evenly
from dina.models.dual_tower import DualTower
from dina.models.gradients import tower_maps
from dina.models.neural_tower import NeuralTower
from dina.recordings.reliability import repeat_pairs
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses
from dina.settings import AttributionSettings

COLUMNS = (
    "latent", "neuron_i", "neuron_j", "strength", "null_mean", "null_low", "null_high", "p", "q", "significant",
    "tower_strength", "signal_correlation", "noise_correlation",
)  # fmt: skip


def latent_interactions(
    model: DualTower,
    trials: TrialResponses,
    units: np.ndarray,
    settings: AttributionSettings,
    device: torch.device,
) -> pd.DataFrame:
    """Which pairs of its most important neurons tell more about a latent than the sum of both, latent by latent.

    The target is the image tower's value of the shown image, without normalisation; read-ins are trained on training
    images, whose responses are averaged over repeats, and chosen on validation images. No test trial enters. Cost and
    memory are those of :func:`~dina.attribution.interactions.pair_interactions` and, for the tower, of
    :func:`~dina.attribution.interactions.integrated_hessians` over ``n_checked_images`` images.

    Parameters
    ----------
    units : (latents,) indices into the flattened maps
    settings : with numbers for what follows ``detail``

    Returns
    -------
    Table, one row for each latent and pair: latent (place in ``units``), neuron_i, neuron_j; strength, the mean
    magnitude of the pair's integrated Hessian in the trained read-in, signed, in the latent's unit; null_mean,
    null_low and null_high, mean and middle 95 % of additive surrogates; p, and q (Benjamini–Hochberg over a latent's
    pairs); significant; the neural tower's own strength (integrated Hessians over training images); signal and noise
    correlation over training images, NaN where none was shown twice.
    """
    parts = []
    for split in (TRAIN, VALIDATION):
        z, ids = trials.averaged(split)
        parts.append((z, tower_maps(model.image_tower, trials.images[ids], device)[:, units.copy()].cpu().numpy()))
    n_chosen = min(settings.interactions.n_neurons, trials.n_neurons)
    found = pair_interactions(*parts, n_chosen, settings.interactions.n_surrogates, settings.seed)
    z = torch.from_numpy(evenly(parts[0][0], settings.n_checked_images)).to(device)
    tables = [
        pd.DataFrame(
            {
                "latent": latent,
                "neuron_i": of.first,
                "neuron_j": of.second,
                "strength": of.strength,
                "null_mean": of.null_mean,
                "null_low": of.null_low,
                "null_high": of.null_high,
                "p": of.p,
                "q": of.q,
                "significant": of.q < settings.interactions.false_discovery_rate,
                "tower_strength": tower_strength(model.neural_tower, z, int(unit), of),
            }
        )
        for latent, (unit, of) in enumerate(zip(units, found, strict=True))
    ]
    table = pd.concat(tables, ignore_index=True)
    signal, noise = pair_correlations(trials, table["neuron_i"].to_numpy(), table["neuron_j"].to_numpy())
    return table.assign(signal_correlation=signal, noise_correlation=noise)[list(COLUMNS)]


def tower_strength(tower: NeuralTower, z: torch.Tensor, unit: int, pairs: Found) -> np.ndarray:
    """(pairs,) mean magnitude of the neural tower's integrated Hessians from silence, with the mean's sign.

    The read-in is linear: only the values at the latent's place, and what the chosen neurons add to them, are needed.

    Parameters
    ----------
    z : (n, neurons)
    unit : index into the flattened maps
    """
    chosen = np.union1d(pairs.first, pairs.second)
    if not len(chosen):  # a single neuron has no pairs
        return np.empty(0, np.float32)
    channel, row, column = np.unravel_index(unit, tower.layout)
    first, bend, second = tower.residual

    def at_place(responses: torch.Tensor) -> torch.Tensor:
        return tower.read_in(responses, tower.weight * tower.gate).unflatten(1, tower.layout)[:, :, row, column]

    with torch.no_grad():
        silent = at_place(torch.zeros_like(z[:1]))
        patterns = torch.cat([at_place(alone[None]) - silent for alone in _alone(chosen, z)])
        others = z.clone()
        others[:, chosen] = 0
        rest = at_place(others) - silent
    into, out = first.weight[..., 0, 0], second.weight[channel, :, 0, 0]

    def value(inputs: torch.Tensor) -> torch.Tensor:
        """The latent of (chosen neurons, then one number that scales all others' contribution per channel)."""
        maps = silent[0] + inputs[: len(chosen)] @ patterns + inputs[len(chosen) :]
        return (maps[channel] + out @ bend(into @ maps + first.bias))[None]

    inputs = torch.cat([z[:, chosen], rest], 1)
    hessians = integrated_hessians(value, inputs, torch.zeros_like(inputs), torch.arange(len(chosen), device=z.device))
    of = hessians[0][:, np.searchsorted(chosen, pairs.first), np.searchsorted(chosen, pairs.second)]
    return (of.abs().mean(0) * of.mean(0).sign()).cpu().numpy()


def pair_correlations(trials: TrialResponses, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signal and noise correlation of pairs of neurons, over two showings of each training image.

    Signal: one neuron's response to one showing with the other's to the other, so that shared noise does not enter;
    mean of both ways round. Noise: of the differences between the two showings.

    Returns
    -------
    signal, noise : (pairs,) NaN where fewer than three training images were shown twice
    """
    one, two = repeat_pairs(trials.image_index, trials.repeat, trials.trials(TRAIN))
    if len(one) < 3:
        return np.full(len(first), np.nan), np.full(len(first), np.nan)
    a, b = (torch.from_numpy(np.array(trials.standardised(showing, weighted=False))) for showing in (one, two))
    across = correlations(a[:, first], b[:, second]) + correlations(b[:, first], a[:, second])
    within = correlations((a - b)[:, first], (a - b)[:, second])
    return (across / 2).numpy(), within.numpy()


def _alone(chosen: np.ndarray, z: torch.Tensor) -> torch.Tensor:
    """(k, neurons) each of the chosen neurons by itself, at 1."""
    return torch.nn.functional.one_hot(torch.from_numpy(chosen.astype(np.int64)), z.shape[1]).to(z)
