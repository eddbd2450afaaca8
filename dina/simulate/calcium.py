"""Calcium indicators: from spikes to dF/F at the times of the frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.signal import lfilter


@dataclass(frozen=True)
class IndicatorKinetics:
    """The transient that one spike evokes, and where transients saturate.

    Attributes
    ----------
    amplitude : float, peak dF/F after one spike
    time_to_peak_s : float, from the spike
    half_decay_s : float, from the peak to half of it
    ceiling : float, dF/F that long trains approach
    """

    amplitude: float
    time_to_peak_s: float
    half_decay_s: float
    ceiling: float


# GCaMP6f: median over 23 cells of mouse V1 of the kernel that best predicts dF/F, neuropil subtracted, from spikes
# recorded with a pipette (recordings of Huang et al. 2021, eLife 10:e51675). It is larger and slower than the average
# single spike of Chen et al. 2013 (19 %, half-decay 142 ms), since most spikes come in bursts.
# GCaMP6s: single spikes in mouse V1 (Chen et al. 2013, Nature 499:295, Supplementary Table 3).
# jGCaMP7f and jGCaMP8: single field pulses in cultured neurons (Zhang et al. 2023, Nature 615:884; jGCaMP7f, of Dana
# et al. 2019, Nat Methods 16:649, is its control). Ceilings: order of magnitude of 160 pulses in culture, there.
INDICATORS = {
    "GCaMP6f": IndicatorKinetics(0.30, 0.070, 0.200, 13.0),
    "GCaMP6s": IndicatorKinetics(0.23, 0.179, 0.550, 17.0),
    "GCaMP7f": IndicatorKinetics(0.21, 0.0995, 0.182, 12.0),
    "GCaMP8f": IndicatorKinetics(0.41, 0.0248, 0.0674, 9.0),
    "GCaMP8m": IndicatorKinetics(0.76, 0.0290, 0.118, 11.0),
    "GCaMP8s": IndicatorKinetics(1.11, 0.0570, 0.307, 12.0),
}


def time_constants(kinetics: IndicatorKinetics) -> tuple[float, float]:
    """Rise and decay constants of ``exp(-t/decay) − exp(-t/rise)`` with the given peak and half-decay, seconds."""
    target = kinetics.time_to_peak_s / kinetics.half_decay_s
    ratio = brentq(lambda r: _peak_time(r) / _half_decay(r) - target, 1e-6, 0.999)
    decay = kinetics.half_decay_s / _half_decay(ratio)
    return ratio * decay, decay


def saturated(linear: np.ndarray, ceiling: float) -> np.ndarray:
    """dF/F of an indicator that binds calcium: linear when small, never above the ceiling."""
    return linear / (1 + linear / ceiling)


class Transients:
    """Sums the transients of all spikes, frame block by frame block, without a time grid.

    Each exponential is carried exactly from frame to frame: a spike at ``t`` adds
    ``exp(-(frame time − t)/τ)`` to the first frame at or after it. However the frames are cut into
    blocks, the values are the same.

    Parameters
    ----------
    spike_time_s, spike_neuron : (spikes,) in order of time
    amplitude : (neurons,) peak dF/F after one spike
    interval_s : float, time between frames
    """

    def __init__(
        self,
        kinetics: IndicatorKinetics,
        spike_time_s: np.ndarray,
        spike_neuron: np.ndarray,
        amplitude: np.ndarray,
        interval_s: float,
    ):
        self._spike_time_s, self._spike_neuron = spike_time_s, spike_neuron
        self._constants_s = time_constants(kinetics)
        self._ceiling = kinetics.ceiling
        self._interval_s = interval_s
        rise, decay = self._constants_s
        peak = np.exp(-kinetics.time_to_peak_s / decay) - np.exp(-kinetics.time_to_peak_s / rise)
        self._scale = (amplitude / peak)[:, None]
        self._carried = [np.zeros((len(amplitude), 1)) for _ in self._constants_s]
        self._n_used = 0

    def advance(self, frame_time_s: np.ndarray) -> np.ndarray:
        """(neurons, frames) float32 dF/F at the next frames, which follow the last ones at the stated interval."""
        stop = np.searchsorted(self._spike_time_s, frame_time_s[-1], side="right")
        spikes = slice(self._n_used, stop)
        self._n_used = stop
        times, neurons = self._spike_time_s[spikes], self._spike_neuron[spikes]
        frames = np.searchsorted(frame_time_s, times)
        shape = (len(self._scale), len(frame_time_s))
        sums = []
        for k, tau in enumerate(self._constants_s):
            added = np.bincount(
                neurons * shape[1] + frames, np.exp((times - frame_time_s[frames]) / tau), shape[0] * shape[1]
            ).reshape(shape)
            fade = np.exp(-self._interval_s / tau)
            summed, self._carried[k] = lfilter([1], [1, -fade], added, zi=self._carried[k])
            sums.append(summed)
        rise, decay = sums
        return saturated(self._scale * (decay - rise), self._ceiling).astype(np.float32)


def _peak_time(ratio: float) -> float:
    """Time of the peak of ``exp(-t) − exp(-t/ratio)``."""
    return ratio * np.log(1 / ratio) / (1 - ratio)


def _half_decay(ratio: float) -> float:
    """Time from the peak of ``exp(-t) − exp(-t/ratio)`` to half of it."""
    peak_time = _peak_time(ratio)
    peak = np.exp(-peak_time) - np.exp(-peak_time / ratio)
    half = brentq(lambda t: np.exp(-t) - np.exp(-t / ratio) - peak / 2, peak_time, peak_time + 20)
    return half - peak_time
