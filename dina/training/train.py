"""Train DINA on one recording: the stage ``train_dina``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from dina.device import resolve_device
from dina.models.dual_tower import DualTower, build_dual_tower, initialise
from dina.models.features import BATCH_IMAGES
from dina.models.loss import info_nce, pairwise_sigmoid
from dina.models.neural_tower import openness
from dina.models.ranking import rivals_ahead
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses, read_trials
from dina.settings import DinaSettings, GaborSettings
from dina.stores import new_store, write_table
from dina.threads import apply_threads
from dina.training.batches import shuffled_batches, silence_neurons
from dina.training.checkpoints import save_checkpoint
from dina.training.closed_form import start_in_closed_form
from dina.training.loop import Validation, train
from dina.training.ranks import ALONE, Ranks, joined
from dina.training.resuming import WorkingCheckpoint, fingerprint


def train_dina(
    responses: Path, output: Path, settings: DinaSettings, gabor: GaborSettings, *, seed: int, device: str = "auto"
) -> None:
    """Train the dual tower and write ``model.safetensors``, ``model.json`` and ``training.parquet``.

    A training that was killed goes on from its working checkpoint in ``{output}.partial/``. Under
    ``torchrun`` all processes train one model, and the first writes.
    Training reads training trials and, to stop, validation trials; never test trials.
    """
    import pandas as pd

    apply_threads()
    trials = read_trials(responses)
    with joined(resolve_device(device)) as ranks:
        checkpoint = _working_checkpoint(responses, output, settings, gabor, seed, ranks)
        model, history = fit_dina(
            trials, settings, gabor, seed=seed, device=ranks.device, checkpoint=checkpoint, ranks=ranks
        )
        if ranks.is_first:
            with new_store(output) as store:
                save_checkpoint(store, model.state_dict(), describe_dina(model, trials, settings, gabor, seed))
                write_table(store, "training", pd.DataFrame(history))
            checkpoint.remove()


def fit_dina(
    trials: TrialResponses,
    settings: DinaSettings,
    gabor: GaborSettings,
    *,
    seed: int,
    device: torch.device,
    checkpoint: WorkingCheckpoint | None = None,
    ranks: Ranks = ALONE,
) -> tuple[DualTower, list[dict]]:
    """Train the dual tower in memory; returns it with one row of history an epoch.

    On the Gabor tower the read-in and the metric start in closed form and stay; the contrastive loss
    learns the neurons' gains, the components' gains, the 1 × 1 convolutions and the temperature,
    all of which weight decay pulls to that start.
    """
    generator = torch.Generator().manual_seed(seed)
    if settings.model.image_tower == "gabor":
        model, held_out = start_in_closed_form(trials, settings.model, gabor, device)
        initialise(model.neural_tower.residual, generator)
        nn.init.zeros_(model.neural_tower.residual[-1].weight)
    else:
        model, held_out = _start_from_scratch(trials, settings, gabor, generator).to(device), None
    batch_loss = _batch_loss(model, trials, held_out, settings, generator, device, ranks)
    n_trials = len(trials.trials(TRAIN))
    history = train(
        model,
        batches=lambda: shuffled_batches(n_trials, settings.training.batch_trials, generator),
        batch_loss=batch_loss,
        validate=_validation(model, trials, device),
        settings=settings.training,
        generators=[generator],
        checkpoint=checkpoint,
        ranks=ranks,
    )
    return model.eval(), history


def _working_checkpoint(
    responses: Path, output: Path, settings: DinaSettings, gabor: GaborSettings, seed: int, ranks: Ranks
) -> WorkingCheckpoint:
    """Outside the output, which Snakemake deletes when a job is interrupted."""
    about = {
        "model": settings.model.model_dump(mode="json"),
        "training": settings.training.model_dump(mode="json", exclude={"checkpoint_s"}),
        "gabor": gabor.model_dump(mode="json"),
        "seed": seed,
        "processes": ranks.size,
    }
    folder = output.with_name(f"{output.name}.partial")
    mark = fingerprint(responses, __name__, ranks.device, about)
    return WorkingCheckpoint(folder, mark, settings.training.checkpoint_s)


def describe_dina(
    model: DualTower, trials: TrialResponses, settings: DinaSettings, gabor: GaborSettings, seed: int
) -> dict:
    """What rebuilds the towers around their weights."""
    gabor_based = settings.model.image_tower == "gabor"  # where the training images bound the rank
    return {
        "decoder": "dina",
        "seed": seed,
        "image_shape": list(trials.images.shape[1:]),
        "n_neurons": trials.n_neurons,
        "n_components": model.image_tower.strength.numel() if gabor_based else settings.model.n_components,
        "model": settings.model.model_dump(mode="json"),
        "gabor": gabor.model_dump(mode="json"),
        "reliability_source": trials.reliability_source,
    }


def _start_from_scratch(
    trials: TrialResponses, settings: DinaSettings, gabor: GaborSettings, generator: torch.Generator
) -> DualTower:
    model = build_dual_tower(
        settings.model,
        gabor,
        image_shape=trials.images.shape[1:],
        n_neurons=trials.n_neurons,
        n_components=settings.model.n_components,
    )
    initialise(model, generator)
    return model


def _batch_loss(model, trials, held_out, settings, generator, device, ranks):
    """The contrastive loss of a batch of training trials, given by their indices."""
    train_trials = trials.trials(TRAIN)
    z = torch.from_numpy(trials.standardised(train_trials)).to(device)
    ids = trials.image_ids(TRAIN)
    image = torch.from_numpy(np.searchsorted(ids, trials.image_index[train_trials])).to(device)
    prepared = _prepared(model, trials.images[ids], device) if held_out is None else held_out

    def loss(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(device)
        shown = image[batch]
        silenced = silence_neurons(z[batch], settings.training.neuron_dropout, generator)
        neural = model.embed(model.neural_tower(ranks.share(silenced)))
        images = model.embed(model.image_tower.lay_out(prepared[ranks.share(shown)]))
        similarity = ranks.gather(neural, len(batch)) @ ranks.gather(images, len(batch)).T
        if settings.training.loss == "sigmoid":
            found = pairwise_sigmoid(similarity, shown, model.inverse_temperature, model.offset)
        else:
            found = info_nce(similarity, shown, model.inverse_temperature)
        if settings.training.gate_penalty > 0:
            found = found + settings.training.gate_penalty * openness(model.neural_tower.gate)
        return found

    return loss


def _validation(model: DualTower, trials: TrialResponses, device: torch.device):
    """Identification of validation images by single trials: cross-entropy over the gallery, and top-1."""
    chosen, ids = trials.trials(VALIDATION), trials.image_ids(VALIDATION)
    z = torch.from_numpy(trials.standardised(chosen)).to(device)
    prepared = _prepared(model, trials.images[ids], device)
    true = np.searchsorted(ids, trials.image_index[chosen])
    target = torch.from_numpy(true).to(device)

    def validate() -> Validation:
        similarity = model.compare(model.neural_tower(z), model.image_tower.lay_out(prepared))
        loss = nn.functional.cross_entropy(similarity * model.inverse_temperature, target)
        ahead = rivals_ahead(similarity.float().cpu().numpy(), true)
        return Validation(loss=float(loss), top1=float(np.mean(np.clip(1 - ahead, 0, 1))))

    return validate


def _prepared(model: DualTower, images: np.ndarray, device: torch.device) -> torch.Tensor:
    """What training leaves alone of the images' way through the tower, computed once."""
    with torch.no_grad():
        batches = torch.from_numpy(images).split(BATCH_IMAGES)
        return torch.cat([model.image_tower.prepare(batch.to(device)) for batch in batches])
