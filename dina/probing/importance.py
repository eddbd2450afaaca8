"""How much each neuron contributes to the match of a response with the image that was shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout, integrated_gradients, tower_maps


def match_share(
    models: Sequence[DualTower], z: np.ndarray, images: np.ndarray, n_steps: int, device: torch.device
) -> np.ndarray:
    """Each neuron's part in how far the shown image stands out of the others, mean over images and models.

    Integrated gradients, from silence, of :func:`shown_over_gallery`. Cost and memory are those of
    :func:`~dina.models.slopes.averaged_gradient` for one unit an image: some hundred images are enough.

    Parameters
    ----------
    z : (images, neurons) the response to each image, standardised and weighted
    images : (images, height, width)

    Returns
    -------
    (neurons,) float32, share of the parts' summed magnitude in each model, mean over models; negative for a neuron that
        speaks against the shown image. Not a share of the sum, which is near 0, or below, where nothing is decoded.
    """
    responses = torch.from_numpy(np.ascontiguousarray(z, np.float32)).to(device)
    shares = []
    for model in models:
        readout = shown_over_gallery(model, images, device)
        total = integrated_gradients(readout, responses, torch.zeros_like(responses), n_steps, own=True).mean(0)
        shares.append((total / total.abs().sum().clamp(min=torch.finfo(total.dtype).tiny)).cpu().numpy())
    return np.mean(shares, axis=0)


def shown_over_gallery(model: DualTower, images: np.ndarray, device: torch.device) -> Readout:
    """Of each image, the neural maps' product with its direction less the gallery's mean direction.

    The response side is not normalised: from silence to the response the cosine of a linear tower is constant, and its
    gradients along the way add up to nothing.
    """
    direction = normalize(tower_maps(model.image_tower, images, device), dim=1)
    return Readout(model.neural_tower, direction - direction.mean(0))
