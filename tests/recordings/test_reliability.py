import numpy as np
import pytest

from dina.errors import ShapeError
from dina.recordings.reliability import (
    explainable_variance,
    repeat_pairs,
    repeating_variance,
    shrink_reliability,
    signal_and_noise_variance,
    signal_variance,
    usual_showings,
)


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


def show(n_showings, truth, n_neurons=4000, seed=3):
    """Trials in random order, and neurons that share a signal variance."""
    rng = np.random.default_rng(seed)
    image = rng.permutation(np.repeat(np.arange(len(n_showings)), n_showings))
    repeat = np.array([np.sum(image[:k] == number) for k, number in enumerate(image)])
    signal = rng.normal(size=(len(n_showings), n_neurons)) * np.sqrt(truth)
    return signal[image] + rng.normal(size=(len(image), n_neurons)) * np.sqrt(1 - truth), image, repeat


@pytest.mark.parametrize("truth", [0.1, 0.5])
def test_all_showings_tell_of_a_neuron(truth):
    """Fewer than all would have the spread of one pair; the error that shrinkage assumes is the one there is."""
    n_showings = np.full(40, 12)
    responses, image, repeat = show(n_showings, truth)
    found = repeating_variance(responses, image, repeat)
    assert found.mean() == pytest.approx(truth, abs=0.01)
    first, second = repeat_pairs(image, repeat, np.arange(len(image)))
    assert found.std() < 0.65 * signal_variance(responses[first], responses[second]).std()
    shrunk = shrink_reliability(found, len(n_showings), usual_showings(image))
    assert np.std(shrunk) < 0.3 * np.std(found)  # neurons alike, so that all spread is error


def test_the_error_of_all_showings_is_known():
    n, m, truth = 12, 40, 0.3
    found = repeating_variance(*show(np.full(m, n), truth))
    error = (1 - truth) * (1 + (n - 1) * truth) * np.sqrt(2 / (n * (n - 1) * (m - 1)))
    assert found.std() == pytest.approx(error, rel=0.06)


def test_images_count_alike_however_often_they_were_shown():
    responses, image, repeat = show(np.r_[np.full(60, 3), np.full(4, 40), np.ones(30, int)], 0.4, n_neurons=1000)
    found = repeating_variance(responses, image, repeat)
    assert found.mean() == pytest.approx(0.4, abs=0.02) and found.std() < 0.12
    assert usual_showings(image) == pytest.approx(64 / (60 / 3 + 4 / 40))


def test_two_showings_keep_the_published_measure():
    responses, image, repeat = show(np.r_[np.full(50, 2), np.ones(20, int)], 0.4, n_neurons=5)
    first, second = repeat_pairs(image, repeat, np.arange(len(image)))
    expected = signal_variance(responses[first], responses[second])
    np.testing.assert_array_equal(repeating_variance(responses, image, repeat), expected)
    assert usual_showings(image) == 2
    assert np.isnan(repeating_variance(responses[:1], image[:1], repeat[:1])).all()


@pytest.mark.parametrize("n_showings", [np.full(12, 2), np.r_[np.full(6, 2), np.full(4, 5), 9, 1, 1]])
def test_signal_and_noise_variance_are_unbiased(n_showings):
    """Over many draws of few images; each neuron is a draw of its own."""
    rng = np.random.default_rng(4)
    image = rng.permutation(np.repeat(np.arange(len(n_showings)), n_showings))
    n_draws, signal, noise = 40_000, 0.3, 1.7
    tuning = rng.normal(5, np.sqrt(signal), (len(n_showings), n_draws))
    found = signal_and_noise_variance(tuning[image] + rng.normal(0, np.sqrt(noise), (len(image), n_draws)), image)
    for variance, truth in zip(found, (signal, noise), strict=True):
        assert variance.mean() == pytest.approx(truth, abs=4 * variance.std() / np.sqrt(n_draws))
        assert variance.std() / np.sqrt(n_draws) < 0.01 * noise  # so that the line above tells a bias of a few per cent


def test_noise_variance_is_the_mean_over_images():
    responses = np.array([[1.0], [3.0], [2.0], [5.0], [8.0], [100.0]])
    image = np.array([0, 0, 4, 4, 4, 2])
    signal, noise = signal_and_noise_variance(responses, image)
    np.testing.assert_allclose(noise, [(2 + 9) / 2])
    np.testing.assert_allclose(signal, [(5 - 2) ** 2 / 2 - (2 / 2 + 9 / 3) / 2])


def test_explainable_variance_and_snr_of_known_neurons():
    rng = np.random.default_rng(5)
    signal, noise = np.array([0.05, 1.0, 4.0, 0.0]), np.array([1.0, 1.0, 1.0, 2.0])
    image = np.tile(np.arange(3000), 4)
    tuning = rng.normal(size=(3000, 4)) * np.sqrt(signal)
    responses = (tuning[image] + rng.normal(size=(len(image), 4)) * np.sqrt(noise)).astype(np.float32)
    fev, snr = explainable_variance(*signal_and_noise_variance(responses, image))
    np.testing.assert_allclose(fev, signal / (signal + noise), atol=0.03)
    np.testing.assert_allclose(snr, signal / noise, rtol=0.1, atol=0.03)
    again = explainable_variance(*signal_and_noise_variance(responses * 7 + 300, image))
    np.testing.assert_allclose(again, (fev, snr), atol=1e-3)


def test_explainable_variance_needs_variance_and_repeats():
    still = explainable_variance(*signal_and_noise_variance(np.ones((6, 1)), np.array([0, 0, 1, 1, 2, 2])))
    once = explainable_variance(*signal_and_noise_variance(np.random.default_rng(6).random((4, 1)), np.arange(4)))
    assert np.isnan([*still, *once]).all()
