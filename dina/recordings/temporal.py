"""Time bins of the response window, and the temporal read-in: the weights with which bins make a neuron's response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.reliability import is_measurable

if TYPE_CHECKING:
    import zarr

    from dina.settings import ResponsesSettings

SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # of the population's covariances in each neuron's
N_ROUNDS = 100  # of coordinate ascent: for eight bins, within a thousandth of the best ratio
RIDGE = 1e-6  # of a neuron's noise variance over all bins: without noise a bin would outweigh all others
ROUNDING = 1e-3  # of a frame: rates and windows are written with a few digits


def bin_edges(window_s: tuple[float, float], n_bins: int) -> np.ndarray:
    """(n_bins + 1,) edges of equal bins, seconds after onset."""
    return np.linspace(*window_s, n_bins + 1)


def refuse_short_bins(settings: ResponsesSettings, frame_s: float, where: object) -> None:
    """Raise an :class:`~dina.errors.InputError` if bins are shorter than ``frame_s``: they would hold the same frames.

    Parameters
    ----------
    frame_s : from one frame of a plane to its next, seconds
    where : named in the error
    """
    n_bins, span = settings.n_bins, settings.window_s[1] - settings.window_s[0]
    if n_bins > 1 and span / n_bins < frame_s * (1 - ROUNDING):
        most = max(1, int(span / frame_s * (1 + ROUNDING)))
        found = f"{n_bins} bins of {span / n_bins:.3g} s"
        expected = f"bins of at least a frame, {frame_s:.3g} s at {1 / frame_s:.4g} Hz"
        remedy = f"Set responses.n_bins to {most} at most, or lengthen responses.window_s."
        raise InputError(problem(f"{where}, responses.n_bins", found, expected, remedy))


def running_responses(binned: np.ndarray | zarr.Array, weights: np.ndarray) -> Iterator[np.ndarray]:
    """The weighted sum of the bins so far, bin after bin; the last is the response that decoders read.

    Parameters
    ----------
    binned : (trials, bins, neurons), read bin by bin
    weights : (bins, neurons)

    Yields
    ------
    (trials, neurons) float32, a new array each
    """
    total = np.zeros((binned.shape[0], binned.shape[2]), np.float32)
    for number, of_bin in enumerate(weights):
        total = total + of_bin * binned[:, number]
        yield total


def temporal_weights(
    binned: np.ndarray | zarr.Array, image_index: np.ndarray, trials: np.ndarray, block: int = 256
) -> np.ndarray:
    """The temporal read-in: the linear combination of bins that repeats best, neuron by neuron, from training trials.

    Over repeats of training images, a neuron's bins have the signal covariance ``S`` (between images) and the noise
    covariance ``N`` (between showings of one image; both unbiased, see :func:`signal_and_noise_covariance`). The
    weights ``w ≥ 0`` maximise ``w'Sw / w'Nw``; they are not negative, so that spike-like activity stays spike-like and
    its square root can be taken. Both covariances, in units of the neuron's noise variance, are shrunk towards their
    means over the population, whose profile a neuron without signal of its own gets. How far is decided by the share
    of variance that repeats in the other half of the images (both ways), of which uniform weights are one candidate:
    they stay where nothing does better, and where either half has too few repeats to tell.

    Parameters
    ----------
    binned : (all trials, bins, neurons), any unit; read in blocks of neurons
    image_index : (all trials,)
    trials : (n,) indices of the training trials
    block : neurons in memory at once, as ``trials × bins × block`` float64; covariances take four times
        ``neurons × bins²`` more

    Returns
    -------
    (bins, neurons) float32, mean over bins 1
    """
    n_bins, n_neurons = binned.shape[1:]
    uniform = np.ones((n_bins, n_neurons), np.float32)
    halves = _halves(image_index, trials)
    if not all(is_measurable(image_index[half]) for half in halves):
        return uniform
    signal, noise = (np.empty((2, n_neurons, n_bins, n_bins)) for _ in range(2))
    for start in range(0, n_neurons, block):
        here = slice(start, start + block)
        values = np.asarray(binned[:, :, here])
        for number, half in enumerate(halves):
            of_half = signal_and_noise_covariance(values[half], image_index[half])
            signal[number, here], noise[number, here] = of_half
    scale = np.trace(noise.mean(0), axis1=1, axis2=2)
    varies = scale > 0
    if not varies.any():
        return uniform
    unit = scale[varies, None, None]
    signal, noise = signal[:, varies] / unit, noise[:, varies] / unit
    share = _best_share(signal, noise)
    if share is not None:
        uniform[:, varies] = _combination(*_shrunk(signal.mean(0), noise.mean(0), share)).T
    return uniform


def signal_and_noise_covariance(responses: np.ndarray, image_index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of bins over images and over an image's repeats, neuron by neuron, both unbiased.

    The diagonals are :func:`~dina.recordings.reliability.signal_and_noise_variance` of each bin.

    Parameters
    ----------
    responses : (trials, bins, neurons), any unit
    image_index : (trials,); images shown once are left out; two or more must repeat

    Returns
    -------
    signal, noise : (neurons, bins, bins) float64, in squares of the responses' unit
    """
    n_showings = np.bincount(image_index)
    order = np.argsort(image_index, kind="stable")
    order = order[n_showings[image_index[order]] >= 2]
    n = n_showings[n_showings >= 2]
    starts = np.r_[0, np.cumsum(n[:-1])]
    values = np.moveaxis(responses[order].astype(np.float64), 2, 0)  # (neurons, trials, bins)
    mean = np.add.reduceat(values, starts, axis=1) / n[:, None]
    deviation = values - np.repeat(mean, n, axis=1)
    per_trial = np.repeat(1 / ((n - 1) * len(n)), n)[:, None]
    noise = _products(deviation * per_trial, deviation)
    of_means = _products(deviation * per_trial / np.repeat(n, n)[:, None], deviation)
    mean -= mean.mean(1, keepdims=True)
    return _products(mean, mean) / (len(n) - 1) - of_means, noise


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(neurons, bins, bins) of two (neurons, n, bins)."""
    return np.swapaxes(first, 1, 2) @ second


def _halves(image_index: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trials of repeated images, every other image in the one half and the rest in the other."""
    _, place, n_showings = np.unique(image_index[trials], return_inverse=True, return_counts=True)
    repeated = n_showings >= 2
    side = (np.cumsum(repeated) - 1) % 2
    return tuple(trials[repeated[place] & (side[place] == half)] for half in (0, 1))


