"""How much each neuron contributes to the match of a response with the image that was shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout, integrated_gradient, tower_maps


def match_share(
    models: Sequence[DualTower], z: np.ndarray, images: np.ndarray, n_steps: int, device: torch.device
) -> np.ndarray:
    """Each neuron's share in how far the shown image stands out of the others, mean over images and models.

    Integrated gradients of the neural maps' product with the shown image's direction less the images'
    mean direction. The response side is not normalised: from silence to the response the cosine of a
    linear tower is constant, and its gradients along the way add up to nothing.

    Cost grows with models × steps × images × (tower + images × map values), memory with images × (map values +
    images): some hundred images are enough.

    Parameters
    ----------
    z : (images, neurons) the response to each image, standardised and weighted
    images : (images, height, width)

    Returns
    -------
    (neurons,) float32, sums to 1; negative for a neuron that speaks against the shown image
    """
    responses = torch.from_numpy(np.ascontiguousarray(z, np.float32)).to(device)
    own = torch.arange(len(responses), device=device)
    shares = []
    for model in models:
        direction = normalize(tower_maps(model.image_tower, images, device), dim=1)
        readout = Readout(model.neural_tower, direction - direction.mean(0))
        attribution, _ = integrated_gradient(readout, responses, torch.zeros_like(responses), own, n_steps)
        total = attribution.mean(0)
        shares.append((total / total.sum()).cpu().numpy())
    return np.mean(shares, axis=0)
