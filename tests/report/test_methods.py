"""The line of methods, and what is assumed for want of a statement."""

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
    assert "image onset in 2 bins, weighted by each neuron's training repeats, no base" in methods_line(
        tmp_path, stated("movie")
    )
