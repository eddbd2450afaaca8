"""How reliably neurons repeat, and the weights that follow from it."""

from __future__ import annotations

import numpy as np

from dina.errors import ShapeError

FEWEST_PAIRS = 10  # repeated images below which reliability is not measured


def signal_variance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of a neuron's variance that repeats, from two repeats of the same images.

    ``V = cov(x1, x2) / (0.5 * (var(x1) + var(x2)))`` per neuron; 1 = noiseless, 0 = no signal. The
    ratio of signal to noise is ``V / (1 - V)``.

    Parameters
    ----------
    first, second : (images, neurons)
        Responses to the first and second showing of each image, any unit.

    Returns
    -------
    (neurons,) float32, NaN where a neuron never varies.

    Raises
    ------
    ShapeError
        If the two showings differ in shape or hold fewer than two images.

    References
    ----------
    Stringer et al. 2019, Nature 571:361.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 2 or len(first) < 2:
        raise ShapeError(
            f"signal variance: found {first.shape} and {second.shape}; expected two equal (images ≥ 2, neurons)."
        )
    first, second = first - first.mean(0), second - second.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((first * second).mean(0) / (0.5 * ((first**2).mean(0) + (second**2).mean(0)))).astype(np.float32)


def repeat_pairs(image_index: np.ndarray, repeat: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trials that show the same image for the first and second time among ``trials``.

    Parameters
    ----------
    image_index, repeat : (all trials,)
    trials : (n,) indices into them

    Returns
    -------
    first, second : (pairs,) indices of trials, ordered by image.
    """
    order = trials[np.lexsort((repeat[trials], image_index[trials]))]
    image = image_index[order]
    starts = np.flatnonzero(np.r_[True, image[1:] != image[:-1]]) if len(order) else np.empty(0, int)
    counts = np.diff(np.r_[starts, len(order)])
    starts = starts[counts >= 2]
    return order[starts], order[starts + 1]


def shrink_reliability(measured: np.ndarray, n_images: int) -> np.ndarray:
    """Signal variance clipped at 0 and shrunk towards the population's mean by its standard error.

    A correlation near ``V`` from ``n`` images has the standard error ``(1 - V²)/√(n - 1)``; the
    weight of a neuron's own value is the share of the spread between neurons that is not error
    (empirical Bayes, Efron & Morris 1975). NaN, from neurons that never vary, becomes 0.

    Returns
    -------
    (neurons,) float32 in [0, 1].
    """
    value = np.clip(np.nan_to_num(np.asarray(measured, np.float64)), 0, 1)
    error = (1 - value**2) ** 2 / max(1, n_images - 1)
    between = max(value.var() - error.mean(), 1e-6)
    weight = between / (between + error)
    return np.clip(weight * value + (1 - weight) * value.mean(), 0, 1).astype(np.float32)
