"""Overlapping crops of the photographs that come with scikit-image and scikit-learn."""

import numpy as np
import pytest
import torch
from PIL import Image

from dina.recordings.overlaps import SIZE_PX, overlapping_crops, shifted_correlation
from dina.settings import SimulationSettings
from dina.simulate.photographs import load_photographs
from dina.simulate.scenes import make_scenes

CROP_PX = 96
BLANK = 0.05


@pytest.fixture(scope="module")
def photographs():
    return [photograph.grey for photograph in load_photographs(None, smallest_px=CROP_PX, longest_px=700)]


def crop(grey, y, x, size=SIZE_PX):
    box = (x, y, x + CROP_PX, y + CROP_PX)
    return np.asarray(Image.fromarray(grey).resize((size, size), Image.Resampling.BILINEAR, box=box))


def crops_sharing(photographs, share, n, size=SIZE_PX):
    """(2, n, size, size) crops that share this part of their area, shifted anywhere by fractions of a pixel."""
    rng = np.random.default_rng(0)
    found = []
    while len(found) < n:
        grey = photographs[rng.integers(len(photographs))]
        u = rng.uniform(0, 1 - share)
        shift = rng.permutation([u, 1 - share / (1 - u)]) * rng.choice([-1, 1], 2) * CROP_PX
        room = np.array(grey.shape) - CROP_PX
        first = rng.uniform(0, room)
        if (first + shift < 0).any() or (first + shift > room).any():
            continue
        one, other = crop(grey, *first, size), crop(grey, *(first + shift), size)
        if one.std() >= BLANK:
            found.append((one, other))
    return np.array(found).transpose(1, 0, 2, 3)


def found_share(first, second):
    n = len(first)
    pairs = overlapping_crops(np.concatenate([first, second]), np.repeat([0, 2], n))
    return np.isin(np.arange(n), pairs[pairs[:, 1] - pairs[:, 0] == n][:, 0]).mean()


@pytest.mark.parametrize(("share", "at_least", "at_most"), [(0.3, 0, 0.05), (0.5, 0.85, 1), (0.75, 0.93, 1)])
def test_crops_that_share_half_are_found_mirrored_or_not(photographs, share, at_least, at_most):
    first, second = crops_sharing(photographs, share, 80)
    assert at_least <= found_share(first, second) <= at_most
    assert at_least <= found_share(first, second[..., ::-1]) <= at_most


def test_size_and_contrast_do_not_matter(photographs):
    first, second = crops_sharing(photographs, 0.6, 30, size=100)
    assert found_share(first, 0.5 * second + 0.2) >= 0.85


def test_other_photographs_and_other_parts_of_one_do_not_overlap(photographs):
    images, source = [], []
    for number, grey in enumerate(photographs):
        for y in range(0, grey.shape[0] - CROP_PX + 1, CROP_PX):
            for x in range(0, grey.shape[1] - CROP_PX + 1, CROP_PX):
                images.append(crop(grey, y, x))
                source.append(number)
    images, source = np.array(images), np.array(source)
    kept = images.std((1, 2)) >= BLANK
    pairs = overlapping_crops(images[kept])
    assert (source[kept][pairs[:, 0]] == source[kept][pairs[:, 1]]).all()
    assert len(pairs) <= 2  # of the 3,121 pairs within a photograph: grass repeats itself


def test_the_default_simulation_parts_no_overlapping_crops():
    settings = SimulationSettings()
    scenes = make_scenes(settings.scenes, settings.seed)
    assert not len(overlapping_crops(scenes.images.astype(np.float32) / 255, scenes.split))


def test_edges_gratings_and_spots_tell_no_place():
    y, x = np.mgrid[:64, :64]
    gratings = [0.5 + 0.4 * np.sin(0.5 * (x * np.cos(a) + y * np.sin(a)) + a) for a in np.linspace(0, 3, 8)]
    edges = [(x > at).astype(float) for at in (20, 30, 40)]
    spots = [0.5 + 0.5 * ((abs(x - 20 - 8 * k) < 4) & (abs(y - 30 + 5 * k) < 4)) for k in range(3)]
    assert not len(overlapping_crops(np.array([*gratings, *edges, *spots, np.full((64, 64), 0.5)])))


def test_sides_limit_the_pairs(photographs):
    first, second = crops_sharing(photographs, 0.9, 10)
    images = np.concatenate([first, second])
    assert not len(overlapping_crops(images, np.tile(np.arange(10), 2)))
    everything = overlapping_crops(images)
    across = overlapping_crops(images, np.repeat([1, 0], 10))
    assert {tuple(pair) for pair in across} <= {tuple(pair) for pair in everything} and len(across) >= 9


def test_correlation_at_a_shift_is_that_of_the_shared_area():
    one, other = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    fit = shifted_correlation(one, other)
    shared_one, shared_other = one[1, 2:, :-3], other[1, :-2, 3:]
    expected = (shared_one * shared_other).sum() / (shared_one.norm() * shared_other.norm())
    assert fit[1, 2, -3] == pytest.approx(float(expected), abs=1e-4)
    assert (fit[:, 10, 10] == -1).all()
