"""A small store of responses, for tests of the stage."""

import pytest

from dina.recordings.trials import write_trials
from dina.stores import new_store


@pytest.fixture(scope="session")
def responses(gabor_trials, tmp_path_factory):
    path = tmp_path_factory.mktemp("responses") / "responses"
    with new_store(path) as store:
        write_trials(store, gabor_trials)
    return path
