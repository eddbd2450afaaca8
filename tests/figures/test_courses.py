import numpy as np
import pytest

from dina.figures.courses import N_BINS, binned, shown_planes


@pytest.mark.parametrize(
    ("n", "flagged", "places"),
    [
        (1, [], [0]),
        (3, [1], [0, 1, 2]),
        (13, [], [0, 4, 8, 12]),
        (13, [5], [0, 5, 7, 12]),
        (13, [1, 2, 3, 4, 5, 6, 7], [1, 3, 5, 7]),
    ],
)
def test_four_planes_stand_for_all_flagged_ones_first(n, flagged, places):
    assert shown_planes(np.isin(np.arange(n), flagged)).tolist() == places


@pytest.mark.parametrize("n", [1, N_BINS, 7 * N_BINS + 3])
def test_bins_keep_the_extremes(n):
    values = np.random.default_rng(0).normal(size=n)
    time, low, middle, high = binned(np.arange(n), values)
    assert len(time) <= N_BINS
    assert low.min() == values.min() and high.max() == values.max() and np.all((low <= middle) & (middle <= high))
