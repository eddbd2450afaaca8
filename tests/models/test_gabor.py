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
