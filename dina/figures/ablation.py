"""The figures of ablation: frequencies, shape and texture, and how many and which neurons identification needs."""

from __future__ import annotations

from pathlib import Path

from dina.figures.frequencies import draw_frequencies
from dina.figures.neuron_curve import draw_neuron_curve
from dina.figures.neuron_orders import draw_neuron_orders
from dina.figures.structure import draw_structure
from dina.figures.style import house_style, save


def plot_ablation(images: Path, neurons: Path, folder: Path) -> None:
    """Draw ``frequency-ablation``, ``structure-ablation``, ``neuron-curve`` and ``neuron-orders``.

    Parameters
    ----------
    images, neurons : stores of the ablations
    folder : where the files go
    """
    with house_style():
        save(draw_frequencies(images), folder, "frequency-ablation")
        save(draw_structure(images), folder, "structure-ablation")
        save(draw_neuron_curve(neurons), folder, "neuron-curve")
        save(draw_neuron_orders(neurons), folder, "neuron-orders")
