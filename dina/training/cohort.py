"""What recordings teach each other: an image tower, or what neurons see, for a recording whose read-in alone is fitted.

On the Gabor tower that is a feature space, from the images of all, and the covariance of all neurons' weights in it:
the prior of a new recording's neurons. A learned tower is trained by all, in batches by recording, and then stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dina.device import resolve_device
from dina.errors import InputError, problem
from dina.models.dual_tower import build_dual_tower, initialise
from dina.models.features import fit_feature_space
from dina.recordings.leaks import give_away
from dina.recordings.trials import SPLITS, TEST, TRAIN, VALIDATION, TrialResponses, read_trials
from dina.settings import DinaSettings, GaborSettings
from dina.stores import new_store
from dina.threads import apply_threads
from dina.training.batches import generator_on, shuffled_batches
from dina.training.checkpoints import save_checkpoint
from dina.training.local_encoding import fit_local_encoding
from dina.training.loop import Validation, train
from dina.training.objective import batch_loss, validation
from dina.training.shared import NeuronPrior


def fit_cohort(
    responses: Path,
    members: Sequence[Path],
    output: Path,
    settings: DinaSettings,
    gabor: GaborSettings,
    *,
    seed: int,
    device: str = "auto",
) -> None:
    """Learn from other recordings what this one's image tower should be, and write ``model.safetensors`` and ``.json``.

    No image that tests this recording is looked at, and none that validates it is learned from; see
    :func:`without_held_out`.

    Parameters
    ----------
    responses : store of the recording that the result is for
    members : stores of the other recordings

    Raises
    ------
    InputError
        If images of recordings differ in size, or a member has no images of its own left.
    """
    apply_threads()
    on = resolve_device(device)
    mine = read_trials(responses)
    others = [without_held_out(read_trials(member), mine, str(member), device) for member in members]
    if settings.model.image_tower == "gabor":
        prior = fit_neuron_prior(others, settings, gabor, on)
        tensors = {"covariance": torch.from_numpy(prior.covariance)} | prior.space.tensors()
    else:
        tensors = train_shared_tower(others, settings, gabor, seed=seed, device=on).state_dict()
    about = {
        "image_tower": settings.model.image_tower,
        "is_frozen": True,
        "gabor": gabor.model_dump(mode="json"),
        "image_shape": list(mine.images.shape[1:]),
        "n_images": [len(other.image_ids(TRAIN)) for other in others],
        "n_neurons": [other.n_neurons for other in others],
    }
    with new_store(output) as store:
        save_checkpoint(store, tensors, about)


def without_held_out(other: TrialResponses, mine: TrialResponses, where: str, device: str = "auto") -> TrialResponses:
    """Another recording less its trials of this one's test images, and its training trials of validation images.

    A near-duplicate of an image, mirrored or not, and a crop that overlaps it count as the image.
    """
    if other.images.shape[1:] != mine.images.shape[1:]:
        found, expected = (f"images of {' × '.join(map(str, of.images.shape[1:]))} px" for of in (other, mine))
        raise InputError(problem(where, found, expected, "Set stimuli.image_size_px alike in all recordings."))
    tests, validates = (
        give_away(other.images, mine.images[mine.image_ids(split)], device)[other.image_index]
        for split in (TEST, VALIDATION)
    )
    kept = ~tests & ~(validates & (other.split == TRAIN))
    of_trials = ("responses", "image_index", "repeat", "onset_s", "split")
    left = replace(other, **{name: getattr(other, name)[kept] for name in of_trials})
    for code in (TRAIN, VALIDATION):
        if len(left.image_ids(code)) < 2:
            found = f"{len(left.image_ids(code))} {SPLITS[code]} images that this recording does not hold out"
            remedy = "Take it out of dina.cohort, or give both recordings one split."
            raise InputError(problem(where, found, "at least 2", remedy))
    return left


def fit_neuron_prior(
    others: Sequence[TrialResponses], settings: DinaSettings, gabor: GaborSettings, device: torch.device
) -> NeuronPrior:
    """A feature space for the training images of all, and the covariance of all neurons' closed-form weights in it.

    Cost and memory are the sum of :func:`~dina.training.local_encoding.fit_local_encoding`'s over recordings, and those
    of a feature space for all images.
    """
    images = np.unique(np.concatenate([other.images[other.image_ids(TRAIN)] for other in others]), axis=0)
    space, _ = fit_feature_space(gabor, images, settings.model.n_image_components, device)
    covariance = torch.zeros((space.deviation.numel(),) * 2, dtype=torch.float64, device=device)
    n_neurons = 0
    for other in others:
        scores = space.components(other.images[other.image_ids(TRAIN)])
        encoding = fit_local_encoding(other, space, scores, settings.model)
        given = torch.from_numpy(other.weights).to(device)
        weights = (encoding.weights * given.sqrt()).double()
        covariance += weights @ weights.T
        n_neurons += other.n_neurons
    return NeuronPrior(space, (covariance / n_neurons).float().cpu().numpy())


def train_shared_tower(
    others: Sequence[TrialResponses], settings: DinaSettings, gabor: GaborSettings, *, seed: int, device: torch.device
) -> nn.Module:
    """Train one learned image tower and a neural tower for each recording; a batch is of one recording.

    Every recording's trials come once an epoch, in batches whose order is random; the validation loss is the mean.
    """
    generator = torch.Generator().manual_seed(seed)
    models = nn.ModuleList()
    for other in others:
        model = build_dual_tower(
            settings.model,
            gabor,
            image_shape=other.images.shape[1:],
            n_neurons=other.n_neurons,
            n_components=settings.model.n_components,
        )
        initialise(model, generator)
        if models:
            model.image_tower = models[0].image_tower
        models.append(model)
    models.to(device)
    dropout = generator_on(device, generator)
    losses = [
        batch_loss(model, other, None, settings.training, dropout, device)
        for model, other in zip(models, others, strict=True)
    ]
    validations = [validation(model, other, device) for model, other in zip(models, others, strict=True)]
    starts = np.cumsum([0] + [len(other.trials(TRAIN)) for other in others])

    def batches() -> list[torch.Tensor]:
        of_each = [
            start + batch
            for start, stop in itertools.pairwise(starts)
            for batch in shuffled_batches(int(stop - start), settings.training.batch_trials, generator)
        ]
        return [of_each[index] for index in torch.randperm(len(of_each), generator=generator)]

    def loss(batch: torch.Tensor) -> torch.Tensor:
        which = int(np.searchsorted(starts, int(batch[0]), side="right")) - 1
        return losses[which](batch - int(starts[which]))

    def validate() -> Validation:
        found = [of() for of in validations]
        return Validation(*(float(np.mean(values)) for values in zip(*((f.loss, f.top1) for f in found), strict=True)))

    train(models, batches, loss, validate, settings.training, generators=[generator])
    return models[0].image_tower.eval()
