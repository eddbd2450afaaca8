"""Matching of ROIs with neurons on made-up footprints."""

import numpy as np
import pytest

from dina import stores
from dina.errors import ShapeError
from dina.imaging.rois import Footprints
from dina.probing.truth import match_rois, motion_error_px, overlap

WIDTH = 100


def discs(centres, radius):
    y, x = np.mgrid[:WIDTH, :WIDTH]
    pixels = [np.flatnonzero(np.hypot(y - cy, x - cx) <= radius) for cy, cx in centres]
    indptr = np.cumsum([0] + [len(p) for p in pixels])
    pixel = np.concatenate(pixels).astype(np.int32) if pixels else np.empty(0, np.int32)
    return Footprints(indptr, pixel, np.ones(len(pixel), np.float32)), np.array(centres, float).reshape(-1, 2)


def match(found, true, max_distance=4.0, radii=(4, 4)):
    (first, first_centre), (second, second_centre) = discs(found, radii[0]), discs(true, radii[1])
    return match_rois(first, second, first_centre, second_centre, max_distance).tolist()


def test_overlap_is_intersection_over_union():
    first, _ = discs([(20, 20), (50, 50)], 5)
    second, _ = discs([(20, 22), (80, 80), (50, 50)], 4)
    sets = [[set(f.pixel[f.roi(k)]) for k in range(len(f))] for f in (first, second)]
    expected = [[len(a & b) / len(a | b) for b in sets[1]] for a in sets[0]]
    np.testing.assert_allclose(overlap(first, second), expected)


def test_everyone_finds_their_own():
    true = [(10, 10), (30, 30), (50, 50)]
    assert match([(51, 50), (10, 12), (80, 80)], true) == [[0, 2], [1, 0]]


def test_a_second_roi_on_one_neuron_is_left_over():
    assert match([(11, 10), (10, 10)], [(10, 10)]) == [[1, 0]]


def test_as_many_pairs_as_possible():
    """An ROI on the spot of one neuron goes to its neighbour, so that the other ROI keeps its only partner."""
    assert match([(20, 20), (20, 16)], [(20, 20), (20, 24)], max_distance=4) == [[0, 1], [1, 0]]


def test_overlap_or_nearness_suffices():
    ring_like = match([(20, 20)], [(20, 23)], max_distance=3.5, radii=(2, 9))
    assert ring_like == [[0, 0]]
    assert match([(20, 20)], [(20, 25)], max_distance=4, radii=(9, 9)) == [[0, 0]]
    assert match([(20, 20)], [(20, 26)], max_distance=4, radii=(4, 4)) == []


def test_nothing_found_nothing_paired():
    assert match([], [(20, 20)]) == []
    assert match([(20, 20)], []) == []


def test_centres_must_fit_footprints():
    found, centre = discs([(20, 20)], 4)
    with pytest.raises(ShapeError):
        match_rois(found, found, centre[:0], centre, 4)


@pytest.mark.parametrize("n_blocks", [0, 4])
def test_motion_error_ignores_where_the_reference_stood(tmp_path, n_blocks):
    rng = np.random.default_rng(0)
    true = rng.normal(0, 3, (200, 2))
    blocks = rng.normal(0, 0.3, (200, n_blocks, 2)) if n_blocks else np.zeros((200, 1, 2))
    error = np.tile([0.3, 0.4], (200, 1)) * (np.arange(200) % 2 * 2 - 1)[:, None]
    with stores.new_store(tmp_path / "registered") as store:
        stores.write_array(store, "rigid_offsets_px", true + error + [5, -2] - blocks.mean(1))
        if n_blocks:
            stores.write_array(store, "block_offsets_px", blocks)
        stores.write_attributes(store, {"n_blocks": n_blocks})
    np.testing.assert_allclose(motion_error_px(tmp_path / "registered", true), 0.5, atol=1e-4)
