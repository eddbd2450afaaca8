import numpy as np
import pytest

from dina.models.noise import fit_noise


@pytest.fixture(scope="module")
def residuals():
    """Private noise of many sizes, and one factor that doubles the variance along a direction common to all."""
    rng = np.random.default_rng(0)
    direction = rng.standard_normal(12) / 12**0.5
    correlated = rng.standard_normal((20_000, 12)) + 3 * rng.standard_normal((20_000, 1)) * direction
    return correlated * rng.uniform(0.5, 3, 12)


def test_whitened_noise_is_independent_and_of_unit_variance(residuals):
    whitened = fit_noise(residuals, 12, 1e-3).whiten(residuals)
    np.testing.assert_allclose(np.linalg.eigvalsh(np.cov(whitened.T))[-2:], 1, atol=0.05)


def test_one_factor_takes_out_what_is_shared(residuals):
    off_diagonal = ~np.eye(12, dtype=bool)

    def shared(n_factors):
        return np.abs(
            np.corrcoef(fit_noise(residuals, 1, 1e-3).first(n_factors).whiten(residuals).T)[off_diagonal]
        ).mean()

    assert shared(1) < 0.3 * shared(0)


def test_fewer_factors_are_the_first_ones(residuals):
    many, one = fit_noise(residuals, 3, 1e-3), fit_noise(residuals, 1, 1e-3)
    np.testing.assert_allclose(many.first(1).whiten(residuals), one.whiten(residuals), atol=1e-3)


def test_no_neuron_is_surer_than_the_least(residuals):
    residuals = residuals * np.r_[0, np.ones(11)]
    noise = fit_noise(residuals, 2, 0.05)
    assert noise.sd[0] == np.float32(0.05) and np.isfinite(noise.whiten(residuals)).all()
