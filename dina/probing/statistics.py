"""Intervals: bootstrap over test images, the gallery fixed, ratios in pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LEVEL = 0.95
Z_95 = 1.96  # standard normal quantile of that level
SEED = 0  # the same resampled images for every decoder, so that comparisons are paired
MEAN_OVER_SEEDS = -1  # in tables' column `seed`
COLUMNS = (
    "decoder", "seed", "split", "trial_mode", "pool_size", "metric", "value", "ci_low", "ci_high", "n", "chance",
)  # fmt: skip


def resampled(n_images: int, n_bootstrap: int) -> np.ndarray:
    """(n_bootstrap, n_images) indices drawn with replacement, the same for every call of the same size."""
    return np.random.default_rng(SEED).integers(n_images, size=(n_bootstrap, n_images))


def interval(
    values: np.ndarray, n_bootstrap: int, statistic: Callable[..., np.ndarray] = np.mean
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic of per-image values.

    Where all images are hits, or none is, resampling them says nothing: then the interval is Wilson's.

    Parameters
    ----------
    values : (images,)
    statistic : takes ``axis``, such as ``np.mean`` or ``np.median``

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap; Wilson 1927, J. Am. Stat. Assoc. 22:209.
    """
    values = np.asarray(values)
    if statistic is np.mean and values[0] in (0, 1) and (values == values[0]).all():
        unseen = Z_95**2 / (len(values) + Z_95**2)
        return (0.0, unseen) if values[0] == 0 else (1 - unseen, 1.0)
    return bounds(statistic(values[resampled(len(values), n_bootstrap)], axis=1))


def paired_ratio(values: np.ndarray, others: np.ndarray, n_bootstrap: int) -> tuple[float, float, float]:
    """Ratio of two decoders' means over the same images, with its paired bootstrap interval.

    Resamples in which the denominator is 0 are left out of the interval.

    Returns
    -------
    ratio, low, high; NaN where the denominator is 0.
    """
    draws = resampled(len(values), n_bootstrap)
    above, below = np.asarray(values)[draws].mean(1), np.asarray(others)[draws].mean(1)
    if not np.mean(others):
        return (np.nan,) * 3
    kept = below > 0
    return (float(np.mean(values) / np.mean(others)), *bounds(above[kept] / below[kept]))


def paired_difference(values: np.ndarray, others: np.ndarray, n_bootstrap: int) -> tuple[float, float, float]:
    """Difference of two decoders' means over the same images, with its paired bootstrap interval.

    Returns
    -------
    difference, low, high
    """
    differences = np.asarray(values) - np.asarray(others)
    samples = differences[resampled(len(differences), n_bootstrap)].mean(1)
    return (float(differences.mean()), *bounds(samples))


def row(
    values: np.ndarray,
    n_bootstrap: int,
    *,
    statistic: Callable[..., np.ndarray] = np.mean,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """One row of a table of scores: the statistic of per-image values, its interval and what it is about."""
    low, high = interval(values, n_bootstrap, statistic)
    return {**about, "value": float(statistic(values, axis=0)), "ci_low": low, "ci_high": high, "n": len(values)}


def bounds(samples: np.ndarray) -> tuple[float, float]:
    """Percentile interval of bootstrap samples (n,)."""
    tail = (1 - LEVEL) / 2
    return float(np.quantile(samples, tail)), float(np.quantile(samples, 1 - tail))


def adjusted(p: np.ndarray) -> np.ndarray:
    """p values of any shape, adjusted as one family by Benjamini and Hochberg.

    References
    ----------
    Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289.
    """
    from scipy.stats import false_discovery_control

    return false_discovery_control(p.ravel()).reshape(p.shape) if p.size else p
