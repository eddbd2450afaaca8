"""Train DINA on one recording: the stage ``train_dina``."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from dina.device import resolve_device
from dina.models.dual_tower import DualTower, build_dual_tower, initialise
from dina.recordings.trials import TRAIN, TrialResponses, read_trials
from dina.settings import DinaSettings, GaborSettings
from dina.stores import manifest_path, new_store, write_table
from dina.threads import apply_threads
from dina.training.batches import generator_on, shuffled_batches
from dina.training.checkpoints import save_checkpoint
from dina.training.closed_form import start_in_closed_form
from dina.training.loop import train
from dina.training.objective import batch_loss, validation
from dina.training.ranks import ALONE, Ranks, joined
from dina.training.resuming import WorkingCheckpoint, fingerprint
from dina.training.shared import Shared, read_shared


def train_dina(
    responses: Path,
    output: Path,
    settings: DinaSettings,
    gabor: GaborSettings,
    *,
    seed: int,
    device: str = "auto",
    shared: Path | None = None,
) -> None:
    """Train the dual tower and write ``model.safetensors``, ``model.json`` and ``training.parquet``.

    A training that was killed goes on from its working checkpoint in ``{output}.partial/``. Under
    ``torchrun`` all processes train one model, and the first writes.
    Training reads training trials and, to stop, validation trials; never test trials.

    Parameters
    ----------
    shared : store of what is taken over, of :mod:`dina.training.cohort` or :mod:`dina.training.pretraining`
    """
    import pandas as pd

    apply_threads()
    trials = read_trials(responses)
    with joined(resolve_device(device)) as ranks:
        checkpoint = _working_checkpoint(responses, output, settings, gabor, seed, ranks, shared)
        model, history = fit_dina(
            trials,
            settings,
            gabor,
            seed=seed,
            device=ranks.device,
            checkpoint=checkpoint,
            ranks=ranks,
            shared=None if shared is None else read_shared(shared, ranks.device),
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
    shared: Shared | None = None,
) -> tuple[DualTower, list[dict]]:
    """Train the dual tower in memory; returns it with one row of history an epoch.

    On the Gabor tower the read-in and the metric start in closed form, beside a learned core; the contrastive loss
    learns the neurons' gates, the components' gains, the read-in's and the 1 × 1 convolutions' changes and the
    temperature, all of which weight decay pulls to that start. A learned tower that other recordings share stays as it
    is; a pretrained one is where training starts.
    """
    generator = torch.Generator().manual_seed(seed)
    if settings.model.image_tower == "gabor":
        model, held_out = start_in_closed_form(trials, settings.model, gabor, seed=seed, device=device, shared=shared)
        ranks.agree_on([held_out])
        initialise(model.neural_tower.residual, generator)
        nn.init.zeros_(model.neural_tower.residual[-1].weight)
    else:
        model, held_out = _start_from_scratch(trials, settings, gabor, generator).to(device), None
        if shared is not None:
            model.image_tower.load_state_dict(shared.state)
            model.image_tower.requires_grad_(not shared.is_frozen)
    if settings.training.compile and device.type == "cuda":
        model.neural_tower.compile()
    dropout = generator_on(device, generator)
    n_trials = len(trials.trials(TRAIN))
    history = train(
        model,
        batches=lambda: shuffled_batches(n_trials, settings.training.batch_trials, generator),
        batch_loss=batch_loss(model, trials, held_out, settings.training, dropout, device, ranks),
        validate=validation(model, trials, device),
        settings=settings.training,
        generators=[generator] if dropout is generator else [generator, dropout],
        checkpoint=checkpoint,
        ranks=ranks,
    )
    return model.eval(), history


def _working_checkpoint(
    responses: Path,
    output: Path,
    settings: DinaSettings,
    gabor: GaborSettings,
    seed: int,
    ranks: Ranks,
    shared: Path | None,
) -> WorkingCheckpoint:
    """Outside the output, which Snakemake deletes when a job is interrupted."""
    about = {
        "model": settings.model.model_dump(mode="json"),
        "training": settings.training.model_dump(mode="json", exclude={"checkpoint_s"}),
        "gabor": gabor.model_dump(mode="json"),
        "seed": seed,
        "processes": ranks.size,
        "shared": None if shared is None else manifest_path(shared).read_text(),
    }
    folder = output.with_name(f"{output.name}.partial")
    mark = fingerprint(responses, __name__, ranks.device, about)
    return WorkingCheckpoint(folder, mark, settings.training.checkpoint_s)


def describe_dina(
    model: DualTower, trials: TrialResponses, settings: DinaSettings, gabor: GaborSettings, seed: int
) -> dict:
    """What rebuilds the towers around their weights."""
    gabor_based = settings.model.image_tower == "gabor"  # where the training images bound the rank
    core = model.image_tower.learned if gabor_based else None
    return {
        "decoder": "dina",
        "seed": seed,
        "image_shape": list(trials.images.shape[1:]),
        "n_neurons": trials.n_neurons,
        "n_components": model.image_tower.strength.numel() if gabor_based else settings.model.n_components,
        "core_share": None if core is None else round(float(core.share), 2),
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
