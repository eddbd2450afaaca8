from datetime import UTC, datetime

import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile
from pynwb.epoch import TimeIntervals

from dina.errors import InputError
from dina.recordings.stimulus_log import read_stimulus_log

SPLIT = ["train", "validation", "test"]


def intervals(name="trials", onsets=(1.0, 2.0, 3.5), **columns):
    """A table of intervals; a column whose cells are lists becomes ragged, with its VectorIndex."""
    table = TimeIntervals(name=name, description="presentations")
    for column, values in columns.items():
        table.add_column(column, "as it says", index=isinstance(values[0], list))
    for row, start_s in enumerate(onsets):
        cells = {column: values[row] for column, values in columns.items()}
        table.add_row(start_time=float(start_s), stop_time=start_s + 0.5, **cells)
    return table


@pytest.fixture
def write(tmp_path):
    def write(*tables):
        file = NWBFile("a test", "test", datetime(2024, 1, 1, tzinfo=UTC))
        for table in tables:
            file.add_time_intervals(table)
        path = tmp_path / "session.nwb"
        with NWBHDF5IO(path, "w") as out:
            out.write(file)
        return path

    return write


def test_the_only_table_with_images_is_the_log(write):
    images = intervals(
        image=["a.png", "b.png", "c.png"],
        split=SPLIT,
        running_cm_s=[0.5, np.nan, 3.0],
        licks=[[0.1, 0.2], [], [0.3]],
        position=[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)],
        colour=["red", "green", "red"],
    )
    log = read_stimulus_log(write(intervals("epochs", tags_of=["x", "y", "z"]), images))
    assert log.onset.tolist() == [1.0, 2.0, 3.5] and log.unit == "s"
    assert log.image.tolist() == ["a.png", "b.png", "c.png"] and log.split.tolist() == SPLIT
    assert list(log.behaviour) == ["running_cm_s"]
    np.testing.assert_array_equal(log.behaviour["running_cm_s"], [0.5, np.nan, 3.0])


def test_several_tables_need_a_name(write):
    path = write(intervals(image=["a", "b", "c"]), intervals("gratings", image=["0", "1", "2"]))
    with pytest.raises(InputError, match=r"session.nwb: .*stimulus_table: (trials, gratings|gratings, trials)\."):
        read_stimulus_log(path)
    assert read_stimulus_log(path, stimulus_table="gratings").image.tolist() == ["0", "1", "2"]
    with pytest.raises(InputError, match=r"trials \(start_time, stop_time, image\).*expected one 'grating'"):
        read_stimulus_log(path, stimulus_table="grating")


def test_no_table_with_images_names_all(write):
    with pytest.raises(
        InputError, match=r"trials \(start_time, stop_time, reward\); expected one with a column 'image'"
    ):
        read_stimulus_log(write(intervals(reward=[1.0, 0.0, 1.0])))
    with pytest.raises(InputError, match="no interval table"):
        read_stimulus_log(write())


@pytest.mark.parametrize(
    ("columns", "image_column", "expected"),
    [
        ({"image_index": [3, 4, 5], "image_name": ["a", "b", "c"]}, None, ["a", "b", "c"]),
        ({"image_index": [3.0, 4.0, 5.0]}, None, ["3", "4", "5"]),
        ({"image": ["a", "b", "c"], "frame": [7, 8, 9]}, "frame", ["7", "8", "9"]),
    ],
)
def test_which_column_is_the_image(write, columns, image_column, expected):
    log = read_stimulus_log(write(intervals(**columns)), image_column=image_column)
    assert log.image.tolist() == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"onsets": (1.0, 3.0, 2.0)},
            r"session.nwb, row 2 \(from 0\): found 2.0; expected onsets that increase: more than 3",
        ),
        ({"image": ["a", "", "a"]}, r"session.nwb, row 1 \(from 0\): found nothing; expected an image"),
        ({"split": ["train", "tset", "test"]}, r"session.nwb, row 1 \(from 0\): found 'tset'"),
    ],
)
def test_mistakes_name_the_row(write, changed, message):
    path = write(intervals(**{"image": ["a", "b", "a"]} | changed))
    with pytest.raises(InputError, match=message):
        read_stimulus_log(path)


def test_missing_image_column_names_those_there(write):
    path = write(intervals(reward=[1.0, 0.0, 1.0]))
    with pytest.raises(
        InputError, match=r"table trials: found columns 'start_time', 'stop_time', 'reward'; .*'picture'"
    ):
        read_stimulus_log(path, stimulus_table="trials", image_column="picture")


def test_what_is_no_nwb_is_refused(tmp_path):
    (tmp_path / "session.nwb").write_text("onset_s,image\n")
    with pytest.raises(InputError, match="session.nwb: found an unreadable file"):
        read_stimulus_log(tmp_path / "session.nwb")
    with pytest.raises(InputError, match="nothing.nwb: found no such file"):
        read_stimulus_log(tmp_path / "nothing.nwb")


def test_hdf5_that_is_no_nwb_is_refused(tmp_path):
    import h5py

    with h5py.File(tmp_path / "movie.nwb", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(InputError, match="movie.nwb: found an unreadable file"):
        read_stimulus_log(tmp_path / "movie.nwb")
