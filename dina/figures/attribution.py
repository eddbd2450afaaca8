"""The figures of attribution: where in the image, by which neurons, and where each of them looks."""

from __future__ import annotations

from pathlib import Path

from dina.figures.faithfulness import draw_faithfulness
from dina.figures.interactions import draw_interactions
from dina.figures.neuron_importance import draw_neuron_importance
from dina.figures.receptive_fields import draw_receptive_fields
from dina.figures.saliency import draw_saliency
from dina.figures.style import house_style, save


def plot_attribution(pixels: Path, neurons: Path, folder: Path) -> None:
    """Draw ``saliency``, ``faithfulness``, ``neuron-importance``, ``interactions`` and ``receptive-fields``.

    Parameters
    ----------
    pixels, neurons : stores of the attributions
    folder : where the files go
    """
    with house_style():
        save(draw_saliency(pixels), folder, "saliency")
        save(draw_faithfulness(pixels, neurons), folder, "faithfulness")
        save(draw_interactions(neurons), folder, "interactions")
        save(draw_neuron_importance(neurons), folder, "neuron-importance")
        save(draw_receptive_fields(neurons), folder, "receptive-fields")
