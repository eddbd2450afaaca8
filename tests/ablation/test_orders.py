"""Orders of neurons: what they are made of, and what they never see."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from attribution import planted_neurons as planted

from dina.ablation.needed import comparison_rows
from dina.ablation.orders import (
    ATTRIBUTION,
    MATCHED,
    MATCHED_BIN,
    RANDOM,
    STRONGEST,
    draw_orders,
    field_centres,
    fixed_orders,
    matched_order,
    order_from_centre,
)
from dina.recordings.trials import TEST, VALIDATION
from dina.training.closed_form import fit_encoding

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def few_matter():
    return planted.population(0, n_matter=planted.N_MATTER)


@pytest.fixture(scope="module")
def model(few_matter):
    return planted.refits_of(few_matter).fit(few_matter)[0].model.requires_grad_(False)


def orders_of(trials, model):
    return fixed_orders(trials, [model], fit_encoding(trials, planted.DINA.model, planted.GABOR, device=CPU), CPU)


def test_orders_are_permutations_that_never_see_test_trials(few_matter, model):
    poisoned_responses, poisoned_images = few_matter.responses.copy(), few_matter.images.copy()
    poisoned_responses[few_matter.trials(TEST)] = np.nan
    poisoned_images[few_matter.image_ids(TEST)] = np.nan
    poisoned = replace(few_matter, responses=poisoned_responses, images=poisoned_images)
    clean, found = orders_of(few_matter, model), orders_of(poisoned, model)
    assert list(clean) == ["strongest", "response", "attribution", "central"]
    for order, ranking in clean.items():
        np.testing.assert_array_equal(np.sort(ranking), np.arange(planted.N_NEURONS))
        np.testing.assert_array_equal(found[order], ranking)


def test_attribution_is_of_validation_trials(few_matter, model):
    exchanged = few_matter.responses.copy()
    shown = few_matter.trials(VALIDATION)
    exchanged[shown] = exchanged[shown[::-1]]
    other = orders_of(replace(few_matter, responses=exchanged), model)
    clean = orders_of(few_matter, model)
    assert not np.array_equal(other[ATTRIBUTION], clean[ATTRIBUTION])
    np.testing.assert_array_equal(other[STRONGEST], clean[STRONGEST])


def test_neurons_that_matter_come_first_and_need_fewer_than_at_random(few_matter, model):
    first = orders_of(few_matter, model)[ATTRIBUTION][: planted.N_MATTER]
    assert planted.matters(planted.N_MATTER)[first].mean() >= 0.75
    rows = {row["metric"]: row for row in comparison_rows(planted.curves_of(few_matter, 0), "dina", 500)}
    assert rows["neurons_for_90pct"]["verdict"] == "fewer" and rows["neurons_for_90pct"]["ci_high"] < 0
    assert rows["top1_mean"]["verdict"] == "better" and rows["top1_mean"]["p"] < 0.01


def test_the_matched_control_has_the_same_reliability_at_every_share():
    rng = np.random.default_rng(0)
    reliability = rng.random(101).astype(np.float32)
    order = rng.permutation(101)
    matched = matched_order(order, reliability, rng)
    bins = np.argsort(np.argsort(-reliability, kind="stable")) // MATCHED_BIN
    np.testing.assert_array_equal(bins[matched], bins[order])  # so every prefix holds as many of each bin
    np.testing.assert_array_equal(np.sort(matched), np.arange(101))
    assert np.mean(matched == order) < 0.3


def test_where_reliability_is_unknown_nothing_is_matched(few_matter, model):
    alike = replace(few_matter, reliability=np.ones(planted.N_NEURONS, np.float32))
    fixed = orders_of(alike, model)
    drawn = draw_orders(fixed, alike.reliability, 2, np.random.default_rng(0))
    assert STRONGEST not in fixed and MATCHED not in drawn and len(drawn[RANDOM]) == 2


def test_central_neurons_come_first_on_an_image_that_is_wide():
    centres = np.array([[0.5, 0.5], [0.9, 0.5], [0.5, 0.7], [0.0, 0.0]])
    reliability = np.array([1.0, 1.0, 1.0, 0.0])  # what the last neuron looks at is chance, and moves no centre
    np.testing.assert_array_equal(order_from_centre(centres, reliability, (10, 10)), [0, 2, 1, 3])
    np.testing.assert_array_equal(order_from_centre(centres, reliability, (10, 100)), [0, 1, 2, 3])


def test_fields_are_found_where_the_planted_maps_lie(gabor_trials, small_gabor):
    from dina.models.features import bank_maps
    from dina.models.gabor import GaborBank

    grid = small_gabor.grid
    maps = bank_maps(GaborBank(small_gabor, (32, 32)), gabor_trials.images).flatten(1)
    n_maps = maps.shape[1]
    # As the fixture draws them
    rng = np.random.default_rng(0)
    rng.random((len(gabor_trials.images), 8, 8))
    place = np.unravel_index(rng.choice(n_maps, gabor_trials.n_neurons, replace=False), (n_maps // grid**2, grid, grid))
    true = (np.stack(place[1:], 1) + 0.5) / grid
    found = field_centres(fit_encoding(gabor_trials, planted.DINA.model, small_gabor, device=CPU))
    reliable = gabor_trials.reliability > 0.4
    for axis in range(2):
        assert np.corrcoef(found[reliable, axis], true[reliable, axis])[0, 1] > 0.8
