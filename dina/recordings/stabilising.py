"""Responses whose noise does not grow with the response: the square root, for spike-like activity."""

from __future__ import annotations

import numpy as np

from dina.recordings.reliability import signal_and_noise_variance

OFFSET = 3 / 8  # Anscombe 1948: leaves the variance of counts above about 4 within 2 % of constant


def event_size(responses: np.ndarray, image_index: np.ndarray) -> np.ndarray:
    """The response that one event adds, neuron by neuron: noise variance over mean, as of Poisson counts in any unit.

    Noise is what differs between showings of an image; where fewer than two images repeat, all variance counts.
    Responses with negative values (a baseline subtracted, dF/F) are not spike-like, and have none.

    Parameters
    ----------
    responses : (trials, neurons), any unit
    image_index : (trials,)

    Returns
    -------
    (neurons,) float32 in the unit of the responses; 1 for a neuron that never varies, 0 for all if any response is
    negative.
    """
    if responses.min(initial=0) < 0:
        return np.zeros(responses.shape[1], np.float32)
    noise = signal_and_noise_variance(responses, image_index)[1]
    noise = np.where(np.isfinite(noise) & (noise > 0), noise, responses.var(0))
    mean = responses.mean(0, dtype=np.float64)
    return np.divide(noise, mean, out=np.ones_like(noise), where=(noise > 0) & (mean > 0)).astype(np.float32)


def stabilise(responses: np.ndarray, size: np.ndarray) -> np.ndarray:
    """``√(max(r, 0) / size + 3/8)``, whose noise variance is about ¼ whatever the rate; ``r`` itself where size is 0.

    Parameters
    ----------
    responses : (trials, neurons)
    size : (neurons,) of :func:`event_size`

    Returns
    -------
    (trials, neurons) float32.

    References
    ----------
    Anscombe 1948, Biometrika 35:246.
    """
    events = np.maximum(responses, 0) / np.where(size > 0, size, 1)
    return np.where(size > 0, np.sqrt(events + OFFSET), responses).astype(np.float32)
