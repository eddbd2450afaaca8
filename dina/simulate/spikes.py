"""Spike times over the whole recording: evoked ones in the response windows, spontaneous ones anywhere."""

from __future__ import annotations

import numpy as np

from dina.simulate.responses import SimulatedTrials
from dina.simulate.seeds import generator


def draw_spike_times(trials: SimulatedTrials, latency_s: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Times of all spikes, given how many each image evoked on each trial.

    Evoked spikes fall evenly within the response window; spontaneous ones are a Poisson process.

    Returns
    -------
    time_s : (spikes,) float64, ascending
    neuron : (spikes,) int32
    """
    rng = generator(seed, "spike times")
    protocol = trials.protocol
    trial, neuron = np.nonzero(trials.evoked_spikes)
    counts = trials.evoked_spikes[trial, neuron]
    evoked_s = np.repeat(protocol.onset_s[trial], counts) + latency_s
    evoked_s += protocol.duration_s * rng.random(len(evoked_s))
    n_spontaneous = rng.poisson(trials.population.spontaneous_rate_hz * protocol.total_s)
    time_s = np.r_[evoked_s, protocol.total_s * rng.random(n_spontaneous.sum())]
    neuron = np.r_[np.repeat(neuron, counts), np.repeat(np.arange(len(n_spontaneous)), n_spontaneous)]
    order = np.argsort(time_s, kind="stable")
    return time_s[order], neuron[order].astype(np.int32)
