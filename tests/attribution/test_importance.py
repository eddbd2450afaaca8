"""Importances of hand-built linear towers follow the formula."""

import numpy as np
import pytest
import torch
from torch import nn

from dina.attribution.importance import latent_importance, match_importance
from dina.attribution.shares import shares_of_match
from dina.models.dual_tower import DualTower
from dina.recordings.trials import TEST
from dina.settings import AttributionSettings

CPU = torch.device("cpu")
LAYOUT = (3, 2, 2)


class Linear(nn.Module):
    """Inputs to maps by one matrix (inputs, map values)."""

    layout = LAYOUT

    def __init__(self, weights):
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, inputs):
        return (inputs.flatten(1) @ self.weights).unflatten(1, self.layout)


@pytest.fixture
def towers(gabor_trials):
    rng = np.random.default_rng(0)
    read_in, filters = (
        torch.from_numpy(rng.standard_normal((n, np.prod(LAYOUT))).astype(np.float32))
        for n in (gabor_trials.n_neurons, gabor_trials.images[0].size)
    )
    return DualTower(Linear(filters), Linear(read_in)), read_in.numpy(), filters.numpy()


def test_latents_are_weights_times_responses(towers, gabor_trials):
    model, read_in, _ = towers
    units = np.array([7, 2])
    found = latent_importance(model, gabor_trials, units, AttributionSettings(n_images=30, n_steps=2), CPU)
    z, _ = gabor_trials.averaged(TEST)
    expected = np.abs(read_in[:, units].T) * np.abs(z).mean(0)
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), rtol=1e-4)


def test_the_match_is_with_the_shown_image_over_the_gallery(towers, gabor_trials):
    model, read_in, filters = towers
    found = match_importance([model, model], gabor_trials, AttributionSettings(n_steps=2), CPU)
    z, ids = gabor_trials.averaged(TEST)
    direction = gabor_trials.images[ids].reshape(len(ids), -1) @ filters
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    direction -= direction.mean(0)
    expected = np.mean(z * (direction @ read_in.T), axis=0)
    np.testing.assert_allclose(found, expected / np.abs(expected).sum(), rtol=1e-3, atol=1e-4 * np.abs(found).max())


def test_an_order_by_importance_survives_where_nothing_is_decoded(towers, gabor_trials):
    """Parts whose sum is below 0 must not change their signs."""
    model, read_in, _ = towers
    wrong = DualTower(model.image_tower, Linear(torch.from_numpy(-read_in)))
    found, opposite = (match_importance([m], gabor_trials, AttributionSettings(n_steps=2), CPU) for m in (model, wrong))
    np.testing.assert_allclose(found, -opposite, atol=1e-6)
    assert np.abs(found).sum() == pytest.approx(1, abs=1e-5)


def test_shares_are_of_a_match_that_exists():
    np.testing.assert_allclose(shares_of_match(np.array([0.5, 0.3, -0.2])), [5 / 6, 3 / 6, -2 / 6])
    assert np.isnan(shares_of_match(np.array([0.5, -0.5]))).all()
    assert np.isnan(shares_of_match(np.array([0.2, -0.8]))).all()
