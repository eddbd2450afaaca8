"""Scrambled phases keep amplitudes, line drawings outlines alone, shuffled patches their content."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dina.ablation.structure import draw_lines, periodic_component, scramble_phases, shuffle_patches

SIZE = 48
IDS = np.arange(4)


@pytest.fixture(scope="module")
def pictures():
    """Smooth noise, whose opposite edges do not meet."""
    noise = np.random.default_rng(0).standard_normal((4, 2 * SIZE, 2 * SIZE))
    smooth = gaussian_filter(noise, (0, 5, 5))[:, :SIZE, :SIZE]
    return (0.5 + 0.2 * smooth / smooth.std((1, 2), keepdims=True)).astype(np.float32)


def disc_on(texture):
    """A light disc on dark, both of one texture."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    disc = np.where(np.hypot(y, x) < SIZE / 4, 1.0, -1.0)
    return (0.5 + 0.15 * disc + 0.03 * texture).astype(np.float32)[None]


def fine_texture(cycles=12):
    noise = np.random.default_rng(1).standard_normal((SIZE, SIZE))
    axis = np.fft.fftfreq(SIZE, 1 / SIZE)
    ring = np.exp(-((np.hypot(axis[:, None], axis) - cycles) ** 2) / 2)
    texture = np.fft.ifft2(np.fft.fft2(noise) * ring).real
    return texture / texture.std()


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def test_amplitudes_stay_and_phases_go(pictures):
    scrambled = scramble_phases(pictures, IDS, 0)
    before = np.abs(np.fft.fft2(periodic_component(pictures)))
    after = np.abs(np.fft.fft2(scrambled.images)) / scrambled.gain[:, None, None]
    np.testing.assert_allclose(after[:, 1:], before[:, 1:], rtol=1e-3, atol=1e-3)
    assert abs(correlation(scrambled.images, pictures)) < 0.3
    np.testing.assert_allclose(scrambled.images.std((1, 2)), pictures.std((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(scrambled.images.mean((1, 2)), pictures.mean((1, 2)), atol=1e-5)


def test_edges_that_do_not_meet_leave_no_cross(pictures):
    """Along the axes, steps between opposite edges have power at high frequencies that smooth pictures lack."""
    axis, band = np.s_[:, 0, 12:24], np.s_[:, 12:24, 12:24]
    plain, periodic = (np.abs(np.fft.fft2(of)) for of in (pictures, periodic_component(pictures)))
    assert plain[axis].mean() > 20 * plain[band].mean()
    assert periodic[axis].mean() < 0.2 * plain[axis].mean()


def test_a_periodic_picture_is_its_own_periodic_component():
    x = np.arange(SIZE) / SIZE
    grating = np.tile(0.5 + 0.2 * np.cos(2 * np.pi * 3 * x), (1, SIZE, 1))
    assert np.abs(periodic_component(grating) - grating).max() < 0.01


def test_the_same_image_is_changed_alike_in_any_batch(pictures):
    for change in (lambda *of: scramble_phases(*of, 3), lambda images, ids: shuffle_patches(images, 4, ids, 3)):
        np.testing.assert_allclose(change(pictures[2:], IDS[2:]).images, change(pictures, IDS).images[2:], atol=1e-6)
        assert np.abs(change(pictures[:1], IDS[:1]).images - change(pictures[:1], IDS[1:2]).images).max() > 0.05


def test_an_outline_is_drawn_where_it_is():
    drawn = draw_lines(disc_on(fine_texture()))
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    ring = np.abs(np.hypot(y, x) - SIZE / 4) < 2
    dark = drawn.images[0] < drawn.images[0].max() - 0.1
    assert dark[ring].mean() > 0.4 and dark[~ring].mean() < 0.01 and not drawn.beyond[0]


@pytest.mark.parametrize("cycles", [8, 14])
def test_homogeneous_texture_yields_nearly_no_line(cycles):
    drawn = draw_lines((0.5 + 0.175 * fine_texture(cycles)).astype(np.float32)[None])
    assert (drawn.images[0] < drawn.images[0].max() - 0.1).mean() < 0.02


def test_a_blank_image_stays_blank():
    drawn = draw_lines(np.full((1, SIZE, SIZE), 0.4, np.float32))
    np.testing.assert_allclose(drawn.images, 0.4, atol=1e-6)
    assert not drawn.beyond[0]


@pytest.mark.parametrize("n", [2, 4, 7])
def test_patches_change_places_and_nothing_else(pictures, n):
    shuffled = shuffle_patches(pictures, n, IDS, 0).images
    side = SIZE // n
    inside = n * side

    def patches(images):
        cut = images[:, :inside, :inside].reshape(4, n, side, n, side).swapaxes(2, 3)
        return cut.reshape(4, n * n, side, side)

    before, after = patches(pictures), patches(shuffled)
    assert not any((before[k, p] == after[k, p]).all() for k in range(4) for p in range(n * n))
    np.testing.assert_array_equal(np.sort(before.mean((2, 3)), axis=1), np.sort(after.mean((2, 3)), axis=1))
    np.testing.assert_array_equal(shuffled[:, inside:], pictures[:, inside:])
    np.testing.assert_allclose(shuffled.std((1, 2)), pictures.std((1, 2)), rtol=1e-5)
