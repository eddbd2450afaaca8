"""Quality of registration: what is sharp scores higher, what moves is measured."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from dina.imaging import suite2p
from dina.imaging.frames import FrameFile
from dina.imaging.quality import bidirectional_offset_px, compare_stretches, crispness, dark_share

RNG = np.random.default_rng(0)
TEXTURE = 500 + 400 * gaussian_filter(RNG.normal(size=(80, 80)), 1.2)


def test_motion_lowers_crispness_and_brightness_does_not():
    moved = np.mean([shift(TEXTURE, (dy, 0), order=1, mode="nearest") for dy in (-2, 0, 2)], 0)
    assert crispness(moved, interpolated=False) < 0.9 * crispness(TEXTURE, interpolated=False)
    np.testing.assert_allclose(crispness(3 * TEXTURE, interpolated=False), crispness(TEXTURE, interpolated=False))


def test_interpolation_alone_does_not_change_crispness():
    fractions = [(a / 6, b / 6) for a in range(6) for b in range(6)]
    displaced = [shift(TEXTURE, f, order=5, mode="grid-wrap") for f in fractions]
    back = [shift(d, (-a, -b), order=1, mode="grid-wrap") for d, (a, b) in zip(displaced, fractions, strict=True)]
    interpolated = np.mean(back, 0)
    plain, matched = crispness(TEXTURE, interpolated=False), crispness(interpolated, interpolated=True)
    assert abs(matched / plain - 1) < 0.02
    assert crispness(interpolated, interpolated=False) < 0.97 * plain


def test_residual_motion_is_measured(tmp_path):
    file = FrameFile(tmp_path / "frames", 80, 80, create=True)
    for half in (0, 1):
        still = shift(TEXTURE, (1.5 * half, 0), order=3, mode="wrap")
        file.append(still + RNG.normal(0, 20, (300, 80, 80)))
    everything = slice(0, 80)
    moved = compare_stretches(file, file[:].mean(0), everything, everything)
    moving, middle = moved.residual_px, moved.middle_frame
    np.testing.assert_allclose(np.median(moving), 0.75, atol=0.15)
    np.testing.assert_allclose(compare_stretches(file, TEXTURE, everything, everything).residual_px[:9], 0, atol=0.06)
    assert middle[0] == 12 and middle[-1] == 587


def movie(folder, pictures, noise=60.0):
    """Frames that show pictures one after another, in a frame file; and the mean of all."""
    file = FrameFile(folder / "frames", 80, 80, create=True)
    for picture in pictures:
        file.append((picture + RNG.normal(0, noise, (80, 80)))[None])
    everything = slice(0, 80)
    return compare_stretches(file, file[:].mean(0), everything, everything)


def test_a_movie_of_one_plane_is_like_itself(tmp_path):
    likeness = movie(tmp_path, [TEXTURE] * 600)
    assert 0.97 < likeness.persistence < 1.03
    assert 0.97 < likeness.neighbour_likeness < 1.03


def test_tissue_that_leaves_is_seen(tmp_path):
    fade = np.linspace(0, 1, 600)
    other = np.roll(TEXTURE[::-1], 20, 1)
    assert movie(tmp_path, [(1 - a) * TEXTURE + a * other for a in fade]).persistence < 0.8


@pytest.mark.parametrize("n_planes", [2, 3])
def test_planes_read_as_one_are_seen(tmp_path, n_planes):
    planes = [np.roll(TEXTURE, 25 * k, (0, 1)) for k in range(n_planes)]
    assert movie(tmp_path, (planes * 600)[:600]).neighbour_likeness < 0.7


def test_a_line_offset_is_measured_and_none_is_found_in_noise():
    suite2p.load()
    sample = (2000 + TEXTURE + RNG.normal(0, 100, (60, 80, 80))).astype(np.int16)
    assert bidirectional_offset_px(sample) == 0
    sample[:, 1::2] = np.roll(sample[:, 1::2], -3, 2)
    assert bidirectional_offset_px(sample) == 3
    noise = RNG.normal(1000, 100, (5, 60, 80, 80)).astype(np.int16)
    assert [bidirectional_offset_px(part) for part in noise] == [0] * 5


def test_a_field_that_is_half_dark_is_measured():
    image = TEXTURE.copy()
    image[:, :40] = image.min()
    assert dark_share(image) == pytest.approx(0.5, abs=0.001)
    assert dark_share(TEXTURE) < 0.001
