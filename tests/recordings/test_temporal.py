import numpy as np
import pytest

from dina.errors import InputError
from dina.recordings.reliability import repeating_variance, signal_and_noise_variance
from dina.recordings.temporal import (
    bin_edges,
    refuse_short_bins,
    running_responses,
    signal_and_noise_covariance,
    temporal_weights,
)
from dina.settings import ResponsesSettings

N_BINS, N_IMAGES = 6, 200
IMAGE = np.repeat(np.arange(N_IMAGES), 2)
TRIALS = np.arange(len(IMAGE))


def simulate(profile, seed=0, strength=None):
    """(trials, bins, neurons) noise of 1 s.d., and in each neuron's (bins, neurons) profile a signal by image."""
    rng = np.random.default_rng(seed)
    profile = np.asarray(profile, float)
    n_neurons = profile.shape[1]
    strength = rng.gamma(1, 0.7, n_neurons) if strength is None else strength
    signal = rng.normal(size=(N_IMAGES, n_neurons)) * strength
    return signal[IMAGE][:, None] * profile + rng.normal(size=(len(IMAGE), N_BINS, n_neurons))


def reliability(binned, weights):
    summed = np.einsum("tbn,bn->tn", binned, weights)
    return repeating_variance(summed, IMAGE, TRIALS % 2)


@pytest.mark.parametrize("arrives", [[2], [1, 2], [0, 5]])
def test_weights_find_the_bins_in_which_the_signal_arrives(arrives):
    profile = np.zeros((N_BINS, 80))
    profile[arrives] = 1
    weights = temporal_weights(simulate(profile), IMAGE, TRIALS)
    np.testing.assert_allclose(weights.mean(0), 1, rtol=1e-5)
    assert (weights >= 0).all()
    there = weights[arrives].sum(0) / weights.sum(0)
    assert there.mean() > 0.95 and there.min() > 0.8  # weak neurons too: they take after the population
    unseen = simulate(profile, seed=1)
    ideal = reliability(unseen, profile).mean()
    assert reliability(unseen, weights).mean() == pytest.approx(ideal, abs=0.005)
    assert reliability(unseen, np.ones_like(weights)).mean() < ideal - 0.08


def test_each_neuron_has_its_own_time():
    profile = np.zeros((N_BINS, 40))
    profile[1, :20] = profile[4, 20:] = 1
    weights = temporal_weights(simulate(profile, strength=1.5), IMAGE, TRIALS)
    assert (weights.argmax(0) == np.repeat([1, 4], 20)).all()
    assert (weights.max(0) > 0.75 * N_BINS).all()


def test_a_noisy_bin_counts_less():
    """The best weights of equally tuned bins are in proportion to the inverse of their noise."""
    binned = simulate(np.ones((N_BINS, 60)))
    binned[:, 3] += 3 * np.random.default_rng(2).normal(size=binned[:, 3].shape)
    weights = temporal_weights(binned, IMAGE, TRIALS)
    assert weights[3].mean() == pytest.approx(weights[0].mean() / 10, abs=0.06)


def test_without_signal_no_weights_are_made_up():
    flat = temporal_weights(simulate(np.zeros((N_BINS, 30))), IMAGE, TRIALS)
    np.testing.assert_array_equal(flat, 1)


def test_an_even_signal_keeps_even_weights():
    np.testing.assert_allclose(temporal_weights(simulate(np.ones((N_BINS, 60))), IMAGE, TRIALS), 1, atol=0.15)


def test_too_few_repeats_give_uniform_weights():
    profile = np.eye(N_BINS)[:, [2] * 30]
    binned = simulate(profile)
    few = np.concatenate([TRIALS[:38], TRIALS[38::2]])  # 19 repeated images: 10 and 9 in the halves
    np.testing.assert_array_equal(temporal_weights(binned, IMAGE, few), 1)
    enough = np.concatenate([TRIALS[:40], TRIALS[40::2]])
    assert temporal_weights(binned, IMAGE, enough)[2].mean() > 3


def test_other_trials_are_not_looked_at():
    binned = simulate(np.eye(N_BINS)[:, [2] * 30])
    train = TRIALS[:300]
    expected = temporal_weights(binned, IMAGE, train)
    binned[300:] = np.random.default_rng(1).gamma(9, 9, binned[300:].shape)
    np.testing.assert_array_equal(temporal_weights(binned, IMAGE, train), expected)


def test_blocks_of_neurons_change_nothing_and_silent_neurons_stay_uniform():
    binned = simulate(np.eye(N_BINS)[:, [2] * 30])
    binned[:, :, 7] = 0.3
    whole, parts = (temporal_weights(binned, IMAGE, TRIALS, block) for block in (30, 4))
    np.testing.assert_allclose(whole, parts, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(whole[:, 7], 1)


def test_covariances_by_a_slow_loop():
    rng = np.random.default_rng(0)
    image = np.repeat([4, 0, 2, 7, 5], [3, 2, 4, 1, 2])
    responses = rng.normal(size=(len(image), 3, 2)) + rng.normal(size=(8, 3, 2))[image]
    signal, noise = signal_and_noise_covariance(responses, image)
    repeated = [responses[image == number] for number in (0, 2, 4, 5)]
    for neuron in range(2):
        within = [np.cov(shown[:, :, neuron].T) for shown in repeated]
        means = np.cov(np.array([shown[:, :, neuron].mean(0) for shown in repeated]).T)
        np.testing.assert_allclose(noise[neuron], np.mean(within, 0))
        of_means = np.mean([one / len(shown) for one, shown in zip(within, repeated, strict=True)], 0)
        np.testing.assert_allclose(signal[neuron], means - of_means)
    for number in range(3):
        of_bin = signal_and_noise_variance(responses[:, number], image)
        np.testing.assert_allclose([signal[:, number, number], noise[:, number, number]], of_bin)


def test_running_responses_end_at_the_weighted_sum():
    rng = np.random.default_rng(0)
    binned, weights = rng.random((5, 3, 2), np.float32), rng.random((3, 2), np.float32)
    first, _, last = running_responses(binned, weights)
    np.testing.assert_allclose(first, weights[0] * binned[:, 0])
    np.testing.assert_allclose(last, np.einsum("tbn,bn->tn", binned, weights), rtol=1e-6)


def test_bins_shorter_than_a_frame_are_refused():
    np.testing.assert_allclose(bin_edges((-0.2, 0.6), 4), [-0.2, 0, 0.2, 0.4, 0.6], atol=1e-9)
    refuse_short_bins(ResponsesSettings(window_s=(-0.2, 0.6), n_bins=4), 0.2, "here")
    refuse_short_bins(ResponsesSettings(window_s=(0, 0.1), n_bins=1), 0.2, "here")  # no bins are asked for
    expected = (
        r"here, responses.n_bins: found 5 bins of 0.16 s; expected bins of at least a frame, 0.2 s at 5 Hz. .* 4 at"
    )
    with pytest.raises(InputError, match=expected):
        refuse_short_bins(ResponsesSettings(window_s=(-0.2, 0.6), n_bins=5), 0.2, "here")
