import numpy as np
import pytest

from dina.decoders.cca import canonical_ridge
from dina.settings import CcaSettings

NONE = CcaSettings(response_penalties=(1e-9,), image_penalties=(1e-9,))


@pytest.fixture(scope="module")
def sides():
    """Two pairs of signals, correlated by 0.9 and 0.6, mixed into five and four dimensions."""
    rng = np.random.default_rng(0)
    n = 20_000
    common = rng.standard_normal((n, 2))
    x, y = rng.standard_normal((n, 5)), rng.standard_normal((n, 4))
    for k, correlation in enumerate((0.9, 0.6)):
        for side in (x, y):
            side[:, k] = np.sqrt(correlation) * common[:, k] + np.sqrt(1 - correlation) * side[:, k]
    return x @ rng.standard_normal((5, 5)), y @ rng.standard_normal((4, 4))


def test_finds_the_correlations_that_are_there(sides):
    ((_, a, b, found),) = canonical_ridge(*sides, NONE)
    np.testing.assert_allclose(found, [0.9, 0.6, 0, 0], atol=0.03)
    x, y = (side - side.mean(0) for side in sides)
    u, v = x @ a, y @ b
    np.testing.assert_allclose(u.T @ u / len(u), np.eye(4), atol=1e-3)
    np.testing.assert_allclose(u.T @ v / len(u), np.diag(found), atol=1e-3)


def test_penalties_shrink_correlations_and_every_pair_of_them_is_tried(sides):
    settings = CcaSettings(response_penalties=(1e-9, 1.0), image_penalties=(1e-9, 0.5, 5.0), n_pairs=2)
    tried = list(canonical_ridge(*sides, settings))
    assert len(tried) == 6 and tried[0][1].shape == (5, 2)
    first = [correlations[0] for *_, correlations in tried]
    assert first[0] > first[1] > first[2] and first[0] > first[3]
