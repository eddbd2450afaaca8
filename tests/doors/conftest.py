"""How many cases each door gets: some in every run, all in the slow one."""

import pytest
from hypothesis import HealthCheck, settings

FEW, ALL = 200, 20_000


@pytest.fixture(params=[FEW, pytest.param(ALL, marks=pytest.mark.slow)])
def n_cases(request) -> int:
    return request.param


@pytest.fixture
def many(n_cases):
    """Decorator of a test inside a test: the same cases in every run."""
    return settings(
        max_examples=n_cases,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
