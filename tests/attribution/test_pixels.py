"""Attribution to pixels: complete, local, checked, and the same twice."""

import numpy as np
import pytest
import torch
from torch import nn

from dina import stores
from dina.attribution.methods import METHODS, occlusion, pixel_maps
from dina.attribution.pixels import attribute_pixels
from dina.attribution.towers import evenly, load_towers
from dina.models.gradients import Readout
from dina.recordings.trials import TEST, read_trials
from dina.settings import AttributionSettings
from tests.attribution.conftest import DINA, GABOR

SETTINGS = AttributionSettings(n_latents=6, n_images=5, n_steps=12, n_examples=3, n_checked_images=4)


@pytest.fixture(scope="module")
def attributed(simulated):
    seeds = [simulated / f"dina/seed-{seed}" for seed in (0, 1)]
    for name in ("pixels", "again"):
        store = simulated / name
        attribute_pixels(simulated / "responses", seeds, store, SETTINGS, DINA, GABOR, detail="quick", device="cpu")
    return stores.checked(simulated / "pixels", verify=True)


def test_attribution_adds_up_to_the_match_above_grey(attributed):
    examples = stores.read_table(attributed, "examples")
    found = stores.read_array(attributed, "match_attribution")[METHODS.index("integrated_gradients")].sum((1, 2))
    expected = examples["match"] - examples["match_of_grey"]
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.abs().max())
    assert examples["error"].abs().max() < 0.02 * expected.abs().max()


def test_every_method_has_maps_checks_and_a_verdict(attributed):
    assert stores.read_array(attributed, "match_attribution").shape == (3, 3, 32, 32)
    assert stores.read_array(attributed, "latent_attribution").shape == (3, 6, 32, 32)
    checks, verdicts = (stores.read_table(attributed, name) for name in ("faithfulness", "verdicts"))
    assert set(checks["method"]) == {*METHODS, "edges"} == set(verdicts["method"])
    assert (checks["ci_low"] <= checks["ci_high"]).all()
    assert not verdicts.set_index("method")["passed"]["edges"]


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


class Patch(nn.Module):
    """A tower that sees the upper left quarter alone, and squares it."""

    def forward(self, images):
        return images[:, :8, :8].square().mean((1, 2))[:, None, None, None]


@pytest.mark.parametrize("method", METHODS)
def test_a_tower_that_sees_one_patch_is_explained_by_it(method):
    images = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    maps = pixel_maps(method, Readout(Patch(), torch.ones(1, 1)), images, 8)
    assert maps.shape == (1, 3, 16, 16)
    assert maps[0, :, :8, :8].abs().sum() > 0
    inside = torch.zeros(16, 16, dtype=bool)
    inside[:8, :8] = True
    assert maps[0][:, ~inside].abs().max() == 0


def test_occlusion_is_the_fall_spread_over_the_patch():
    images = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(1))
    readout = Readout(nn.Flatten(), torch.ones(1, 256))
    maps = occlusion(readout, images, torch.zeros_like(images), own=False)
    expected = images.unflatten(1, (8, 2)).unflatten(3, (8, 2)).mean((2, 4))
    torch.testing.assert_close(maps[0, :, ::2, ::2], expected, atol=1e-4, rtol=1e-3)
