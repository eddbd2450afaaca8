"""The benchmark of decoders: its table, on a population small enough for a test."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from decoding import populations, run, summary

from dina.recordings.trials import TEST, TRAIN
from dina.settings import ScenesSettings


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(populations.SIZES, "tiny", (60, 0.3))
    scenes = ScenesSettings(n_train=60, n_validation=16, n_test=16, max_overlap=0.0, crop_px=(32, 64), size_px=32)
    monkeypatch.setattr(populations, "SCENES", scenes)
    monkeypatch.setattr(run, "N_TEST", 16)
    monkeypatch.setattr(run, "N_THREADS", 1)
    monkeypatch.setattr(run, "N_BOOTSTRAP", 100)
    return "tiny:gabor"


def test_every_row_of_a_decoder_and_of_a_reference(tiny, tmp_path):
    rows = {name: pd.DataFrame(run.score(name, tiny, 101, tmp_path)) for name in ("ridge", "ideal_observer")}
    for name, table in rows.items():
        assert set(table.columns) == set(run.COLUMNS) and (table["decoder"] == name).all()
        assert table["value"].notna().all() and (table["ci_low"] <= table["value"]).all()
    ridge = rows["ridge"].set_index("metric")["value"]
    assert ridge["top1"] == pytest.approx(ridge["top1_at_1"])
    assert rows["ideal_observer"].set_index("metric").loc["top1", "value"] >= ridge["top1"] > 1 / 16
    assert set(rows["ideal_observer"]["metric"]) == {"top1", "top5", "median_rank"}


def test_populations_are_what_they_say(tiny, tmp_path):
    trials, truth = populations.load(tiny, 101, tmp_path)
    assert truth.with_suffix(".json").is_file() and trials.n_neurons == 60
    assert not set(trials.image_ids(TRAIN)) & set(trials.image_ids(TEST))
    assert (np.bincount(trials.image_index) == 2).all()
    again, _ = populations.load(tiny, 101, tmp_path)
    np.testing.assert_array_equal(trials.responses, again.responses)


def test_neurons_needed_by_hand():
    curves = {"convolutional": (0.2, 0.5, 0.6), "dina": (0.56, 0.8, 1.0), "ridge": (0.1, 0.2, 0.3)}
    rows = [
        {"decoder": decoder, "population": "p", "seed": 1, "metric": f"top1_at_{share}", "value": value}
        for decoder, values in curves.items()
        for share, value in zip((0.1, 0.2, 1), values, strict=True)
    ]
    table = run.with_neurons_needed(pd.DataFrame(rows, columns=list(run.COLUMNS)))
    assert len(run.with_neurons_needed(table)) == len(table) == 9 + 6
    found = table.set_index(["metric", "decoder"])["value"]
    own, equal = found["neurons_for_90pct"], found["neurons_for_equal_score"]
    assert own["dina"] == 1 and own["convolutional"] == 1 and own["ridge"] == 1
    assert equal["dina"] == 0.1 and equal["convolutional"] == 1 and np.isinf(equal["ridge"])


def test_the_summary_takes_means_over_seeds_and_leaves_references_out_of_the_rivals(tmp_path):
    scores = {"dina": 0.8, "ridge": 0.5, "convolutional": 0.4, "template": 0.9, "ideal_observer": 1.0}
    others = {"pixel_correlation": 0.5, "neurons_for_equal_score": 0.1}
    rows = [
        {"decoder": decoder, "population": "average-2000:gabor", "seed": seed, "metric": metric, "value": value}
        for decoder, top1 in scores.items()
        for seed, added in ((1, -0.1), (2, 0.1))
        for metric, value in ({"top1": top1 + added} | others).items()
    ]
    table = pd.DataFrame(rows).assign(seconds=1.0)
    told = summary.verdicts(summary.mean_over_seeds(table, "average-2000:gabor"))
    assert told[:3] == [
        "top-1: 0.800 of the ideal observer's",
        "top-1: +0.300 beside the best rival, ridge",
        "top-1: 2.00 × the convolutional decoder's",
    ]
    assert told[3].endswith("1.00 × its") and told[4].endswith("1.0 × fewer")
    summary.draw(table, tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").stat().st_size > 0
