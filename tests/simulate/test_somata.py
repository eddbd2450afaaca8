import numpy as np
import pytest

from dina.errors import SettingsError
from dina.settings import OpticsSettings
from dina.simulate.somata import SPACING_SHARE, draw_somata, place_somata

SHAPE = (120, 140)


def place(settings, distance=None, edge_px=6.0, seed=0):
    distance = np.full(SHAPE, 100.0) if distance is None else distance
    return place_somata(settings, distance, edge_px, np.random.default_rng(seed))


def test_cells_keep_apart_from_each_other_and_the_edges():
    settings = OpticsSettings(n_neurons_per_plane=80)
    centers = place(settings)
    apart = np.hypot(*(centers[:, None] - centers[None]).transpose(2, 0, 1)) + 1000 * np.eye(80)
    assert apart.min() >= SPACING_SHARE * 12 / 1.5
    assert centers.min() >= 6 + 4
    assert np.all(centers <= np.array(SHAPE) - 1 - 10)


def test_cells_keep_out_of_vessels():
    distance = np.tile(np.abs(np.arange(SHAPE[1]) - 70.0) - 5, (SHAPE[0], 1))
    centers = place(OpticsSettings(n_neurons_per_plane=40), distance)
    assert np.abs(centers[:, 1] - 70).min() > 5 + 4 - 1


def test_too_many_cells_are_refused_with_the_number_that_fits():
    with pytest.raises(SettingsError, match="n_neurons_per_plane: found 900; expected at most about"):
        place(OpticsSettings(n_neurons_per_plane=900))


def test_a_field_too_small_for_the_motion_is_refused():
    with pytest.raises(SettingsError, match="field of view"):
        place(OpticsSettings(n_neurons_per_plane=3), edge_px=70)


@pytest.fixture(scope="module")
def somata():
    """Large somata on a fine grid, so that shapes can be measured."""
    settings = OpticsSettings(soma_diameter_um=24, soma_diameter_sd_um=2, pixel_size_um=1.0, n_neurons_per_plane=6)
    centers = place_somata(settings, np.full((150, 150), 100.0), 10, np.random.default_rng(1))
    return centers, draw_somata(settings, centers, (150, 150), np.random.default_rng(2))


def outline(somata, cell):
    start, stop = somata.light.indptr[cell : cell + 2]
    return somata.light.indices[start:stop][somata.inside[start:stop]]


def test_outlines_have_the_area_and_centre_of_the_soma(somata):
    centers, drawn = somata
    areas = []
    for cell, center in enumerate(centers):
        y, x = np.divmod(outline(drawn, cell), 150)
        assert [y.mean(), x.mean()] == pytest.approx(center, abs=0.3)
        areas.append(len(y))
    assert np.sqrt(4 * np.mean(areas) / np.pi) == pytest.approx(24, rel=0.1)
    assert np.std(areas) > 10


def test_somata_are_slightly_elliptic(somata):
    ratios = []
    for cell in range(len(somata[0])):
        spread = np.linalg.eigvalsh(np.cov(np.divmod(outline(somata[1], cell), 150)))
        ratios.append(np.sqrt(spread[0] / spread[1]))
    assert 0.75 < min(ratios) < max(ratios) < 1.01


def test_nuclei_are_dark_and_edges_soft(somata):
    centers, drawn = somata
    for cell, center in enumerate(centers):
        light = drawn.light[[cell]].toarray().reshape(150, 150)
        y, x = np.round(center).astype(int)
        ring = light.max()
        assert light[y, x] < 0.45 * ring
        assert 0.85 < ring <= 1
        edge = light[y, x:]
        assert np.abs(np.diff(edge)).max() < 0.5 * ring


def test_brightness_varies_as_set():
    settings = OpticsSettings(brightness_log_sd=0.3)
    centers = np.full((400, 2), 30.0)
    brightness = draw_somata(settings, centers, (60, 60), np.random.default_rng(0)).brightness
    assert np.log(brightness).std() == pytest.approx(0.3, abs=0.03)
    assert np.median(brightness) == pytest.approx(1, abs=0.05)
