from dataclasses import replace

import numpy as np

from dina.probing.field import population_field
from dina.probing.reconstruction import phase_scrambled, pixel_correlation
from dina.recordings.trials import TEST, describe_neurons


def seeing(trials, seen):
    """The recording with only the neurons whose pixel is ``seen``; image structure elsewhere is independent noise."""
    rng = np.random.default_rng(3)
    images = np.where(seen, trials.images, rng.random(trials.images.shape)).astype(np.float32)
    responses = trials.responses[:, seen.ravel()]
    described = describe_neurons(responses, trials.image_index, trials.repeat, trials.split)
    return replace(trials, images=images, responses=responses, **described)


def test_the_field_is_what_neurons_answer_to(trials):
    seen = np.zeros((8, 8), bool)
    seen[2:6, 1:5] = True
    field = population_field(seeing(trials, seen), 8)
    assert (
        field[seen].all() and field[~seen].mean() < 0.35
    )  # of 20 validation images some pixels look explained by luck


def test_test_trials_play_no_part(trials):
    seen = np.zeros((8, 8), bool)
    seen[2:6, 1:5] = True
    recording = seeing(trials, seen)
    responses = recording.responses.copy()
    responses[recording.trials(TEST)] = 9.0
    np.testing.assert_array_equal(
        population_field(recording, 8), population_field(replace(recording, responses=responses), 8)
    )


def test_where_nothing_is_seen_the_field_is_all(trials):
    rng = np.random.default_rng(4)
    assert population_field(replace(trials, responses=rng.random(trials.responses.shape, np.float32)), 8).all()


def test_scrambling_keeps_the_spectrum_and_no_place():
    rng = np.random.default_rng(5)
    pictures = rng.random((20, 16, 16)).astype(np.float32)
    scrambled = phase_scrambled(pictures, rng)
    np.testing.assert_allclose(np.abs(np.fft.fft2(scrambled)), np.abs(np.fft.fft2(pictures)), rtol=1e-3, atol=1e-3)
    assert abs(pixel_correlation(scrambled, pictures).mean()) < 0.1


def test_correlation_within_a_field_ignores_the_rest():
    rng = np.random.default_rng(6)
    a, b = rng.random((2, 5, 8, 8))
    field = np.zeros((8, 8), bool)
    field[:4] = True
    b[:, field] = a[:, field]
    np.testing.assert_allclose(pixel_correlation(a, b, field), 1)
    assert pixel_correlation(a, b).max() < 0.9
