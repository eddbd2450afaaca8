"""Gains from pairs: found where products are planted, and not where a value is additive."""

import numpy as np
import pytest

from benchmarks.attribution.planted_latents import (
    LEVEL,
    MEMBERS,
    additive_target,
    curved_target,
    gain_p,
    pairwise_target,
    planted_population,
)
from dina.attribution.pairs import held_out_gain, pairwise_gain, pairwise_terms
from dina.probing.statistics import adjusted

NOISE_SD = 1.5


@pytest.fixture(scope="module")
def population():
    return planted_population(400, 60, np.random.default_rng(1))


@pytest.mark.parametrize("target", [additive_target, curved_target])
def test_additive_values_gain_at_most_at_the_nominal_rate(population, target):
    rng = np.random.default_rng(2)
    p = np.array([gain_p(population, target(population, NOISE_SD, rng), 59, seed)[1] for seed in range(20)])
    assert (p <= LEVEL).sum() <= 3  # of 20 at 0.05, more have a probability of 0.02
    assert not (adjusted(p) <= LEVEL).any()
    assert np.median(p) > 0.2


def test_curved_tuning_of_like_neurons_is_no_interaction():
    rng = np.random.default_rng(6)
    first, own = rng.standard_normal((2, 400))
    x = np.stack([first, 0.8 * first + 0.6 * own], 1)
    y = first + 0.5 * first**2 + 0.5 * rng.standard_normal(400)
    options = {"n_paired": 10, "n_folds": 5, "n_surrogates": 59, "n_bootstrap": 100}
    found = pairwise_gain(x, y, **options, rng=np.random.default_rng(0))
    assert found.r2_additive > 0.8 and found.p > LEVEL and found.gain < 0.01


def test_planted_products_are_found(population):
    rng = np.random.default_rng(3)
    for seed in range(3):
        gain, p = gain_p(population, pairwise_target(population, NOISE_SD, rng), 59, seed)
        assert gain > 0.03 and p == pytest.approx(1 / 60)


def test_the_interval_holds_the_gain_and_tells_planted_from_none(population):
    rng = np.random.default_rng(4)
    options = {"n_paired": 10, "n_folds": 5, "n_surrogates": 19, "n_bootstrap": 200}
    x = population[:, MEMBERS]
    with_pairs, without = (
        pairwise_gain(x, target(population, NOISE_SD, rng), **options, rng=np.random.default_rng(0))
        for target in (pairwise_target, additive_target)
    )
    assert 0 < with_pairs.low < with_pairs.gain < with_pairs.high
    assert without.low < without.gain < without.high < 0.02 and without.chance < 0
    assert with_pairs.n_pairs == 15


def test_gain_on_images_that_nothing_was_fitted_to(population):
    rng = np.random.default_rng(5)
    x = population[:, MEMBERS]
    gains = []
    for target in (pairwise_target, additive_target):
        y = target(population, NOISE_SD / 3, rng)
        gains.append(held_out_gain((x[:300], y[:300]), (x[300:], y[300:]), 10))
    assert gains[0] > 0.05 and gains[1] < 0.02


def test_products_of_the_first_neurons_alone():
    x = np.array([[1.0, 2.0, 3.0, 5.0]])
    np.testing.assert_array_equal(pairwise_terms(x, 3), [[2, 3, 6]])
    assert pairwise_terms(x, 0).shape == (1, 0) and pairwise_terms(x, 9).shape == (1, 6)
