import numpy as np
import pytest

from dina.errors import ShapeError
from dina.recordings.reliability import repeat_pairs, shrink_reliability, signal_variance


@pytest.mark.parametrize("truth", [0.05, 0.3, 0.8])
def test_signal_variance_of_known_signal_and_noise(truth):
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(20_000, 3)) * np.sqrt(truth)
    first, second = (signal + rng.normal(size=signal.shape) * np.sqrt(1 - truth) for _ in range(2))
    np.testing.assert_allclose(signal_variance(first, second), truth, atol=0.03)


def test_signal_variance_knows_no_unit():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 50, 4))
    np.testing.assert_allclose(
        signal_variance(first * 7 + 3, second * 7 + 3), signal_variance(first, second), rtol=1e-4
    )


def test_constant_neuron_is_nan():
    assert np.isnan(signal_variance(np.ones((5, 1)), np.ones((5, 1)))[0])


def test_shapes_must_agree():
    with pytest.raises(ShapeError):
        signal_variance(np.ones((3, 2)), np.ones((3, 3)))


def test_repeat_pairs():
    image = np.array([4, 1, 4, 2, 1, 4])
    repeat = np.array([0, 0, 1, 0, 1, 2])
    first, second = repeat_pairs(image, repeat, np.arange(6))
    assert first.tolist() == [1, 0] and second.tolist() == [4, 2]
    assert repeat_pairs(image, repeat, np.array([0, 3]))[0].size == 0


def test_shrinkage_brings_estimates_nearer_to_the_truth():
    rng = np.random.default_rng(2)
    truth = rng.beta(0.6, 2.5, 400)
    measured = truth + rng.normal(size=400) * (1 - truth**2) / np.sqrt(60)
    shrunk = shrink_reliability(measured, 61)
    assert np.mean((shrunk - truth) ** 2) < np.mean((measured - truth) ** 2)
    assert shrunk.min() >= 0 and shrunk.max() <= 1
    assert shrink_reliability(np.array([np.nan, 0.5]), 50).shape == (2,)
