from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, poisson

from dina import stores
from dina.decoders.ideal_observer import ideal_observer_scores, log_likelihood
from dina.errors import StoreError


def gain(log_sd, z):
    return np.exp(log_sd * z - log_sd**2 / 2)


def by_integration(counts, expected, spontaneous, shared, private):
    """The double integral on a dense grid: shared gain outside, private gains inside the product."""
    z = np.linspace(-7, 7, 701)
    per_shared = np.ones_like(z)
    for n, rate, base in zip(counts, expected, spontaneous, strict=True):
        rates = gain(shared, z)[:, None] * gain(private, z) * rate + base
        per_shared *= np.trapezoid(norm.pdf(z) * poisson.pmf(n, rates), z, axis=1)
    return np.log(np.trapezoid(norm.pdf(z) * per_shared, z))


def test_log_likelihood_equals_numerical_integration():
    counts, spontaneous = np.array([[3, 0]]), np.array([0.1, 0.2])
    expected = np.array([[2.0, 0.5], [0.2, 1.5]])
    found = log_likelihood(counts, expected, spontaneous, 0.3, 0.4)[0]
    for image in range(2):
        truth = by_integration(counts[0], expected[image], spontaneous, 0.3, 0.4)
        assert found[image] == pytest.approx(truth, abs=1e-3)


def test_without_gains_it_is_poisson():
    counts, expected = np.array([[3, 0], [1, 2]]), np.array([[2.0, 0.5], [0.2, 1.5]])
    truth = poisson.logpmf(counts[:, None], expected[None] + 0.1).sum(-1)
    np.testing.assert_allclose(log_likelihood(counts, expected, np.full(2, 0.1), 0, 0), truth, rtol=1e-6)


def test_a_sharp_population_needs_fine_nodes():
    """Many cells pin the shared gain; the quadrature still agrees with a dense grid."""
    rng = np.random.default_rng(0)
    expected = rng.gamma(1, 1, (3, 300))
    counts = rng.poisson(expected[:1] * 1.3)
    z = np.linspace(-5, 5, 4001)
    rates = gain(0.25, z)[:, None, None] * expected + 0.05
    dense = np.log(np.mean(np.exp(poisson.logpmf(counts, rates).sum(-1) + 700) * norm.pdf(z)[:, None], 0)) - 700
    dense += np.log(z[-1] - z[0])
    np.testing.assert_allclose(log_likelihood(counts, expected, np.full(300, 0.05), 0.25, 0)[0], dense, atol=0.05)


def test_silent_cells_do_no_harm():
    scores = log_likelihood(np.array([[0, 1]]), np.array([[0.0, 1.0]]), np.zeros(2), 0.2, 0.2)
    assert np.isfinite(scores).all()


def test_trials_may_be_left_out_but_not_moved(gabor_trials, tmp_path):
    rng, n_images = np.random.default_rng(1), len(gabor_trials.images)
    counts = rng.poisson(1, gabor_trials.responses.shape)
    full = replace(gabor_trials, responses=counts)
    with stores.new_store(tmp_path / "truth") as store:
        stores.write_array(store, "trial_onset_s", full.onset_s, unit="s")
        stores.write_array(store, "trial_image", full.image_index)
        stores.write_array(store, "expected_count", rng.gamma(1, 1, (n_images, counts.shape[1])))
        stores.write_array(store, "spontaneous_count", np.full(counts.shape[1], 0.1))
        stores.write_attributes(store, {"shared_gain_log_sd": 0.0, "private_gain_log_sd": 0.0})
    scores, trial, image = ideal_observer_scores(full, tmp_path / "truth")
    kept = np.flatnonzero(np.arange(len(counts)) % 7 != 0)
    names = ("responses", "image_index", "repeat", "onset_s", "split")
    some = replace(full, **{name: getattr(full, name)[kept] for name in names})
    fewer, of_some, images = ideal_observer_scores(some, tmp_path / "truth")
    rows = np.isin(trial, kept[of_some])
    np.testing.assert_allclose(fewer, scores[rows][:, np.isin(image, images)])
    with pytest.raises(StoreError, match="trials at other times"):
        ideal_observer_scores(replace(some, onset_s=some.onset_s + 0.1), tmp_path / "truth")
