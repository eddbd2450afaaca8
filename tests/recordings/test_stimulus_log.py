import numpy as np
import pandas as pd
import pytest

from dina.errors import InputError
from dina.recordings.stimulus_log import onsets_s, read_stimulus_log

TIMES = np.arange(100) / 5.0


def table(**columns):
    return pd.DataFrame({"onset_s": [1.0, 2.0, 3.0], "image": ["a.png", "b.png", "a.png"]} | columns)


def read(path):
    log = read_stimulus_log(path)
    onsets_s(log.onset, log.unit, TIMES, path)
    return log


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_formats(tmp_path, suffix):
    path = tmp_path / f"log.{suffix}"
    frame = table(image=["a", "b", "c"], split=["train", "test", "validation"])
    frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(
        path, sep="\t" if suffix == "tsv" else ",", index=False
    )
    log = read_stimulus_log(path)
    assert log.onset.tolist() == [1, 2, 3] and log.unit == "s" and log.image.tolist() == ["a", "b", "c"]
    assert log.split.tolist() == ["train", "test", "validation"] and log.category is None


def test_frames_become_seconds(tmp_path):
    table(onset_frame=[5, 10, 15]).drop(columns="onset_s").to_csv(tmp_path / "log.csv", index=False)
    log = read_stimulus_log(tmp_path / "log.csv")
    assert log.unit == "frame"
    np.testing.assert_allclose(onsets_s(log.onset, log.unit, TIMES, "log.csv"), [1, 2, 3])


def test_integer_images_stay_as_written(tmp_path):
    table(image=[7, 8, 7]).to_csv(tmp_path / "log.csv", index=False)
    assert read(tmp_path / "log.csv").image.tolist() == ["7", "8", "7"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"onset_s": [1.0, 3.0, 2.0]},
            r"log.csv, row 4: found 2.0; expected onsets that increase: more than 3",
        ),
        ({"onset_s": [1.0, 2.0, 99.0]}, r"row 4: .*within the recording, 0.000 to 19.800 s"),
        ({"onset_s": [1.0, "late", 3.0]}, r"row 3: found 'late'; expected a number in onset_s"),
        ({"onset_s": [1.0, None, 3.0]}, r"row 3: found nothing; expected a number in onset_s"),
        ({"image": ["a.png", "", "b.png"]}, r"row 3: found nothing; expected an image"),
        ({"split": ["train", "test", "train"]}, r"column split: found no validation"),
        ({"split": ["train", "tset", "train"]}, r"row 3: found 'tset'"),
        ({"split": ["train", "test", "test"]}, r"row 4: found image 'a.png' in 'test'"),
    ],
)
def test_mistakes_name_the_row(tmp_path, columns, message):
    table(**columns).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "log.csv")


def test_misspelt_column_names_the_nearest(tmp_path):
    table().rename(columns={"onset_s": "onsets"}).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(InputError, match=r"also onset_s \(or onset_frame\)\. Is 'onsets' meant for 'onset_s'\?"):
        read(tmp_path / "log.csv")


def test_another_separator_is_suspected(tmp_path):
    table().to_csv(tmp_path / "log.csv", sep=";", index=False)
    with pytest.raises(InputError, match=r"found columns 'onset_s;image'.*separated by ','"):
        read(tmp_path / "log.csv")


def test_frame_numbers_outside_the_movie(tmp_path):
    table(onset_frame=[5, 10, 100]).drop(columns="onset_s").to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(InputError, match="row 4.*0 to 99"):
        read(tmp_path / "log.csv")


def test_further_columns_of_numbers_are_behaviour(tmp_path):
    extra = {"running_cm_s": [1.5, "", "NaN"], "pupil_area": [3, 4, 5], "note": ["a", "1", ""], "empty": ["", "", ""]}
    counters = {"trial": [0, 1, 2], "trial_number": [1, 2, 3], "index": [0, 1, 2]}
    frame = table(category=["x", "y", "x"], duration_s=[0.5, 0.5, 0.5], **counters, **extra)
    frame.to_csv(tmp_path / "log.csv")  # with row numbers, in a column without a name
    behaviour = read(tmp_path / "log.csv").behaviour
    assert list(behaviour) == ["running_cm_s", "pupil_area"]
    np.testing.assert_array_equal(behaviour, [[1.5, 3], [np.nan, 4], [np.nan, 5]])
    frame.assign(running_cm_s=[1.5, None, None], rewarded=[True, False, True]).to_parquet(tmp_path / "log.parquet")
    behaviour = read(tmp_path / "log.parquet").behaviour
    assert list(behaviour) == ["running_cm_s", "pupil_area", "rewarded"] and behaviour["rewarded"].tolist() == [1, 0, 1]


def test_the_image_may_stand_in_a_column_of_another_name(tmp_path):
    table(picture=["007", "8", "007"]).to_csv(tmp_path / "log.csv", index=False)
    log = read_stimulus_log(tmp_path / "log.csv", image_column="picture")
    assert log.image.tolist() == ["007", "8", "007"] and log.behaviour.empty
    with pytest.raises(InputError, match=r"found columns .*'picture'; expected also frame"):
        read_stimulus_log(tmp_path / "log.csv", image_column="frame")


def test_whole_numbers_of_parquet_have_no_decimal_point(tmp_path):
    table(image=[7.0, 8.0, 7.0]).to_parquet(tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet").image.tolist() == ["7", "8", "7"]
