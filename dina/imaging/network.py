"""Deconvolution by a small convolutional network that has seen nothing but simulated calcium traces.

Its 3,049 weights stand in ``network.safetensors``; :mod:`dina.imaging.network_training` makes them and says from what.
Decay, rise time and size of a spike varied widely there, so no indicator has to be named, and the target was the spike
rate itself: the events come without a lag, but smoothed by about 0.15 s.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import StoreError, problem

if TYPE_CHECKING:
    import torch

GRID_HZ = 15.0  # the only rate that the network knows
BASELINE_WINDOW_S, BASELINE_SIGMA_S = 60.0, 2.0  # of the traces that it was trained on
HIDDEN = {"onset": 1, "rise": 2, "decay": 2}  # layers and their dilations
RATE = "rate"
GAUSSIAN_MEDIAN_STEP = np.sqrt(2) * 0.6745  # median of |N(0, 1) - N(0, 1)|
LEAST_NOISE = 0.01  # of a trace's standard deviation: traces without noise are not what the network knows
WEIGHTS = "network.safetensors"
# Stands here since a stage's digest covers code alone: with other weights, it must change.
WEIGHTS_SHA256 = "b4af08327dfeebfabc50f3230dc90ba4964fd188ffc42721b1f1bc37bb6a1722"


def infer_events(raised: np.ndarray, noise_level: np.ndarray, rate_hz: float) -> np.ndarray:
    """Events since the frame before, as the network infers them from each trace alone.

    The scale of a trace does not matter, so dF/F and undivided fluorescence give the same. Traces are brought to
    15 Hz, averaged where they are faster, and the rate of events back to frames so that sums stay. One trace is worked
    on at a time: memory is that of one, and the others change nothing.

    Parameters
    ----------
    raised : (rois, frames), finite, at least two frames
        Traces over their maximin baseline (window ``BASELINE_WINDOW_S``, smoothing ``BASELINE_SIGMA_S``).
    noise_level : (rois,)
        From :func:`~dina.imaging.deconvolution.noise_level` of these traces.
    rate_hz : float

    Returns
    -------
    (rois, frames) float32, not negative, in relative numbers: training by correlation leaves each neuron a scale of its
    own, and its zero, which is set to its quietest moment. A trace that never changes has no events.

    References
    ----------
    Rupprecht et al. 2021, Nat. Neurosci. 24:1324, for spike inference by networks of this kind.
    """
    import torch

    weights = read_weights()
    events = np.zeros(raised.shape, np.float32)
    with torch.inference_mode():
        for roi in np.flatnonzero(np.ptp(raised, axis=1) > 0):
            features = trace_features(raised[roi], float(noise_level[roi]), rate_hz)
            rate = events_rate(weights, torch.from_numpy(features)[None])[0].numpy()
            events[roi] = to_frames(rate - rate.min(), raised.shape[1], rate_hz)
    return events


def trace_features(raised: np.ndarray, noise_level: float, rate_hz: float) -> np.ndarray:
    """What the network sees of a trace (frames,): (2, steps) float32.

    The inverse hyperbolic sine of the trace in units of its noise, and the trace in units of its standard deviation.
    """
    trace = to_grid(raised, rate_hz)
    sd = trace.std() + 1e-9
    noise = max(noise_level / 100 * np.sqrt(GRID_HZ) / GAUSSIAN_MEDIAN_STEP, LEAST_NOISE * sd)
    return np.stack([np.arcsinh(trace / noise), trace / sd]).astype(np.float32)


def events_rate(weights: Mapping[str, torch.Tensor], features: torch.Tensor) -> torch.Tensor:
    """The network: (traces, 2, steps) features to (traces, steps) events a step, not negative."""
    from torch.nn.functional import conv1d, relu, softplus

    hidden = features
    for layer, dilation in HIDDEN.items():
        weight = weights[f"{layer}.weight"]
        padding = dilation * (weight.shape[2] // 2)
        hidden = relu(conv1d(hidden, weight, weights[f"{layer}.bias"], padding=padding, dilation=dilation))
    return softplus(conv1d(hidden, weights[f"{RATE}.weight"], weights[f"{RATE}.bias"]))[:, 0]


def to_grid(trace: np.ndarray, rate_hz: float) -> np.ndarray:
    """(steps,) a trace (frames,) at 15 Hz from its first frame on: means of what is faster, lines through the rest."""
    at = _steps(len(trace), rate_hz)
    if rate_hz <= GRID_HZ:
        return np.interp(at, np.arange(len(trace)), trace)
    half = rate_hz / GRID_HZ / 2
    edges = np.arange(len(trace) + 1) - 0.5
    cumulative = np.r_[0, np.cumsum(trace, dtype=np.float64)]
    start, stop = np.maximum(at - half, edges[0]), np.minimum(at + half, edges[-1])
    return (np.interp(stop, edges, cumulative) - np.interp(start, edges, cumulative)) / (stop - start)


def to_frames(steps: np.ndarray, n_frames: int, rate_hz: float) -> np.ndarray:
    """(frames,) the sum since the frame before, of what happened in each step (steps,) of the grid; none is lost."""
    at = _steps(n_frames, rate_hz)
    edges = np.r_[-1, (at[1:] + at[:-1]) / 2, n_frames - 1]
    cumulative = np.r_[0, np.cumsum(steps, dtype=np.float64)]
    return np.diff(np.interp(np.arange(-1, n_frames), edges, cumulative))


@functools.cache
def read_weights() -> dict[str, torch.Tensor]:
    """The network's weights by name.

    Raises
    ------
    StoreError
        If they are not those that this version of dina was made with.
    """
    from safetensors.torch import load

    content = (files(__package__) / WEIGHTS).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        expected = f"the sha256 {WEIGHTS_SHA256[:12]}…"
        raise StoreError(problem(f"{__package__}/{WEIGHTS}", f"{found[:12]}…", expected, "Install dina anew."))
    return load(content)


def _steps(n_frames: int, rate_hz: float) -> np.ndarray:
    """(steps,) where the grid's steps lie, in frames."""
    return np.arange(0, n_frames - 1, rate_hz / GRID_HZ)
