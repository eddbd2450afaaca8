"""What decided each test image: its nearest candidates, and the neurons that told the shown one from its rival."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout, integrated_gradients, tower_maps
from dina.recordings.trials import TEST, TrialResponses

N_CANDIDATES = 6  # shown beside each other
N_DECIDING = 20  # neurons kept for each image
BATCH_IMAGES = 64  # explained at once


@dataclass(frozen=True)
class Decisions:
    """Of every test image, by its averaged response; the images in ascending order of their index.

    Attributes
    ----------
    image : (images,) int32, row of the recording's images
    candidate : (images, k) int32, of the test images those that match the response best, best first
    similarity : (images, k) float32
    rank : (images,) int32, candidates ahead of the shown image; 0 is identified
    rival : (images,) int32, the best candidate that was not shown
    neuron : (images, n) int32, the neurons with the largest part in the margin between the shown image and its rival
    part : (images, n) float32, share of the margin's magnitude over all neurons; negative speaks for the rival
    """

    image: np.ndarray
    candidate: np.ndarray
    similarity: np.ndarray
    rank: np.ndarray
    rival: np.ndarray
    neuron: np.ndarray
    part: np.ndarray


def decide(model: DualTower, trials: TrialResponses, n_steps: int, device: torch.device) -> Decisions:
    """Rank the test images for each averaged response, and attribute the margin to neurons.

    Parts are integrated gradients, from silence to the response, of the neural map's product with the difference of
    two directions, the shown image's and its rival's; nothing is normalised on the response's side, see
    :func:`dina.attribution.importance.match_importance`. Cost grows with images × steps × that of the neural tower,
    memory with images × neurons.

    Parameters
    ----------
    n_steps : of integrated gradients
    """
    z, ids = trials.averaged(TEST)
    direction = normalize(tower_maps(model.image_tower, trials.images[ids], device), dim=1)
    answer = normalize(tower_maps(model.neural_tower, z, device), dim=1)
    similarity = (answer @ direction.T).cpu().numpy()
    shown = np.arange(len(ids))
    # Images that match exactly as well as the shown one, such as copies of it, are not ahead of it.
    order = np.lexsort((shown != shown[:, None], -similarity), axis=1)
    rank = (order == shown[:, None]).argmax(1)
    rival = np.where(rank == 0, order[:, min(1, len(ids) - 1)], order[:, 0])
    parts = []
    for start in range(0, len(ids), BATCH_IMAGES):
        some = slice(start, start + BATCH_IMAGES)
        readout = Readout(model.neural_tower, direction[some] - direction[torch.from_numpy(rival[some]).to(device)])
        inputs = torch.from_numpy(z[some]).to(device)
        part = integrated_gradients(readout, inputs, torch.zeros_like(inputs), n_steps, own=True)
        parts.append(part.cpu().numpy())
    part = np.concatenate(parts)
    part /= np.maximum(np.abs(part).sum(1, keepdims=True), np.finfo(np.float32).tiny)
    deciding = np.argsort(-np.abs(part), axis=1, kind="stable")[:, :N_DECIDING]
    best = order[:, :N_CANDIDATES]
    return Decisions(
        image=ids.astype(np.int32),
        candidate=ids[best].astype(np.int32),
        similarity=np.take_along_axis(similarity, best, 1),
        rank=rank.astype(np.int32),
        rival=ids[rival].astype(np.int32),
        neuron=deciding.astype(np.int32),
        part=np.take_along_axis(part, deciding, 1),
    )
