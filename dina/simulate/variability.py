"""From expected responses to spike counts: shared gain, private gain and Poisson noise."""

from __future__ import annotations

import numpy as np

from dina.settings import PopulationSettings
from dina.simulate.seeds import generator

BATCH_NEURONS = 256  # a batch has a generator of its own; 256 cells × 10,000 trials take 10 MB


def shared_gain(settings: PopulationSettings, onset_s: np.ndarray, seed: int) -> np.ndarray:
    """The gain that all cells share, trial by trial: log-normal, mean 1, with a time constant.

    ``g = exp(σ z − σ²/2)`` with ``z`` an Ornstein–Uhlenbeck process sampled at the onsets (shared
    multiplicative gain: Goris et al. 2014, Nat Neurosci 17:858; Lin et al. 2015, Neuron 87:644).

    Returns
    -------
    (trials,) float32
    """
    noise = generator(seed, "shared gain").standard_normal(len(onset_s))
    tau = settings.shared_gain_time_constant_s
    decay = np.exp(-np.diff(onset_s) / tau) if tau > 0 else np.zeros(len(onset_s) - 1)
    z = noise.copy()
    for trial in range(1, len(z)):
        z[trial] = decay[trial - 1] * z[trial - 1] + np.sqrt(1 - decay[trial - 1] ** 2) * noise[trial]
    return _unit_mean(settings.shared_gain_log_sd, z)


def draw_evoked_spikes(
    settings: PopulationSettings, evoked: np.ndarray, image: np.ndarray, shared: np.ndarray, seed: int
) -> np.ndarray:
    """Spikes that images evoke on each trial; spontaneous ones come on top.

    Poisson with mean (expected count) × (shared gain) × (private gain of cell and trial).

    Parameters
    ----------
    evoked : (images, neurons) expected counts at unit gain
    image : (trials,) image shown
    shared : (trials,) shared gain

    Returns
    -------
    (trials, neurons) uint16
    """
    counts = np.empty((len(image), evoked.shape[1]), np.uint16)
    for start in range(0, evoked.shape[1], BATCH_NEURONS):
        cells = slice(start, start + BATCH_NEURONS)
        rng = generator(seed, "evoked spikes", start)
        mean = evoked[image, cells] * shared[:, None]
        mean *= _unit_mean(settings.private_gain_log_sd, rng.standard_normal(mean.shape, np.float32))
        counts[:, cells] = rng.poisson(mean)
    return counts


def draw_spontaneous_spikes(expected: np.ndarray, n_trials: int, seed: int) -> np.ndarray:
    """(trials, neurons) uint16 spontaneous spikes in the response window, from expected counts (neurons,)."""
    counts = np.empty((n_trials, len(expected)), np.uint16)
    for start in range(0, len(expected), BATCH_NEURONS):
        cells = slice(start, start + BATCH_NEURONS)
        rng = generator(seed, "spontaneous counts", start)
        counts[:, cells] = rng.poisson(expected[cells], (n_trials, len(expected[cells])))
    return counts


def _unit_mean(log_sd: float, z: np.ndarray) -> np.ndarray:
    """Log-normal gains of mean 1 from standard normal numbers."""
    return np.exp(log_sd * z - log_sd**2 / 2).astype(np.float32)
