"""The figure for curation: numbers, reasons, red neurons, and what is drawn where there is much."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from dina import stores
from dina.figures.rois import MAX_NUMBERED, REASON_COLOURS, draw_rois, overlaps
from dina.figures.style import house_style
from dina.recordings.session import read_plane, rejections
from dina.settings import SessionSettings
from tests.figures.conftest import CENTRES, SIZE, discs
from tests.recordings.test_session import GOOD, ODD, write_plane


def drawn(session, folder, planes=(0, 1)):
    with house_style():
        rois, registered = ([folder / f"{name}-{plane}" for plane in planes] for name in ("rois", "registered"))
        return draw_rois(session, rois, registered)


def numbers(axes):
    return [text.get_text() for text in axes.texts if text.get_text().isdigit()]


def test_every_roi_has_its_number_and_its_reason(imaging):
    figure = drawn(imaging / "session", imaging)
    assert [sorted(numbers(axes)) for axes in figure.axes] == [["0", "1", "2", "3"]] * 2
    assert [axes.get_title("left") for axes in figure.axes] == [f"plane {p}: 3 of 4 ROIs accepted" for p in (0, 1)]
    legend = [text.get_text() for text in figure.legends[0].texts]
    assert legend == ["accepted: 6", "red neurons: 1", "not compact: 1", "by curation: 1"]
    places = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert places["3"] == (CENTRES[3, 1], CENTRES[3, 0])


def test_what_every_frame_shows_is_framed(imaging):
    (frame,) = (patch for patch in drawn(imaging / "session", imaging).axes[0].patches if isinstance(patch, Rectangle))
    assert frame.get_bbox().extents.tolist() == [0.5, 2.5, SIZE - 0.5, SIZE - 2.5]


def write_crowd(folder, n, n_planes=1):
    """A session whose ROIs all lie on one place; the first is accepted."""
    footprints = discs(np.tile(CENTRES[:1], (n, 1)))
    table = pd.DataFrame({"roi": np.arange(n), "y_px": 10.0, "x_px": 10.0, "rejected": ["", *["too small"] * (n - 1)]})
    with stores.new_store(folder / "session") as store:
        stores.write_array(store, "mean_image", np.ones((n_planes, SIZE, SIZE)))
        stores.write_table(store, "rois", pd.concat([table.assign(plane=plane) for plane in range(n_planes)]))
        stores.write_attributes(store, {"planes": list(range(n_planes)), "pixel_size_um": None})
    for plane in range(n_planes):
        with stores.new_store(folder / f"rois-{plane}") as store:
            footprints.write(store)
        with stores.new_store(folder / f"registered-{plane}") as store:
            stores.write_attributes(store, {"visible_rows": [0, SIZE], "visible_columns": [0, SIZE]})
    return folder / "session"


def test_a_number_that_would_hide_another_is_left_out(tmp_path):
    assert numbers(drawn(write_crowd(tmp_path, 5), tmp_path, [0]).axes[0]) == ["0"]


def test_accepted_numbers_make_way_for_each_other(tmp_path):
    session = write_crowd(tmp_path, 3)
    stores.write_table(session, "rois", stores.read_table(session, "rois").assign(rejected=""))
    figure = drawn(session, tmp_path, [0])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text().isdigit()]
    assert len(boxes) == 3 and not any(a.overlaps(b) for a, b in combinations(boxes, 2))


@pytest.mark.parametrize(("n", "numbered"), [(MAX_NUMBERED, 2), (MAX_NUMBERED + 1, 1)])
def test_in_a_crowd_the_accepted_alone_are_numbered(tmp_path, n, numbered):
    session = write_crowd(tmp_path, n)
    table = stores.read_table(session, "rois")
    table.loc[n - 1, ["y_px", "x_px"]] = 40.0  # the one that would find room
    stores.write_table(session, "rois", table)
    assert len(numbers(drawn(session, tmp_path, [0]).axes[0])) == numbered


def test_of_many_planes_four_are_drawn(tmp_path):
    figure = drawn(write_crowd(tmp_path, 2, n_planes=9), tmp_path, range(9))
    assert [axes.get_title("left").split(":")[0] for axes in figure.axes] == [f"plane {p}" for p in (0, 3, 5, 8)]
    assert all(any(isinstance(drawn, LineCollection) for drawn in axes.collections) for axes in figure.axes)


def test_every_reason_of_the_rule_has_a_colour(tmp_path):
    plane = read_plane(*write_plane(tmp_path, 0, [GOOD | odd for odd in ODD.values()]))
    reasons = set(rejections(plane, SessionSettings(require_dff=True)))
    assert reasons | {"by curation"} == set(REASON_COLOURS)


def test_boxes_that_touch_do_not_overlap():
    box = np.array([0, 0, 2, 1])
    assert overlaps(box, np.array([1, 0.5, 3, 2])) and not overlaps(box, np.array([2, 0, 4, 1]))
