"""Centres found in silico are those of the filters that were asked."""

import numpy as np
import pytest

from dina.attribution.receptive_fields import N_POSITIONS, energy_centres, local_energy, local_patches

SIZE = 48


def scenes(n=30, shape=(SIZE, SIZE), seed=0):
    """Noise with the spectrum of photographs."""
    rows, columns = (np.fft.fftfreq(n) for n in shape)
    amplitude = 1 / np.maximum(np.hypot(rows[:, None], columns), 1 / max(shape))
    noise = np.random.default_rng(seed).standard_normal((n, *shape))
    images = np.fft.ifft2(np.fft.fft2(noise) * amplitude).real
    return (0.5 + 0.2 * images / images.std()).astype(np.float32)


def gabor(x, y, sigma=4.0, cycles=5.0, angle=0.6, phase=0.0, shape=(SIZE, SIZE)):
    """A Gabor filter centred x to the right of and y below the image's centre, in pixels."""
    dy, dx = (
        np.mgrid[: shape[0], : shape[1]] - (np.array(shape) - 1)[:, None, None] / 2 - np.array([y, x])[:, None, None]
    )
    across = dx * np.cos(angle) + dy * np.sin(angle)
    return np.exp(-(dx**2 + dy**2) / (2 * sigma**2)) * np.cos(2 * np.pi * cycles * across / SIZE + phase)


CENTRES = np.array([(0, 0), (10, -6), (-12, 8), (7, 11), (-9, -10)], float)


@pytest.fixture(scope="module")
def patches():
    return local_patches(scenes(), 24, np.random.default_rng(1))


@pytest.mark.parametrize("kind", ["simple", "complex"])
def test_centres_of_known_filters(patches, kind):
    pair = [np.stack([gabor(x, y, phase=phase) for x, y in CENTRES]) for phase in (0, np.pi / 2)]
    answers = [np.einsum("nij,uij->nu", patches - 0.5, filters) for filters in pair]
    outputs = np.maximum(answers[0], 0) if kind == "simple" else np.hypot(*answers)
    found = energy_centres(local_energy(outputs), (SIZE, SIZE))
    assert np.abs(found - CENTRES).max() < 0.04 * SIZE  # 1.6 degrees of 40


def test_x_and_y_of_images_that_are_not_square():
    shape = (40, 80)
    patches = local_patches(scenes(shape=shape), 16, np.random.default_rng(1))
    outputs = np.einsum("nij,ij->n", patches - 0.5, gabor(20, -5, shape=shape))[:, None]
    found = energy_centres(local_energy(outputs), shape)[0]
    assert abs(found[0] - 20) < 5 and abs(found[1] + 5) < 3


def test_a_silent_unit_has_no_centre():
    assert np.isnan(energy_centres(np.zeros((1, N_POSITIONS, N_POSITIONS), np.float32), (SIZE, SIZE))).all()


def test_patches_lie_where_they_should(patches):
    contrast = patches.reshape(N_POSITIONS, N_POSITIONS, -1, SIZE, SIZE).std(2)
    row, column = np.unravel_index(contrast[2, 9].argmax(), (SIZE, SIZE))
    assert abs((row + 0.5) / SIZE - 2.5 / N_POSITIONS) < 0.1 and abs((column + 0.5) / SIZE - 9.5 / N_POSITIONS) < 0.1
    assert contrast[2, 9, -1, 0] < 1e-6
