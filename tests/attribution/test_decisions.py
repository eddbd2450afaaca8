"""What decided an image: ranks as the decoder gives them, and neurons that told it from its rival."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from dina.attribution.decisions import decide
from dina.attribution.towers import load_towers
from dina.decoders.dina import DinaDecoder
from dina.recordings.trials import TEST, read_trials

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trials(simulated):
    """Few neurons answer, so that some images are taken for others."""
    trials = read_trials(simulated / "responses")
    kept = np.isin(np.arange(trials.n_neurons), np.argsort(-trials.reliability)[10:25])
    return replace(trials, responses=np.where(kept, trials.responses, trials.responses.mean(0)))


@pytest.fixture(scope="module")
def model(simulated):
    return load_towers([simulated / "dina/seed-0"], CPU)[0]


@pytest.fixture(scope="module")
def decisions(model, trials):
    return decide(model, trials, 8, CPU)


def test_candidates_are_ranked_as_the_decoder_ranks_them(decisions, model, trials):
    z, ids = trials.averaged(TEST)
    scores = DinaDecoder(model, {}).scores(z, trials.images[ids])
    own = scores.diagonal()[:, None]
    np.testing.assert_array_equal(decisions.rank, (scores > own).sum(1))
    np.testing.assert_allclose(decisions.similarity[:, 0], scores.max(1), atol=1e-5)
    np.testing.assert_array_equal(decisions.candidate[:, 0], ids[scores.argmax(1)])
    wrong = np.where(np.eye(len(ids), dtype=bool), -np.inf, scores)
    np.testing.assert_array_equal(decisions.rival, ids[wrong.argmax(1)])
    assert (decisions.rank > 0).any() and (decisions.rank == 0).any()


def test_silencing_what_spoke_for_the_shown_image_narrows_its_margin(decisions, model, trials):
    z, ids = trials.averaged(TEST)
    rival = np.searchsorted(ids, decisions.rival)
    rows = np.arange(len(ids))

    def margin(responses):
        with torch.no_grad():
            maps = model.neural_tower(torch.from_numpy(responses)).flatten(1)
            image = torch.nn.functional.normalize(
                model.image_tower(torch.from_numpy(trials.images[ids])).flatten(1), dim=1
            )
            products = (maps @ image.T).numpy()
        return products[rows, rows] - products[rows, rival]

    silenced, control = z.copy(), z.copy()
    for row in rows:
        for_it = decisions.neuron[row][decisions.part[row] > 0][:5]
        silenced[row, for_it] = 0
        control[row, np.setdiff1d(np.arange(z.shape[1]), decisions.neuron[row])[:5]] = 0
    assert np.median(margin(silenced) - margin(z)) < 3 * min(np.median(margin(control) - margin(z)), 0)
    assert np.all(np.abs(decisions.part).sum(1) <= 1 + 1e-5)


def test_the_same_twice(decisions, model, trials):
    again = decide(model, trials, 8, CPU)
    for field in fields(decisions):
        np.testing.assert_array_equal(getattr(decisions, field.name), getattr(again, field.name))


def test_copies_of_the_shown_image_are_not_ahead_of_it(model, trials):
    copies = replace(trials, images=np.repeat(trials.images[:1], len(trials.images), 0))
    assert not decide(model, copies, 2, CPU).rank.any()
