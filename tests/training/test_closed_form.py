import numpy as np
import pytest
import torch

from dina.models.features import fit_feature_space
from dina.models.noise import fit_noise
from dina.recordings.trials import TRAIN, VALIDATION
from dina.settings import DinaModelSettings, ReadInSettings
from dina.training.closed_form import LEAST_NOISE_SD, NOISE_FACTORS, RELIABILITY_POWER, start_in_closed_form
from dina.training.local_encoding import _priors, fit_local_encoding

CPU = torch.device("cpu")
SETTINGS = DinaModelSettings(n_image_components=80, channels=40, n_components=60, learned_core=False)


@pytest.fixture(scope="module")
def fitted(gabor_trials, small_gabor):
    ids = gabor_trials.image_ids(TRAIN)
    space, scores = fit_feature_space(small_gabor, gabor_trials.images[ids], SETTINGS.n_image_components, CPU)
    return space, scores


def test_held_out_predictions_equal_refitting_without_the_image(gabor_trials, fitted):
    space, scores = fitted
    settings = SETTINGS.model_copy(update={"field_widths": (), "penalties": (12.0,)})
    encoding = fit_local_encoding(gabor_trials, space, scores, settings)
    response, _ = gabor_trials.averaged(TRAIN, weighted=False)
    train = gabor_trials.trials(TRAIN)
    count = np.unique(gabor_trials.image_index[train], return_counts=True)[1].astype(float)
    x = scores / np.sqrt(np.sum(scores**2) / len(scores))
    for left_out in (0, 70, 159):
        kept = np.arange(len(x)) != left_out
        weighted = x[kept] * count[kept, None]
        b = np.linalg.solve(x[kept].T @ weighted + 12 * np.eye(x.shape[1]), weighted.T @ response[kept])
        np.testing.assert_allclose(encoding.held_out[left_out], x[left_out] @ b, atol=2e-3)


def test_a_prior_stands_where_its_centre_says(fitted):
    space, _ = fitted
    grid = space.bank.grid
    per_position = space.loadings.unflatten(1, (-1, grid * grid)).permute(2, 0, 1).numpy()
    for (y, x), prior in list(_priors(space, (0.125,)))[1:]:
        share = [np.trace(prior.numpy() @ (p @ p.T)) for p in per_position]
        place = np.array(np.unravel_index(int(np.argmax(share)), (grid, grid)))
        assert np.abs((place + 0.5) / grid - (y, x)).max() <= 0.5 / grid + 1e-6


def test_locality_lowers_the_error_of_local_neurons(gabor_trials, fitted):
    local = fit_local_encoding(gabor_trials, *fitted, SETTINGS)
    anywhere = fit_local_encoding(gabor_trials, *fitted, SETTINGS.model_copy(update={"field_widths": ()}))
    assert local.error.mean() < 0.97 * anywhere.error.mean()
    assert local.centre[:, 0].isfinite().float().mean() > 0.8


def test_towers_reproduce_the_encoding_models_cosine_of_whitened_responses(gabor_trials, small_gabor, fitted):
    space, scores = fitted
    model, held_out = start_in_closed_form(gabor_trials, SETTINGS, small_gabor, seed=0, device=CPU)
    torch.nn.init.zeros_(model.neural_tower.residual[-1].weight)
    torch.nn.init.zeros_(model.neural_tower.residual[-1].bias)
    z = gabor_trials.standardised(gabor_trials.trials(TRAIN)[:20])
    images = gabor_trials.images[:15]
    with torch.no_grad():
        found = model(torch.from_numpy(z), torch.from_numpy(images)).numpy()
    encoding = fit_local_encoding(gabor_trials, space, scores, SETTINGS)
    unweighted = np.divide(z, gabor_trials.weights, out=np.zeros_like(z), where=gabor_trials.weights > 0)
    train = gabor_trials.trials(TRAIN)
    image = np.searchsorted(gabor_trials.image_ids(TRAIN), gabor_trials.image_index[train])
    residuals = gabor_trials.standardised(train, weighted=False) - encoding.held_out.numpy()[image]
    noise = fit_noise(residuals, NOISE_FACTORS, LEAST_NOISE_SD)
    emphasis = gabor_trials.weights**RELIABILITY_POWER
    predicted = noise.whiten(scores[:15] @ encoding.weights.numpy()) * emphasis
    observed = noise.whiten(unweighted) * emphasis
    expected = observed @ predicted.T
    expected /= np.linalg.norm(observed, axis=1)[:, None] * np.linalg.norm(predicted, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert held_out.shape == (160, model.image_tower.strength.numel())


@pytest.mark.parametrize(
    ("kind", "n_lobes", "least"), [("dense", 1, 0.9999), ("retinotopic", 1, 0.8), ("retinotopic", 3, 0.85)]
)
def test_read_ins_of_every_kind_start_alike(gabor_trials, small_gabor, kind, n_lobes, least):
    z = torch.from_numpy(gabor_trials.standardised(gabor_trials.trials(VALIDATION)))
    maps = []
    for read_in in ({"kind": "low_rank"}, {"kind": kind, "n_lobes": n_lobes}):
        settings = SETTINGS.model_copy(update={"read_in": ReadInSettings(**read_in)})
        tower = start_in_closed_form(gabor_trials, settings, small_gabor, seed=0, device=CPU)[0].neural_tower
        with torch.no_grad():
            maps.append(tower.read_in(z, tower.weight))
    assert torch.nn.functional.cosine_similarity(*maps).mean() > least
