"""Gaussian lobes that stand for neurons' weights on latent maps: the start of a retinotopic read-in."""

from __future__ import annotations

import numpy as np
import torch

from dina.models.read_in import CHUNK_NEURONS, RetinotopicReadIn
from dina.models.ridge import ridge_path

NARROWEST, WIDEST = 0.04, 0.5  # spreads of lobes, share of the image
WINDOW = 0.2  # around a lobe's peak, share of the image: other lobes lie outside
MEAN_SHIFTS = 4
METRIC_PENALTY = 1e-3  # of the ridge regression that whitens pooled responses


def start_retinotopic(read_in: RetinotopicReadIn, weights: np.ndarray, z: torch.Tensor, maps: torch.Tensor) -> None:
    """Place every neuron where its weights lie, and give pooled responses the metric of given maps.

    Parameters
    ----------
    weights : (neurons, map values) of the encoding model
    z : (trials, neurons) responses as they enter the read-in
    maps : (trials, map values) that the read-in should give for them
    """
    channels, grid = read_in.channel.start.shape[-1], len(read_in.axis)
    lobes = [
        fit_lobes(
            weights[start : start + CHUNK_NEURONS].reshape(-1, channels, grid, grid), read_in.position.start.shape[1]
        )
        for start in range(0, len(weights), CHUNK_NEURONS)
    ]
    for values, parts in zip(
        (read_in.position, read_in.log_spread, read_in.channel), zip(*lobes, strict=True), strict=True
    ):
        values.start_at(torch.from_numpy(np.concatenate(parts)))
    with torch.no_grad():
        pooled = read_in(z, z.new_ones(len(weights)))
        ((_, metric, _),) = ridge_path(pooled.cpu().numpy(), maps.cpu().numpy(), (METRIC_PENALTY,))
        read_in.metric.copy_(torch.from_numpy(metric))


def fit_lobes(weights: np.ndarray, n_lobes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Describe (neurons, channels, grid, grid) weights by Gaussian lobes, the strongest first.

    A lobe stands at the centre of gravity of the squared power over channels around its peak, its spread is that of
    the power there, and its channel weights are the least-squares ones; the next lobe is fitted to what remains.

    Returns
    -------
    position : (neurons, lobes, 2) y, x, share of the image
    log_spread : (neurons, lobes)
    channel : (neurons, lobes, channels)
    """
    left = weights.astype(np.float64)
    axis = (np.arange(weights.shape[-1]) + 0.5) / weights.shape[-1]
    found = []
    for _ in range(n_lobes):
        place, spread = _around_peak(np.sum(left**2, 1), axis)
        lobe = np.exp(-_squared_distance(place, axis) / (2 * spread[:, None, None] ** 2))
        channel = np.einsum("ncyx,nyx->nc", left, lobe) / np.sum(lobe**2, (1, 2))[:, None]
        left -= channel[:, :, None, None] * lobe[:, None]
        found.append((place, np.log(spread), channel))
    return tuple(np.stack(part, 1).astype(np.float32) for part in zip(*found, strict=True))


def _around_peak(power: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(neurons, 2) place and (neurons,) spread of the Gaussian whose square is the (neurons, grid, grid) power."""
    place = axis[np.stack(np.unravel_index(power.reshape(len(power), -1).argmax(1), power.shape[1:]), 1)]
    for _ in range(MEAN_SHIFTS):
        near = _shares(power**2 * np.exp(-_squared_distance(place, axis) / (2 * WINDOW**2)))
        place = np.stack([near.sum(2) @ axis, near.sum(1) @ axis], 1)
    squared = _squared_distance(place, axis)
    variance = np.sum(_shares(power * np.exp(-squared / (2 * WINDOW**2))) * squared, (1, 2)) / 2
    # The window and the square of the lobe each narrow what is seen: 1 / variance = 2 / spread² + 1 / window².
    precision = 1 / np.maximum(variance, NARROWEST**2 / 4) - 1 / WINDOW**2
    return place, np.clip(np.sqrt(2 / np.maximum(precision, 2 / WIDEST**2)), NARROWEST, WIDEST)


def _shares(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(values.sum((1, 2), keepdims=True), np.finfo(float).tiny)


def _squared_distance(place: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(neurons, grid, grid) of (neurons, 2) places from the grid's positions."""
    return (axis[:, None] - place[:, 0, None, None]) ** 2 + (axis - place[:, 1, None, None]) ** 2
