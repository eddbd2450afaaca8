"""What each image evokes in each simulated cell: linear fields or a random network, normalisation and gain."""

from __future__ import annotations

import numpy as np

from dina.settings import PopulationSettings
from dina.simulate.network import network_drive
from dina.simulate.population import BATCH_NEURONS, Population, receptive_fields

TINY = np.finfo(np.float32).tiny
SCALE_STEPS = 40  # halvings of the interval in which the rates' scale is sought: far below rounding
SCALE_RANGE = (1e-4, 1e4)


def evoked_counts(
    settings: PopulationSettings,
    population: Population,
    images: np.ndarray,
    *,
    width_deg: float,
    duration_s: float,
    seed: int = 0,
) -> np.ndarray:
    """Expected spikes that each image evokes in each cell, at unit gain, without spontaneous ones.

    Drive ``d``: the rectified output of a simple cell's filter, the root of a complex cell's energy, or the output of
    a unit of a random convolutional network (:func:`dina.simulate.network.network_drive`), in units of its root mean
    square over images. Response ``d^n / (1 + s · mean over cells of d^n + k · surround)`` (divisive normalisation;
    Heeger 1992, Vis Neurosci 9:181; Carandini & Heeger 2012, Nat Rev Neurosci 13:51), scaled to the cell's mean and
    limited by its highest rate. ``surround`` is the mean of ``d^n`` over cells with fields nearby and like orientation
    (Cavanaugh et al. 2002, J Neurophysiol 88:2530).

    Parameters
    ----------
    images : (images, size, size) uint8
    duration_s : length of the response
    seed : of the random network

    Returns
    -------
    (images, neurons) float32; memory is twice that, and (neurons, neurons) where there is a surround.
    """
    contrast = images.astype(np.float32) / 127.5 - 1
    if settings.cells == "network":
        drive = network_drive(contrast, population.center_deg, width_deg, seed)
    else:
        drive = _gabor_drive(contrast, population, width_deg)
    drive /= np.maximum(np.sqrt(np.mean(drive**2, axis=0)), TINY)
    np.power(drive, settings.normalisation_exponent, out=drive)
    pool = settings.normalisation_strength * drive.mean(1, keepdims=True)
    if settings.surround_strength > 0:
        pool = pool + settings.surround_strength * (drive @ _surround_weights(population, settings.surround_deg))
    drive /= 1 + pool
    drive *= population.gain / np.maximum(drive.mean(0), TINY)
    highest = settings.max_rate_hz * duration_s
    if settings.mean_signal_variance is None:
        scale = settings.mean_evoked_spikes
    else:
        scale = _scale_for(settings, drive, population.spontaneous_rate_hz * duration_s, highest)
    drive *= np.float32(scale)
    return drive / (1 + drive / highest)


def expected_signal_variance(
    evoked: np.ndarray, spontaneous: np.ndarray, shared_log_sd: float, private_log_sd: float
) -> np.ndarray:
    """Share of each cell's variance that repeats, from what images evoke on average.

    ``V = var λ / (var λ + mean λ + b + (e^{σ_s² + σ_p²} − 1) mean λ²)``: Poisson counts with mean λ·g + b under
    log-normal gains g of mean 1.

    Parameters
    ----------
    evoked : (images, neurons), λ
    spontaneous : (neurons,), b

    Returns
    -------
    (neurons,) float32, 0 for a silent cell
    """
    signal, mean = evoked.var(0), evoked.mean(0)
    noise = mean + spontaneous + (np.exp(shared_log_sd**2 + private_log_sd**2) - 1) * (signal + mean**2)
    return signal / np.maximum(signal + noise, TINY)


def _scale_for(settings: PopulationSettings, relative: np.ndarray, spontaneous: np.ndarray, highest: float) -> float:
    """Mean evoked spikes of a cell of unit gain at which the population's mean signal variance is as set."""
    low, high = np.log(SCALE_RANGE)
    for _ in range(SCALE_STEPS):
        middle = (low + high) / 2
        rate = relative * np.float32(np.exp(middle))
        found = expected_signal_variance(
            rate / (1 + rate / highest), spontaneous, settings.shared_gain_log_sd, settings.private_gain_log_sd
        ).mean()
        low, high = (middle, high) if found < settings.mean_signal_variance else (low, middle)
    return float(np.exp(low))


def _gabor_drive(contrast: np.ndarray, population: Population, width_deg: float) -> np.ndarray:
    """(images, cells) rectified filter outputs, or roots of the energy where cells are complex."""
    size_px, flat = contrast.shape[1], contrast.reshape(len(contrast), -1)
    drive = np.empty((len(contrast), len(population)), np.float32)
    for start in range(0, len(population), BATCH_NEURONS):
        cells = slice(start, min(start + BATCH_NEURONS, len(population)))
        output, shifted = (
            flat
            @ receptive_fields(population, cells, size_px, width_deg, quadrature=quadrature)
            .reshape(-1, flat.shape[1])
            .T
            for quadrature in (False, True)
        )
        energy = np.sqrt(output**2 + shifted**2)
        drive[:, cells] = np.where(population.is_complex[cells], energy, np.maximum(output, 0))
    return drive


def _surround_weights(population: Population, spread_deg: float) -> np.ndarray:
    """(cells, cells) weights of cells (rows) in each cell's surround (columns), which sum to 1 in a column."""
    x, y = population.center_deg.T
    squared = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    alike = 0.5 + 0.5 * np.cos(2 * (population.orientation_rad[:, None] - population.orientation_rad))
    weights = np.exp(-squared / (2 * spread_deg**2)) * alike
    return weights / weights.sum(0)
