"""The line of methods, and what is assumed for want of a statement."""

import json

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.report.methods import StatedSettings, methods_cautions, methods_line
from dina.settings import DeconvolutionSettings
from tests.report.conftest import SETTINGS, write_stores


def stated(name, **changes):
    return StatedSettings(**SETTINGS[name] | changes)


@pytest.mark.parametrize(
    ("indicator", "tau_s", "n"), [(None, None, 1), (None, 0.5, 0), ("GCaMP8m", None, 0), ("GCaMP8m", 0.5, 0)]
)
def test_a_caution_where_tau_is_assumed(indicator, tau_s, n):
    deconvolution = DeconvolutionSettings(tau_s=tau_s).model_dump()
    assert len(methods_cautions(stated("movie", indicator=indicator, deconvolution=deconvolution))) == n


def test_both_measures_without_a_baseline(tmp_path):
    write_stores(tmp_path, n_planes=1, length_s=800, n_test=60)
    stores.write_attributes(
        tmp_path / "responses", {"measure": "both", "window_s": [0.0, 0.5], "baseline_s": None, "lag_s": 0.0}
    )
    line = methods_line(tmp_path, stated("movie"))
    assert (
        "responses: summed deconvolved activity (with mean dF/F beside it) from 0.00 to 0.50 s after image onset"
        in line
    )
    assert "no baseline subtracted, windows delayed by a lag of 0 s" in line
    stores.write_attributes(tmp_path / "responses", {"bin_edges_s": [0.0, 0.25, 0.5]})


@pytest.mark.parametrize(("first", "how"), [([1.0, 1.0], "all alike"), ([1.5, 1.0], "by training repeats")])
def test_how_bins_were_weighted(tmp_path, first, how):
    write_stores(tmp_path, n_planes=1, length_s=800, n_test=60)
    stores.write_attributes(tmp_path / "responses", {"bin_edges_s": [0.0, 0.25, 0.5]})
    stores.write_array(tmp_path / "responses", "temporal_weights", np.array([first, [1.0, 1.0]], np.float32))
    assert f"in 2 bins, weighted {how}, " in methods_line(tmp_path, stated("movie"))


@pytest.mark.parametrize(
    ("tower", "shares", "kept", "told"),
    [
        (
            "gabor",
            (0.5, 0.0),
            (0, 3),
            "Gabor maps with a learned core of share 0.5, 0, 2 seeds, kept after epoch 0, 3 of",
        ),
        ("gabor", (0.0, 0.0), (0, 0), "Gabor maps with no learned core, 2 seeds, kept after epoch 0 of"),
        ("learned", (0.0, 0.0), (7, 7), "DINA from a learned image tower, 2 seeds, kept after epoch 7 of"),
    ],
)
def test_how_dina_started_and_what_training_kept(tmp_path, tower, shares, kept, told):
    write_stores(tmp_path, n_planes=1, length_s=800, n_test=60)
    for seed, (share, epoch) in enumerate(zip(shares, kept, strict=True)):
        with stores.new_store(tmp_path / f"models/dina/seed-{seed}") as store:
            (store / "model.json").write_text(json.dumps({"core_share": share, "model": {"image_tower": tower}}))
            history = pd.DataFrame({"epoch": range(10), "is_best": [e in (0, epoch) for e in range(10)]})
            stores.write_table(store, "training", history)
    assert told in methods_line(tmp_path, stated("movie"))
    assert "DINA" not in methods_line(tmp_path, stated("movie", seeds=[0, 1, 2]))
