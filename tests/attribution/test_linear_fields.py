"""The linear yardstick recovers a known filter, by the formula."""

import numpy as np

from dina.attribution.linear_fields import contrast_features, fit_fields, pixel_features


def data(noise, seed=0, n=400, n_features=30, n_neurons=3):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, n_features)) + 2
    weights = rng.standard_normal((n_features, n_neurons))
    return features, features @ weights + noise * rng.standard_normal((n, n_neurons)), weights


def test_noiseless_filters_are_recovered():
    features, responses, weights = data(0.0)
    found, penalty = fit_fields(features[:300], responses[:300], (features[300:], responses[300:]))
    assert penalty < 0.1
    np.testing.assert_allclose(found, weights, atol=0.02)


def test_it_is_ridge_and_noise_asks_for_more_of_it():
    features, responses, _ = data(30.0)
    found, penalty = fit_fields(features[:300], responses[:300], (features[300:], responses[300:]))
    _, little = fit_fields(*data(0.1)[:2], data(0.1, n=100)[:2])
    assert penalty > little
    centred, wanted = features[:300] - features[:300].mean(0), responses[:300] - responses[:300].mean(0)
    scale = penalty * np.trace(centred @ centred.T) / 300
    np.testing.assert_allclose(
        found, np.linalg.solve(centred.T @ centred + scale * np.eye(30), centred.T @ wanted), atol=1e-4
    )


def test_contrast_features_do_not_see_polarity():
    images = np.random.default_rng(0).random((2, 32, 32)).astype(np.float32)
    normal, inverted = contrast_features(images), contrast_features(1 - images)
    np.testing.assert_allclose(normal[:, 1024:], inverted[:, 1024:], atol=1e-5)
    np.testing.assert_array_equal(normal[:, :1024], pixel_features(images))
