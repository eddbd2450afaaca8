"""The deconvolution network on simulated traces whose spikes are known, its resampling and its weights."""

import json
from dataclasses import asdict
from importlib.resources import files

import numpy as np
import pytest
from safetensors import safe_open
from scipy.ndimage import gaussian_filter1d

from dina.errors import StoreError
from dina.imaging import network
from dina.imaging.deconvolution import interpolated, network_events
from dina.imaging.network import infer_events, read_weights, to_frames, to_grid
from dina.imaging.network_training import FINE_HZ, Training, packed, simulate_examples, simulate_trace, train

FIRST_SEED = Training().n_traces  # not trained on
RATES_HZ = (2.5, 7.5, 15.0, 30.1)
SMOOTHING_S = 0.2


def events_of(dff, rate_hz):
    return network_events(dff, np.zeros(dff.shape, bool), rate_hz)


def agreement(spike_s, trace, rate_hz):
    """Pearson's r with the spikes since the frame before, both smoothed."""
    times = (np.arange(len(trace)) + 0.5) / rate_hz
    counts = np.histogram(spike_s, np.r_[times[0] - 1 / rate_hz, times])[0]
    smooth = [gaussian_filter1d(values.astype(float), SMOOTHING_S * rate_hz) for values in (counts, trace)]
    return np.corrcoef(*smooth)[0, 1]


@pytest.fixture(scope="module")
def transients():
    """Four traces of 10 Hz, in any unit."""
    rng = np.random.default_rng(0)
    calcium = np.array([np.convolve(s, np.exp(-np.arange(60) / 7))[:1500] for s in rng.poisson(0.03, (4, 1500))])
    return (calcium + rng.normal(0, 0.07, calcium.shape)).astype(np.float32)


def test_events_follow_spikes_of_traces_that_were_not_trained_on():
    traces = [simulate_trace(FIRST_SEED + n, seconds=100) for n in range(40)]
    traces = [trace for trace in traces if len(trace.spike_s) >= 10]
    assert len(traces) > 25
    inferred, plain = (
        np.array([agreement(t.spike_s, of(t), t.rate_hz) for t in traces])
        for of in (lambda t: events_of(t.dff[None], t.rate_hz)[0], lambda t: t.dff)
    )
    assert np.median(inferred) > 0.85
    assert np.median(inferred - plain) > 0.25 and np.mean(inferred > plain) > 0.95


@pytest.mark.parametrize("rate_hz", [7.5, 30.0])
@pytest.mark.parametrize("rise_s", [0.02, 0.15])
def test_events_do_not_trail_a_slow_rise(rate_hz, rise_s):
    time_s, spike_s = np.arange(round(100 * rate_hz)) / rate_hz, np.arange(3, 98, 5.03)
    since = np.maximum(time_s - spike_s[:, None], 0)
    kernel = (np.exp(-since / 0.8) - np.exp(-since / rise_s)).sum(0)
    dff = 3 * kernel + np.random.default_rng(0).normal(0, 0.05, kernel.shape)
    events = events_of(dff[None], rate_hz)[0]
    centre_s = [
        np.average(time_s[near] - 0.5 / rate_hz, weights=events[near]) - spike
        for spike in spike_s
        for near in [np.abs(time_s - spike) < 1]
    ]
    assert abs(np.median(centre_s)) < 0.08


def test_neither_scale_nor_level_matters(transients):
    expected = events_of(transients, 10.0)
    np.testing.assert_allclose(events_of(250 * transients - 3000, 10.0), expected, atol=0.01 * expected.max())


def test_each_trace_is_worked_on_alone(transients):
    together = events_of(transients, 10.0)
    for row, expected in zip(transients, together, strict=True):
        np.testing.assert_array_equal(events_of(row[None], 10.0)[0], expected)
    np.testing.assert_array_equal(events_of(transients[::-1], 10.0)[::-1], together)


