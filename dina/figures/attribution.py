"""The figures of attribution: where in the image, by which neurons, and where each of them looks."""

from __future__ import annotations

from pathlib import Path

from dina.figures.alignment_map import draw_alignment_map
from dina.figures.faithfulness import draw_faithfulness
from dina.figures.interactions import draw_interactions
from dina.figures.latent_sets import draw_latent_sets
from dina.figures.neuron_importance import draw_neuron_importance
from dina.figures.receptive_fields import draw_receptive_fields
from dina.figures.saliency import draw_saliency
from dina.figures.style import house_style, save


def plot_attribution(pixels: Path, neurons: Path, latents: Path, folder: Path) -> None:
    """Draw saliency, faithfulness, neuron importance, interactions, receptive fields, latents and the alignment map.

    Parameters
    ----------
    pixels, neurons, latents : stores of the attributions
    folder : where the files go
    """
    with house_style():
        save(draw_saliency(pixels), folder, "saliency")
        save(draw_faithfulness(pixels, neurons), folder, "faithfulness")
        save(draw_interactions(neurons), folder, "interactions")
        save(draw_neuron_importance(neurons), folder, "neuron-importance")
        save(draw_receptive_fields(neurons), folder, "receptive-fields")
        save(draw_latent_sets(latents), folder, "latents")
        save(draw_alignment_map(latents), folder, "alignment-map")
