"""The microscope: from moving tissue to noisy frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dina.settings import OpticsSettings
from dina.simulate.tissue import Tissue

COUNTS_PER_PHOTON = 8.0  # digitiser's gain: 4,000 photons, a soma at 100 × its rest, stay within 16 bits
TAPS = 4  # pixels in each direction that cubic interpolation uses
OFFSET_COUNTS = 100.0  # digitiser's reading in the dark


def glow(tissue: Tissue, dff: np.ndarray, fluctuations: np.ndarray) -> np.ndarray:
    """Light of the tissue before it moves.

    Parameters
    ----------
    dff : (cells, frames) float32
    fluctuations : (components, frames) float32

    Returns
    -------
    (frames, height, width) float32, photons
    """
    courses = np.concatenate([np.ones_like(fluctuations[:1]), fluctuations]).T
    light = np.ascontiguousarray(courses) @ tissue.neuropil
    light[:, tissue.soma_pixels] += (tissue.somata.T @ (1 + dff)).T
    return light.reshape(-1, *tissue.shape)


def scan(light: np.ndarray, rows_px: np.ndarray, margin_px: int, width_px: int) -> np.ndarray:
    """Scan one frame out of displaced tissue, row by row, by cubic interpolation.

    Linear interpolation would blur half-way between pixels and so make somata flicker as they move.

    Parameters
    ----------
    light : (height + 2 margin, width + 2 margin) float32, contiguous
    rows_px : (height, 2) displacement of the tissue at every row, y and x
    margin_px : tissue around the field of view; no row may be displaced further than margin − 2

    Returns
    -------
    (height, width) float32
    """
    tissue_width = light.shape[1]
    source = np.float32(margin_px) - rows_px
    source[:, 0] += np.arange(len(rows_px), dtype=np.float32)
    whole = np.floor(source).astype(np.intp)
    down, along = _cubic_weights(source - whole).transpose(2, 0, 1)[..., None]
    first = (whole[:, 0] - 1) * tissue_width + whole[:, 1] - 1
    stretches = sliding_window_view(light.reshape(-1), width_px + TAPS - 1)
    rows = _weighted_sum((stretches[first + tap * tissue_width] for tap in range(TAPS)), down)
    return _weighted_sum((rows[:, tap : tap + width_px] for tap in range(TAPS)), along)


def _weighted_sum(arrays: Iterator[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Sum of arrays times weights, with one array in memory besides the sum."""
    total = next(arrays) * weights[0]
    term = np.empty_like(total)
    for array, weight in zip(arrays, weights[1:], strict=True):
        total += np.multiply(array, weight, out=term)
    return total


def _cubic_weights(part: np.ndarray) -> np.ndarray:
    """(TAPS, ...) weights of the pixels around a point that lies ``part`` of the way between the middle two.

    Keys 1981, IEEE Trans Acoust Speech Signal Process 29:1153, with a = −1/2.
    """
    t = part
    return np.stack(
        [
            ((2 - t) * t - 1) * t / 2,
            ((3 * t - 5) * t * t + 2) / 2,
            ((4 - 3 * t) * t + 1) * t / 2,
            (t - 1) * t * t / 2,
        ]
    )


def expose(photons: np.ndarray, settings: OpticsSettings, rng: np.random.Generator) -> np.ndarray:
    """Detect photons: shot noise, read-out noise, digitiser.

    Shot noise is Gaussian with the variance of the photons, which holds above some ten photons per pixel.

    Parameters
    ----------
    photons : (frames, height, width) float32, overwritten

    Returns
    -------
    (frames, height, width) int16
    """
    np.maximum(photons, 0, out=photons)  # cubic interpolation may undershoot beside bright somata
    noise = rng.standard_normal(photons.shape, np.float32)
    noise *= np.sqrt(photons + np.float32(settings.read_noise_photons**2))
    photons += noise
    photons *= np.float32(COUNTS_PER_PHOTON)
    photons += np.float32(OFFSET_COUNTS)
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(photons, out=photons), limits.min, limits.max, out=photons).astype(np.int16)
