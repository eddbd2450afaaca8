import pytest

from dina.figures.attribution import plot_attribution
from tests.figures.conftest import drawn_twice, write_attributions

NAMES = ("saliency", "faithfulness", "neuron-importance", "interactions", "receptive-fields")


def test_with_a_known_truth(tmp_path):
    stores = write_attributions(tmp_path)
    files = drawn_twice(lambda folder: plot_attribution(*stores, folder), tmp_path)
    assert set(files) == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")}
    fields = files["receptive-fields.svg"].decode()
    assert "horizontal, r = 0.70" in fields and ">true<" in fields and "DINA: 1.4°" in fields
    assert "median 5" in files["neuron-importance.svg"].decode()
    saliency = files["saliency.svg"].decode()
    assert saliency.count("✓ passes") == 2 and saliency.count("✗ fails") == 1
    assert files["faithfulness.svg"].decode().count("✗ 0.50") == 3  # both of edges, one of reliability
    interactions = files["interactions.svg"].decode()
    assert "(1 of 3 pairs significant)" in interactions and "no repeated training images" in interactions


@pytest.mark.parametrize(("degrees_per_pixel", "unit"), [(2.5, "deg"), (None, "px")])
def test_a_real_recording_has_centres_alone(tmp_path, degrees_per_pixel, unit):
    stores = write_attributions(tmp_path, known=False, degrees_per_pixel=degrees_per_pixel)
    plot_attribution(*stores, tmp_path / "figures")
    fields = (tmp_path / "figures/receptive-fields.svg").read_text()
    assert ">true<" not in fields and f"horizontal ({unit})" in fields and "centres of 10 neurons" in fields
    assert f"by a linear field ({unit})" in fields and "vertical, r = 1.00" in fields


@pytest.mark.parametrize("known", [True, False])
def test_a_recording_without_responsive_neurons(tmp_path, known):
    stores = write_attributions(tmp_path, known=known, responsive=False)
    plot_attribution(*stores, tmp_path / "figures")
    assert "no neuron with signal variance above 0.1" in (tmp_path / "figures/receptive-fields.svg").read_text()
