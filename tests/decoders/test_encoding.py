import numpy as np
import pytest
import torch

from dina.decoders.encoding import fit_encoding
from dina.recordings.trials import TRAIN
from dina.settings import RidgeSettings

PENALTIES = (0.003, 0.03, 0.3, 3.0, 30.0)
N_COMPONENTS = 40


@pytest.fixture(scope="module")
def fitted(gabor_trials, small_gabor):
    settings = RidgeSettings(penalties=PENALTIES, n_encoding_components=N_COMPONENTS)
    return fit_encoding(gabor_trials, settings, small_gabor, torch.device("cpu"))


def left_out_error(x, trials, neuron, penalty):
    """Ridge without each training image in turn, all of its showings left out."""
    train = trials.trials(TRAIN)
    image, z = trials.image_index[train], trials.standardised(train)[:, neuron].astype(np.float64)
    error = 0.0
    for out in trials.image_ids(TRAIN):
        kept = image != out
        mean_x, mean_z = x[kept].mean(0), z[kept].mean()
        of_x = x[kept] - mean_x
        b = np.linalg.solve(of_x.T @ of_x + penalty * np.eye(x.shape[1]), of_x.T @ (z[kept] - mean_z))
        left_out = ~kept
        error += left_out.sum() * (z[left_out].mean() - mean_z - (x[left_out][0] - mean_x) @ b) ** 2
    return error


def test_each_neuron_has_the_penalty_with_the_least_error_on_images_left_out(fitted, gabor_trials):
    x = fitted.represent(gabor_trials.images[gabor_trials.image_index[gabor_trials.trials(TRAIN)]]).astype(np.float64)
    unit = np.sum(x**2) / N_COMPONENTS
    for neuron in range(0, gabor_trials.n_neurons, 10):
        errors = [left_out_error(x, gabor_trials, neuron, penalty * unit) for penalty in PENALTIES]
        assert fitted.penalty[neuron] == pytest.approx(PENALTIES[int(np.argmin(errors))], rel=1e-4)
    assert len(np.unique(fitted.penalty.round(4))) > 1


def test_noisy_neurons_are_penalised_more(fitted, gabor_trials):
    reliable = gabor_trials.reliability > np.median(gabor_trials.reliability)
    assert np.log(fitted.penalty[reliable]).mean() < np.log(fitted.penalty[~reliable]).mean() - 0.3
