import numpy as np
import pytest
from scipy.stats import norm, poisson

from dina.decoders.ideal_observer import log_likelihood


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
