"""Interactions that were planted are found, and none where there are none."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dina.attribution.interactions import integrated_hessians, pooled_p, product_nodes
from dina.attribution.latent_pairs import tower_strength
from dina.probing.statistics import adjusted

FILE = Path(__file__).parents[2] / "benchmarks/attribution/planted_interactions.py"


@pytest.fixture(scope="module")
def planting():
    import sys

    spec = importlib.util.spec_from_file_location("planted_interactions", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("n", [1, 3, 5])
def test_nodes_integrate_products_of_two_uniform_numbers(n):
    nodes, weights = product_nodes(n)
    for degree in range(2 * n):
        assert np.sum(weights * nodes**degree) == pytest.approx((degree + 2.0) ** -2, rel=1e-9)


def test_a_hand_built_polynomial_is_taken_apart():
    def function(x):  # main effects, squares, a pair, a pair of higher order
        return torch.stack([2 * x[0] + x[1] ** 2 - 3 * x[0] * x[2], x[1] ** 2 * x[3] + x[4]])

    x = torch.tensor([[1.0, -2.0, 0.5, 3.0, 1.0], [0.3, 1.5, -1.0, -0.7, 2.0]], dtype=torch.float64)
    found = integrated_hessians(function, x, torch.zeros_like(x), torch.arange(5))
    expected = torch.zeros(2, 2, 5, 5, dtype=torch.float64)
    expected[0, :, 0, 2] = expected[0, :, 2, 0] = -3 * x[:, 0] * x[:, 2] / 4
    # ∂²/∂1∂3 = 2 x1, at αβ x: ∫∫ (αβ)² = 1/9
    expected[1, :, 1, 3] = expected[1, :, 3, 1] = 2 * x[:, 1] ** 2 * x[:, 3] / 9
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_neural_tower_is_read_at_the_latents_place():
    from dina.attribution.interactions import Found
    from tests.models.test_slopes import towers

    model, generator = towers()
    z = torch.randn(6, 15, generator=generator)
    first, second = np.array([1, 1, 7]), np.array([7, 12, 12])
    pairs = Found(np.zeros(15), first, second, *[np.zeros(3)] * 6)
    unit = 37
    found = tower_strength(model.neural_tower, z, unit, pairs)
    tower = model.neural_tower
    whole = integrated_hessians(
        lambda x: tower(x[None]).flatten()[unit, None], z, torch.zeros_like(z), torch.arange(15)
    )
    of = whole[0][:, first, second]
    expected = of.abs().mean(0) * of.mean(0).sign()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max()))
    nn.init.zeros_(model.neural_tower.residual[-1].weight)
    assert np.abs(tower_strength(model.neural_tower, z, unit, pairs)).max() == 0


def test_planted_members_and_pairs_are_found(planting):
    planted = planting.plant(1000, 60, 8, 6, seed=1)
    of = planting.found(planted, 60, 20, seed=1)
    true = planting.is_pair(planted, of)
    assert planting.area_under_curve(of.importance, np.isin(np.arange(60), planted.members)) >= 0.95
    assert planting.area_under_curve(np.abs(of.strength), true) >= 0.9
    called = of.q < 0.05
    assert called[true].mean() >= 0.5 and called[~true].sum() <= 1


def test_nothing_is_found_where_effects_add_up(planting):
    called, small = [], []
    for seed in range(3):
        of = planting.found(planting.plant(600, 60, 8, 0, seed), 20, 20, seed)
        called.append(np.mean(of.q < 0.05))
        small.append(np.mean(of.p < 0.05))
    assert np.mean(called) <= 0.05 and np.mean(small) <= 0.08


def test_p_values_of_the_null_are_uniform():
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.1, 10, 500)
    p = pooled_p(scale * rng.normal(size=500), scale * rng.normal(size=(20, 500)))
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.03) and np.mean(p < 0.5) == pytest.approx(0.5, abs=0.07)


def test_false_discovery_rate_by_hand():
    np.testing.assert_allclose(adjusted(np.array([0.04, 0.01, 0.03, 0.5])), [0.16 / 3, 0.04, 0.16 / 3, 0.5])


def test_pairs_of_silent_neurons_do_not_hide_others():
    rng = np.random.default_rng(0)
    null, values = rng.normal(size=(20, 66)), rng.normal(size=66)
    values[0] = 6
    silent = np.arange(66) >= 20
    alone = pooled_p(values[~silent], null[:, ~silent])
    found = pooled_p(np.where(silent, 0, values), np.where(silent, 0, null))
    np.testing.assert_array_equal(found, np.concatenate([alone, np.ones(46)]))
    assert found[0] < 0.01
