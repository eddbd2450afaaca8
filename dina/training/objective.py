"""What DINA is trained on, the contrastive loss of trials, and judged by, identification of validation images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from dina.models.dual_tower import MAX_INVERSE_TEMPERATURE, DualTower
from dina.models.features import BATCH_IMAGES
from dina.models.loss import info_nce, pairwise_sigmoid
from dina.models.neural_tower import openness
from dina.models.ranking import rivals_ahead
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses
from dina.settings import DinaTrainingSettings
from dina.training.batches import silence_neurons
from dina.training.loop import Validation
from dina.training.ranks import ALONE, Ranks

INVERSE_TEMPERATURES = tuple(float(scale) for scale in np.geomspace(2, MAX_INVERSE_TEMPERATURE, 24))


def batch_loss(
    model: DualTower,
    trials: TrialResponses,
    held_out: torch.Tensor | None,
    settings: DinaTrainingSettings,
    generator: torch.Generator,
    device: torch.device,
    ranks: Ranks = ALONE,
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The contrastive loss of a batch of training trials, given by their indices among these.

    Responses and images are moved to the device once.

    Parameters
    ----------
    generator : on the device
    held_out : (training images, components) in place of what the image tower prepares, see
        :func:`dina.training.closed_form.start_in_closed_form`
    """
    train_trials = trials.trials(TRAIN)
    z = torch.from_numpy(trials.standardised(train_trials)).to(device)
    ids = trials.image_ids(TRAIN)
    image = torch.from_numpy(np.searchsorted(ids, trials.image_index[train_trials])).to(device)
    prepared = _prepared(model, trials.images[ids], device) if held_out is None else held_out

    def loss(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(device)
        shown = image[batch]
        silenced = silence_neurons(z[batch], settings.neuron_dropout, generator)
        neural = model.embed_neural(model.neural_tower(ranks.share(silenced)))
        images = model.embed_images(prepared[ranks.share(shown)])
        similarity = ranks.gather(neural, len(batch)) @ ranks.gather(images, len(batch)).T
        if settings.loss == "sigmoid":
            found = pairwise_sigmoid(similarity, shown, model.inverse_temperature, model.offset)
        else:
            found = info_nce(similarity, shown, model.inverse_temperature)
        if settings.gate_penalty > 0:
            found = found + settings.gate_penalty * openness(model.neural_tower.gate)
        return found

    return loss


def validation(model: DualTower, trials: TrialResponses, device: torch.device) -> Callable[[], Validation]:
    """Identification of validation images by single trials: cross-entropy over the gallery, and top-1.

    The cross-entropy is that at the temperature which suits the similarities best, so that a model is not preferred for
    being better calibrated than its start.
    """
    chosen, ids = trials.trials(VALIDATION), trials.image_ids(VALIDATION)
    z = torch.from_numpy(trials.standardised(chosen)).to(device)
    prepared = _prepared(model, trials.images[ids], device)
    true = np.searchsorted(ids, trials.image_index[chosen])
    target = torch.from_numpy(true).to(device)

    def validate() -> Validation:
        similarity = model.compare(model.neural_tower(z), prepared)
        losses = [nn.functional.cross_entropy(similarity * scale, target) for scale in INVERSE_TEMPERATURES]
        ahead = rivals_ahead(similarity.float().cpu().numpy(), true)
        return Validation(loss=float(min(losses)), top1=float(np.mean(np.clip(1 - ahead, 0, 1))))

    return validate


def _prepared(model: DualTower, images: np.ndarray, device: torch.device) -> torch.Tensor:
    """What training leaves alone of the images' way through the tower, computed once."""
    with torch.no_grad():
        batches = torch.from_numpy(images).split(BATCH_IMAGES)
        return torch.cat([model.image_tower.prepare(batch.to(device)) for batch in batches])
