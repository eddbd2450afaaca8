"""Folders in the layouts of suite2p 0.x and 1.x, through the session to trial responses."""

import shutil

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.errors import InputError, ShapeError
from dina.recordings.importers.session import import_session
from dina.recordings.importers.suite2p import read_planes
from dina.recordings.responses import measure_responses
from dina.recordings.sheet import Recording
from dina.recordings.stimuli import prepare_stimuli
from dina.recordings.trials import read_trials
from dina.settings import DeconvolutionSettings, ResponsesSettings, StimuliSettings

RATE_HZ, N_FRAMES, HEIGHT, WIDTH = 5.0, 900, 40, 48
N_ROIS, N_PLANES = {0: 6, 1: 4, 10: 5}, 12
ONSETS_S = 5 + 4.0 * np.arange(40)
BAD = slice(850, 853)


def write_suite2p(folder, version="1.x"):
    """Three planes; ROI k of each answers every image whose number is k modulo the plane's ROIs."""
    rng = np.random.default_rng(1)
    for plane, n_rois in N_ROIS.items():
        path = folder / f"plane{plane}"
        path.mkdir(parents=True)
        traces = 100 + rng.normal(size=(n_rois, N_FRAMES)).astype(np.float32)
        decay = np.exp(-np.arange(20) / RATE_HZ)
        for trial, onset_s in enumerate(ONSETS_S):
            begin = int(onset_s * RATE_HZ) + 1
            traces[trial % 20 % n_rois, begin : begin + 20] += 80 * decay
        neuropil = np.full_like(traces, 30.0)
        stats = []
        for roi in range(n_rois):
            y, x = (grid.ravel() for grid in np.mgrid[5 : 9 + roi % 2, 6 * roi : 6 * roi + 4])
            stats.append({"ypix": y, "xpix": x, "lam": np.ones(len(y), np.float32), "med": [6, 6 * roi + 1]})
            stats[-1] |= {
                "npix": len(y),
                "compact": 1.0,
                "aspect_ratio": 1.1,
                "skew": 2.0,
                "overlap": np.zeros(len(y), bool),
            }
        chosen = np.ones((n_rois, 2))
        chosen[1] = 0, 0.1
        bad = np.zeros(N_FRAMES, bool)
        bad[BAD] = True
        registered = {
            "meanImg": rng.random((HEIGHT, WIDTH), dtype=np.float32),
            "badframes": bad,
            "yoff": np.zeros(N_FRAMES),
        }
        size = {"Ly": HEIGHT, "Lx": WIDTH, "nplanes": N_PLANES, "nframes": N_FRAMES}
        if version == "1.x":
            np.save(path / "settings.npy", {"fs": RATE_HZ, "tau": 1.0})
            np.save(path / "db.npy", size)
            np.save(path / "reg_outputs.npy", registered)
        else:
            np.save(path / "ops.npy", {"fs": RATE_HZ, **size, **registered})
        for name, values in {"F": traces, "Fneu": neuropil, "spks": traces, "iscell": chosen}.items():
            np.save(path / f"{name}.npy", values)
        np.save(path / "stat.npy", np.array(stats, dtype=object))
        np.save(path / "redcell.npy", np.tile(np.float32([[1, 0.9]]), (n_rois, 1)))
    shutil.copytree(folder / "plane0", folder / "combined")


def row_of(folder, **cells):
    return Recording(recording="m", source="suite2p", data=str(folder / "suite2p"), indicator="GCaMP6f", **cells)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite2p")
    write_suite2p(folder / "suite2p")
    return folder


@pytest.fixture
def folder(written, tmp_path):
    shutil.copytree(written / "suite2p", tmp_path / "suite2p")
    return tmp_path


