import numpy as np
import pytest

from dina.settings import OpticsSettings
from dina.simulate.optics import glow
from dina.simulate.somata import draw_somata, place_somata
from dina.simulate.tissue import NeuropilFluctuations, build_tissue, draw_vessels

SHAPE = (160, 170)
SETTINGS = OpticsSettings(n_neurons_per_plane=50, n_vessels=2)


@pytest.fixture(scope="module")
def plane():
    rng = np.random.default_rng(3)
    vessels = draw_vessels(SETTINGS, SHAPE, rng)
    centers = place_somata(SETTINGS, vessels, 5, rng)
    somata = draw_somata(SETTINGS, centers, SHAPE, rng)
    return vessels, somata, build_tissue(SETTINGS, somata, vessels, rng)


def still(tissue, dff=0.0, fluctuation=0.0):
    """Light of one frame, (height, width)."""
    cells, components = tissue.somata.shape[0], len(tissue.mixing)
    dff = np.full((cells, 1), dff, np.float32)
    return glow(tissue, dff, np.full((components, 1), fluctuation, np.float32))[0]


def test_vessels_are_dark_and_cross_the_field(plane):
    vessels, _, tissue = plane
    light = still(tissue)
    assert 0.01 < np.mean(vessels < 0) < 0.3
    assert light[vessels < -2].mean() < 0.45 * np.median(light[vessels > 5])


def test_somata_stand_out_but_modestly(plane):
    _, somata, tissue = plane
    light = still(tissue).ravel()
    neuropil = np.median(light[np.asarray(somata.light.sum(0)).ravel() < 0.01])
    cell = np.repeat(np.arange(50), np.diff(somata.light.indptr))[somata.inside]
    mean = np.bincount(cell, light[somata.light.indices[somata.inside]]) / np.bincount(cell)
    assert 1.3 < np.median(mean) / neuropil < 2.2
    assert np.mean(mean > neuropil) > 0.97


def test_activity_brightens_somata_and_nothing_else(plane):
    _, somata, tissue = plane
    gained = (still(tissue, dff=1.0) - still(tissue)).ravel()
    covered = np.asarray(somata.light.sum(0)).ravel()
    assert np.all(gained[covered == 0] == 0)
    expected = SETTINGS.photons_per_pixel * (somata.light.T @ somata.brightness)
    assert np.median(gained[covered > 0.3] / expected[covered > 0.3]) == pytest.approx(1, abs=0.05)


def test_components_add_up_to_the_neuropil(plane):
    """A fluctuation of 10 % in every component brightens the neuropil by 10 %, evenly."""
    tissue = plane[2]
    rest = tissue.neuropil[0]
    assert tissue.neuropil[1:].sum(0) == pytest.approx(rest, rel=1e-4)
    assert tissue.mixing.sum(1) == pytest.approx(np.ones(len(tissue.mixing)), rel=1e-5)


def test_neuropil_follows_the_cells_around_it(plane):
    _, somata, tissue = plane
    settings = OpticsSettings(neuropil_fluctuation=0)
    cell = int(np.argmin(np.hypot(*(somata.center_px - np.array(SHAPE) / 2).T)))
    dff = np.zeros((50, 1), np.float32)
    dff[cell] = 1
    rng = np.random.default_rng(0)
    fluctuation = NeuropilFluctuations(settings, tissue.mixing, 0.2, rng).advance(dff)
    change = (fluctuation.T @ tissue.neuropil[1:] / tissue.neuropil[0]).reshape(SHAPE)
    y, x = somata.center_px[cell].astype(int)
    assert change[y, x] > 3 * np.mean([change[2, 2], change[-3, -3], change[2, -3], change[-3, 2]])


def test_own_fluctuations_have_the_stated_spread_and_do_not_depend_on_blocks():
    mixing = np.zeros((9, 1), np.float32)
    settings = OpticsSettings(neuropil_fluctuation=0.05)
    still_cells = np.zeros((1, 6000), np.float32)
    whole = NeuropilFluctuations(settings, mixing, 0.2, np.random.default_rng(0)).advance(still_cells)
    source = NeuropilFluctuations(settings, mixing, 0.2, np.random.default_rng(0))
    parts = [source.advance(still_cells[:, start : start + 70]) for start in range(0, 6000, 70)]
    assert np.array_equal(np.concatenate(parts, 1), whole)
    assert whole.std() == pytest.approx(0.05, rel=0.1)
    assert np.corrcoef(whole[0, 10:], whole[0, :-10])[0, 1] == pytest.approx(np.exp(-1), abs=0.1)
