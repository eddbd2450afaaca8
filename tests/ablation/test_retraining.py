"""Fitting DINA anew: in closed form, and in full."""

import numpy as np
import pytest
import torch

from dina.ablation.refits import Refits
from dina.ablation.retraining import retrain
from dina.probing.queries import averaged_trials, top1_by_image
from dina.recordings.trials import TEST
from dina.training.closed_form import fit_encoding
from dina.training.train import fit_dina
from tests.ablation.conftest import DINA

CPU = torch.device("cpu")


def test_the_closed_form_alone_decodes_and_has_no_core(gabor_trials, small_gabor):
    decoder = retrain(gabor_trials, DINA, small_gabor, detail="quick", seed=0, device=CPU)
    assert decoder.model.image_tower.learned is None and decoder.about["core_share"] is None
    queries = averaged_trials(gabor_trials)
    scores = decoder.scores(queries.z, gabor_trials.images[gabor_trials.image_ids(TEST)])
    assert top1_by_image(scores, queries.true).mean() > 0.5


@pytest.mark.parametrize("tower", ["gabor", "learned"])
def test_full_is_the_training_itself(gabor_trials, small_gabor, tower):
    settings = DINA.model_copy(update={"model": DINA.model.model_copy(update={"image_tower": tower})})
    detail = "full" if tower == "gabor" else "quick"
    found = retrain(gabor_trials, settings, small_gabor, detail=detail, seed=3, device=CPU).model.state_dict()
    expected = fit_dina(gabor_trials, settings, small_gabor, seed=3, device=CPU)[0].state_dict()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_the_closed_form_of_some_neurons_is_that_of_a_recording_of_them(gabor_trials, small_gabor):
    neurons = np.arange(5, 55, 2)
    fitted = fit_encoding(gabor_trials, DINA.model, small_gabor, device=CPU)
    refits = Refits.of(gabor_trials, fitted, DINA, small_gabor, detail="quick", seed=0, device=CPU)
    alone = retrain(gabor_trials.of_neurons(neurons), DINA, small_gabor, detail="quick", seed=0, device=CPU)
    z = averaged_trials(gabor_trials).z[:, neurons]
    decoder, known = refits.fit(gabor_trials, neurons)
    expected = alone.scores(z, gabor_trials.images[gabor_trials.image_ids(TEST)])
    np.testing.assert_allclose(decoder.compare(z, known), expected, atol=1e-3)
