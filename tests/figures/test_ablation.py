import pytest

from dina.figures.ablation import plot_ablation
from tests.figures.conftest import drawn_twice, write_ablations


@pytest.mark.parametrize("ranked", [True, False])
def test_curves_with_and_without_a_ranking(tmp_path, ranked):
    stores = write_ablations(tmp_path, ranked=ranked)
    files = drawn_twice(lambda folder: plot_ablation(*stores, folder), tmp_path)
    assert set(files) == {
        f"{name}.{kind}" for name in ("frequency-ablation", "neuron-curve") for kind in ("svg", "png")
    }
    frequencies, neurons = (files[f"{name}.svg"].decode() for name in ("frequency-ablation", "neuron-curve"))
    assert "cut-off (cycles/deg)" in frequencies and ">original<" in frequencies and ">chance<" in frequencies
    assert ("strongest neurons first" in neurons) == ranked
    assert "neurons in random order" in neurons and "share of 30 neurons" in neurons and ">chance<" in neurons
