"""ROIs against known cells."""

import shutil

import numpy as np
import pytest
import tifffile

from dina import stores
from dina.errors import InputError, SettingsError
from dina.imaging.registration import register_plane
from dina.imaging.rois import (
    Footprints,
    centroids_px,
    detect_rois,
    frames_per_bin,
    soma_diameter_px,
    spatial_scale,
    surround_contrast,
)
from dina.settings import AcquisitionInfo, DetectionSettings, RegistrationSettings

FOOTPRINTS = Footprints(
    np.array([0, 2, 5]), np.array([11, 12, 20, 30, 40], np.int32), np.array([1, 3, 1, 1, 2], np.float32)
)


def test_every_cell_is_found_where_it_is(plane, tiny_movie):
    rigid = stores.read_array(plane / "registered", "rigid_offsets_px")
    reference = np.median(rigid - tiny_movie.motion_px, axis=0)  # where the reference image stood
    found = stores.read_array(plane / "rois", "centroid_px") + reference
    nearest = np.linalg.norm(found[:, None] - tiny_movie.centres, axis=2).min(0)
    assert nearest.max() < 1
    assert len(found) < 20


def test_footprints_and_measures_agree(plane):
    store = stores.checked(plane / "rois", verify=True)
    footprints = Footprints.read(store)
    n_pixels = stores.read_array(store, "n_pixels")
    assert len(footprints) == len(n_pixels)
    np.testing.assert_array_equal(np.diff(footprints.indptr), n_pixels)
    assert footprints.pixel.min() >= 0 and footprints.pixel.max() < 96 * 96
    assert (footprints.weight > 0).all()
    rows, columns = (stores.read_attributes(plane / "registered")[f"visible_{axis}"] for axis in ("rows", "columns"))
    y, x = np.divmod(footprints.pixel, 96)
    assert rows[0] <= y.min() and y.max() < rows[1] and columns[0] <= x.min() and x.max() < columns[1]
    assert (stores.read_array(store, "compactness") >= 1).all()
    assert (stores.read_array(store, "n_soma_pixels") <= n_pixels).all()
    assert stores.read_attributes(store)["diameter_px"] == 8
    soma_pixels = stores.read_array(store, "n_soma_pixels")
    np.testing.assert_allclose(stores.read_array(store, "relative_size"), soma_pixels / (1.4 * np.pi * 16), rtol=1e-5)
    assert stores.read_array(store, "max_projection").shape == (96, 96)


def test_centroids_weigh_pixels():
    np.testing.assert_allclose(centroids_px(FOOTPRINTS, 10), [[1, 1.75], [3.25, 0]])


def test_footprints_are_picked_and_joined():
    picked = FOOTPRINTS.subset(np.array([1, 0, 1]))
    np.testing.assert_array_equal(picked.indptr, [0, 3, 5, 8])
    np.testing.assert_array_equal(picked.pixel, [20, 30, 40, 11, 12, 20, 30, 40])
    assert len(FOOTPRINTS.subset(np.array([], int))) == 0
    joined = Footprints.join([FOOTPRINTS, FOOTPRINTS.subset(np.array([], int)), FOOTPRINTS])
    np.testing.assert_array_equal(joined.weight, [*FOOTPRINTS.weight] * 2)
    np.testing.assert_array_equal(joined.pixel[joined.roi(2)], [11, 12])


@pytest.mark.parametrize(("diameter_px", "scale"), [(3, 1.55), (8, 1.55), (12, 2), (24, 3), (48, 4), (500, 4)])
def test_spatial_scale_follows_the_soma(diameter_px, scale):
    assert spatial_scale(diameter_px) == pytest.approx(scale)
    assert spatial_scale(11) < spatial_scale(13) < 1.2 * spatial_scale(11)


def test_the_somas_size_must_be_known():
    settings = DetectionSettings()
    assert soma_diameter_px(settings, 12, 1.5) == 8
    assert soma_diameter_px(DetectionSettings(soma_diameter_px=9), None, None) == 9
    with pytest.raises(SettingsError, match=r"pixel_size_um None.*detection\.soma_diameter_px"):
        soma_diameter_px(settings, 12, None)


