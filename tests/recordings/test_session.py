"""Sessions assembled from planes whose ROIs are known."""

import json

import numpy as np
import pytest

from dina import stores
from dina.errors import InputError, ShapeError
from dina.imaging.rois import Footprints
from dina.recordings.session import assemble_session, read_plane, rejections
from dina.settings import SessionSettings

N_FRAMES = 50
GOOD = {
    "n_pixels": 55,
    "n_soma_pixels": 50,
    "compactness": 1.05,
    "aspect_ratio": 1.1,
    "contrast": 0.0,
    "skewness": 1.5,
    "cell_probability": 0.9,
    "noise_level": 1.2,
    "usable": True,
}
ODD = {  # what makes an ROI no neuron, at a soma's diameter of 8 px
    "baseline not above 0": {"usable": False},
    "too small": {"n_soma_pixels": 5},
    "too large": {"n_soma_pixels": 400},
    "not compact": {"compactness": 1.6},
    "darker than its surround": {"contrast": -0.3},
    "too little evidence": {"skewness": 0.1, "cell_probability": 0.3},
}
FLOATS = {"compactness", "aspect_ratio", "contrast", "skewness", "cell_probability", "noise_level"}


def write_plane(folder, number, rois, *, n_frames=N_FRAMES, lag_s=0.0):
    """The stores ``rois``, ``traces`` and ``activity`` of a plane with the given measures of ROIs."""
    attributes = {
        "n_frames": n_frames,
        "height_px": 20,
        "width_px": 30,
        "volume_rate_hz": 5.0,
        "pixel_size_um": 1.5,
        "plane": number,
        "pixel_scale": 1.0,
        "diameter_px": 8.0,
    }
    n = len(rois)
    values = {name: np.array([roi[name] for roi in rois], np.float32 if name in FLOATS else None) for name in GOOD}
    paths = [folder / f"plane-{number}" / name for name in ("rois", "traces", "activity")]
    contents = (
        {"n_pixels", "n_soma_pixels", "compactness", "aspect_ratio", "contrast"},
        {"skewness", "cell_probability"},
        {"noise_level", "usable"},
    )
    for path, names in zip(paths, contents, strict=True):
        with stores.new_store(path) as store:
            for name in names:
                stores.write_array(store, name, values[name])
            if path.name == "rois":
                pixel = (np.arange(3 * n) + 10 * number).astype(np.int32)
                Footprints(np.arange(0, 3 * n + 1, 3), pixel, np.ones(3 * n, np.float32)).write(store)
                stores.write_array(store, "centroid_px", np.arange(2 * n).reshape(n, 2).astype(np.float32))
                stores.write_array(store, "mean_image", np.full((20, 30), number, np.float32))
            if path.name == "activity":
                stores.write_array(store, "valid_frames", np.arange(n_frames) != 7 + number)
                trace = 100 * number + np.arange(n)[:, None] + np.zeros((n, n_frames), np.float32)
                stores.write_array(store, "deconvolved", trace, unit="relative")
                stores.write_array(store, "dff", -trace)
                attributes |= {"deconvolution": "network", "lag_s": lag_s}
            stores.write_attributes(store, attributes)
    return paths


def write_movie(folder, numbers, n_frames=N_FRAMES):
    """A ``movie`` store: plane p is sampled 0.1 s · p after plane 0."""
    with stores.new_store(folder / "movie") as store:
        times = np.arange(n_frames) / 5 + 0.1 * np.array(numbers)[:, None]
        stores.write_array(store, "frame_time_s", times, unit="s")
        stores.write_array(store, "volume_time_s", np.arange(n_frames) / 5, unit="s")
        sizes = {"height_px": 20, "width_px": 30, "volume_rate_hz": 5.0, "n_gaps": 1, "longest_gap_s": 0.7}
        stores.write_attributes(store, {"planes": numbers, "n_frames": n_frames} | sizes)
    return folder / "movie"


def assemble(folder, planes, n_frames=N_FRAMES, **kwargs):
    rois, traces, activity = zip(*planes, strict=True)
    settings = kwargs.pop("settings", SessionSettings())
    movie = write_movie(folder, [stores.read_attributes(path)["plane"] for path in activity], n_frames)
    assemble_session(movie, list(rois), list(traces), list(activity), folder / "session", settings, **kwargs)
    return stores.checked(folder / "session", verify=True)


def two_planes(folder):
    return [
        write_plane(folder, 0, [GOOD, GOOD | ODD["too little evidence"], GOOD]),
        write_plane(folder, 1, [GOOD | ODD["too small"], GOOD]),
    ]


