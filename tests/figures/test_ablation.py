import numpy as np

from dina import stores
from dina.figures.ablation import plot_ablation
from dina.figures.neuron_curve import draw_neuron_curve
from dina.figures.neuron_orders import draw_neuron_orders
from dina.figures.structure import draw_structure
from dina.figures.style import house_style
from tests.figures.conftest import drawn_twice, write_ablations, write_image_ablation

NAMES = ("frequency-ablation", "structure-ablation", "neuron-curve", "neuron-orders")


def test_curves_with_chance(tmp_path):
    stores = write_ablations(tmp_path)
    files = drawn_twice(lambda folder: plot_ablation(*stores, folder), tmp_path)
    assert set(files) == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")}
    frequencies, structure, neurons, orders = (files[f"{name}.svg"].decode() for name in NAMES)
    assert "cut-off (cycles/deg)" in frequencies and ">original<" in frequencies and ">chance<" in frequencies
    assert "only one band" in frequencies and "0.1–0.2" in frequencies and "fitted anew" in frequencies
    assert "as much below as above" in frequencies
    assert "among 8 images" in structure and ">4 × 4<" in structure and "among 5.4 images" in structure
    assert ">coarse<" in structure and "p = 0.04" in structure and "equal at 0.12 [0.11, 0.14] cycles/deg" in structure
    assert "strongest neurons first" in neurons and "neurons in random order" in neurons
    assert "share of 30 neurons" in neurons and ">chance<" in neurons and "50 % of its own best" in neurons
    assert "trained anew" in orders and "matched in reliability" in orders and orders.count("no effect found") == 2


def test_without_categories_and_textures(tmp_path):
    path = write_image_ablation(tmp_path / "images", categories=False, textures=False)
    with house_style():
        dots, among, *_ = draw_structure(path).axes
    assert "among 20 images" in dots.get_ylabel() and "no category" in among.texts[0].get_text()
    assert "texture" not in [label.get_text() for label in dots.get_xticklabels()]


def test_without_a_ranking_only_random_orders(tmp_path):
    with house_style():
        figure = draw_neuron_curve(write_ablations(tmp_path, ranked=False)[1])
    titles = [axes.get_title(loc="left").split("  ")[-1] for axes in figure.axes]
    assert titles == ["neurons in random order", "neurons needed"]


def test_orders_without_a_ranking_and_without_repeats_say_why(tmp_path):
    with house_style():
        figure = draw_neuron_orders(write_ablations(tmp_path, ranked=False)[1])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "attribution" in labels and "reliability" not in labels
    assert "shown twice" in figure.axes[3].texts[0].get_text().replace("\n", " ")


def test_a_sentence_where_no_decoder_can_be_told_from_chance(tmp_path):
    ablation = write_ablations(tmp_path)[1]
    needed = stores.read_table(ablation, "needed").assign(value=np.nan, ci_low=np.nan)
    stores.write_table(ablation, "needed", needed)
    with house_style():
        last = draw_neuron_curve(ablation).axes[-1]
    assert "no decoder can be told" in last.texts[0].get_text()
    assert not last.spines["bottom"].get_visible() and not last.get_xlabel()


def test_no_share_is_above_all_neurons(tmp_path):
    with house_style():
        assert draw_neuron_curve(write_ablations(tmp_path)[1]).axes[-1].get_xlim()[1] < 1.2
