import numpy as np
import pytest

from dina.simulate.calcium import INDICATORS, Transients, saturated, time_constants

ONE = np.ones(1)


def transients(name="GCaMP6f", spikes=((0.0,), (0,)), amplitude=ONE, interval_s=1e-3):
    times, neurons = (np.asarray(values) for values in spikes)
    return Transients(INDICATORS[name], times, neurons, amplitude, interval_s)


@pytest.mark.parametrize("name", INDICATORS)
def test_one_spike_rises_and_decays_as_the_indicator_does(name):
    kinetics = INDICATORS[name]
    time = np.arange(0, 4, 1e-3)
    small = np.array([1e-3])  # far from the ceiling
    dff = transients(name, amplitude=small).advance(time)[0]
    peak = dff.argmax()
    assert dff[peak] == pytest.approx(1e-3, rel=1e-3)
    assert time[peak] == pytest.approx(kinetics.time_to_peak_s, abs=2e-3)
    half = peak + np.argmax(dff[peak:] < dff[peak] / 2)
    assert time[half] - time[peak] == pytest.approx(kinetics.half_decay_s, abs=3e-3)


def test_matches_a_sum_of_kernels_written_out():
    rng = np.random.default_rng(0)
    spike_time = np.sort(rng.uniform(0, 20, 80))
    spike_neuron = rng.integers(0, 3, 80)
    amplitude = np.array([0.1, 0.2, 0.3])
    frame_time = np.arange(100) / 5 + 0.1
    kinetics = INDICATORS["GCaMP6s"]
    rise, decay = time_constants(kinetics)
    kernel_peak = np.exp(-kinetics.time_to_peak_s / decay) - np.exp(-kinetics.time_to_peak_s / rise)
    expected = np.zeros((3, 100))
    for t, neuron in zip(spike_time, spike_neuron, strict=True):
        age = frame_time - t
        late = age >= 0
        expected[neuron, late] += np.exp(-age[late] / decay) - np.exp(-age[late] / rise)
    expected *= amplitude[:, None] / kernel_peak
    expected = expected / (1 + expected / kinetics.ceiling)
    found = transients("GCaMP6s", (spike_time, spike_neuron), amplitude, 0.2).advance(frame_time)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("block", [1, 7, 64])
def test_blocks_of_any_length_give_the_same_bytes(block):
    rng = np.random.default_rng(1)
    spikes = np.sort(rng.uniform(0, 30, 200)), rng.integers(0, 4, 200)
    time = np.arange(150) / 5
    whole = transients(spikes=spikes, amplitude=np.ones(4), interval_s=0.2).advance(time)
    source = transients(spikes=spikes, amplitude=np.ones(4), interval_s=0.2)
    parts = [source.advance(time[start : start + block]) for start in range(0, 150, block)]
    assert np.array_equal(np.concatenate(parts, 1), whole)


def test_long_trains_saturate():
    assert saturated(np.array([1e-6, 13.0, 1e9]), 13.0) == pytest.approx([1e-6, 6.5, 13.0], rel=1e-4)