def test_accepted_rois_of_all_planes_stand_in_order(tmp_path):
    session = assemble(tmp_path, two_planes(tmp_path))
    neurons = stores.read_table(session, "neurons")
    assert neurons[["neuron", "plane", "roi"]].to_numpy().tolist() == [[0, 0, 0], [1, 0, 2], [2, 1, 1]]
    assert neurons["skewness"].tolist() == [1.5] * 3 and neurons["x_px"].tolist() == [1, 5, 3]
    deconvolved = stores.read_array(session, "deconvolved")
    np.testing.assert_array_equal(deconvolved[:, 0], [0, 2, 101])
    np.testing.assert_array_equal(stores.read_array(session, "dff"), -deconvolved)
    footprints = Footprints.read(session)
    assert [footprints.pixel[footprints.roi(k)][0] for k in range(3)] == [0, 6, 13]
    np.testing.assert_array_equal(stores.read_array(session, "mean_image")[:, 0, 0], [0, 1])
    everything = stores.read_table(session, "rois")
    assert everything["rejected"].tolist() == ["", "too little evidence", "", "too small", ""]


def test_each_plane_keeps_its_own_times(tmp_path):
    session = assemble(tmp_path, two_planes(tmp_path))
    times = stores.read_array(session, "frame_time_s")
    np.testing.assert_array_equal(stores.read_array(session, "volume_time_s"), times[0])
    attributes = stores.read_attributes(session)
    assert (attributes["n_gaps"], attributes["longest_gap_s"]) == (1, 0.7)
    assert times.dtype == np.float64
    np.testing.assert_allclose(times[:, :3], [[0, 0.2, 0.4], [0.1, 0.3, 0.5]])


@pytest.mark.parametrize("reason", ODD)
def test_each_criterion_names_what_fails(tmp_path, reason):
    plane = read_plane(*write_plane(tmp_path, 0, [GOOD, GOOD | ODD[reason]]))
    assert rejections(plane, SessionSettings(require_dff=True)).tolist() == ["", reason]


def test_a_neuron_without_a_baseline_keeps_its_deconvolved_activity(tmp_path):
    plane = write_plane(tmp_path, 0, [GOOD, GOOD | ODD["baseline not above 0"]])
    session = assemble(tmp_path, [plane])
    assert np.isnan(stores.read_array(session, "dff")).all(1).tolist() == [False, True]
    assert np.isfinite(stores.read_array(session, "deconvolved")).all()
    neurons = stores.read_table(session, "neurons")
    assert neurons["has_dff"].tolist() == [True, False] and neurons["noise_level"].isna().tolist() == [False, True]


@pytest.mark.parametrize(("skewness", "probability"), [(0.07, 0.95), (3.0, 0.03), (3.0, 0.01), (-0.5, 1.0)])
def test_evidence_weighs_transients_against_shape(tmp_path, skewness, probability):
    roi = GOOD | {"skewness": skewness, "cell_probability": probability}
    plane = read_plane(*write_plane(tmp_path, 0, [roi]))
    accepted = rejections(plane, SessionSettings()) == ""
    assert accepted == (skewness * probability >= 0.06)


@pytest.mark.parametrize(
    ("compactness", "contrast", "reason"),
    [(1.12, 0.3, ""), (1.12, 0.0, "not compact"), (1.12, -0.2, "not compact"), (1.2, 0.3, "not compact")],
)
def test_a_ragged_outline_is_forgiven_where_a_body_is_seen(tmp_path, compactness, contrast, reason):
    plane = read_plane(*write_plane(tmp_path, 0, [GOOD | {"compactness": compactness, "contrast": contrast}]))
    assert rejections(plane, SessionSettings()).tolist() == [reason]


def test_planes_that_are_not_the_movies_are_refused_by_name(tmp_path):
    planes = [write_plane(tmp_path, 0, [GOOD]), write_plane(tmp_path, 1, [GOOD], n_frames=49)]
    with pytest.raises(ShapeError, match=r"plane-1/activity: found n_frames 49; expected 50 as in .*movie"):
        assemble(tmp_path, planes)
    movie = write_movie(tmp_path / "other", [0, 2])
    with pytest.raises(ShapeError, match=r"found planes \[0, 1\]; expected \[0, 2\]"):
        assemble_session(movie, *map(list, zip(*planes, strict=True)), tmp_path / "session", SessionSettings())


def test_how_planes_were_deconvolved_is_carried(tmp_path):
    session = assemble(tmp_path, [write_plane(tmp_path, number, [GOOD], lag_s=0.04) for number in range(2)])
    attributes = stores.read_attributes(session)
    assert (attributes["deconvolution"], attributes["lag_s"]) == ("network", 0.04)
    assert stores.open_array(session, "deconvolved").attrs["unit"] == "relative"


