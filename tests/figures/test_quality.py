"""The figure of quality: what is beyond its limit stands out, and odd recordings can be drawn."""

from itertools import pairwise

import numpy as np
import pytest

from dina import stores
from dina.figures.looks import VERMILLION
from dina.figures.quality import draw_quality
from dina.figures.style import house_style, save
from dina.recordings.limits import DRAWN
from tests.recordings.test_quality import N_FRAMES, RATE_HZ, assess, clean

RED = VERMILLION.lower()


def write_recording(folder, planes):
    """The stores of :func:`assess` with times of frames."""
    quality = assess(folder, planes)
    n_frames = len(next(iter(planes.values()))["valid"])
    times = np.tile(np.arange(n_frames) / RATE_HZ, (len(planes), 1))
    stores.write_array(folder / "session", "frame_time_s", times, unit="s")
    return folder / "session", quality


def drawn(folder, planes):
    with house_style():
        figure = draw_quality(*write_recording(folder, planes))
        save(figure, folder, "quality")
    return figure, (folder / "quality.svg").read_text().lower()


@pytest.mark.parametrize("numbers", [[0], [3], list(range(1, 15))])
@pytest.mark.filterwarnings("error")
def test_every_plane_is_shown_by_its_number(tmp_path, numbers):
    figure, svg = drawn(tmp_path, {number: clean(500) for number in numbers})
    assert all(f">plane {number}<" in svg for number in numbers)
    assert RED not in svg
    assert figure.get_figwidth() == pytest.approx(180 / 25.4, abs=0.01)


@pytest.mark.parametrize("numbers", [[0], list(range(12))])
def test_titles_do_not_run_into_each_other(tmp_path, numbers):
    figure, _ = drawn(tmp_path, {number: clean(500) for number in numbers})
    columns = figure.subfigs[0].axes
    extents = [axes.get_tightbbox() for axes in columns]
    assert len(columns) == len(DRAWN)
    assert all(a.x1 < b.x0 for a, b in pairwise(extents))


BAD = {
    "intensity_change": {"frame_mean": np.linspace(500, 200, N_FRAMES)},
    "jump_share": {"frame_mean": clean()["frame_mean"] + 100 * (np.arange(N_FRAMES) % 100 == 0)},
    "noise_level": {"noise_level": np.full(20, 9.0)},
    "masked_share": {"valid": np.arange(N_FRAMES) % 2 == 0},
}


@pytest.mark.parametrize("measure", BAD)
def test_what_is_beyond_its_limit_is_vermillion(tmp_path, measure):
    _, svg = drawn(tmp_path, {0: clean() | BAD[measure]})
    assert RED in svg


@pytest.mark.parametrize("n_frames", [1, 5])
@pytest.mark.filterwarnings("error")
def test_planes_with_hardly_a_frame_or_without_neurons(tmp_path, n_frames):
    empty = {"noise_level": np.zeros(0), "dff": np.zeros((0, n_frames)), "n_rejected": 0}
    dark = {"frame_mean": np.full(n_frames, -3.0)}
    _, svg = drawn(tmp_path, {0: clean(n_frames) | dark, 1: clean(n_frames) | empty})
    assert ">no neurons<" in svg and "not above 0" in svg
