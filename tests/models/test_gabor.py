import numpy as np
import pytest
import torch

from dina.models.gabor import GaborBank
from dina.settings import GaborSettings

SETTINGS = GaborSettings(frequencies_cpi=(4.0, 8.0), n_orientations=4, grid=4)


def grating(frequency, angle, phase=0.0, size=64):
    axis = (np.arange(size) + 0.5) / size
    y, x = np.meshgrid(axis, axis, indexing="ij")
    wave = np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return torch.tensor(0.5 + 0.5 * wave, dtype=torch.float32)[None]


def energy(bank, image):
    return bank(image).reshape(2, 5, 4, 4, 4)[:, 4]


@pytest.mark.parametrize(("index", "frequency"), [(0, 4.0), (1, 8.0)])
@pytest.mark.parametrize("orientation", range(4))
def test_each_filter_prefers_its_own_grating(index, frequency, orientation):
    centre = energy(GaborBank(SETTINGS, (64, 64)), grating(frequency, orientation * np.pi / 4))[:, :, 1:3, 1:3]
    assert np.unravel_index(int(centre.mean((2, 3)).argmax()), (2, 4)) == (index, orientation)


def test_energy_ignores_phase_and_equals_the_contrast():
    bank = GaborBank(SETTINGS, (64, 64))
    values = [energy(bank, grating(8.0, 0.0, phase))[1, 0, 1:3, 1:3] for phase in (0, 1, 2)]
    for value in values:
        torch.testing.assert_close(value, torch.full_like(value, 0.5), rtol=0.03, atol=0)


def test_phase_decides_which_rectified_half_answers():
    wide = GaborSettings(frequencies_cpi=(1.0,), n_orientations=2, grid=4)
    bank = GaborBank(wide, (64, 64))
    maps = bank(grating(1.0, 0.0)).reshape(5, 2, 4, 4)[:, 0]
    reversed_maps = bank(1 - grating(1.0, 0.0)).reshape(5, 2, 4, 4)[:, 0]
    torch.testing.assert_close(maps[0], reversed_maps[1])
    torch.testing.assert_close(maps[2], reversed_maps[3])
    assert not torch.allclose(maps[0], maps[1])


def test_a_grey_image_evokes_nothing():
    assert GaborBank(SETTINGS, (64, 64))(torch.full((1, 64, 64), 0.3)).abs().max() < 1e-5


@pytest.mark.parametrize("size", [33, 47, 63])
def test_odd_sizes_see_what_even_ones_see(size):
    odd, even = (energy(GaborBank(SETTINGS, (n, n)), grating(4.0, np.pi / 4, size=n)) for n in (size, 64))
    torch.testing.assert_close(odd[0, :, 1:3, 1:3], even[0, :, 1:3, 1:3], rtol=0.15, atol=0.02)


