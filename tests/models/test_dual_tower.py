import pytest
import torch

from dina.models.dual_tower import build_dual_tower, initialise
from dina.settings import DinaModelSettings, GaborSettings

GABOR = GaborSettings(frequencies_cpi=(2.0, 4.0), n_orientations=2, grid=4)


def towers(image_tower, scales=(1,), seed=0):
    settings = DinaModelSettings(image_tower=image_tower, channels=6, scales=scales)
    model = build_dual_tower(settings, GABOR, image_shape=(32, 32), n_neurons=9, n_components=5)
    generator = torch.Generator().manual_seed(seed)
    initialise(model, generator)
    if image_tower == "gabor":
        for name in ("mixing", "loadings"):
            getattr(model.image_tower, name).normal_(generator=generator)
    return model


@pytest.mark.parametrize("image_tower", ["gabor", "learned"])
def test_both_towers_meet_in_one_layout_and_pass_gradients(image_tower):
    model, generator = towers(image_tower), torch.Generator().manual_seed(1)
    z = torch.randn(3, 9, generator=generator).requires_grad_()
    images = torch.rand(4, 32, 32, generator=generator).requires_grad_()
    assert model.neural_tower(z).shape == (3, 6, 4, 4)
    assert model.image_tower(images).shape == (4, 6, 4, 4)
    model(z, images).square().sum().backward()
    assert z.grad.abs().sum() > 0
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("scales", [(1,), (1, 2), (1, 2, 4)])
def test_similarity_is_the_mean_cosine_over_scales(scales):
    model, generator = towers("gabor", scales), torch.Generator().manual_seed(1)
    a, b = (torch.randn(n, 6, 4, 4, generator=generator) for n in (3, 2))
    for i in range(3):
        for j in range(2):
            cosines = []
            for factor in scales:
                u, v = (
                    m.reshape(6, 4 // factor, factor, 4 // factor, factor).mean((2, 4)).flatten() for m in (a[i], b[j])
                )
                cosines.append(u @ v / (u.norm() * v.norm()))
            torch.testing.assert_close(model.compare(a, b)[i, j], torch.stack(cosines).mean())


def test_temperature_is_bounded():
    model = towers("gabor")
    model.log_inverse_temperature.data.fill_(50.0)
    assert model.inverse_temperature == 100


def test_one_seed_one_set_of_weights():
    first, again, other = (towers("learned", seed=s).state_dict() for s in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
