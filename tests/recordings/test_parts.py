"""Photographs of known parts: random structure at several scales, crops of it turned, scaled and mirrored."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from dina.recordings.parts import matches_of_one_similarity, photographs_that_show

SIZE = 48


@pytest.fixture(scope="module")
def photographs():
    rng = np.random.default_rng(5)
    noise = [sum(scale * gaussian_filter(rng.standard_normal((240, 240)), scale) for scale in (1, 3, 9)) for _ in "abc"]
    return [np.clip(0.5 + 0.2 * of / of.std(), 0, 1).astype(np.float32) for of in noise]


def part(grey, scale, degrees, mirrored=False):
    """A part around the middle, ``scale`` of the photograph's pixels to a pixel."""
    angle, axis = np.deg2rad(degrees), scale * (np.arange(SIZE) - (SIZE - 1) / 2)
    y, x = np.meshgrid(axis, -axis if mirrored else axis, indexing="ij")
    turned = np.stack([np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x])
    return map_coordinates(gaussian_filter(grey, max(0, (scale - 1) / 2)), turned + 120, order=3).astype(np.float32)


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6, 3.0])
@pytest.mark.parametrize(("degrees", "mirrored"), [(0, False), (12, True), (-30, False)])
def test_parts_are_found_at_any_scale_turned_and_mirrored(photographs, scale, degrees, mirrored):
    blank = np.full((SIZE, SIZE), 0.5, np.float32)
    shown = np.stack([blank, part(photographs[1], scale, degrees, mirrored)])
    assert photographs_that_show(shown, photographs).tolist() == [False, True, False]


def test_level_and_contrast_do_not_matter(photographs):
    shown = 0.3 + 0.4 * part(photographs[2], 1.3, 5)[None]
    assert photographs_that_show(shown, photographs).tolist() == [False, False, True]


def test_nothing_is_shown_by_blanks_or_of_none(photographs):
    assert photographs_that_show(np.full((2, SIZE, SIZE), 0.5, np.float32), photographs).tolist() == [False] * 3
    assert photographs_that_show(np.stack([part(photographs[0], 1, 0)]), []).shape == (0,)


def test_matches_of_a_similarity_are_counted_among_others():
    rng = np.random.default_rng(0)
    here, there = rng.uniform(0, 64, (30, 2)), rng.uniform(0, 500, (30, 2))
    turn = 1.7 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    there[:12] = here[:12] @ turn.T + [100, 40]
    here[11], there[11] = here[10], there[10]  # one keypoint twice
    assert matches_of_one_similarity(here, there) == 11
    assert matches_of_one_similarity(here, rng.permutation(there)) <= 4
    assert matches_of_one_similarity(here[:1], there[:1]) == 0
