import numpy as np
import pytest

from dina.simulate.responses import scatter_cells, simulate_trials
from dina.simulate.spikes import draw_spike_times

from .conftest import tiny_settings


@pytest.fixture(scope="module")
def drawn(photographs):
    settings = tiny_settings(photographs, population={"mean_evoked_spikes": 2.0, "gain_log_sd": 0.5})
    trials = simulate_trials(settings, *scatter_cells(settings, 60))
    return settings, trials, *draw_spike_times(trials, settings.population.latency_s, settings.seed)


def test_spikes_are_ordered_and_inside_the_recording(drawn):
    _, trials, time_s, neuron = drawn
    assert np.all(np.diff(time_s) >= 0)
    assert 0 <= time_s[0] <= time_s[-1] < trials.protocol.total_s
    assert neuron.dtype == np.int32


def test_the_response_window_holds_the_counts(drawn):
    """Counted from the times, each trial has its evoked spikes plus a few spontaneous ones."""
    settings, trials, time_s, neuron = drawn
    start = trials.protocol.onset_s + settings.population.latency_s
    counted = np.zeros(trials.evoked_spikes.shape, int)
    for trial, t in enumerate(start):
        here = (time_s >= t) & (time_s < t + trials.protocol.duration_s)
        counted[trial] = np.bincount(neuron[here], minlength=60)
    extra = counted - trials.evoked_spikes
    assert extra.min() == 0
    assert extra.mean() == pytest.approx(trials.spontaneous_count.mean(), rel=0.3)


def test_between_images_only_spontaneous_spikes(drawn):
    _, trials, time_s, _ = drawn
    rate = float(trials.population.spontaneous_rate_hz.sum())
    before = np.sum(time_s < trials.protocol.onset_s[0])
    assert before == pytest.approx(rate * trials.protocol.onset_s[0], abs=5 * np.sqrt(rate) + 2)
