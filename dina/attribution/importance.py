"""How much each neuron contributes to the latents and to the match."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from dina.attribution.towers import evenly, one_hot
from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout, integrated_gradients, mean_over_inputs, tower_maps
from dina.probing.importance import match_share
from dina.recordings.trials import TEST, TrialResponses
from dina.settings import AttributionSettings


def latent_importance(
    model: DualTower, trials: TrialResponses, units: np.ndarray, settings: AttributionSettings, device: torch.device
) -> np.ndarray:
    """Each neuron's share in latent values: magnitude of integrated gradients from silence, mean over test images.

    Parameters
    ----------
    units : (latents,) indices into the flattened maps

    Returns
    -------
    (latents, neurons) float32, rows sum to 1
    """
    z, _ = trials.averaged(TEST)
    z = torch.from_numpy(evenly(z, settings.n_images)).to(device)
    readout = Readout(model.neural_tower, one_hot(units, int(np.prod(model.neural_tower.layout)), device))

    def found(some: torch.Tensor) -> torch.Tensor:
        return integrated_gradients(readout, some, torch.zeros_like(some), settings.n_steps).abs()

    importance = mean_over_inputs(found, len(units), z).cpu().numpy()
    return importance / importance.sum(1, keepdims=True)


def neurons_for_half(importance: np.ndarray) -> np.ndarray:
    """(latents,) fewest neurons that hold half of a latent's importance, from (latents, neurons) shares."""
    held = np.cumsum(-np.sort(-importance, axis=1), axis=1)
    return 1 + np.sum(held < 0.5, axis=1)


def match_importance(
    models: Sequence[DualTower],
    trials: TrialResponses,
    settings: AttributionSettings,
    device: torch.device,
    split: int = TEST,
) -> np.ndarray:
    """Each neuron's part in how far the shown image stands out of the gallery, mean over a split's images and seeds.

    :func:`dina.probing.importance.match_share` of the mean over each image's repeats.

    Returns
    -------
    (neurons,) float32, share of the parts' magnitude; negative for a neuron that speaks against the shown image
    """
    z, ids = trials.averaged(split)
    return match_share(models, z, trials.images[ids], settings.n_steps, device)


def response_over_others(model: DualTower, z: np.ndarray, device: torch.device) -> Readout:
    """Of each response, the image maps' product with its direction less the responses' mean direction.

    The image side is not normalised, for the reason told in :func:`dina.probing.importance.shown_over_gallery`.
    Parameters: ``z`` (n, neurons).
    """
    direction = normalize(tower_maps(model.neural_tower, z, device), dim=1)
    return Readout(model.image_tower, direction - direction.mean(0))
