import numpy as np
import pytest

from dina.settings import OpticsSettings
from dina.simulate.optics import COUNTS_PER_PHOTON, OFFSET_COUNTS, expose, scan

MARGIN = 8


def blob(center, shape=(60, 66), sigma=3.0):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((y - center[0]) ** 2 + (x - center[1]) ** 2) / (2 * sigma**2)).astype(np.float32)


def constant(dy, dx, rows=60 - 2 * MARGIN):
    return np.tile(np.array([[dy, dx]], np.float32), (rows, 1))


def test_whole_pixels_are_copied():
    light = np.random.default_rng(0).random((60, 66)).astype(np.float32)
    frame = scan(light, constant(3, -2), MARGIN, 50)
    assert frame == pytest.approx(light[MARGIN - 3 : MARGIN - 3 + 44, MARGIN + 2 : MARGIN + 2 + 50], abs=1e-5)


@pytest.mark.parametrize(("dy", "dx"), [(0.5, 0.25), (-1.3, 2.7), (4.9, -5.2)])
def test_tissue_appears_displaced_by_what_is_stated(dy, dx):
    center = (30.2, 33.7)
    frame = scan(blob(center), constant(dy, dx), MARGIN, 50)
    expected = blob((center[0] - MARGIN + dy, center[1] - MARGIN + dx), frame.shape)
    assert frame == pytest.approx(expected, abs=2e-3)


def test_every_row_has_its_own_displacement():
    """A vertical bar leans as the tissue slides sideways during the scan."""
    light = np.tile(np.exp(-((np.arange(66) - 33.0) ** 2) / 18).astype(np.float32), (60, 1))
    rows = constant(0, 0)
    rows[:, 1] = np.linspace(-3, 3, len(rows))
    frame = scan(light, rows, MARGIN, 50)
    centre = (frame * np.arange(50)).sum(1) / frame.sum(1)
    assert centre == pytest.approx(33 - MARGIN + rows[:, 1], abs=0.05)


def test_interpolation_hardly_blurs():
    """Half-way between pixels, fine structure keeps most of its contrast."""
    light = blob((30, 33), sigma=1.2)
    frame = scan(light, constant(0.5, 0.5), MARGIN, 50)
    assert np.sum(frame**2) / np.sum(light**2) == pytest.approx(1, abs=0.05)
    assert frame.sum() == pytest.approx(light.sum(), rel=1e-3)


def test_noise_is_shot_noise_plus_read_noise():
    settings = OpticsSettings(read_noise_photons=3)
    rng = np.random.default_rng(0)
    for photons in (20.0, 200.0):
        frames = expose(np.full((40, 64, 64), photons, np.float32), settings, rng)
        assert frames.dtype == np.int16
        detected = (frames - OFFSET_COUNTS) / COUNTS_PER_PHOTON
        assert detected.mean() == pytest.approx(photons, rel=0.01)
        assert detected.var() == pytest.approx(photons + 9, rel=0.02)


def test_the_digitiser_saturates_and_never_wraps():
    rng = np.random.default_rng(0)
    frames = expose(np.array([[[1e6, 0.0, -1.0]]], np.float32), OpticsSettings(read_noise_photons=0), rng)
    assert frames[0, 0].tolist() == [32767, 100, 100]
