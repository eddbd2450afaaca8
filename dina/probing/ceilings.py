"""How well single neurons' responses are predicted, and how well they could be: noise ceilings from repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Showings:
    """Responses to repeated images, as means over an image's showings of what noise ceilings are made of.

    Attributes
    ----------
    mean : (images, neurons) response
    within : (images, neurons) variance over the showings, divisor one less than their number
    n_showings : (images,) at least 2
    """

    mean: np.ndarray
    within: np.ndarray
    n_showings: np.ndarray


def repeated_showings(responses: np.ndarray, image_index: np.ndarray) -> tuple[Showings, np.ndarray]:
    """The showings of images that were shown at least twice, and the ids of those images.

    Parameters
    ----------
    responses : (trials, neurons), any unit
    image_index : (trials,)
    """
    ids, image, counts = np.unique(image_index, return_inverse=True, return_counts=True)
    total = np.zeros((len(ids), responses.shape[1]))
    np.add.at(total, image, responses)
    mean = total / counts[:, None]
    squares = np.zeros_like(mean)
    np.add.at(squares, image, (responses - mean[image]) ** 2)
    kept = counts >= 2
    within = squares[kept] / (counts[kept, None] - 1)
    return Showings(mean[kept], within, counts[kept]), ids[kept]


@dataclass(frozen=True)
class Moments:
    """Means over images, from which every figure follows; a leading axis may hold bootstrap samples.

    Attributes
    ----------
    signal : (..., neurons) variance of the response over images that repeats
    noise : (..., neurons) variance over an image's showings
    of_means : (..., neurons) variance over images of the mean over showings: signal and what noise lends it
    predicted, joint, error : (..., neurons) variance of the prediction over images, its covariance with the response,
        and the mean squared error of single trials
    """

    signal: np.ndarray
    noise: np.ndarray
    of_means: np.ndarray
    predicted: np.ndarray
    joint: np.ndarray
    error: np.ndarray

    @property
    def signal_variance(self) -> np.ndarray:
        """Share of the variance of single trials that repeats, V; also called the fraction of explainable variance."""
        return _ratio(self.signal, self.signal + self.noise)

    @property
    def ceiling_single(self) -> np.ndarray:
        """Correlation of single trials with the true mean response, √V."""
        return np.sqrt(np.clip(self.signal_variance, 0, 1))

    @property
    def ceiling_averaged(self) -> np.ndarray:
        """Correlation of means over showings with the true mean response: √(nV / (1 + (n − 1)V)) for n showings."""
        return np.sqrt(np.clip(_ratio(self.signal, self.of_means), 0, 1))

    @property
    def correlation_single(self) -> np.ndarray:
        """Correlation of single trials with the prediction, 0 where that is the same for all images."""
        return self._correlation(self.signal + self.noise)

    @property
    def correlation_averaged(self) -> np.ndarray:
        """Correlation of means over showings with the prediction, 0 where that is the same for all images."""
        return self._correlation(self.of_means)

    @property
    def normalised_correlation(self) -> np.ndarray:
        """Either correlation over its ceiling, which is one and the same; NaN where nothing repeats."""
        return self._correlation(np.where(self.signal > 0, self.signal, np.nan))

    @property
    def feve(self) -> np.ndarray:
        """Fraction of explainable variance explained, ``1 − (MSE − noise) / signal``; NaN where nothing repeats."""
        return 1 - (self.error - self.noise) / np.where(self.signal > 0, self.signal, np.nan)

    def _correlation(self, variance: np.ndarray) -> np.ndarray:
        scale = np.sqrt(np.where(variance > 0, variance, np.nan) * self.predicted)
        return np.divide(self.joint, scale, out=np.where(np.isnan(scale), np.nan, 0.0), where=scale > 0)


def moments(showings: Showings, predicted: np.ndarray, weights: np.ndarray | None = None) -> Moments:
    """The moments over images, each image alike however often it was shown.

    With two showings ``signal / (signal + noise)`` is ``cov(x1, x2) / (½(var x1 + var x2))``, but that a change of
    level from first to second showings counts as noise: a prediction cannot know it.

    Parameters
    ----------
    predicted : (images, neurons) prediction in the responses' unit
    weights : (..., images) how often each image counts, as in bootstrap samples; None counts each once

    References
    ----------
    Sahani & Linden 2003, Adv. Neural Inf. Process. Syst. 15:109 (signal and noise power); Schoppe et al. 2016, Front.
    Comput. Neurosci. 10:10 (normalised correlation); Cadena et al. 2019, PLoS Comput. Biol. 15:e1006897 (FEVE).
    """
    x, y, within = showings.mean, predicted.astype(np.float64), showings.within
    n = showings.n_showings[:, None]
    share = np.full(len(x), 1 / len(x)) if weights is None else weights / weights.sum(-1, keepdims=True)
    mean_x, mean_y, noise = share @ x, share @ y, share @ within
    unbiased = len(x) / (len(x) - 1)
    of_means = (share @ x**2 - mean_x**2) * unbiased
    return Moments(
        signal=of_means - share @ (within / n),
        noise=noise,
        of_means=of_means,
        predicted=(share @ y**2 - mean_y**2) * unbiased,
        joint=(share @ (x * y) - mean_x * mean_y) * unbiased,
        error=share @ ((x - y) ** 2 + within * (n - 1) / n),
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
