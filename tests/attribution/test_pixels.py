"""Attribution to pixels: complete, local, and the same twice."""

import numpy as np
import pytest
import torch
from torch import nn

from dina import stores
from dina.attribution.pixels import MatchWith, attribute_pixels
from dina.attribution.towers import evenly, load_towers
from dina.models.dual_tower import DualTower
from dina.models.gradients import integrated_gradient
from dina.recordings.trials import TEST, read_trials
from dina.settings import AttributionSettings

SETTINGS = AttributionSettings(n_latents=6, n_images=5, n_steps=12, n_examples=3)


@pytest.fixture(scope="module")
def attributed(simulated):
    seeds = [simulated / f"dina/seed-{seed}" for seed in (0, 1)]
    for name in ("pixels", "again"):
        attribute_pixels(simulated / "responses", seeds, simulated / name, SETTINGS, device="cpu")
    return stores.checked(simulated / "pixels", verify=True)


def test_attribution_adds_up_to_the_match_above_grey(attributed):
    examples = stores.read_table(attributed, "examples")
    found = stores.read_array(attributed, "match_attribution").sum((1, 2))
    expected = examples["similarity"] - examples["similarity_of_grey"]
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert examples["error"].abs().max() < 0.01


def test_saliency_is_the_mean_magnitude_of_the_gradient(attributed, simulated):
    saliency, latents = stores.read_array(attributed, "latent_saliency"), stores.read_table(attributed, "latents")
    assert saliency.shape == (6, 32, 32) and len(latents) == 6
    trials = read_trials(simulated / "responses")
    images = torch.from_numpy(evenly(trials.images[trials.image_ids(TEST)], 5)).requires_grad_()
    tower = load_towers([simulated / "dina/seed-0"], torch.device("cpu"))[0].image_tower
    channel, row, column = latents.loc[2, ["channel", "row", "column"]].astype(int)
    (gradient,) = torch.autograd.grad(tower(images)[:, channel, row, column].sum(), images)
    np.testing.assert_allclose(saliency[2], gradient.abs().mean(0), atol=1e-5 * saliency[2].max(), rtol=1e-3)


def test_the_same_store_twice(attributed, simulated):
    assert (simulated / "pixels.json").read_text() == (simulated / "again.json").read_text()


def test_match_of_linear_towers_follows_the_formula():
    class Tower(nn.Module):
        def __init__(self, weights):
            super().__init__()
            self.weights = weights

        def prepare(self, inputs):
            return inputs

        def lay_out(self, inputs):
            return (inputs.flatten(1) @ self.weights).view(-1, 2, 1, 1)

    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(4, 2, generator=generator)
    neural = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).view(2, 2, 1, 1)
    images = torch.rand(2, 2, 2, generator=generator) + 0.5
    match = MatchWith(DualTower(Tower(weights), nn.Identity()), neural)
    maps = images.flatten(1) @ weights
    torch.testing.assert_close(match(images), maps / maps.norm(dim=1, keepdim=True))
    baseline = torch.full_like(images, 0.3)
    attribution, error = integrated_gradient(match, images, baseline, torch.tensor([0, 1]), 64)
    reached = match(images).diagonal() - match(baseline).diagonal()
    torch.testing.assert_close(attribution.sum((1, 2)), reached, atol=1e-3, rtol=1e-3)
    assert error.abs().max() < 1e-3
