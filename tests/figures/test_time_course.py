import itertools

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.figures.style import house_style
from dina.figures.time_course import draw_time_course, plot_time_course
from tests.figures.conftest import drawn_twice

EDGES_S = np.array([-0.2, 0.0, 0.2, 0.4])


def write_time_course(path, modes=("single", "averaged")):
    rows = [
        {"decoder": name, "trial_mode": mode, "bins": bins, "bin": number, "value": 0.1 + 0.2 * number}
        for name, mode, bins, number in itertools.product(
            ("dina", "ridge", "template"), modes, ("alone", "so_far"), range(3)
        )
        if (name, mode) != ("template", "averaged")
    ]
    table = pd.DataFrame(rows).assign(seed=-1, pool_size=20, chance=0.05, metric="top1", n=20)
    table["ci_low"], table["ci_high"] = table["value"] - 0.05, table["value"] + 0.05
    table["stop_s"] = EDGES_S[table["bin"] + 1]
    table["start_s"] = np.where(table["bins"] == "alone", EDGES_S[table["bin"]], EDGES_S[0])
    with stores.new_store(path) as store:
        stores.write_table(store, "time_course", table)
    return path


@pytest.mark.parametrize("image_duration_s", [0.3, None])
def test_time_chance_and_the_image_are_shown(tmp_path, image_duration_s):
    store = write_time_course(tmp_path / "time_course")

    def draw(folder):
        plot_time_course(store, folder, image_duration_s=image_duration_s)

    files = drawn_twice(draw, tmp_path)
    assert set(files) == {"time-course.svg", "time-course.png"}
    text = files["time-course.svg"].decode()
    assert all(f">{label}<" in text for label in ("DINA", "pixel ridge", "template", "chance", "top-1 of 20"))
    assert "time since onset, s (middle of the bin)" in text and "repeats averaged" in text
    assert (">image on<" in text) == (image_duration_s is not None)


def test_points_stand_at_their_time(tmp_path):
    table = stores.read_table(write_time_course(tmp_path / "time_course", modes=("single",)), "time_course")
    with house_style():
        figure = draw_time_course(table, 0.3)
    alone, so_far = figure.axes
    for axes, expected in ((alone, [-0.1, 0.1, 0.3]), (so_far, [0.0, 0.2, 0.4])):
        line = next(line for line in axes.lines if line.get_label() == "DINA")
        np.testing.assert_allclose(line.get_xdata(), expected, atol=1e-9)
        np.testing.assert_allclose(line.get_ydata(), [0.1, 0.3, 0.5])
    shaded = next(patch for patch in alone.patches if patch.get_label() == "image on")
    assert (shaded.get_x(), shaded.get_width()) == (0, 0.3)
