from itertools import pairwise

import numpy as np
import pytest

from dina import stores
from dina.figures.identification import draw_decoders
from dina.figures.looks import LOOKS, in_order, written
from dina.figures.probing import plot_probing
from dina.figures.reconstruction import correlations, match_contrast
from dina.figures.style import house_style
from tests.figures.conftest import drawn_twice, write_probes

NAMES = ("identification", "decoders", "reconstruction", "categories", "prediction")


def test_figures_name_decoders_pools_and_chance(tmp_path):
    stores = write_probes(tmp_path)
    files = drawn_twice(lambda folder: plot_probing(*stores, folder), tmp_path)
    assert set(files) == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")}
    text = {name: files[f"{name}.svg"].decode() for name in NAMES}
    for name in ("identification", "decoders"):
        assert all(f">{label}<" in text[name] for label in ("DINA", "pixel ridge", "convolutional", "template"))
        assert ">chance<" in text[name]
    assert "among 20 images" in text["decoders"] and "each seed" in text["decoders"]
    assert ">beyond the ceiling<" in text["identification"] and ">ideal observer<" in text["identification"]
    assert ">encoding<" in text["prediction"] and ">core, readout<" in text["prediction"]
    assert "15 repeated test images; 20 of 40 neurons" in text["prediction"] and ">FEVE<" in text["prediction"]
    assert ">mean image<" in text["reconstruction"] and "3 categories" in text["categories"]


@pytest.mark.parametrize("pool", [10, 120, 1000])
def test_ranks_have_several_labels_that_do_not_touch(tmp_path, pool):
    identification = write_probes(tmp_path)[0]
    scores, ratios = (stores.read_table(identification, name) for name in ("scores", "comparisons"))
    scores["pool_size"] = scores["pool_size"].replace(20, pool)
    ranked = scores["metric"] == "median_rank"
    scores.loc[ranked, ["value", "ci_low", "ci_high", "chance"]] = [1.5, 1.0, pool / 3, pool / 2]
    with house_style():
        figure = draw_decoders(scores, ratios)
        figure.draw_without_rendering()
    axes = figure.axes[2]
    low, high = axes.get_xlim()
    shown = [label for label in axes.get_xticklabels() if low <= label.get_position()[0] <= high]
    extents = [label.get_window_extent() for label in shown]
    assert len(shown) >= 3 and all(a.x1 < b.x0 for a, b in pairwise(extents))


def test_a_recording_without_categories(tmp_path):
    plot_probing(*write_probes(tmp_path, categories=False), tmp_path / "figures")
    svg = (tmp_path / "figures/categories.svg").read_text()
    assert "fewer than two categories" in svg and "accuracy" not in svg


def test_a_recording_without_repeats_or_truth(tmp_path):
    stored = write_probes(tmp_path, ceilings=False)
    plot_probing(*stored, tmp_path / "figures")
    svg = (tmp_path / "figures/prediction.svg").read_text()
    assert "no noise ceiling" in svg and "FEVE" not in svg


def test_decoders_are_told_apart_without_colour():
    decoders = [LOOKS[name] for name in in_order(LOOKS, "decoder", "reference")]
    assert len({look.marker for look in decoders}) == len(decoders) == len({look.colour for look in decoders})
    assert in_order(["ridge", "unheard_of", "dina"]) == ["dina", "ridge"]


def test_numbers_have_a_true_minus():
    assert [written(value, 2) for value in (-0.126, 0.5, -0.001, -1)] == ["−0.13", "0.50", "0.00", "−1.00"]


def test_shown_contrast_is_the_true_images():
    rng = np.random.default_rng(0)
    true, flat = rng.random((3, 8, 8)), 0.5 + 0.01 * rng.random((3, 8, 8))
    shown = match_contrast(flat, true)
    assert shown.mean((1, 2)) == pytest.approx(true.mean((1, 2))) and shown.std((1, 2)) == pytest.approx(
        true.std((1, 2))
    )
    assert correlations(shown, true) == pytest.approx(correlations(flat, true))
    assert correlations(np.ones((1, 8, 8)), true[:1]) == [0.0]
