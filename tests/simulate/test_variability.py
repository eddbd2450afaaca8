import numpy as np
import pytest

from dina.settings import PopulationSettings
from dina.simulate.variability import draw_evoked_spikes, draw_spontaneous_spikes, shared_gain


def test_shared_gain_has_the_stated_mean_spread_and_time_constant():
    settings = PopulationSettings(shared_gain_log_sd=0.4, shared_gain_time_constant_s=4)
    gain = shared_gain(settings, 0.8 * np.arange(60_000), seed=0)
    log = np.log(gain)
    assert gain.mean() == pytest.approx(1, abs=0.03)
    assert log.std() == pytest.approx(0.4, abs=0.02)
    assert np.corrcoef(log[5:], log[:-5])[0, 1] == pytest.approx(np.exp(-1), abs=0.04)


def test_without_a_time_constant_trials_are_independent():
    settings = PopulationSettings(shared_gain_time_constant_s=0)
    log = np.log(shared_gain(settings, np.arange(5000.0), seed=0))
    assert abs(np.corrcoef(log[1:], log[:-1])[0, 1]) < 0.05


def test_counts_have_the_mean_and_variance_of_their_law():
    """Poisson with a log-normal gain: variance = mean + mean² (exp σ² − 1)."""
    settings = PopulationSettings(private_gain_log_sd=0.5)
    evoked = np.array([[2.0, 6.0]], np.float32)
    n = 40_000
    counts = draw_evoked_spikes(settings, evoked, np.zeros(n, int), np.ones(n, np.float32), seed=1)
    assert counts.mean(0) == pytest.approx(evoked[0], rel=0.02)
    assert counts.var(0) == pytest.approx(evoked[0] + evoked[0] ** 2 * np.expm1(0.25), rel=0.05)
    assert abs(np.corrcoef(counts.T)[0, 1]) < 0.03


def test_the_shared_gain_moves_all_cells_together():
    settings = PopulationSettings(private_gain_log_sd=0)
    shared = np.tile(np.array([0.5, 1.5], np.float32), 5000)
    counts = draw_evoked_spikes(settings, np.full((1, 3), 20, np.float32), np.zeros(10_000, int), shared, seed=1)
    assert counts[::2].mean(0) == pytest.approx(10, rel=0.02)
    assert counts[1::2].mean(0) == pytest.approx(30, rel=0.02)


def test_spontaneous_counts_are_poisson():
    expected = np.array([0.02, 0.5], np.float32)
    counts = draw_spontaneous_spikes(expected, 50_000, seed=1)
    assert counts.mean(0) == pytest.approx(expected, rel=0.1)
    assert counts.var(0) == pytest.approx(expected, rel=0.1)


def test_adding_cells_leaves_the_first_ones_alone():
    """A batch has its own stream, so 256 cells are the same whether or not more follow."""
    settings = PopulationSettings()
    evoked = np.full((1, 600), 3, np.float32)
    image, shared = np.zeros(20, int), np.ones(20, np.float32)
    few, many = (draw_evoked_spikes(settings, evoked[:, :n], image, shared, seed=1) for n in (256, 600))
    assert np.array_equal(few, many[:, :256])
