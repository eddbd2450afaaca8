"""A real two-photon movie, where it is at hand: beside the checkout, or ``DINA_TEST_MOVIE=movie.h5 pytest``.

Made for the 500 frames of 128 × 128 (HDF5, ``data/image``, uint16 up to 60,239) that come with optinist 2.4.1; frame
rate, pixel size and indicator are not stated there and are assumed below.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from dina import stores
from dina.imaging.deconvolution import deconvolve_traces
from dina.imaging.inspection import inspect_movie
from dina.imaging.registration import register_plane
from dina.imaging.rois import detect_rois
from dina.imaging.traces import extract_traces
from dina.recordings.session import assemble_session
from dina.settings import AcquisitionInfo, Settings

BESIDE = Path(__file__).parents[3] / "shared/data/movie-two-photon/movie-500-frames.h5"
MOVIE = Path(os.environ.get("DINA_TEST_MOVIE", BESIDE))
ASSUMED = AcquisitionInfo(volume_rate_hz=30, pixel_size_um=1.2)  # somata measure about 10 px across
CELL_DIAMETER_UM = 12


@pytest.mark.skipif(not MOVIE.is_file(), reason=f"no movie at {MOVIE}; DINA_TEST_MOVIE names another")
def test_somata_of_a_real_movie_are_found(tmp_path):
    settings = Settings()
    registered, rois, traces, activity, session = (
        tmp_path / name for name in ("registered", "rois", "traces", "activity", "session")
    )
    register_plane([MOVIE], registered, 0, ASSUMED, settings.registration)
    detect_rois(registered, rois, settings.detection, CELL_DIAMETER_UM)
    extract_traces(registered, rois, traces, settings.extraction)
    deconvolve_traces(traces, activity, settings.deconvolution)
    inspect_movie({0: [MOVIE]}, tmp_path / "movie", ASSUMED)
    assemble_session(tmp_path / "movie", [rois], [traces], [activity], session, settings.session)
    quality = stores.read_attributes(registered)
    assert quality["pixel_scale"] == 0.5
    assert quality["crispness"] > 1.02 * quality["crispness_raw"]
    assert quality["residual_motion_px"] < 0.2
    neurons = stores.read_table(session, "neurons")
    assert 12 <= len(neurons) <= 25
    for y, x in ((34, 18), (55, 37), (79, 52), (106, 41), (80, 89)):  # bright active somata, picked by eye
        assert np.hypot(neurons["y_px"] - y, neurons["x_px"] - x).min() < 6
    assert (stores.read_array(session, "deconvolved") >= 0).all()


TIFF = MOVIE.with_name("movie-200-frames.tiff")


@pytest.mark.skipif(not (MOVIE.is_file() and TIFF.is_file()), reason=f"no movies at {MOVIE} and {TIFF}")
def test_both_readers_give_the_same_rois_on_the_frames_they_share(tmp_path):
    import h5py

    with h5py.File(MOVIE) as file, h5py.File(tmp_path / "first.h5", "w") as first:
        frames = file["data/image"][:200]
        first["data/image"] = frames
    manifests = {}
    for path in (tmp_path / "first.h5", TIFF):
        registered, rois, traces = (tmp_path / f"{path.suffix}-{name}" for name in ("registered", "rois", "traces"))
        register_plane([path], registered, 0, ASSUMED, Settings().registration)
        detect_rois(registered, rois, Settings().detection, CELL_DIAMETER_UM)
        extract_traces(registered, rois, traces, Settings().extraction)
        manifests[path] = [stores.manifest_path(store).read_text() for store in (registered, rois, traces)]
        raw = stores.read_array(registered, "mean_image_raw")
        np.testing.assert_allclose(raw, (frames // 2).mean(0), rtol=1e-5)  # halved, not wrapped
    assert frames.max() > 32767
    assert manifests[TIFF] == manifests[tmp_path / "first.h5"]
