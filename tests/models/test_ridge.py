import numpy as np
import pytest

from dina.models.ridge import ridge_path


@pytest.mark.parametrize(("n", "p"), [(40, 7), (12, 30)])
def test_both_forms_solve_the_same_equations(n, p):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, p)) + 3, rng.normal(size=(n, 4)) - 1
    centred = x - x.mean(0)
    unit = np.sum(centred**2) / p
    for penalty, b, intercept in ridge_path(x, y, (0.1, 2.0)):
        expected = np.linalg.solve(centred.T @ centred + penalty * unit * np.eye(p), centred.T @ (y - y.mean(0)))
        np.testing.assert_allclose(b, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose((x @ b + intercept).mean(0), y.mean(0), atol=1e-4)


def test_recovers_a_linear_map_at_a_small_penalty():
    rng = np.random.default_rng(1)
    x, truth = rng.normal(size=(200, 5)), rng.normal(size=(5, 3))
    [(_, b, intercept)] = ridge_path(x, x @ truth + 2, (1e-9,))
    np.testing.assert_allclose(b, truth, atol=1e-5)
    np.testing.assert_allclose(intercept, 2, atol=1e-5)
