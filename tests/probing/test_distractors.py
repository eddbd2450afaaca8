from itertools import combinations

import numpy as np
import pytest

from dina.probing.distractors import NONE, among_categories, chance_of_pool, distractors, first_of_pool


@pytest.fixture(scope="module")
def gallery():
    """Ten pairs of images that differ by little noise, four categories and one image of none."""
    rng = np.random.default_rng(0)
    pairs = rng.random((10, 16, 16)).repeat(2, 0)
    category = np.arange(20) % 4
    category[7] = -1
    return (pairs + 0.05 * rng.random(pairs.shape)).astype(np.float32), category


def test_the_most_alike_come_first_and_the_least_alike_are_others(gallery):
    pools = distractors(*gallery)
    for image in range(20):
        assert pools["hard"][image, 0] == image ^ 1
        assert image ^ 1 not in pools["easy"][image]
        assert image not in pools["hard"][image] and image not in pools["easy"][image]
    assert pools["hard"].shape == (20, 9)


def test_a_category_is_its_other_members(gallery):
    images, category = gallery
    pool = distractors(images, category)["same_category"]
    for image in range(20):
        members = set(pool[image]) - {NONE}
        expected = set(np.flatnonzero(category == category[image])) - {image} if category[image] >= 0 else set()
        assert members == expected
    assert "same_category" not in distractors(images, np.full(20, -1))


def test_hits_are_counted_within_the_pool():
    pool = np.array([[1, 2], [0, NONE], [NONE, NONE]])
    scores = np.array([[1.0, 0.5, 0.2], [1.0, 1.0, 9.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.5], [1.0, 2.0, 0.0]])
    hits = first_of_pool(scores, np.array([0, 1, 2, 0, 0]), pool)
    np.testing.assert_allclose(hits, [1, 0.5, np.nan, 1 / 3, 0])
    assert chance_of_pool(pool) == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_random_scores_sit_at_chance(gallery):
    scores = np.random.default_rng(1).random((4000, 20))
    true = np.tile(np.arange(20), 200)
    for pool in distractors(*gallery).values():
        assert np.nanmean(first_of_pool(scores, true, pool)) == pytest.approx(chance_of_pool(pool), abs=0.02)


def test_among_categories_is_the_mean_over_pools_of_equal_size():
    """Against every pool that can be drawn, one by one."""
    rng = np.random.default_rng(1)
    category = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, -1, 2])
    scores, true = rng.random((9, 11)), np.array([0, 1, 2, 3, 4, 5, 10, 9, 0])
    same, other, chance = among_categories(scores, true, category)
    for k, image in enumerate(true):
        of = category[image]
        kinds = [(category == of) & (np.arange(11) != image), (category != of) & (category >= 0)]
        n = min(kind.sum() for kind in kinds)
        if of < 0 or n == 0:
            assert np.isnan([same[k], other[k], chance[k]]).all()
            continue
        for found, kind in zip((same[k], other[k]), kinds, strict=True):
            pools = list(combinations(np.flatnonzero(kind), n))
            expected = np.mean([scores[k, image] > scores[k, list(pool)].max() for pool in pools])
            assert found == pytest.approx(expected)
        assert chance[k] == pytest.approx(1 / (1 + n))


def test_a_decoder_of_categories_alone_is_at_chance_among_one():
    category = np.repeat(np.arange(4), 5)
    scores = (category[:, None] == category).astype(float)
    same, other, chance = among_categories(scores, np.arange(20), category)
    assert (other == 1).all() and np.median(same) < 0.51 and (chance == 0.2).all()
