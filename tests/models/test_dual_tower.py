import itertools

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from dina.models.dual_tower import build_dual_tower, initialise
from dina.settings import AlignmentSettings, DinaModelSettings, GaborSettings

GABOR = GaborSettings(frequencies_cpi=(2.0, 4.0), n_orientations=2, grid=4)


def towers(image_tower, seed=0, **alignment):
    settings = DinaModelSettings(image_tower=image_tower, channels=6, alignment=alignment)
    model = build_dual_tower(settings, GABOR, image_shape=(32, 32), n_neurons=9, n_components=5)
    generator = torch.Generator().manual_seed(seed)
    initialise(model, generator)
    if image_tower == "gabor":
        model.image_tower.mixing.normal_(generator=generator)
        model.image_tower.log_gain.data.normal_(generator=generator)
        nn.init.orthogonal_(model.image_tower.loadings, generator=generator)
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


def maps(n_neural=3, n_images=2):
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(n, 6, 4, 4, generator=generator) for n in (n_neural, n_images))


def similarity(model, a, b):
    return model.embed(a) @ model.embed(b).T


def cosine(u, v):
    return u.flatten() @ v.flatten() / (u.norm() * v.norm())


@pytest.mark.parametrize(("scales", "weights"), [((1,), None), ((1, 2), None), ((1, 2, 4), (1.0, 2.0, 5.0))])
def test_similarity_is_the_weighted_mean_cosine_over_scales(scales, weights):
    model, (a, b) = towers("gabor", scales=scales, scale_weights=weights), maps()
    weights = torch.tensor(weights or (1.0,) * len(scales))
    for i, j in itertools.product(range(3), range(2)):
        cosines = []
        for factor in scales:
            u, v = (m.reshape(6, 4 // factor, factor, 4 // factor, factor).mean((2, 4)) for m in (a[i], b[j]))
            cosines.append(cosine(u, v))
        expected = (torch.stack(cosines) * weights).sum() / weights.sum()
        torch.testing.assert_close(similarity(model, a, b)[i, j], expected)


@pytest.mark.parametrize("image_tower", ["gabor", "learned"])
@pytest.mark.parametrize("alignment", [{}, {"scales": (1, 2)}, {"level": "location"}])
def test_responses_and_images_are_compared_by_their_maps(image_tower, alignment):
    model, generator = towers(image_tower, **alignment), torch.Generator().manual_seed(1)
    z, images = torch.randn(3, 9, generator=generator), torch.rand(4, 32, 32, generator=generator)
    expected = similarity(model, model.neural_tower(z), model.image_tower(images))
    torch.testing.assert_close(model(z, images), expected)
    assert model.in_components == (image_tower == "gabor" and not alignment)


def test_places_are_compared_one_by_one():
    model, (a, b) = towers("gabor", level="location"), maps()
    expected = torch.stack([cosine(a[1, :, y, x], b[0, :, y, x]) for y in range(4) for x in range(4)]).mean()
    torch.testing.assert_close(similarity(model, a, b)[1, 0], expected)


def test_pooled_alignment_knows_no_places():
    model, (a, b) = towers("gabor", level="pooled"), maps()
    torch.testing.assert_close(similarity(model, a, b)[2, 1], cosine(a[2].mean((1, 2)), b[1].mean((1, 2))))
    torch.testing.assert_close(similarity(model, a.flip(-1), b), similarity(model, a, b))


def test_every_scale_has_its_weight():
    with pytest.raises(ValidationError, match="2 scale_weights for 1 scales"):
        AlignmentSettings(scales=(1,), scale_weights=(1.0, 2.0))


def test_temperature_is_bounded():
    model = towers("gabor")
    model.log_inverse_temperature.data.fill_(50.0)
    assert model.inverse_temperature == 100


def test_one_seed_one_set_of_weights():
    first, again, other = (towers("learned", seed=s).state_dict() for s in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("kind", ["gabor", "learned"])
def test_towers_take_clips(kind, small_gabor):
    settings = DinaModelSettings(channels=8, image_tower=kind)
    model = build_dual_tower(settings, small_gabor, image_shape=(2, 32, 32), n_neurons=5, n_components=4)
    generator = torch.Generator().manual_seed(0)
    initialise(model, generator)
    clips = torch.rand(3, 2, 32, 32, generator=generator)
    maps = model.image_tower(clips)
    assert maps.shape == (3, 8, small_gabor.grid, small_gabor.grid)
    assert model(torch.rand(4, 5, generator=generator), clips).shape == (4, 3)
    if kind == "learned":
        assert not torch.allclose(maps, model.image_tower(clips.flip(1)))
