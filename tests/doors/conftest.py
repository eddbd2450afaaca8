"""How many cases each door gets: some in every run, all in the slow one."""

import pytest

FEW, ALL = 200, 20_000


@pytest.fixture(params=[FEW, pytest.param(ALL, marks=pytest.mark.slow)])
def n_cases(request) -> int:
    return request.param
