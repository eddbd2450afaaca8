"""Where towers agree: planted patches are found, at their distance, and shuffled pairs agree nowhere."""

import numpy as np
import pytest

from benchmarks.attribution.planted_latents import (
    LEVEL,
    PATCH_DISTANCE_PX,
    PATCHES,
    aligned_regions,
    patchy_maps,
)
from dina.attribution.alignment import align
from dina.attribution.regions import ALIGNED, HALF_OF_MATCH, half_of_match, in_image, regions_of, upper_half

N_IMAGES = 60


@pytest.fixture(scope="module")
def patchy():
    rng = np.random.default_rng(0)
    return aligned_regions([patchy_maps(N_IMAGES, PATCHES, rng) for _ in range(2)], 499)


def test_two_planted_patches_are_two_regions(patchy):
    planted = np.zeros((8, 8), bool)
    for patch in PATCHES:
        planted[patch] = True
    assert patchy.taken[ALIGNED][planted].all()
    assert (patchy.taken[ALIGNED] & ~planted).sum() <= 2
    counts = patchy.counts.set_index("rule")
    assert counts.loc["upper_half", "n_regions"] == 2
    np.testing.assert_array_equal(patchy.taken["upper_half"], planted)
    assert counts.loc[ALIGNED, "chance_places"] < 2 and counts.loc[ALIGNED, "chance_regions"] < 1


def test_regions_lie_where_planted_and_as_far_apart(patchy):
    distance = patchy.distances[patchy.distances["rule"] == "upper_half"].iloc[0]
    assert distance["distance_px"] == pytest.approx(PATCH_DISTANCE_PX)
    assert distance["distance_deg"] == pytest.approx(0.5 * PATCH_DISTANCE_PX)
    regions = patchy.regions[patchy.regions["rule"] == "upper_half"]
    np.testing.assert_allclose(np.sort(regions["x_px"]), [-16, 16])
    np.testing.assert_array_equal(regions["n_places"], [4, 4])


def test_the_match_comes_from_the_patches(patchy):
    assert patchy.alignment.match[1:3, 1:3].sum() > 0.25 * patchy.alignment.match.clip(0).sum()
    assert patchy.taken[HALF_OF_MATCH].sum() <= 8


def test_unrelated_towers_are_aligned_nowhere():
    rng = np.random.default_rng(1)
    for _ in range(3):
        found = aligned_regions([patchy_maps(N_IMAGES, (), rng)], 299)
        assert not found.taken[ALIGNED].any()
        assert abs(found.alignment.match.sum()) < 0.1


def test_shuffled_responses_are_aligned_nowhere():
    rng = np.random.default_rng(2)
    images, neural = patchy_maps(N_IMAGES, PATCHES, rng)
    found = aligned_regions([(images, neural[rng.permutation(N_IMAGES)])], 299)
    assert not found.taken[ALIGNED].any()


def test_agreement_and_match_follow_their_formulas():
    rng = np.random.default_rng(3)
    pairs = [patchy_maps(20, PATCHES, rng) for _ in range(2)]
    pairs[0][0][:, 2, 4, 5] = 1.5  # never varies: left out of the mean over channels
    found = align(*zip(*pairs, strict=True), n_shuffles=19, n_bootstrap=100, rng=rng)
    at = (slice(None), slice(None), 4, 5)
    expected = []
    for images, neural in pairs:
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(images[at].T, neural[at].T, strict=True) if np.std(a) > 0]
        expected.append(np.mean(r))
    assert found.r[4, 5] == pytest.approx(np.mean(expected))
    centred = [[(maps - maps.mean(0)).ravel() for maps in pair] for pair in pairs]
    whole = [a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in centred]
    assert found.match.sum() == pytest.approx(np.mean(whole))
    assert (found.low <= found.r).mean() > 0.9 and (found.r <= found.high).mean() > 0.9


def test_a_map_that_agrees_everywhere_is_one_region():
    rng = np.random.default_rng(4)
    found = aligned_regions([patchy_maps(N_IMAGES, ((slice(None), slice(None)),), rng)], 99)
    assert (found.alignment.q <= LEVEL).all()
    assert found.counts.set_index("rule").loc[ALIGNED, "n_regions"] == 1
    assert ALIGNED not in set(found.distances["rule"])


def test_places_that_touch_at_a_corner_are_apart():
    taken = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]])
    assert regions_of(taken)[1] == 2


def test_rules_and_places():
    r = np.array([[0.1, 0.4], [0.2, -0.5]])
    np.testing.assert_array_equal(upper_half(r), [[False, True], [True, False]])
    assert not upper_half(-np.abs(r)).any() and not half_of_match(-np.abs(r)).any()
    np.testing.assert_array_equal(half_of_match(r), [[False, True], [False, False]])
    np.testing.assert_allclose(in_image(np.array([[0, 0], [0.5, 1]]), (2, 2), (32, 64)), [[-16, -8], [16, 0]])
