import numpy as np
import pytest

from dina.figures.imaging import plot_imaging
from dina.figures.planes import outlines, round_length
from dina.figures.style import house_style, save
from dina.figures.traces import busiest, draw_traces
from dina.probing.known import known_plane
from tests.figures.conftest import drawn_twice

NAMES = {f"{name}.{kind}" for name in ("quality", "mean-image", "rois", "motion", "traces") for kind in ("svg", "png")}
ONLY_A_SIMULATION_KNOWS = {"mean-image": b"missed neuron", "motion": b">true<", "traces": b"true spikes"}


@pytest.mark.parametrize("known", [True, False])
def test_same_bytes_with_and_without_truth(imaging, tmp_path, known):
    registered = [imaging / f"registered-{plane}" for plane in (0, 1)]
    truth = imaging / "truth" if known else None
    stores = imaging / "session", imaging / "quality", registered, [imaging / f"rois-{plane}" for plane in (0, 1)]
    files = drawn_twice(lambda folder: plot_imaging(*stores, folder, truth=truth), tmp_path)
    assert set(files) == NAMES
    for name, words in ONLY_A_SIMULATION_KNOWS.items():
        assert (words in files[f"{name}.svg"]) == known
    assert b">masked<" in files["motion.svg"]


def test_traces_name_the_plane_and_the_roi(imaging, tmp_path):
    with house_style():
        save(draw_traces(imaging / "session", {}, None), tmp_path, "traces")
    assert "(plane 1, ROI 2)" in (tmp_path / "traces.svg").read_text()


def test_neurons_are_matched_in_the_registered_frame(imaging):
    for plane in (0, 1):
        known = known_plane(imaging / "session", imaging / f"registered-{plane}", imaging / "truth", plane)
        assert known.match.tolist() == (4 * plane + np.arange(3)).tolist()
        assert known.missed.tolist() == [False, False, False, True]


def test_outline_encloses_the_pixels():
    lines = outlines(np.array([21, 22, 31, 32]), width=10)
    assert len(lines) == 1
    assert lines[0].min(0).tolist() == [0.5, 1.5] and lines[0].max(0).tolist() == [2.5, 3.5]


@pytest.mark.parametrize(("most", "expected"), [(0.3, 0.2), (1, 1), (72, 50), (480, 200), (500, 500)])
def test_scale_bars_are_round(most, expected):
    assert round_length(most) == pytest.approx(expected)


def test_the_busiest_stretch():
    activity = np.zeros((2, 50))
    activity[0, 30:33] = 1
    activity[1, [5, 45]] = 1
    assert busiest(activity, 3) == slice(30, 33)
    assert busiest(activity, 80) == slice(0, 50)


def test_outline_ignores_holes():
    ring = np.delete(np.arange(9), 4)
    assert len(outlines(ring // 3 * 10 + ring % 3 + 33, width=10)) == 1
