from itertools import combinations

import numpy as np
import pytest

from dina.probing.identification import _by_image, _hits, _rows_of_ceiling
from dina.probing.pools import top_k_probability
from dina.probing.statistics import interval, paired_ratio, resampled
from dina.settings import ProbingSettings


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("pool", [2, 4, 7])
def test_probability_equals_counting_every_pool(pool, k):
    n = 7
    for ahead in range(n):
        rivals = np.arange(n - 1) < ahead  # which of the rivals score above the true image
        hits = [rivals[list(chosen)].sum() < k for chosen in combinations(range(n - 1), pool - 1)]
        assert top_k_probability(np.array([ahead]), n, pool, k)[0] == pytest.approx(np.mean(hits))


def test_a_tie_counts_half():
    assert top_k_probability(np.array([0.5]), 10, 10, 1)[0] == 0.5


def test_chance_of_random_scores():
    ahead = np.random.default_rng(0).integers(0, 100, 20_000)
    assert top_k_probability(ahead, 100, 10, 1).mean() == pytest.approx(0.1, abs=0.01)
    assert top_k_probability(ahead, 100, 10, 5).mean() == pytest.approx(0.5, abs=0.01)


def test_repeats_are_averaged_within_image():
    table = _by_image(np.array([0.0, 3.0, 0.0]), np.array([1, 0, 1]), 2)
    np.testing.assert_array_equal(table, [[3, 0], [np.nan, 0]])
    np.testing.assert_allclose(_hits(table[None], 5, 5, 1), [0, 1])


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = [low <= 0.3 <= high for low, high in (interval(rng.random(150) < 0.3, 400) for _ in range(200))]
    assert 0.9 <= np.mean(covered) <= 0.99


def test_nothing_but_hits_is_no_certainty():
    low, high = interval(np.ones(15), 200)
    assert high == 1 and low == pytest.approx(0.796, abs=0.001)  # Wilson's interval of 15 of 15
    assert interval(np.zeros(15), 200) == pytest.approx((0, 0.204), abs=0.001)


def test_comparisons_are_paired():
    rng = np.random.default_rng(2)
    values = (rng.random(200) < 0.5).astype(float)
    ratio, low, high = paired_ratio(values, values, 300)
    assert ratio == low == high == 1
    assert np.isnan(paired_ratio(values, np.zeros(200), 300)[0])
    np.testing.assert_array_equal(resampled(5, 3), resampled(5, 3))


def test_share_of_the_ceiling_is_a_ratio_over_the_same_images():
    ideal, ours = np.repeat([1.0, 0.5], 20), np.repeat([0.5, 0.5], 20)
    top1 = {("dina", "single"): ours, ("ideal_observer", "single"): ideal, ("ridge", "averaged"): ours}
    (row,) = _rows_of_ceiling(top1, 40, ProbingSettings(n_bootstrap=200))
    assert row["decoder"] == "dina" and row["metric"] == "top1_of_ceiling" and row["value"] == pytest.approx(2 / 3)
    assert row["ci_low"] < 2 / 3 < row["ci_high"] and row["chance"] == pytest.approx(1 / 30)