def test_a_movie_without_cells_is_an_error(tmp_path):
    noise = np.random.default_rng(0).normal(500, 30, (300, 64, 64)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "movie.tif", noise)
    acquisition = AcquisitionInfo(volume_rate_hz=10, pixel_size_um=1.5)
    register_plane([tmp_path / "movie.tif"], tmp_path / "registered", 0, acquisition, RegistrationSettings())
    with pytest.raises(InputError, match="no ROI.*threshold_scaling"):
        detect_rois(tmp_path / "registered", tmp_path / "rois", DetectionSettings(threshold_scaling=3), 12, None)
    assert not (tmp_path / "rois").exists()


def test_a_disc_brighter_than_its_surround_has_contrast():
    y, x = np.mgrid[:40, :40]
    disc = np.hypot(y - 20, x - 20) <= 4
    image = np.where(disc, 30.0, 20.0)
    pixel = np.flatnonzero(disc.ravel()).astype(np.int32)
    corner = np.arange(3, dtype=np.int32)  # at the edge of the image, where it is even
    footprints = Footprints(np.array([0, len(pixel), len(pixel) + 3]), np.r_[pixel, corner], np.ones(len(pixel) + 3))
    np.testing.assert_allclose(surround_contrast(footprints, image, 8), [0.5, 0], atol=1e-6)
    np.testing.assert_allclose(surround_contrast(footprints, np.zeros((40, 40)), 8), 0)


def test_bins_last_as_long_as_transients_and_fit_into_memory():
    movie = {"height_px": 100, "width_px": 100, "volume_rate_hz": 10.0, "n_frames": 1000}
    settings = DetectionSettings()
    assert frames_per_bin(movie, settings, "GCaMP6s") == 6  # half of 1.25 s
    assert frames_per_bin(movie, DetectionSettings(bin_s=0.3), "GCaMP6s") == 3
    assert frames_per_bin(movie | {"volume_rate_hz": 0.5}, settings, "GCaMP6s") == 1
    assert frames_per_bin(movie | {"n_frames": 24_001}, settings, "GCaMP6s") == 11
    hour = {"height_px": 512, "width_px": 512, "volume_rate_hz": 30.0, "n_frames": 108_000}
    assert 22 * 512 * 512 * 108_000 / frames_per_bin(hour, settings, "GCaMP6s") <= 12e9
    assert frames_per_bin(hour | {"n_frames": 10**9}, settings, None) == 500


def test_red_cells_are_told_from_light_that_bleeds_through(plane, tiny_movie, tmp_path):
    """Three of nine cells carry a structural label; the functional channel's light bleeds strongly into it."""
    store = tmp_path / "registered"
    shutil.copytree(plane / "registered", store)
    rigid = stores.read_array(store, "rigid_offsets_px")
    reference = np.median(rigid - tiny_movie.motion_px, axis=0)
    labelled = tiny_movie.centres[[0, 4, 8]] - reference
    y, x = np.mgrid[:96, :96]
    structural = 100 + 1.5 * stores.read_array(store, "mean_image")
    for cy, cx in labelled:
        structural[np.hypot(y - cy, x - cx) <= 4] += 2000
    stores.write_array(store, "mean_image_structural", structural)
    detect_rois(store, tmp_path / "rois", DetectionSettings(), 12, "GCaMP6f")
    centres = stores.read_array(tmp_path / "rois", "centroid_px")
    probability, red = (stores.read_array(tmp_path / "rois", name) for name in ("red_probability", "red"))
    distance = np.linalg.norm(centres[:, None] - (tiny_movie.centres - reference), axis=2)
    cell = np.where(distance.min(1) < 2, distance.argmin(1), -1)
    assert set(cell[red]) == {0, 4, 8}
    assert probability[np.isin(cell, [0, 4, 8])].min() > 0.7
    np.testing.assert_allclose(probability[(cell >= 0) & (cell % 4 != 0)], 0.5, atol=0.03)
    assert not stores.holds(plane / "rois", "red")