def test_planes_that_were_deconvolved_otherwise_are_refused(tmp_path):
    planes = [write_plane(tmp_path, 0, [GOOD]), write_plane(tmp_path, 1, [GOOD], lag_s=0.1)]
    with pytest.raises(InputError, match=r"plane-1/activity, lag_s: found 0.1; expected 0.0 as in .*plane-0"):
        assemble(tmp_path, planes)


def test_a_plane_may_have_a_frame_more_and_planes_may_be_left_out(tmp_path):
    planes = [write_plane(tmp_path, 0, [GOOD]), write_plane(tmp_path, 3, [GOOD], n_frames=N_FRAMES + 1)]
    session = assemble(tmp_path, planes)
    assert stores.read_attributes(session)["planes"] == [0, 3]
    assert stores.read_array(session, "deconvolved").shape == (2, N_FRAMES)
    assert stores.read_table(session, "neurons")["plane"].tolist() == [0, 3]


def test_masked_frames_are_known_plane_by_plane(tmp_path):
    valid = stores.read_array(assemble(tmp_path, two_planes(tmp_path)), "valid_frames")
    assert np.argwhere(~valid).tolist() == [[0, 7], [1, 8]]


def test_no_accepted_roi_is_an_error(tmp_path):
    with pytest.raises(InputError, match="none of 2 ROIs accepted.*most often: too large"):
        assemble(tmp_path, [write_plane(tmp_path, 0, [GOOD | ODD["too large"]] * 2)])
    assert not (tmp_path / "session").exists()


def save_curation(folder, values, plane=1):
    path = folder / "curation" / f"plane-{plane}" / "iscell.npy"
    path.parent.mkdir(parents=True)
    np.save(path, values)
    return {plane: path}


@pytest.mark.parametrize("values", [np.array([[1, 0.9], [0, 0.1]]), np.array([True, False])])
def test_curation_replaces_the_rule_for_its_plane(tmp_path, values):
    session = assemble(tmp_path, two_planes(tmp_path), curation=save_curation(tmp_path, values))
    neurons = stores.read_table(session, "neurons")
    assert neurons[["plane", "roi"]].to_numpy().tolist() == [[0, 0], [0, 2], [1, 0]]


def test_by_curation_is_what_the_rule_would_have_accepted(tmp_path):
    rois = [GOOD, GOOD, GOOD | ODD["too small"], GOOD | ODD["not compact"]]
    curation = save_curation(tmp_path, np.array([1, 0, 0, 1]), plane=0)
    session = assemble(tmp_path, [write_plane(tmp_path, 0, rois)], curation=curation)
    assert stores.read_table(session, "rois")["rejected"].tolist() == ["", "by curation", "too small", ""]


def test_curation_of_other_rois_is_refused(tmp_path):
    planes = two_planes(tmp_path)
    with pytest.raises(InputError, match=r"iscell\.npy: found \(3, 2\).*row for each ROI"):
        assemble(tmp_path, planes, curation=save_curation(tmp_path, np.ones((3, 2))))
    with pytest.raises(InputError, match="iscell.*unreadable"):
        assemble(tmp_path, planes, curation=save_curation(tmp_path / "pickled", np.array([{}, {}], object)))
    with pytest.raises(InputError, match=r"curation: found planes \[7\]"):
        assemble(tmp_path, planes, curation=save_curation(tmp_path, np.ones(2), plane=7))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.array([0.03, 0.97]), r"0\.03 for ROI 0 \(2 such ROIs\)"),
        (np.array([[1, 0.9], [np.nan, 0.1]]), r"nan for ROI 1 \(1 such"),
        (np.array([1, -1]), "-1 for ROI 1"),
    ],
)
def test_curation_by_anything_but_ones_and_zeros_is_refused(tmp_path, values, found):
    with pytest.raises(InputError, match=rf"iscell\.npy: found {found}.*expected 0 or 1"):
        assemble(tmp_path, two_planes(tmp_path), curation=save_curation(tmp_path, values))


def test_curation_may_be_pinned_to_its_rois(tmp_path):
    planes = two_planes(tmp_path)
    curation = save_curation(tmp_path, np.ones(2))
    manifest = stores.manifest_path(planes[1][0])
    pinned = curation[1].with_name("rois.json")
    pinned.write_text(manifest.read_text())
    assert len(stores.read_table(assemble(tmp_path, planes, curation=curation), "neurons")) == 4
    content = json.loads(manifest.read_text())
    content["arrays"]["pixel"]["sha256"] = "0" * 64
    pinned.write_text(json.dumps(content))
    with pytest.raises(InputError, match="manifest of other ROIs"):
        assemble(tmp_path, planes, curation=curation)
