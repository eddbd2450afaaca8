"""Low-pass, high-pass and band-pass filters in cycles per degree, contrast matched to the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dina.errors import SettingsError, problem

FilterKind = Literal["low_pass", "high_pass", "band_pass"]
MAX_GAIN = 10.0  # amplifying what is left further than this shows digitisation, not the scene
NYQUIST_SHARE = 0.8  # above it, the filter's skirt would reach the corners of the sampled frequencies
TRANSITION_OCTAVES = 1.0  # width of the skirt: steeper rings, flatter leaves no band to speak of
MIN_CONTRAST = 1e-6  # of an image in [0, 1]; less is rounding: a blank image stays as it is


@dataclass(frozen=True)
class Filtered:
    """Changed images and what it took to match their contrast.

    Attributes
    ----------
    images : (images, height, width) float32; not clipped, since clipping brings back removed frequencies
    gain : (images,) float32, by which contrast was multiplied, at most ``MAX_GAIN``
    beyond : (images,) bool, where matching would have taken more
    """

    images: np.ndarray
    gain: np.ndarray
    beyond: np.ndarray


def filter_images(
    images: np.ndarray,
    kind: FilterKind,
    cutoff: float,
    degrees_per_pixel: float | None,
    *,
    upper: float | None = None,
) -> Filtered:
    """Remove frequencies above or below a cut-off, or outside a band; keep each image's mean and its RMS contrast.

    The transfer function is radial and a raised cosine of log frequency: 1 and 0 half an octave to
    either side of the cut-off, 0.5 at it; low-pass and high-pass of one cut-off add up to 1. A band is what the
    low-pass at its upper cut-off passes more than that at its lower one, so that low-pass, neighbouring bands and
    high-pass add up to 1 as well. Images are mirrored at their edges (the filter multiplies the discrete cosine
    transform), so no edge meets its opposite. Time and memory grow with images × pixels.

    Parameters
    ----------
    images : (images, height, width)
    kind : "low_pass", "high_pass" or "band_pass"
    cutoff : float
        Cycles per degree, or cycles per image width where ``degrees_per_pixel`` is None; of a band the lower one.
    degrees_per_pixel : float, optional
    upper : float
        Upper cut-off of a band, in the same unit.

    Returns
    -------
    Filtered
    """
    from scipy.fft import dctn, idctn

    shape = images.shape[1:]
    unit = _units_per_cycle_per_pixel(shape[1], degrees_per_pixel)
    passed = transfer(shape, cutoff / unit)
    if kind == "high_pass":
        passed = 1 - passed
    elif kind == "band_pass":
        passed = transfer(shape, upper / unit) - passed
    passed[0, 0] = 0  # the mean is put back by match_contrast
    mean = images.mean((1, 2), keepdims=True)
    return match_contrast(idctn(dctn(images - mean, axes=(1, 2)) * passed, axes=(1, 2)), images)


def match_contrast(left: np.ndarray, images: np.ndarray) -> Filtered:
    """What is left of images, with the images' means and RMS contrasts, amplified at most ``MAX_GAIN`` times.

    Parameters
    ----------
    left, images : (images, height, width); the mean of ``left`` does not matter
    """
    mean = images.mean((1, 2), keepdims=True)
    contrast = (images - mean).std((1, 2))
    left = left - left.mean((1, 2), keepdims=True)
    remaining = left.std((1, 2))
    needed = np.where(contrast > MIN_CONTRAST, contrast / np.maximum(remaining, MIN_CONTRAST), 1)
    gain = np.minimum(needed, MAX_GAIN).astype(np.float32)
    return Filtered((mean + left * gain[:, None, None]).astype(np.float32), gain, needed > MAX_GAIN)


def transfer(shape: tuple[int, int], cutoff: float) -> np.ndarray:
    """Low-pass transfer function over the discrete cosine transform's frequencies; ``cutoff`` in cycles per pixel."""
    rows, columns = (np.arange(n) / (2 * n) for n in shape)
    frequency = np.hypot(rows[:, None], columns)
    with np.errstate(divide="ignore"):  # zero frequency lies infinitely many octaves below
        octaves = np.log2(frequency / cutoff)
    return 0.5 * (1 - np.sin(np.pi * np.clip(octaves / TRANSITION_OCTAVES, -0.5, 0.5)))


def usable_cutoffs(
    cutoffs: tuple[float, ...], width: int, degrees_per_pixel: float | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Split cut-offs into those up to 0.8 of the Nyquist frequency and those dropped.

    Raises
    ------
    SettingsError
        If none can be used.
    """
    highest = NYQUIST_SHARE * 0.5 * _units_per_cycle_per_pixel(width, degrees_per_pixel)
    kept = tuple(sorted(cutoff for cutoff in cutoffs if cutoff <= highest))
    if not kept:
        raise SettingsError(
            problem(
                "ablation.cutoffs_cpi" if degrees_per_pixel is None else "ablation.cutoffs_cpd",
                list(cutoffs),
                f"some up to {highest:.3g} {unit_of(degrees_per_pixel)}, {NYQUIST_SHARE} of the Nyquist frequency",
                "Lower the cut-offs, or analyse larger images (stimuli.image_size_px).",
            )
        )
    return kept, tuple(sorted(set(cutoffs) - set(kept)))


def unit_of(degrees_per_pixel: float | None) -> str:
    """The unit of cut-offs."""
    return "cycles/image" if degrees_per_pixel is None else "cycles/deg"


def _units_per_cycle_per_pixel(width: int, degrees_per_pixel: float | None) -> float:
    """How many of a cut-off's units make one cycle per pixel."""
    return float(width) if degrees_per_pixel is None else 1 / degrees_per_pixel