def test_from_folders_to_trial_responses(written):
    import_session(row_of(written), written / "session", DeconvolutionSettings())
    session = stores.checked(written / "session", verify=True)
    neurons = stores.read_table(session, "neurons")
    assert neurons.groupby("plane").size().to_dict() == {0: 5, 1: 3, 10: 4} and 1 not in set(neurons["roi"])
    assert stores.read_table(session, "rois")["rejected"].value_counts()["no cell in iscell.npy"] == 3
    assert neurons["red"].all() and neurons["x_px"].tolist()[:2] == [1, 13]
    times = stores.read_array(session, "frame_time_s")
    assert np.allclose(times[:, 0], np.array([0, 1, 10]) / N_PLANES / RATE_HZ) and np.allclose(
        np.diff(times), 1 / RATE_HZ
    )
    assert np.array_equal(~stores.read_array(session, "valid_frames")[0], np.isin(np.arange(N_FRAMES), np.r_[BAD]))
    dff = stores.read_array(session, "dff")
    assert 0.5 < dff.max() < 1.2 and stores.read_attributes(session)["lag_s"] == 0.04

    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16), dtype=np.uint8)
    np.save(written / "images.npy", images)
    log = pd.DataFrame({"onset_s": ONSETS_S, "image": np.arange(40) % 20})
    log.to_csv(written / "log.csv", index=False)
    settings = StimuliSettings(image_size_px=16, validation_share=0.2, test_share=0.2)
    prepare_stimuli(written / "log.csv", written / "images.npy", written / "stimuli", settings, movie=session)
    measure_responses(session, written / "stimuli", written / "responses", ResponsesSettings())
    trials = read_trials(written / "responses")
    for neuron, (plane, roi) in enumerate(zip(neurons["plane"], neurons["roi"], strict=True)):
        answers = np.arange(40) % 20 % N_ROIS[plane] == roi
        found = trials.responses[:, neuron]
        assert found[answers].min() > 4 * found[~answers].max(), (plane, roi)


def test_the_old_layout_holds_the_same(written, tmp_path):
    write_suite2p(tmp_path / "suite2p", "0.x")
    for old, new in zip(read_planes(row_of(tmp_path)), read_planes(row_of(written)), strict=True):
        assert np.array_equal(old.traces, new.traces) and np.array_equal(old.frame_time_s, new.frame_time_s)
        assert np.array_equal(old.mean_image, new.mean_image) and old.rois.equals(new.rois)
        assert old.traces_are.startswith("suite2p 0.x") and new.traces_are.startswith("suite2p 1.x")


def test_times_from_the_sheet(written, tmp_path):
    pd.DataFrame({"time_s": 1 + 0.19 * np.arange(N_FRAMES)}).to_csv(tmp_path / "times.csv", index=False)
    planes = read_planes(row_of(written, frame_times=str(tmp_path / "times.csv"), skip_planes="10"))
    assert [plane.number for plane in planes] == [0, 1]
    assert np.allclose([plane.frame_time_s[0] for plane in planes], [1, 1 + 0.19 / N_PLANES])
    with pytest.raises(InputError, match=r"volume_rate_hz: found 30 Hz in the sheet; expected 5 Hz"):
        read_planes(row_of(written, volume_rate_hz=30))
    assert np.isclose(read_planes(row_of(written, volume_rate_hz=30, header="ignore"))[0].rate_hz, 30)


@pytest.mark.parametrize(
    ("file", "values", "error", "message"),
    [
        ("iscell.npy", np.ones((5, 2)), InputError, r"plane0/iscell.npy: found \(5, 2\) float64"),
        ("iscell.npy", np.full((6, 2), 0.5), InputError, r"ones and zeros first"),
        ("Fneu.npy", np.ones((6, 10), np.float32), InputError, r"Fneu.npy: found shape \(6, 10\)"),
        ("stat.npy", np.array([{}] * 6), InputError, r"stat.npy, ROI 0: found no 'ypix'"),
        ("stat.npy", np.array([{"ypix": [99], "xpix": [1], "lam": [1]}] * 6), InputError, r"not combined/"),
        ("db.npy", {"Ly": 40, "Lx": 48, "nplanes": 0}, InputError, r"plane0: found plane 0; expected one of 0 planes"),
        ("db.npy", {"Ly": 40}, InputError, r"found no Lx in"),
        ("db.npy", {"Ly": 41, "Lx": 48}, ShapeError, r"plane1: found 40 × 48 px, 900 frames, raw; expected 41 × 48"),
    ],
)
def test_what_does_not_fit_is_refused(folder, file, values, error, message):
    np.save(folder / "suite2p/plane0" / file, values)
    with pytest.raises(error, match=message):
        import_session(row_of(folder), folder / "session", DeconvolutionSettings())


def test_no_cell_and_no_plane(folder):
    for plane, n_rois in N_ROIS.items():
        np.save(folder / f"suite2p/plane{plane}/iscell.npy", np.zeros((n_rois, 2)))
    with pytest.raises(InputError, match="found none of 15 ROIs a neuron"):
        import_session(row_of(folder), folder / "session", DeconvolutionSettings())
    with pytest.raises(InputError, match="no folder plane0"):
        read_planes(row_of(folder / "elsewhere"))
