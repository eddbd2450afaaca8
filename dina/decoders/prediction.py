"""Which candidate's predicted response an observed response resembles: what all encoding models share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np

from dina.models.noise import Noise, fit_noise
from dina.models.similarity import correlation, cosine

Score = Literal["cosine", "correlation", "likelihood"]
N_FACTORS = (0, 1, 5)  # of the noise that neurons share; validation images choose
MIN_RESIDUAL_SD = 0.05  # a neuron cannot be surer than this share of a typical response


def response_scores(z: np.ndarray, predicted: np.ndarray, noise: Noise, score: Score) -> np.ndarray:
    """(n, m) scores of (m, neurons) predictions for (n, neurons) responses, both whitened by the noise.

    The Gaussian log-likelihood up to what all candidates share, or the cosine or correlation over neurons, which a gain
    common to all neurons does not move.
    """
    observed, expected = noise.whiten(z), noise.whiten(predicted)
    match score:
        case "cosine":
            return cosine(observed, expected)
        case "correlation":
            return correlation(observed, expected)
        case "likelihood":
            return observed @ expected.T - 0.5 * np.sum(expected**2, axis=1)


def noise_and_scores(residuals: np.ndarray) -> Iterator[tuple[Noise, Score]]:
    """Ways to score from which validation images choose, given (n, neurons) residuals of training trials."""
    noise = fit_noise(residuals, max(N_FACTORS), MIN_RESIDUAL_SD)
    for n_factors in N_FACTORS:
        for score in get_args(Score):
            yield noise.first(n_factors), score
