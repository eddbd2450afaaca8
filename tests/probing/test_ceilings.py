"""Noise ceilings on simulated neurons whose signal variance is known."""

import numpy as np
import pytest

from dina.probing.ceilings import Showings, moments, repeated_showings
from dina.recordings.reliability import signal_and_noise_variance, signal_variance

N_IMAGES = 4000


def simulate(v, n_showings, n_images=N_IMAGES, explained=1.0):
    """Responses of one neuron a column, with signal variance ``v``, and a prediction of ``explained`` of the signal."""
    rng = np.random.default_rng(0)
    told, missed = rng.normal(size=(2, n_images, len(v)))
    signal = np.sqrt(explained) * told + np.sqrt(1 - explained) * missed
    image = np.repeat(np.arange(n_images), n_showings)
    noise = rng.normal(size=(len(image), len(v)))
    return np.sqrt(v) * signal[image] + np.sqrt(1 - v) * noise, image, np.sqrt(v * explained) * told


@pytest.mark.parametrize("n", [2, 5])
def test_ceilings_are_those_of_the_known_signal_variance(n):
    v = np.array([0.05, 0.2, 0.5, 0.9])
    responses, image, _ = simulate(v, n)
    showings, ids = repeated_showings(responses, image)
    of = moments(showings, showings.mean)
    np.testing.assert_allclose(of.signal_variance, v, atol=0.04)
    np.testing.assert_allclose(of.ceiling_single, np.sqrt(v), atol=0.06)
    np.testing.assert_allclose(of.ceiling_averaged, np.sqrt(n * v / (1 + (n - 1) * v)), atol=0.06)
    np.testing.assert_array_equal(ids, np.arange(N_IMAGES))


def test_two_showings_give_the_formula_of_covariance():
    responses, image, _ = simulate(np.array([0.1, 0.4]), 2)
    showings, _ = repeated_showings(responses, image)
    of = moments(showings, showings.mean)
    np.testing.assert_allclose(of.signal_variance, signal_variance(responses[::2], responses[1::2]), atol=2e-3)
    signal, noise = signal_and_noise_variance(responses, image)
    np.testing.assert_allclose([of.signal, of.noise], [signal, noise])


@pytest.mark.parametrize("explained", [0.0, 0.25, 1.0])
def test_a_prediction_of_a_known_share_of_the_signal(explained):
    v = np.array([0.2, 0.5, 0.8])
    responses, image, predicted = simulate(v, 3, explained=explained)
    of = moments(repeated_showings(responses, image)[0], predicted)
    np.testing.assert_allclose(of.normalised_correlation, np.sqrt(explained), atol=0.05)
    np.testing.assert_allclose(of.feve, explained, atol=0.06)
    np.testing.assert_allclose(of.correlation_single, np.sqrt(explained * v), atol=0.03)
    np.testing.assert_allclose(of.correlation_averaged / of.ceiling_averaged, of.normalised_correlation)
    if explained:
        worse = moments(repeated_showings(responses, image)[0], 2 * predicted + 1)
        assert (worse.feve < of.feve - 0.2).all()
        np.testing.assert_allclose(worse.normalised_correlation, of.normalised_correlation)


def test_images_shown_once_are_left_out_and_others_count_alike():
    responses, image, predicted = simulate(np.array([0.3, 0.6]), 4, 300)
    whole = moments(repeated_showings(responses, image)[0], predicted)
    once = np.r_[image, np.arange(300, 350)]
    showings, ids = repeated_showings(np.r_[responses, np.full((50, 2), 100.0)], once)
    assert ids.max() == 299
    np.testing.assert_allclose(moments(showings, predicted).feve, whole.feve)
    fewer = np.flatnonzero((image % 2 == 0) | (np.arange(1200) % 4 < 2))
    mixed = moments(repeated_showings(responses[fewer], image[fewer])[0], predicted)
    np.testing.assert_allclose(mixed.signal_variance, [0.3, 0.6], atol=0.12)


def test_bootstrap_weights_count_images():
    responses, image, predicted = simulate(np.array([0.3, 0.6]), 2, 40)
    showings, _ = repeated_showings(responses, image)
    drawn = np.random.default_rng(1).integers(40, size=40)
    of_weights = moments(showings, predicted, np.bincount(drawn, minlength=40)[None])
    again = Showings(showings.mean[drawn], showings.within[drawn], showings.n_showings[drawn])
    np.testing.assert_allclose(of_weights.feve[0], moments(again, predicted[drawn]).feve)
    np.testing.assert_allclose(of_weights.correlation_single[0], moments(again, predicted[drawn]).correlation_single)


def test_neurons_that_tell_nothing():
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(200), 2)
    responses = np.c_[np.zeros(400), rng.normal(size=400)]
    predicted = np.c_[rng.normal(size=200), np.zeros(200)]
    of = moments(repeated_showings(responses, image)[0], predicted)
    assert np.isnan(of.signal_variance[0]) and np.isnan(of.correlation_single[0]) and np.isnan(of.feve[0])
    assert of.correlation_single[1] == 0 and abs(of.signal_variance[1]) < 0.15
