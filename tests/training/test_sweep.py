from dataclasses import replace

import pandas as pd
import pytest

from dina.errors import SettingsError
from dina.recordings.trials import TEST, write_trials
from dina.settings import DinaSettings, GaborSettings, Settings, SweepSettings, parse
from dina.settings.sweep import changed
from dina.stores import new_store, read_table, write_table
from dina.training.sweep import tabulate_sweep, try_settings
from tests.training.test_train import SETTINGS

PLAIN = {"dina": DinaSettings().model_dump(mode="json"), "gabor": GaborSettings().model_dump(mode="json")}


def grid(**values):
    return [{"setting": name.replace("__", "."), "values": of} for name, of in values.items()]


def test_every_combination_is_a_point():
    sweep = SweepSettings(grid=grid(dina__training__learning_rate=(0.1, 0.2), gabor__grid=(4, 8, 16)))
    points = list(sweep.points())
    assert len(points) == 6
    assert points[4] == {"dina.training.learning_rate": 0.2, "gabor.grid": 8}


def test_a_point_changes_its_settings_and_no_others():
    found = changed(PLAIN, {"dina.model.read_in.kind": "dense", "gabor.frequencies_cpi": (2.0, 4.0)})
    assert found["dina"]["model"]["read_in"]["kind"] == "dense"
    assert DinaSettings(**found["dina"]).training == DinaSettings().training
    assert GaborSettings(**found["gabor"]).frequencies_cpi == (2.0, 4.0)
    assert PLAIN["dina"]["model"]["read_in"]["kind"] == "low_rank"


@pytest.mark.parametrize(
    ("setting", "values", "message"),
    [
        ("dina.training.learning_rat", (0.1,), "dina.training.learning_rat is no single setting"),
        ("decoders.ridge.size_px", (16,), "no single setting under dina or gabor"),
        ("dina.training", (1,), "no single setting"),
        ("dina", (1,), "no single setting"),
        ("dina.training.learning_rate", (0.1, -1.0), "greater than 0"),
        ("dina.training.learning_rate", (), "at least 1 item"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_runs(setting, values, message):
    with pytest.raises(SettingsError, match=message):
        parse(Settings, {"sweep": {"grid": [{"setting": setting, "values": values}]}}, "config.yaml")


def test_test_trials_play_no_part(gabor_trials, small_gabor, tmp_path):
    altered = gabor_trials.responses.copy()
    altered[gabor_trials.trials(TEST)] = 7.0
    tables = []
    for name, trials in (("one", gabor_trials), ("two", replace(gabor_trials, responses=altered))):
        with new_store(tmp_path / name) as store:
            write_trials(store, trials)
        try_settings(tmp_path / name, tmp_path / f"{name}-tried", SETTINGS, small_gabor, seeds=(0, 1), device="cpu")
        tables.append(read_table(tmp_path / f"{name}-tried", "scores"))
    pd.testing.assert_frame_equal(*tables)
    assert list(tables[0]["seed"]) == [0, 1] and tables[0]["validation_top1"].between(0, 1).all()


def test_the_table_marks_the_least_validation_loss_of_every_recording(tmp_path):
    points = []
    for recording, losses in (("a", (2.0, 1.0)), ("b", (1.0, 3.0))):
        for value, loss in enumerate(losses):
            path = tmp_path / f"{recording}{value}"
            with new_store(path) as store:
                rows = {
                    "seed": [0, 1],
                    "epoch": 3,
                    "validation_loss": [loss, loss + 0.5],
                    "validation_top1": [0.25, 0.75],
                }
                write_table(store, "scores", pd.DataFrame(rows))
            points.append((recording, {"dina.training.learning_rate": value}, path))
    tabulate_sweep(points, tmp_path / "sweep.csv")
    table = pd.read_csv(tmp_path / "sweep.csv")
    chosen = table[table["chosen"]]
    assert list(chosen["recording"]) == ["a", "b"]
    assert list(chosen["dina.training.learning_rate"]) == [1, 0]
    assert chosen["validation_loss"].tolist() == [1.25, 1.25] and (table["n_seeds"] == 2).all()
