"""The table of instruments: what counts as reached."""

import pytest

from benchmarks.attribution.run import is_reached


@pytest.mark.parametrize(
    ("value", "goal", "expected"),
    [
        (0.9, ">= 0.9", "yes"),
        (0.89, ">= 0.9", "no"),
        (0.0, "> 0", "no"),
        (0.05, "<= 0.05", "yes"),
        (2.0, "== 2", "yes"),
        (1.0, "== 2", "no"),
        (3.0, "", ""),
    ],
)
def test_goals(value, goal, expected):
    assert is_reached(value, goal) == expected
