import numpy as np
import pytest

from dina.models.ranking import mean_reciprocal_rank, rivals_ahead, z_scored


def test_counts_rivals_and_half_of_ties():
    scores = np.array([[3, 2, 1], [3, 2, 2], [1, 1, 1.0], [0, 5, 9]])
    np.testing.assert_array_equal(rivals_ahead(scores, np.array([0, 1, 2, 0])), [0, 1.5, 1, 2])


def test_reciprocal_rank_is_one_only_when_all_rank_first():
    assert mean_reciprocal_rank(np.eye(4), np.arange(4)) == 1
    assert mean_reciprocal_rank(1 - np.eye(4), np.arange(4)) == 0.25


def test_scores_that_are_no_number_are_refused():
    with pytest.raises(ValueError, match="1 of 2 queries"):
        rivals_ahead(np.array([[1.0, np.nan], [1.0, 2.0]]), np.array([0, 0]))


def test_z_scores_are_over_candidates_and_ties_are_0():
    found = z_scored(np.array([[1.0, 3.0], [10.0, 30.0], [2.0, 2.0]]))
    np.testing.assert_allclose(found, [[-1, 1], [-1, 1], [0, 0]])
