"""The whole stage, on a tiny recording."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from dina import stores
from dina.errors import InputError, SettingsError
from dina.simulate.recording import simulate_recording

from .conftest import tiny_settings


def digests(folder):
    return {name: hashlib.sha256((folder / f"{name}.json").read_bytes()).hexdigest() for name in ("raw", "truth")}


def pages(raw, pattern="movie_*.tif"):
    return np.concatenate([tifffile.imread(path) for path in sorted(raw.glob(pattern))])


def test_raw_holds_what_a_real_recording_has(recording):
    settings, folder = recording
    raw = stores.checked(folder / "raw", verify=True)
    log = pd.read_csv(raw / "stimulus_log.csv")
    images = np.load(raw / "images.npy")
    names = ["SHA256SUMS", "images.npy", "movie_00001.tif", "stimulus_log.csv"]
    assert sorted(path.name for path in raw.iterdir()) == names
    assert list(log.columns) == ["onset_s", "duration_s", "image", "category", "split"]
    assert images.shape == (24, 16, 16)
    assert set(log["image"]) == set(range(24))
    assert set(log["category"]) <= {f"scene-{k}" for k in range(4)}
    assert (log.groupby("image")["split"].nunique() == 1).all()
    n_volumes = int(stores.read_attributes(folder / "truth")["total_s"] * settings.acquisition.volume_rate_hz)
    assert pages(raw).shape == (2 * n_volumes, 64, 72)


def test_truth_fits_together(recording):
    settings, folder = recording
    truth = stores.checked(folder / "truth", verify=True)
    array = {path: stores.read_array(truth, path) for path in json.loads((folder / "truth.json").read_text())["arrays"]}
    n = 12
    assert array["plane"].tolist() == [0] * 6 + [1] * 6
    assert array["expected_count"].shape == (24, n)
    assert array["receptive_field"].shape == (n, 16, 16)
    assert array["center_deg"].shape == array["center_px"].shape == (n, 2)
    assert array["spontaneous_count"].shape == array["responsive"].shape == (n,)
    assert array["motion_px"].shape[0] == 2
    assert array["footprint_indptr"].shape == (n + 1,)
    assert array["footprint_indptr"][-1] == len(array["footprint_pixel"]) == len(array["footprint_weight"])
    assert np.all(np.diff(array["spike_time_s"]) >= 0)
    assert array["spike_neuron"].max() < n
    log = pd.read_csv(folder / "raw/stimulus_log.csv")
    assert log["onset_s"].to_numpy() == pytest.approx(array["trial_onset_s"], abs=1e-6)
    assert np.array_equal(log["image"], array["trial_image"])
    attributes = stores.read_attributes(truth)
    assert attributes["soma_diameter_px"] == 8
    assert attributes["private_gain_log_sd"] == settings.population.private_gain_log_sd


def test_footprints_lie_on_the_cells(recording):
    """Their centroids are the stated centres, and the mean image is brighter there than around."""
    settings, folder = recording
    truth = folder / "truth"
    indptr, pixel = (stores.read_array(truth, f"footprint_{name}") for name in ("indptr", "pixel"))
    center, plane = stores.read_array(truth, "center_px"), stores.read_array(truth, "plane")
    movie = pages(folder / "raw")
    for neuron in range(len(center)):
        y, x = np.divmod(pixel[indptr[neuron] : indptr[neuron + 1]], settings.optics.width_px)
        assert [y.mean(), x.mean()] == pytest.approx(center[neuron], abs=0.4)
        mean = movie[plane[neuron] :: 2].mean(0)
        assert mean[y, x].mean() > 1.1 * np.median(mean)


def test_traces_follow_the_spikes(photographs, tmp_path):
    """Without motion, a cell's pixels brighten after its own spikes and hardly after those of others."""
    settings = tiny_settings(
        photographs,
        optics={"drift_um": 0, "jitter_um": 0, "non_rigid_um": 0},
        population={"mean_evoked_spikes": 1.0, "share_unresponsive": 0.0, "gain_log_sd": 0.3},
    )
    simulate_recording(tmp_path / "raw", tmp_path / "truth", settings)
    truth = tmp_path / "truth"
    names = ("footprint_indptr", "footprint_pixel", "plane", "spike_time_s", "spike_neuron")
    indptr, pixel, plane, time_s, neuron = (stores.read_array(truth, name) for name in names)
    movie = pages(tmp_path / "raw").reshape(-1, 2, 64 * 72)
    frame_s = np.arange(len(movie)) / 5
    n = len(plane)
    age = [frame_s[:, None] + p / 2 / 5 - time_s[None] for p in (0, 1)]
    recent = np.stack([((age[plane[k]] > 0) & (age[plane[k]] < 0.3) & (neuron == k)).sum(1) for k in range(n)])
    trace = np.stack([movie[:, plane[k], pixel[indptr[k] : indptr[k + 1]]].mean(1) for k in range(n)])
    correlation = np.corrcoef(trace, recent)[:n, n:]
    assert np.median(np.diag(correlation)) > 0.7
    assert np.median(np.diag(correlation)) > np.median(np.abs(correlation - np.diag(np.diag(correlation)))) + 0.4


def test_same_seed_same_bytes_whatever_the_threads(recording, photographs, tmp_path):
    _, folder = recording
    simulate_recording(tmp_path / "raw", tmp_path / "truth", tiny_settings(photographs), n_threads=2)
    assert digests(tmp_path) == digests(folder)


def test_another_seed_gives_other_bytes(recording, photographs, tmp_path):
    _, folder = recording
    simulate_recording(tmp_path / "raw", tmp_path / "truth", tiny_settings(photographs, seed=2))
    other, first = digests(tmp_path), digests(folder)
    assert other["raw"] != first["raw"]
    assert other["truth"] != first["truth"]


def test_separate_files_hold_the_same_frames(recording, photographs, tmp_path):
    _, folder = recording
    settings = tiny_settings(photographs, acquisition={"separate_files": True})
    simulate_recording(tmp_path / "raw", tmp_path / "truth", settings)
    together = pages(folder / "raw")
    for plane in (0, 1):
        assert np.array_equal(pages(tmp_path / "raw", f"plane-{plane}_*.tif"), together[plane::2])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"optics": {"n_neurons_per_plane": 300}}, SettingsError),
        ({"scenes": {"photographs": "/nowhere"}}, InputError),
        ({"scenes": {"n_test": 500}}, InputError),
    ],
)
def test_failures_leave_nothing_behind(photographs, tmp_path, changes, error):
    with pytest.raises(error):
        simulate_recording(tmp_path / "raw", tmp_path / "truth", tiny_settings(photographs, **changes))
    assert list(tmp_path.iterdir()) == []
