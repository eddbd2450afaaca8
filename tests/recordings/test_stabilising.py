"""The square root of spike-like responses."""

import numpy as np
import pytest

from dina.recordings.stabilising import event_size, stabilise

N_IMAGES, N_REPEATS = 400, 4


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def poisson(rng, *, unit=1.0):
    """Counts of neurons whose rates spread widely over images: responses and the images shown."""
    rate = rng.gamma(2.0, 4.0, (N_IMAGES, 6))
    return unit * rng.poisson(np.tile(rate, (N_REPEATS, 1))).astype(np.float32), np.tile(np.arange(N_IMAGES), N_REPEATS)


@pytest.mark.parametrize("unit", [1.0, 0.07, 300.0])
def test_the_event_size_of_counts_is_their_unit(rng, unit):
    np.testing.assert_allclose(event_size(*poisson(rng, unit=unit)), unit, rtol=0.15)


def test_noise_no_longer_grows_with_the_response(rng):
    rate = np.array([4.0, 16.0, 64.0])
    counts = 0.5 * rng.poisson(rate, (4000, 3)).astype(np.float32)
    np.testing.assert_allclose(stabilise(counts, np.full(3, 0.5)).var(0), 0.25, rtol=0.1)


def test_responses_below_zero_are_taken_as_they_are(rng):
    responses, image = poisson(rng)
    below = responses - 1
    size = event_size(below, image)
    assert not size.any()
    assert np.array_equal(stabilise(below, size), below)


def test_silent_neurons_stay_finite():
    responses = np.zeros((8, 2), np.float32)
    size = event_size(responses, np.arange(8) // 2)
    assert size.tolist() == [1, 1] and np.isfinite(stabilise(responses, size)).all()


def test_without_repeats_all_variance_counts(rng):
    counts = rng.poisson(5.0, (4000, 2)).astype(np.float32)
    np.testing.assert_allclose(event_size(counts, np.arange(4000)), 1, rtol=0.1)
