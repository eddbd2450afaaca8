"""Quality of registration: what is sharp scores higher, what moves is measured."""

import numpy as np
from scipy.ndimage import gaussian_filter, shift

from dina.imaging.frames import FrameFile
from dina.imaging.quality import crispness, residual_motion_px

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
    moving, middle = residual_motion_px(file, file[:].mean(0), everything, everything)
    np.testing.assert_allclose(np.median(moving), 0.75, atol=0.15)
    np.testing.assert_allclose(residual_motion_px(file, TEXTURE, everything, everything)[0][:9], 0, atol=0.06)
    assert middle[0] == 12 and middle[-1] == 587
