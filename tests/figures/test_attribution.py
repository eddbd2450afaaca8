import numpy as np
import pytest
from matplotlib.text import Text

from dina.figures.alignment_map import draw_alignment_map
from dina.figures.attribution import plot_attribution
from dina.figures.interactions import draw_interactions
from dina.figures.latent_sets import draw_latent_sets
from dina.figures.neuron_importance import draw_neuron_importance
from tests.figures.conftest import drawn_twice, write_attributions

NAMES = (
    "saliency",
    "faithfulness",
    "neuron-importance",
    "interactions",
    "receptive-fields",
    "latents",
    "alignment-map",
)


def test_with_a_known_truth(tmp_path):
    stores = write_attributions(tmp_path)
    files = drawn_twice(lambda folder: plot_attribution(*stores, folder), tmp_path)
    assert set(files) == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")}
    fields = files["receptive-fields.svg"].decode()
    assert "horizontal, r = 0.70" in fields and ">true<" in fields and "DINA: 1.4°" in fields
    assert "median 5" in files["neuron-importance.svg"].decode()
    latents, alignment = (files[f"{name}.svg"].decode() for name in ("latents", "alignment-map"))
    assert "neural 67 %, image 33 %" in latents and "neural 1 of 3, image 0 of 2" in latents
    assert "&gt; 12" in latents and "sets, image: 0.60" in latents
    assert "of the whole maps' r of 0.40" in alignment and "between centroids (deg)" in alignment
    assert "5 places" in alignment and alignment.count("one region or none") == 1
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
    assert f"between centroids ({unit})" in (tmp_path / "figures/alignment-map.svg").read_text()


@pytest.mark.parametrize("known", [True, False])
def test_a_recording_without_responsive_neurons(tmp_path, known):
    stores = write_attributions(tmp_path, known=known, responsive=False)
    plot_attribution(*stores, tmp_path / "figures")
    assert "no neuron with signal variance above 0.1" in (tmp_path / "figures/receptive-fields.svg").read_text()


def test_nothing_to_rebuild_and_nowhere_aligned(tmp_path):
    *_, latents = write_attributions(tmp_path, aligned=False, responsive=False)
    for draw, said in (
        (draw_latent_sets, "no latent varies with the image"),
        (draw_alignment_map, "by no rule more than one region"),
    ):
        assert said in [text.get_text() for text in draw(latents).findobj(Text)]


def test_what_is_not_known_is_said(tmp_path):
    def said(figure):
        return [text.get_text().replace("\n", " ") for text in figure.findobj(Text)]

    _, neurons, latents = write_attributions(tmp_path / "once", known=False, repeated=False)
    assert "no image was shown twice: signal variance is not known" in said(draw_neuron_importance(neurons))
    assert "reliability is not known: too few images were shown twice" in said(draw_latent_sets(latents))
    _, neurons, _ = write_attributions(tmp_path / "chance", matches=False)
    assert said(draw_neuron_importance(neurons)).count("Neurons' parts cancel: there is no match to share in.") == 2


def test_interactions_are_drawn_beyond_their_surrogates(tmp_path):
    _, neurons, _ = write_attributions(tmp_path)
    matrix, against, *_ = draw_interactions(neurons).axes
    np.testing.assert_allclose(matrix.images[0].get_array()[0, 1:], [0.1, -0.3])  # 0.3 and -0.1, less 0.2
    points = np.concatenate([line.get_ydata() for line in against.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(np.sort(points), [-3, -2, 1], atol=1e-9)  # in half-widths of 0.1
