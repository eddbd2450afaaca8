"""Averages of gradients by way of averaged slopes are those of automatic differentiation, point by point."""

import pytest
import torch

from dina.models.dual_tower import build_dual_tower, initialise
from dina.models.slopes import averaged_gradient
from dina.settings import DinaModelSettings, GaborSettings

N, POINTS = 3, 4


def towers(read_in="low_rank", **settings):
    generator = torch.Generator().manual_seed(0)
    asked = {"channels": 6, "core": {"channels": 4, "size_px": 16}, "read_in": {"kind": read_in}} | settings
    gabor = GaborSettings(frequencies_cpi=(1.5, 4.0), n_orientations=3, grid=4)
    sizes = {"image_shape": (24, 24), "n_neurons": 15, "n_components": 9}
    model = build_dual_tower(DinaModelSettings(**asked), gabor, **sizes, has_core="image_tower" not in settings)
    initialise(model, generator)
    if "image_tower" not in settings:
        for values in (model.image_tower.mixing, model.image_tower.loadings, model.image_tower.learned.weight):
            values.copy_(torch.randn(values.shape, generator=generator))
        model.image_tower.sd.copy_(torch.rand(model.image_tower.sd.shape, generator=generator) + 0.5)
        model.image_tower.learned.share.fill_(0.5)
    return model.eval().requires_grad_(False), generator


def point_by_point(tower, cotangents, points, weights):
    """One unit, input and point after the other."""
    found = torch.zeros(len(cotangents), *points.shape[1:])
    for unit, of in enumerate(cotangents):
        for n in range(points.shape[1]):
            for weight, point in zip(weights, points[:, n], strict=True):
                at = point[None].clone().requires_grad_()
                value = (tower(at).flatten(1) * of[n if len(of) > 1 else 0]).sum()
                found[unit, n] += weight * torch.autograd.grad(value, at)[0][0]
    return found


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("part", ["image", "learned", "low_rank", "dense", "retinotopic"])
def test_the_same_as_point_by_point(part, shared):
    model, generator = towers(part if part in ("low_rank", "dense", "retinotopic") else "low_rank")
    if part == "learned":
        model, generator = towers(image_tower="learned")
    tower = model.image_tower if part in ("image", "learned") else model.neural_tower
    shape = (24, 24) if part in ("image", "learned") else (15,)
    points = torch.rand(POINTS, N, *shape, generator=generator)
    weights = torch.tensor([0.4, 0.3, 0.2, 0.2])  # need not add up to 1
    n_values = tower.layout[0] * tower.layout[1] * tower.layout[2]
    cotangents = torch.randn(2, 1 if shared else N, n_values, generator=generator)
    expected = point_by_point(tower, cotangents, points, weights)
    found = averaged_gradient(tower, cotangents, points, weights)
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-3)


def test_a_tower_without_residual_has_one_gradient():
    model, generator = towers()
    model.neural_tower.residual[-1].weight.zero_()
    points, cotangents = torch.rand(2, N, 15, generator=generator), torch.randn(1, 1, 96, generator=generator)
    found = averaged_gradient(model.neural_tower, cotangents, points, torch.tensor([0.5, 0.5]))
    expected = point_by_point(model.neural_tower, cotangents, points, [0.5, 0.5])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