def test_lines_over_gaps_do_not_pass_for_low_noise(transients):
    missing = np.zeros(transients.shape, bool)
    none = missing.copy()
    missing[:, 400:1300] = True
    filled = interpolated(transients, missing)
    expected, masked, unmasked = (
        network_events(of, gap, 10.0)[:, :300] for of, gap in ((transients, none), (filled, missing), (filled, none))
    )
    assert np.abs(masked - expected).sum() < 0.5 * np.abs(unmasked - expected).sum()


@pytest.mark.parametrize("noise", [0.0, 0.07])
def test_traces_without_noise_or_change_stay_finite(transients, noise):
    raised = np.stack([np.zeros(1500, np.float32), np.round(transients[0])])
    events = infer_events(raised, np.full(2, noise, np.float32), 10.0)
    assert np.isfinite(events).all() and (events >= 0).all()
    assert not events[0].any() and events[1].any()


def test_the_shortest_trace():
    assert np.isfinite(infer_events(np.array([[0.0, 1.0]]), np.ones(1), 30.0)).all()


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("n_frames", [2, 3, 100, 1001])
def test_sums_stay_when_steps_become_frames(rate_hz, n_frames):
    steps = np.random.default_rng(0).gamma(0.3, 1, len(to_grid(np.zeros(n_frames), rate_hz)))
    frames = to_frames(steps, n_frames, rate_hz)
    assert frames.shape == (n_frames,) and (frames >= 0).all()
    np.testing.assert_allclose(frames.sum(), steps.sum())


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_grid_keeps_means_and_times(rate_hz):
    """A line stays a line, and events stay where they were, each on the frame that follows it."""
    grid = to_grid(np.arange(300) / rate_hz, rate_hz)
    np.testing.assert_allclose(grid[2:-2], np.arange(len(grid))[2:-2] / network.GRID_HZ, atol=1e-3)
    np.testing.assert_allclose(to_grid(np.full(300, 7.0), rate_hz), 7)
    steps = np.zeros(len(grid))
    steps[100 : 100 + round(60 / rate_hz)] = 1
    frames = to_frames(steps, 300, rate_hz)
    centre_s = (np.average(np.arange(300), weights=frames) - 0.5) / rate_hz
    assert abs(centre_s - np.average(np.arange(len(grid)), weights=steps) / network.GRID_HZ) < 0.1 / rate_hz


def test_shipped_weights_are_those_of_the_training(monkeypatch):
    weights = read_weights()
    assert sum(value.numel() for value in weights.values()) == 3049
    with safe_open(files("dina.imaging") / network.WEIGHTS, "pt") as file:
        assert json.loads(file.metadata()["training"]) == asdict(Training())
    monkeypatch.setattr(network, "WEIGHTS_SHA256", "0" * 64)
    read_weights.cache_clear()
    with pytest.raises(StoreError, match=r"network.safetensors: found .*expected the sha256 000000"):
        read_weights()


def test_training_learns_and_repeats():
    training = Training(n_traces=10, seconds=60, n_steps=880, n_held_out=2, n_epochs=16, batch=8, crop_steps=300)
    examples = simulate_examples(training)
    assert [tuple(part.shape) for part in examples] == [(10, 2, 880), (10, 880), (10, 880)]
    told = []
    first, second = (packed(train(training, *examples, report=told.append), training) for _ in range(2))
    assert first == second
    r = [float(line.split("mean r ")[1].split(",")[0]) for line in told]
    assert r[len(r) // 2 - 1] > r[0] + 0.2


def test_simulated_spikes_fit_their_trace():
    trace = simulate_trace(3, seconds=50)
    assert len(trace.dff) == int(50 * trace.rate_hz) and 5 <= trace.rate_hz <= 30
    assert ((trace.spike_s > 0) & (trace.spike_s < 50)).all()
    np.testing.assert_allclose((trace.spike_s * FINE_HZ) % 1, 0.5)
    np.testing.assert_array_equal(trace.dff, simulate_trace(3, seconds=50).dff)
    assert not np.array_equal(trace.dff, simulate_trace(4, seconds=50).dff)