@pytest.mark.parametrize("shape", [(64, 64), (32, 32), (36, 64)])
def test_maps_keep_the_layout_of_the_image(shape):
    bank = GaborBank(SETTINGS, shape)
    image = torch.full((1, *shape), 0.5)
    rows, columns = slice(shape[0] // 4, shape[0] // 2), slice(shape[1] // 2, 3 * shape[1] // 4)
    image[0, rows, columns] += torch.tensor([0.4, -0.4]).repeat(shape[1] // 8)
    total = bank(image)[0].sum(0)
    assert np.unravel_index(int(total.argmax()), (4, 4)) == (1, 2)


def test_a_mirrored_image_gives_mirrored_energy():
    bank = GaborBank(SETTINGS, (64, 64))
    image = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    mirrored = energy(bank, image.flip(-1))[:, :, :, :]
    straight = energy(bank, image)[:, [0, 3, 2, 1]].flip(-1)
    torch.testing.assert_close(mirrored, straight, rtol=0.02, atol=2e-3)


def test_gradients_reach_the_pixels():
    image = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    GaborBank(SETTINGS, (64, 64))(image).sum().backward()
    assert torch.isfinite(image.grad).all()
    assert (image.grad != 0).all()


def moving(frequency, angle, n_frames):
    return torch.cat([grating(frequency, angle, -np.pi / 2 * frame) for frame in range(n_frames)])[None]


@pytest.mark.parametrize("n_frames", [2, 4])
@pytest.mark.parametrize("orientation", range(4))
def test_motion_energy_tells_the_way_a_grating_moves(n_frames, orientation):
    """Along a filter's axis all contrast is in one direction's map; a still grating divides it evenly."""
    bank = GaborBank(SETTINGS, (n_frames, 64, 64))
    angle = orientation * np.pi / 4
    there, back = (moving(4.0, towards, n_frames) for towards in (angle, angle + np.pi))
    still = grating(4.0, angle)[None].expand(1, n_frames, 64, 64)
    found = [bank(clip).reshape(2, 2, 4, 4, 4)[0, :, orientation, 1:3, 1:3].mean((1, 2)) for clip in (there, back)]
    torch.testing.assert_close(found[0], torch.tensor([0.5, 0.0]), rtol=0, atol=0.03)
    torch.testing.assert_close(found[1], found[0].flip(0), rtol=0, atol=0.01)
    ways = bank(still).reshape(2, 2, 4, 4, 4)
    torch.testing.assert_close(ways[:, 0], ways[:, 1])
    assert bank(there).shape == (1, bank.channels, 4, 4)


SIGMA = 0.02
NORMALISED = SETTINGS.model_copy(update={"normalisation_sigma": SIGMA})


def at_centre(bank, image):
    """What the filter that prefers vertical gratings of 8 cycles answers in the middle of an image."""
    return float(energy(bank, image)[1, 0, 1:3, 1:3].mean())


def contrasted(image, contrast):
    return 0.5 + contrast * (image - 0.5)


def test_normalised_maps_are_divided_by_the_energy_around_them():
    """By the definition, over places in a loop; a wide Gaussian, since the grey screen around holds no energy."""
    settings = NORMALISED.model_copy(update={"normalisation_width": 0.4})
    image = torch.rand(2, 64, 64, generator=torch.Generator().manual_seed(0))
    plain, divided = (GaborBank(of, (64, 64))(image) for of in (SETTINGS, settings))
    mean_energy = plain.reshape(2, 2, 5, 4, 4, 4)[:, :, 4].mean((1, 2))
    edges = torch.distributions.Normal(0.0, 0.4).cdf(torch.arange(-4, 5) / 4 + 1 / 8).diff()
    for y, x in ((0, 0), (1, 3), (2, 2)):
        weights = torch.outer(*(torch.stack([edges[3 - at + other] for other in range(4)]) for at in (y, x)))
        pool = (mean_energy * weights).sum((1, 2))
        torch.testing.assert_close(divided[:, :, y, x], plain[:, :, y, x] / (SIGMA + pool)[:, None])


def test_contrast_responses_saturate_by_the_hyperbola():
    """c / (c50 + c), with c50 the contrast at which the pool equals σ; without normalisation they are proportional."""
    whole = grating(8.0, 0.0)
    contrasts = np.array([0.02, 0.1, 0.4, 1.0])
    plain, divided = (
        np.array([at_centre(GaborBank(of, (64, 64)), contrasted(whole, c)) for c in contrasts])
        for of in (SETTINGS, NORMALISED)
    )
    np.testing.assert_allclose(plain / plain[-1], contrasts, rtol=1e-3)
    slope, offset = np.polyfit(contrasts, contrasts / divided, 1)
    np.testing.assert_allclose(divided, contrasts / (offset + slope * contrasts), rtol=0.01)
    assert 0.1 < offset / slope < 0.4
    assert divided[-1] / divided[0] < 0.25 * contrasts[-1] / contrasts[0]


def test_a_grating_across_suppresses_only_where_maps_are_normalised():
    one, across = grating(8.0, 0.0), grating(8.0, np.pi / 2)
    alone, plaid = contrasted(one, 0.5), contrasted(one, 0.5) + contrasted(across, 0.5) - 0.5
    plain, divided = (GaborBank(of, (64, 64)) for of in (SETTINGS, NORMALISED))
    assert at_centre(plain, plaid) == pytest.approx(at_centre(plain, alone), rel=0.02)
    assert at_centre(divided, plaid) < 0.75 * at_centre(divided, alone)


def test_normalisation_leaves_grey_at_zero_and_treats_clips_alike():
    assert GaborBank(NORMALISED, (64, 64))(torch.full((1, 64, 64), 0.3)).abs().max() < 1e-3
    plain, divided = (GaborBank(of, (2, 64, 64)) for of in (SETTINGS, NORMALISED))
    faint, strong = (contrasted(moving(4.0, 0.0, 2), c) for c in (0.1, 1.0))
    assert plain(strong).max() == pytest.approx(10 * float(plain(faint).max()), rel=1e-3)
    assert divided(strong).max() < 4 * divided(faint).max()
