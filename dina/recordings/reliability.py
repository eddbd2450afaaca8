"""How reliably neurons repeat, and the weights that follow from it."""

from __future__ import annotations

import numpy as np

from dina.errors import ShapeError

FEWEST_PAIRS = 10  # showings beyond each image's first, below which reliability is not measured


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


def is_measurable(image_index: np.ndarray) -> bool:
    """Whether (trials,) showings suffice: two repeated images and ``FEWEST_PAIRS`` showings beyond each one's first."""
    again = np.bincount(image_index) - 1
    return int(np.sum(again > 0)) >= 2 and int(again[again > 0].sum()) >= FEWEST_PAIRS


def repeating_variance(responses: np.ndarray, image_index: np.ndarray, repeat: np.ndarray) -> np.ndarray:
    """Share of a neuron's variance that repeats, from all showings of repeated images.

    Where each is shown twice, that is :func:`signal_variance`; else ``signal / (signal + noise)`` of
    :func:`signal_and_noise_variance`, in which an image counts alike however often it was shown. Both estimate the same
    share; the first is blind to a change of level between first and second showings, the second is not.

    Parameters
    ----------
    responses : (trials, neurons), any unit
    image_index, repeat : (trials,); images shown once are left out

    Returns
    -------
    (neurons,) float32, NaN where a neuron never varies or fewer than two images repeat.
    """
    if np.bincount(image_index).max(initial=0) > 2:
        signal, noise = signal_and_noise_variance(responses, image_index)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (signal / (signal + noise)).astype(np.float32)
    first, second = repeat_pairs(image_index, repeat, np.arange(len(repeat)))
    if len(first) < 2:
        return np.full(responses.shape[1], np.nan, np.float32)
    return signal_variance(responses[first], responses[second])


def usual_showings(image_index: np.ndarray) -> float:
    """Harmonic mean of how often repeated images were shown: the noise in an image's mean is its inverse on average."""
    n_showings = np.bincount(image_index)
    return float(1 / np.mean(1 / n_showings[n_showings >= 2]))


def shrink_reliability(measured: np.ndarray, n_images: int, n_showings: float = 2.0) -> np.ndarray:
    """Signal variance clipped at 0 and shrunk towards the population's mean by its standard error.

    An intraclass correlation near ``V`` from ``m`` images shown ``n`` times has the standard error
    ``(1 - V)(1 + (n - 1) V) √(2 / (n (n - 1) (m - 1)))`` (Donner 1986); for two showings that is
    ``(1 - V²)/√(m - 1)``, as of any correlation. The weight of a neuron's own value is the share of the spread between
    neurons that is not error (empirical Bayes, Efron & Morris 1975). NaN, from neurons that never vary, becomes 0.

    Parameters
    ----------
    measured : (neurons,) of :func:`repeating_variance`
    n_images : m
    n_showings : n, of :func:`usual_showings`

    Returns
    -------
    (neurons,) float32 in [0, 1].

    References
    ----------
    Donner 1986, Int. Stat. Rev. 54:67.
    """
    value = np.clip(np.nan_to_num(np.asarray(measured, np.float64)), 0, 1)
    scale = 2 / (n_showings * (n_showings - 1) * max(1, n_images - 1))
    error = ((1 - value) * (1 + (n_showings - 1) * value)) ** 2 * scale
    between = max(value.var() - error.mean(), 1e-6)
    weight = between / (between + error)
    return np.clip(weight * value + (1 - weight) * value.mean(), 0, 1).astype(np.float32)


def signal_and_noise_variance(responses: np.ndarray, image_index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance over images and variance over an image's repeats, both unbiased, from all trials of repeated images.

    With m images, image i shown n_i times, mean x̄_i and sample variance s_i² (divisor n_i − 1):
    ``noise = mean_i(s_i²)`` and ``signal = var_i(x̄_i) − mean_i(s_i² / n_i)`` (divisor m − 1): what is left of the
    spread of the images' means after the share that noise lends them. A signal of 0 is estimated below 0 half
    the time.

    Parameters
    ----------
    responses : (trials, neurons), any unit
    image_index : (trials,); images shown once are left out

    Returns
    -------
    signal, noise : (neurons,) float64, in squares of the responses' unit; NaN with fewer than two repeated images.

    References
    ----------
    Sahani & Linden 2003, Adv. Neural Inf. Process. Syst. 15:109.
    """
    n_showings = np.bincount(image_index)
    order = np.argsort(image_index, kind="stable")
    order = order[n_showings[image_index[order]] >= 2]
    n = n_showings[n_showings >= 2].astype(np.float64)[:, None]
    if len(n) < 2:
        return np.full(responses.shape[1], np.nan), np.full(responses.shape[1], np.nan)
    starts = np.r_[0, np.cumsum(n[:-1, 0])].astype(int)
    mean = np.add.reduceat(responses[order], starts, axis=0, dtype=np.float64) / n
    deviation = responses[order] - np.repeat(mean, n[:, 0].astype(int), axis=0)
    within = np.add.reduceat(deviation**2, starts, axis=0) / (n - 1)
    return mean.var(0, ddof=1) - (within / n).mean(0), within.mean(0)


def explainable_variance(signal: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fraction of explainable variance and ratio of signal to noise, from unbiased variances.

    ``FEV = 1 − noise / total`` with ``total = signal + noise`` (Cadena et al. 2019), ``SNR = signal / noise``
    (Sahani & Linden 2003): single trials, not averages. Neither is clipped: below 0 the images' means differ
    less than noise alone would have them.

    Parameters
    ----------
    signal, noise : (neurons,) of :func:`signal_and_noise_variance`

    Returns
    -------
    fev, snr : (neurons,) float32, NaN where a neuron never varies; the SNR of a neuron without noise is infinite.

    References
    ----------
    Cadena et al. 2019, PLoS Comput. Biol. 15:e1006897.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return (1 - noise / (signal + noise)).astype(np.float32), (signal / noise).astype(np.float32)
