import sys

import numpy as np
import pytest
import torch

from dina.decoders.base import load_decoder
from dina.decoders.cebra import fit_cebra
from dina.errors import InstallationError
from dina.recordings.trials import TEST
from dina.settings import CebraSettings

CPU = torch.device("cpu")
SETTINGS = CebraSettings(
    n_labels=8, n_components=40, n_hidden=64, n_dimensions=32, iterations=60, batch_trials=128, learning_rate=3e-3
)


@pytest.fixture(scope="module")
def fitted(gabor_trials, small_gabor):
    pytest.importorskip("cebra")
    return fit_cebra(gabor_trials, SETTINGS, small_gabor, seed=0, device=CPU)


def test_a_missing_package_is_told_by_name(gabor_trials, small_gabor, monkeypatch):
    monkeypatch.setitem(sys.modules, "cebra", None)
    with pytest.raises(InstallationError, match=r"\.\[cebra\]"):
        fit_cebra(gabor_trials, SETTINGS, small_gabor, seed=0, device=CPU)


def test_identifies_unseen_images_above_chance(fitted, gabor_trials):
    ids, chosen = gabor_trials.image_ids(TEST), gabor_trials.trials(TEST)
    scores = fitted.scores(gabor_trials.standardised(chosen), gabor_trials.images[ids])
    assert np.mean(ids[scores.argmax(1)] == gabor_trials.image_index[chosen]) > 0.15  # chance is 1/30


def test_a_saved_decoder_scores_as_before(fitted, gabor_trials, tmp_path):
    fitted.save(tmp_path)
    z, images = gabor_trials.standardised(np.arange(5)), gabor_trials.images[:7]
    np.testing.assert_allclose(load_decoder(tmp_path).scores(z, images), fitted.scores(z, images), rtol=1e-4, atol=1e-6)
    assert fitted.features(z).shape == (5, 32)


def test_the_seed_decides(fitted, gabor_trials, small_gabor):
    state = torch.get_rng_state()
    again, other = (fit_cebra(gabor_trials, SETTINGS, small_gabor, seed=seed, device=CPU) for seed in (0, 1))
    z = gabor_trials.standardised(np.arange(5))
    np.testing.assert_array_equal(again.features(z), fitted.features(z))
    assert not np.allclose(other.features(z), fitted.features(z), atol=1e-3)
    assert torch.equal(torch.get_rng_state(), state)