def _best_share(signal: np.ndarray, noise: np.ndarray) -> float | None:
    """The population's share that repeats best in the half of images it was not fitted on; None if uniform does.

    Parameters
    ----------
    signal, noise : (halves, neurons, bins, bins)
    """
    uniform = np.ones(signal.shape[1:3])
    quality = {None: np.mean([_repeating(uniform, signal[half], noise[half]) for half in (0, 1)])}
    for share in SHARES:
        fitted = [_combination(*_shrunk(signal[half], noise[half], share)) for half in (0, 1)]
        quality[share] = np.mean([_repeating(fitted[half], signal[1 - half], noise[1 - half]) for half in (0, 1)])
    return max(quality, key=quality.get)


def _shrunk(signal: np.ndarray, noise: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    return tuple((1 - share) * of + share * of.mean(0) for of in (signal, noise))


def _repeating(weights: np.ndarray, signal: np.ndarray, noise: np.ndarray) -> float:
    """Mean over neurons of the share of the weighted sum's variance that repeats."""
    repeats = _variance(weights, signal)
    total = repeats + _variance(weights, noise)
    return float(np.mean(np.divide(repeats, total, out=np.zeros_like(total), where=total > 0)))


def _variance(weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(neurons,) variance of the weighted sum of bins."""
    return np.einsum("nb,nbc,nc->n", weights, covariance, weights)


def _combination(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """(neurons, bins) weights ``w ≥ 0``, mean 1, that maximise ``w'Sw / w'Nw``; uniform without signal.

    Both covariances are in units of the neuron's noise variance.

    Each round lowers ``½w'Nw − w'Sv/ρ`` by a sweep of coordinate descent, with ``v`` the weights of the round before
    and ``ρ`` their ratio: since S is positive semidefinite, the ratio never falls.
    """
    n_bins = signal.shape[1]
    values, vectors = np.linalg.eigh(signal)
    signal = (vectors * np.maximum(values, 0)[:, None]) @ np.swapaxes(vectors, 1, 2)
    noise = noise + RIDGE * np.eye(n_bins)
    weights = np.ones(signal.shape[:2])
    ratio = _variance(weights, signal) / _variance(weights, noise)
    found = ratio > 0
    for _ in range(N_ROUNDS):
        target = np.einsum("nbc,nc->nb", signal[found], weights[found]) / ratio[found, None]
        new, of_noise = weights[found], noise[found]
        for number in range(n_bins):
            others = np.einsum("nc,nc->n", of_noise[:, number], new) - of_noise[:, number, number] * new[:, number]
            new[:, number] = np.maximum(0, (target[:, number] - others) / of_noise[:, number, number])
        weights[found] = new * n_bins / new.sum(1, keepdims=True)
        ratio = _variance(weights, signal) / _variance(weights, noise)
    return weights
