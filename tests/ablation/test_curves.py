"""Shares needed, on curves made by hand."""

import numpy as np
import pytest

from dina.ablation.curves import goal_of, keep_counts, order_by_reliability, share_needed

SHARES = np.array([0.1, 0.2, 0.5, 1.0])


def test_share_for_90_percent_of_a_hand_made_curve():
    curve = np.array([0.3, 0.72, 0.74, 0.81])  # chance 0.01: 90 % of the way is 0.01 + 0.9 · 0.8 = 0.73
    goal = goal_of(curve, 0.01)
    assert goal == pytest.approx(0.73)
    assert share_needed(SHARES, curve, goal) == 0.5


def test_the_maximum_may_lie_before_the_end():
    curve = np.array([0.1, 0.6, 0.5, 0.3])  # weak neurons hurt
    assert share_needed(SHARES, curve, goal_of(curve, 0.0)) == 0.2


def test_a_goal_out_of_reach_or_a_curve_at_chance_needs_infinitely_many():
    assert share_needed(SHARES, np.array([0.1, 0.2, 0.3, 0.4]), 0.5) == np.inf
    flat = np.full(4, 0.01)
    assert share_needed(SHARES, flat, goal_of(flat, 0.01)) == np.inf


def test_many_curves_at_once():
    curves = np.array([[0.9, 0.9, 0.9, 0.9], [0, 0, 0.95, 1.0]])
    np.testing.assert_array_equal(share_needed(SHARES, curves, goal_of(curves, 0.0)), [0.1, 0.5])


def test_counts_ascend_once_each_and_end_with_all():
    np.testing.assert_array_equal(keep_counts((0.5, 0.01, 0.1, 0.11), 20), [1, 2, 10, 20])


def test_order_by_reliability():
    np.testing.assert_array_equal(order_by_reliability(np.array([0.1, 0.5, 0.3])), [1, 2, 0])
    assert order_by_reliability(np.ones(4)) is None
