"""Methods that explain a model pass; an edge detector, noise and a map that ignores the model do not."""

import numpy as np
import pytest
import torch
from torch import nn

from dina.attribution import faithfulness
from dina.attribution.deletion import SHARES, area, curve, order_of
from dina.attribution.effort import resolved
from dina.attribution.faithfulness import check, check_methods, verdicts
from dina.attribution.randomisation import cascade, rank_correlation, similarity, weight_layers
from dina.models.gradients import Readout
from dina.settings import AttributionSettings, InteractionSettings

SETTINGS = AttributionSettings(n_steps=4)


class Two(nn.Module):
    """Two smooth layers of pixels."""

    def __init__(self, seed):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.first, self.second = nn.Linear(256, 24), nn.Linear(24, 12)
        for layer in (self.first, self.second):
            layer.weight.data = torch.randn(layer.weight.shape, generator=generator) / layer.in_features**0.5
            layer.bias.data.zero_()

    def forward(self, images):
        return self.second(nn.functional.gelu(self.first(images.flatten(1)))).view(-1, 3, 2, 2)


@pytest.fixture(scope="module")
def checked():
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(10, 4, 4, generator=generator).repeat_interleave(4, 1).repeat_interleave(4, 2)
    images = images + 0.2 * torch.rand(10, 16, 16, generator=generator)
    tower, other = (Two(seed).requires_grad_(False) for seed in (0, 1))
    grey = images.mean((1, 2), keepdim=True).expand_as(images)
    # each image's own unit: what its maps are, above those of grey
    own = (tower(images) - tower(grey)).flatten(1)
    return check_methods(Readout(tower, own), Readout(other, own), images, SETTINGS)


def test_methods_that_explain_pass_and_edges_fail(checked):
    checks, curves, fall = checked
    of = verdicts(checks).set_index("method")
    for name in ("integrated_gradients", "occlusion"):
        rows = checks[(checks["method"] == name) & checks["check"].str.contains("tion,")]
        assert rows["passed"].all(), rows
    assert not of["passed"]["edges"]
    assert "randomised" in of["failed"]["edges"] and "shuffled labels" in of["failed"]["edges"]
    assert (checks[(checks["method"] == "edges") & (checks["check"] == "randomised")]["value"] > 0.999).all()
    assert set(curves["method"]) == {"integrated_gradients", "occlusion", "smoothed_gradients", "edges", "random"}
    assert list(fall["layer"].unique()) == ["second", "first"]


def test_an_edge_detector_passed_off_as_a_method_is_found_out(monkeypatch, checked):
    edges = faithfulness.pixel_maps

    def impostor(name, *given, **asked):
        return edges("edges" if name == "occlusion" else name, *given, **asked)

    monkeypatch.setattr(faithfulness, "pixel_maps", impostor)
    images, tower = torch.rand(4, 16, 16, generator=torch.Generator().manual_seed(0)), Two(0).requires_grad_(False)
    readout = Readout(tower, tower(images).flatten(1))
    checks, _, _ = check_methods(readout, readout, images, SETTINGS, methods=("occlusion",))
    assert not checks.set_index("check")["passed"]["randomised"]


def test_curves_of_a_sum_follow_the_order():
    inputs = torch.tensor([[1.0, 3.0, 2.0, 0.0], [4.0, 0.0, 0.0, 4.0]])

    def score(shown, owners):
        return shown.sum(1)

    order = order_of(inputs.numpy())
    np.testing.assert_array_equal(order[0], [1, 2, 0, 3])
    half = SHARES.index(0.5)
    deletion, insertion = (curve(score, inputs, 0 * inputs, order, insert=some) for some in (False, True))
    np.testing.assert_allclose(deletion[:, [0, half, -1]], [[6, 1, 0], [8, 0, 0]])
    np.testing.assert_allclose(insertion[:, [0, half, -1]], [[0, 5, 6], [0, 8, 8]])
    assert (area(deletion) < 0.5).all() and (area(insertion) > 0.5).all()


def test_the_cascade_goes_downwards_and_leaves_the_tower_alone():
    tower = Two(0)
    before = tower.first.weight.detach().clone()
    drawn = {name: some.first.weight.clone() for name, some in cascade(tower, 0)}
    assert [name for name, _ in weight_layers(tower)] == ["second", "first"] == list(drawn)
    assert torch.equal(drawn["second"], before) and torch.equal(tower.first.weight, before)
    assert not torch.equal(drawn["first"], before)
    assert drawn["first"].std() == pytest.approx(float(before.std()), rel=0.05)


def test_likeness_of_maps():
    maps = np.random.default_rng(0).normal(size=(3, 16, 16))
    np.testing.assert_allclose(rank_correlation(maps, -2 * maps), 1)
    np.testing.assert_allclose(similarity(maps, -2 * maps), 1)
    assert np.abs(rank_correlation(maps, maps[:, ::-1])).max() < 0.25
    assert (rank_correlation(maps, np.ones_like(maps)) == 0).all()


def test_a_check_passes_only_with_its_whole_interval():
    values, rng = np.full(20, 0.4), np.random.default_rng(0)
    assert check("m", "c", values, 0.5)["passed"] and not check("m", "c", values, 0.5, higher=True)["passed"]
    assert not check("m", "c", values + 2 * rng.normal(size=20), 0.5)["passed"]


def test_what_settings_leave_open_follows_detail():
    quick, full = (resolved(AttributionSettings(), detail) for detail in ("quick", "full"))
    assert full.n_checked_images > quick.n_checked_images
    assert full.interactions.n_surrogates > quick.interactions.n_surrogates  # sections within sections too
    assert resolved(InteractionSettings(n_surrogates=50), "full").n_surrogates == 50
