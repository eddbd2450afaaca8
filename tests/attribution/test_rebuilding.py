"""Few neurons that rebuild a value: planted sets are found, and honestly scored."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, orthogonal_mp

from benchmarks.attribution.planted_latents import (
    MEMBERS,
    additive_target,
    pairwise_target,
    planted_population,
    rebuilt,
)
from dina.attribution.many_targets import PENALTIES, Design
from dina.attribution.pursuit import pursue
from dina.attribution.rebuilding import LEAST_R2, rebuild, set_r_squared, smallest_size


@pytest.fixture(scope="module")
def population():
    return planted_population(500, 60, np.random.default_rng(1))


def plant(population, target, n, noise_sd=0.4):
    rng = np.random.default_rng(2)
    return np.stack([target(population, noise_sd, rng) for _ in range(n)], 1)


@pytest.mark.parametrize("target", [additive_target, pairwise_target])
def test_the_planted_neurons_are_found(population, target):
    found = rebuilt(population, plant(population, target, 4))
    for latent in range(4):
        assert set(found.chosen[: len(MEMBERS), latent]) == set(MEMBERS)
    assert found.reached.all()


def test_the_set_is_as_large_as_planted(population):
    found = rebuilt(population, plant(population, additive_target, 4))
    np.testing.assert_array_equal(found.size, len(MEMBERS))
    assert (found.r2_path[len(MEMBERS) - 1] > 0.95).all() and (found.r2_all > 0.95).all()
    assert (found.r2_random < 0.5).all()


def test_noise_is_not_rebuilt(population):
    noise = np.random.default_rng(3).standard_normal((len(population), 20))
    found = rebuilt(population, noise)
    # chosen and scored on the same images, twenty neurons of sixty would explain a tenth of it
    assert found.r2_path.max() < LEAST_R2 and (found.size == 0).all() and not found.reached.any()
    assert np.isnan(found.r2_random).all()


def test_neurons_that_never_vary_rebuild_nothing():
    y = np.random.default_rng(8).standard_normal((40, 2))
    found = rebuilt(np.zeros((40, 3)), y)
    assert found.r2_path.shape == (0, 2) and (found.size == 0).all() and (found.r2_all <= 0).all()


def test_pursuit_takes_the_steps_of_scikit_learn(population):
    rng = np.random.default_rng(4)
    y = population @ rng.standard_normal((60, 3)) + rng.standard_normal((500, 3))
    x = population / np.linalg.norm(population, axis=0)
    expected = orthogonal_mp(x, y - y.mean(0), n_nonzero_coefs=7)
    found = pursue(population, y, 7, population[:50])
    for target in range(3):
        assert set(found.chosen[:, target]) == set(np.flatnonzero(expected[:, target]))
    np.testing.assert_allclose(found.predicted[-1], x[:50] @ expected + y.mean(0), atol=1e-8)


def test_pursuit_never_takes_a_silent_neuron_or_one_twice():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((40, 6))
    x[:, 2] = 3.0
    x[:, 4] = 2 * x[:, 1]
    found = pursue(x, x[:, [1]] + x[:, [0]], 10, x)
    assert sorted(found.chosen[:, 0]) == [0, 1, 3, 4, 5]
    np.testing.assert_allclose(found.predicted[-1][:, 0], x[:, 1] + x[:, 0], atol=1e-8)


@pytest.mark.parametrize("shape", [(80, 12), (30, 100)])
def test_ridge_is_that_of_the_best_penalty(shape):
    rng = np.random.default_rng(6)
    x, other = rng.standard_normal(shape), rng.standard_normal((5, shape[1]))
    y = x @ rng.standard_normal((shape[1], 2)) + [[1.0, 20.0]] * rng.standard_normal((shape[0], 2)) + 3
    fit = Design.of(x).fit(y)
    centred = x - x.mean(0)
    penalties = PENALTIES * np.linalg.norm(centred, 2) ** 2
    for target in range(2):
        predicted = []
        for penalty in penalties:
            hat = centred @ np.linalg.solve(centred.T @ centred + penalty * np.eye(shape[1]), centred.T)
            left = y[:, target] - y[:, target].mean() - hat @ y[:, target]
            predicted.append(np.sum(left**2) / (shape[0] - 1 - np.trace(hat)) ** 2)
        best = Ridge(penalties[int(np.argmin(predicted))], solver="svd").fit(x, y[:, target])
        np.testing.assert_allclose(fit.predict(other)[:, target], best.predict(other), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(fit.fitted[:, target], best.predict(x), rtol=1e-4, atol=1e-4)


def test_smallest_size():
    path = np.array([[0.2, 0.3, 0.01, 0.1], [0.5, 0.3, 0.02, 0.2], [0.46, 0.46, 0.03, 0.3]])
    size, reached = smallest_size(path, np.array([0.5, 0.5, 0.04, 0.5]), 0.9)
    np.testing.assert_array_equal(size, [2, 3, 0, 3])
    np.testing.assert_array_equal(reached, [True, True, False, False])


def test_held_out_r_squared_of_a_set(population):
    y = plant(population, additive_target, 2)
    train, test = (population[:400], y[:400]), (population[400:], y[400:])
    found = rebuilt(*train)
    r2 = set_r_squared(train, test, found.chosen, np.array([6, 0]))
    assert 0.9 < r2[0] < 1 and np.isnan(r2[1])


def test_the_same_seed_gives_the_same(population):
    y = plant(population, additive_target, 2)
    options = {"most_neurons": 8, "share": 0.9, "n_folds": 4}
    first, second = (rebuild(population, y, **options, rng=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.r2_path, second.r2_path)


@pytest.mark.parametrize("n_samples", [33, 6, 3])
def test_folds_of_unequal_size_share_one_path(n_samples):
    x = np.random.default_rng(0).normal(size=(n_samples, 40))
    found = rebuild(x, x[:, :2], most_neurons=30, share=0.9, n_folds=5, rng=np.random.default_rng(1))
    assert len(found.r2_path) == len(found.chosen) == max(0, n_samples - -(-n_samples // 5) - 2)


def test_a_neuron_that_fires_once_is_missing_in_one_fold():
    x = np.random.default_rng(0).normal(size=(100, 20))
    x[:, 3] = np.arange(100) == 7
    found = rebuild(x, x[:, :1], most_neurons=30, share=0.9, n_folds=5, rng=np.random.default_rng(1))
    assert len(found.r2_path) == 19 and found.size[0] == 1
