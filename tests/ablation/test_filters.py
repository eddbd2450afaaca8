"""Filters remove what they say, in cycles per degree, and keep mean and contrast."""

import numpy as np
import pytest

from dina.ablation.filters import MAX_GAIN, filter_images, usable_cutoffs
from dina.errors import SettingsError

SIZE, DEGREES_PER_PIXEL = 64, 0.625  # 40 degrees


def grating(cycles_per_image, size=SIZE):
    """A vertical grating that the mirrored edges continue."""
    x = (np.arange(size) + 0.5) / size
    return np.tile(0.5 + 0.2 * np.cos(2 * np.pi * cycles_per_image * x), (size, 1)).astype(np.float32)


def amplitude(image, cycles_per_image):
    x = (np.arange(image.shape[1]) + 0.5) / image.shape[1]
    return 2 * np.mean(image * np.cos(2 * np.pi * cycles_per_image * x))


@pytest.mark.parametrize(("kind", "kept", "lost"), [("low_pass", 4, 16), ("high_pass", 16, 4)])
def test_only_one_side_of_the_cutoff_passes(kind, kept, lost):
    both = grating(4) + grating(16) - 0.5
    out = filter_images(both[None], kind, 8 / 40, DEGREES_PER_PIXEL).images[0]
    assert abs(amplitude(out, lost)) < 1e-6
    assert amplitude(out, kept) == pytest.approx(0.2 * np.sqrt(2), rel=1e-4)  # takes over the other's contrast


def test_oblique_gratings_are_cut_at_the_same_frequency():
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    oblique = 0.5 + 0.2 * np.sin(2 * np.pi * 10 * (x + y) / np.sqrt(2))[None].astype(np.float32)
    centre = np.s_[:, 16:48, 16:48]  # mirrored edges bend the grating and add other frequencies there
    passed = filter_images(oblique, "low_pass", 20, None).images
    removed = filter_images(oblique, "low_pass", 5, None)
    assert np.abs(passed - oblique)[centre].max() < 0.01
    assert (removed.images / removed.gain[:, None, None])[centre].std() < 0.1 * oblique[centre].std()


def test_low_and_high_pass_share_the_image_between_them():
    image = np.random.default_rng(0).random((3, 40, 56), np.float32)
    low, high = (filter_images(image, kind, 6, None) for kind in ("low_pass", "high_pass"))
    mean = image.mean((1, 2), keepdims=True)
    parts = [(f.images - mean) / f.gain[:, None, None] for f in (low, high)]
    np.testing.assert_allclose(parts[0] + parts[1], image - mean, atol=1e-5)


def test_neighbouring_bands_share_what_lies_between():
    image = np.random.default_rng(3).random((2, 48, 48), np.float32)
    low, high = filter_images(image, "low_pass", 3, None), filter_images(image, "high_pass", 9, None)
    bands = [filter_images(image, "band_pass", a, None, upper=b) for a, b in ((3, 5), (5, 9))]
    mean = image.mean((1, 2), keepdims=True)
    parts = [(f.images - mean) / f.gain[:, None, None] for f in (low, *bands, high)]
    np.testing.assert_allclose(sum(parts), image - mean, atol=1e-5)


def test_only_the_band_passes():
    out = filter_images((grating(2) + grating(8) + grating(24) - 1)[None], "band_pass", 4, None, upper=16).images[0]
    assert max(abs(amplitude(out, 2)), abs(amplitude(out, 24))) < 1e-6 and amplitude(out, 8) > 0.3


@pytest.mark.parametrize("kind", ["low_pass", "high_pass"])
def test_mean_and_contrast_are_kept(kind):
    image = np.random.default_rng(1).random((4, SIZE, SIZE), np.float32)
    filtered = filter_images(image, kind, 0.3, DEGREES_PER_PIXEL)
    np.testing.assert_allclose(filtered.images.mean((1, 2)), image.mean((1, 2)), atol=1e-5)
    np.testing.assert_allclose(filtered.images.std((1, 2)), image.std((1, 2)), rtol=1e-4)
    assert not filtered.beyond.any() and (filtered.gain > 1).all()


def test_gain_is_limited_and_marked():
    nearly_nothing_left = np.stack([grating(20), 0.5 + 0.01 * (grating(2) - 0.5) + (grating(20) - 0.5)])
    filtered = filter_images(nearly_nothing_left, "low_pass", 5, None)
    assert filtered.beyond.all() and (filtered.gain == MAX_GAIN).all()
    assert filtered.images[1].std() == pytest.approx(MAX_GAIN * 0.01 * grating(2).std(), rel=1e-3)


def test_a_blank_image_stays_blank():
    filtered = filter_images(np.full((1, 32, 32), 0.3, np.float32), "high_pass", 4, None)
    np.testing.assert_allclose(filtered.images, 0.3, atol=1e-6)
    assert filtered.gain[0] == 1 and not filtered.beyond[0]


def test_the_same_cutoff_per_degree_and_per_image_agree():
    image = np.random.default_rng(2).random((1, SIZE, SIZE), np.float32)
    per_degree = filter_images(image, "low_pass", 0.2, DEGREES_PER_PIXEL).images
    per_image = filter_images(image, "low_pass", 0.2 * 40, None).images
    np.testing.assert_allclose(per_degree, per_image, atol=1e-6)


def test_cutoffs_beyond_what_sampling_shows_are_dropped():
    kept, dropped = usable_cutoffs((0.7, 0.04, 0.64, 0.6), SIZE, DEGREES_PER_PIXEL)  # Nyquist: 0.8 cycles/deg
    assert kept == (0.04, 0.6, 0.64) and dropped == (0.7,)
    with pytest.raises(SettingsError, match=r"cutoffs_cpi.*25\.6 cycles/image"):
        usable_cutoffs((26, 40), SIZE, None)
