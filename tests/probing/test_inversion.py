from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from dina.decoders.dina import DinaDecoder
from dina.decoders.pictures import shrink
from dina.models.dual_tower import build_dual_tower
from dina.probing.inversion import TRUSTS, InvertedTower, PicturePrior, fit_inversion
from dina.probing.reconstruction import pixel_correlation, reconstructor
from dina.recordings.trials import TEST, TRAIN
from dina.settings import DinaModelSettings

SIZE = 8
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def knowing(gabor_trials, small_gabor):
    """Towers, and trials whose responses are the components of the image that they show, but for a little noise."""
    settings = DinaModelSettings(channels=40)
    n = 60
    model = build_dual_tower(settings, small_gabor, image_shape=(32, 32), n_neurons=n, n_components=n)
    generator = torch.Generator().manual_seed(0)
    tower, read_in = model.image_tower, model.neural_tower.read_in
    tower.mixing.copy_(torch.eye(40))
    nn.init.orthogonal_(tower.loadings, generator=generator)
    tower.strength.fill_(200.0)
    read_in.down.start_at(torch.eye(n))
    read_in.up.start_at(tower.loadings)
    nn.init.zeros_(model.neural_tower.residual[-1].weight)
    nn.init.zeros_(model.neural_tower.residual[-1].bias)
    smooth = gaussian_filter(np.random.default_rng(1).normal(size=gabor_trials.images.shape), (0, 4, 4))
    images = (0.5 + 0.15 * smooth / smooth.std()).astype(np.float32)
    with torch.no_grad():
        components = tower.prepare(torch.from_numpy(images)).numpy()
    responses = components[gabor_trials.image_index]
    responses = responses + np.random.default_rng(0).normal(size=responses.shape)
    plain = {"mean": np.zeros(n, np.float32), "event_size": np.zeros(n, np.float32)}
    plain |= dict.fromkeys(("sd", "reliability"), np.ones(n, np.float32))
    return model, replace(gabor_trials, images=images, responses=responses.astype(np.float32), **plain)


def grey(z):
    return np.full((len(z), SIZE, SIZE), 0.5, np.float32)


def test_images_are_found_better_than_by_the_linear_probe(knowing, monkeypatch):
    model, trials = knowing
    chosen = trials.trials(TEST)
    shown = shrink(trials.images[trials.image_index[chosen]], SIZE).reshape(-1, SIZE, SIZE)
    inverted = reconstructor(DinaDecoder(model, {}), trials, SIZE)
    assert isinstance(inverted, InvertedTower)
    z = trials.standardised(chosen)
    better, linear = (pixel_correlation(pictures(z), shown).mean() for pictures in (inverted, inverted.start))
    assert better > linear + 0.02


def test_a_better_linear_probe_is_kept(knowing):
    model, trials = knowing

    def knows(z):
        at = [np.flatnonzero((trials.standardised(np.arange(len(trials.responses))) == of).all(1))[0] for of in z]
        return shrink(trials.images[trials.image_index[at]], SIZE).reshape(-1, SIZE, SIZE)

    assert fit_inversion(model, knows, trials, SIZE) is knows


def test_without_trust_in_the_response_the_mean_image_is_likeliest(knowing):
    model, trials = knowing
    prior = PicturePrior.of(shrink(trials.images[trials.image_ids(TRAIN)], SIZE), CPU)
    found = InvertedTower(model, prior, 0.0, grey, SIZE)(trials.standardised(np.arange(3)))
    distance = np.abs(found.reshape(3, -1) - prior.mean.numpy()).max()
    assert distance < np.abs(grey(found).reshape(3, -1) - prior.mean.numpy()).max()
    assert 0 not in TRUSTS


def test_the_prior_has_the_covariance_of_training_pictures(gabor_trials):
    pictures = shrink(gabor_trials.images, SIZE)
    prior = PicturePrior.of(pictures, CPU)
    expected = np.cov(pictures.T, bias=True)
    np.testing.assert_allclose((prior.axes.T @ prior.axes).numpy(), expected, atol=1e-6)


def test_what_has_no_components_is_not_inverted(knowing, small_gabor):
    _, trials = knowing
    learned = DinaModelSettings(image_tower="learned", channels=4)
    model = build_dual_tower(learned, small_gabor, image_shape=(32, 32), n_neurons=60, n_components=20)
    assert fit_inversion(model, grey, trials, SIZE) is grey
