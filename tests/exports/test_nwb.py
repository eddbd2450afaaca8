import json

import numpy as np
import pytest
from pynwb import NWBHDF5IO, read_nwb

from dina import stores
from dina.errors import ShapeError
from dina.exports.nwb import export_nwb
from dina.exports.nwb_planes import sampling
from dina.imaging.rois import Footprints
from dina.recordings.trials import SPLITS
from dina.settings import NwbSettings
from tests.exports.conftest import N_FRAMES, RATE_HZ, ROW, WIDTH

TRACES = {
    ("Fluorescence", "RoiResponseSeries"): ("traces", "fluorescence"),
    ("Fluorescence", "Neuropil"): ("traces", "neuropil"),
    ("Fluorescence", "Deconvolved"): ("activity", "deconvolved"),
    ("DfOverF", "RoiResponseSeries"): ("activity", "dff"),
}


@pytest.fixture(scope="module")
def path(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("nwb") / "m1.nwb"
    export_nwb(recording.session, recording.planes, path, NwbSettings(), ROW, responses=recording.responses)
    return path


@pytest.fixture(scope="module")
def file(path):
    with NWBHDF5IO(path, "r") as stream:
        yield stream.read()


@pytest.mark.parametrize(("plane", "suffix"), [(0, ""), (1, "Plane1")])
def test_traces_and_rois_are_read_back(recording, file, plane, suffix):
    ophys = file.processing["ophys"]
    segmentation = ophys["ImageSegmentation"][f"PlaneSegmentation{suffix}"]
    times = stores.read_array(recording.session, "frame_time_s")[plane]
    for (container, name), (store, array) in TRACES.items():
        series = ophys[container][f"{name}{suffix}"]
        expected = stores.read_array(recording.store(plane, store), array)[:, :N_FRAMES]
        np.testing.assert_array_equal(series.data[:], expected.T)
        np.testing.assert_allclose(series.get_timestamps(), times, rtol=0, atol=1e-9)
        assert series.rois.table is segmentation and list(series.rois.data) == list(range(len(expected)))
    footprints = Footprints.read(recording.store(plane, "rois"))
    for roi in range(len(footprints)):
        x, y, weight = (np.array([entry[k] for entry in segmentation["pixel_mask"][roi]]) for k in range(3))
        entries = footprints.roi(roi)
        np.testing.assert_array_equal(y * WIDTH + x, footprints.pixel[entries])
        np.testing.assert_array_equal(weight.astype(np.float32), footprints.weight[entries])
        image = segmentation["image_mask"][roi]
        np.testing.assert_array_equal(image[x, y], footprints.weight[entries])
        assert np.count_nonzero(image) == len(x)
    assert segmentation["Accepted"][:].tolist() == [1] * (len(footprints) - 1) + [0]
    assert segmentation["reason"][-1] == "too small" and segmentation["red_probability"][0] == 0.5
    assert ophys["Fluorescence"]["RoiResponseSeries"].rate == pytest.approx(RATE_HZ)
    assert ophys["Fluorescence"]["RoiResponseSeriesPlane1"].rate is None  # frames were lost there


def test_trials_and_images_are_read_back(gabor_trials, file):
    trials = file.trials.to_dataframe()
    np.testing.assert_array_equal(trials["start_time"], gabor_trials.onset_s)
    np.testing.assert_allclose(trials["stop_time"] - trials["start_time"], 0.5)
    np.testing.assert_array_equal(trials["image_index"], gabor_trials.image_index)
    np.testing.assert_array_equal(trials["repeat"], gabor_trials.repeat)
    assert trials["split"].tolist() == [SPLITS[code] for code in gabor_trials.split]
    assert trials["category"][5] == gabor_trials.category_names[gabor_trials.category[gabor_trials.image_index[5]]]
    shown = file.stimulus["images_shown"]
    ordered = [image.data[:].T for image in shown.indexed_images.order_of_images]
    np.testing.assert_array_equal(ordered, gabor_trials.images)
    np.testing.assert_array_equal(shown.data[:], gabor_trials.image_index)
    np.testing.assert_allclose(shown.get_timestamps(), gabor_trials.onset_s, rtol=0, atol=1e-9)
    invalid = file.invalid_times.to_dataframe()
    np.testing.assert_allclose(invalid["start_time"], [7 / RATE_HZ, 7 / RATE_HZ + 0.1])
    np.testing.assert_allclose(invalid["stop_time"] - invalid["start_time"], 1 / RATE_HZ)


def test_what_is_unknown_is_said(recording, file, tmp_path):
    assert file.session_start_time.year == 1970 and "was not given" in file.session_description
    assert (file.subject.subject_id, file.subject.age, file.subject.sex) == ("m1", "P0D/", "U")
    facts = file.analysis["provenance"].to_dataframe().set_index(["store", "key"])["value"]
    manifest = json.loads(stores.manifest_path(recording.store(1, "activity")).read_text())
    assert facts["plane-1/activity", "sha256.dff"] == manifest["arrays"]["dff"]["sha256"]
    told = NwbSettings(session_start_time="2026-05-04T10:30:00+02:00", subject_age="P90D", institution="an institute")
    row = ROW | {"subject": "mouse 7", "source": "simulated"}
    export_nwb(recording.session, recording.planes, tmp_path / "told.nwb", told, row)
    other = read_nwb(str(tmp_path / "told.nwb"))
    assert other.session_start_time.isoformat() == "2026-05-04T10:30:00+02:00"
    assert other.subject.subject_id == "mouse 7" and "Simulated" in other.subject.description
    assert other.trials is None and other.identifier != file.identifier  # of other content
    other.read_io.close()


def test_the_inspector_finds_no_violation(path):
    from nwbinspector import Importance, inspect_nwbfile

    found = list(inspect_nwbfile(nwbfile_path=path, importance_threshold=Importance.BEST_PRACTICE_VIOLATION))
    assert not found, found


def test_roiextractors_reads_the_first_plane(recording, path):
    from roiextractors import NwbSegmentationExtractor

    read = NwbSegmentationExtractor(path)
    expected = stores.read_array(recording.store(0, "traces"), "fluorescence")
    np.testing.assert_array_equal(read.get_traces(name="raw"), expected.T)
    np.testing.assert_array_equal(
        read.get_traces(name="dff"), stores.read_array(recording.store(0, "activity"), "dff").T
    )
    footprints = Footprints.read(recording.store(0, "rois"))
    mask = np.zeros(read.get_frame_shape(), np.float32)
    mask.flat[footprints.pixel[footprints.roi(2)]] = footprints.weight[footprints.roi(2)]
    np.testing.assert_array_equal(np.squeeze(read.get_roi_image_masks([2])), mask)


def test_planes_must_be_the_sessions_and_a_failure_leaves_nothing(recording, tmp_path, monkeypatch):
    with pytest.raises(ShapeError, match=r"planes: found \[1\]; expected \[0, 1\]"):
        export_nwb(recording.session, recording.planes[1:], tmp_path / "m1.nwb", NwbSettings(), ROW)
    monkeypatch.setattr(NWBHDF5IO, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_nwb(recording.session, recording.planes, tmp_path / "m1.nwb", NwbSettings(), ROW)
    assert not list(tmp_path.iterdir())


def test_a_rate_stands_for_even_times_alone():
    even = 0.3 + np.arange(1000) / 7.5
    assert sampling(even) == {"starting_time": 0.3, "rate": pytest.approx(7.5)}
    even[500] += 1e-4
    assert list(sampling(even)) == ["timestamps"]
