"""Measured neurons find their true ones, and agreement is what it says."""

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.attribution.agreement import UNMATCHED, centre_agreement, match_neurons


def test_rois_are_paired_within_their_plane_despite_a_shift(tmp_path):
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), -1).reshape(-1, 2) * 12.0 + 10
    plane = np.repeat([0, 1], 20)
    with stores.new_store(tmp_path / "truth") as truth:
        stores.write_array(truth, "plane", plane.astype(np.int16))
        stores.write_array(truth, "center_px", np.concatenate([grid, grid + 3]), unit="px")
        stores.write_attributes(truth, {"soma_diameter_px": 8.0})
    order = rng.permutation(40)[:30]
    found = np.concatenate([grid, grid + 3])[order] + np.where(plane[order] == 0, 2.5, -2.0)[:, None]
    found[4] = (150, 150)  # no neuron there
    with stores.new_store(tmp_path / "responses") as responses:
        table = pd.DataFrame({"plane": plane[order], "y_px": found[:, 0], "x_px": found[:, 1]})
        stores.write_table(responses, "neurons", table)
    expected = order.copy()
    expected[4] = UNMATCHED
    np.testing.assert_array_equal(match_neurons(tmp_path / "responses", tmp_path / "truth", 30), expected)


def test_without_a_movie_neurons_are_in_order(tmp_path):
    np.testing.assert_array_equal(match_neurons(tmp_path, tmp_path, 3), [0, 1, 2])


def test_agreement_counts_responsive_neurons_with_a_centre():
    true = np.array([[0, 0], [10, 0], [20, 10], [30, 30], [5, 5]], float)
    found = true * [1, -1] + [1, 0]
    found[4] = np.nan
    counted = np.array([True, True, True, False, True])
    table = centre_agreement(found, true, counted, "dina").set_index("axis")
    assert table.r["x"] == pytest.approx(1) and table.r["y"] == pytest.approx(-1)
    assert (table.n == 3).all() and table.median_distance_deg["x"] == pytest.approx(1)
