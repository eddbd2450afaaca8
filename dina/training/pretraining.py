"""Pretraining of a learned image tower on pictures without responses: it learns to predict their Gabor maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from dina.device import resolve_device
from dina.models.dual_tower import initialise
from dina.models.features import VARIANCE_FLOOR, bank_maps
from dina.models.gabor import GaborBank
from dina.models.image_tower import LearnedImageTower
from dina.models.ranking import rivals_ahead
from dina.models.similarity import correlation
from dina.recordings.trials import read_trials
from dina.settings import DinaSettings, GaborSettings
from dina.stores import new_store, write_table
from dina.threads import apply_threads
from dina.training.batches import shuffled_batches
from dina.training.checkpoints import save_checkpoint
from dina.training.loop import Validation, train
from dina.training.unlabelled import unlabelled_pictures

VALIDATING = 10  # every tenth picture stops the training


def pretrain_tower(
    responses: Path, output: Path, settings: DinaSettings, gabor: GaborSettings, *, seed: int, device: str = "auto"
) -> None:
    """Pretrain the image tower of a recording, and write ``model.safetensors``, ``.json`` and table ``pretraining``.

    Nothing of the responses is read but which images are held out; see :func:`unlabelled_pictures`.
    """
    apply_threads()
    on = resolve_device(device)
    pictures, left_out = unlabelled_pictures(read_trials(responses), settings.pretraining, seed=seed, device=str(on))
    tower, history = fit_tower(pictures, settings, gabor, seed=seed, device=on)
    about = {"image_tower": "learned", "is_frozen": False, "n_pictures": len(pictures), "left_out": left_out}
    with new_store(output) as store:
        save_checkpoint(store, tower.state_dict(), about)
        write_table(store, "pretraining", pd.DataFrame(history))


def fit_tower(
    pictures: np.ndarray, settings: DinaSettings, gabor: GaborSettings, *, seed: int, device: torch.device
) -> tuple[LearnedImageTower, list[dict]]:
    """Train a tower whose latent maps, place by place, predict the standardised maps of the Gabor bank linearly.

    The pictures choose what of the bank the few latent maps hold, and the tower can then leave it for what neurons see.
    Memory is that of the bank's maps, 41 kB a picture at the default settings.

    Parameters
    ----------
    pictures : (n, height, width), 0 black to 1 white

    Returns
    -------
    tower : LearnedImageTower
    history : one row an epoch, see :func:`dina.training.loop.train`; losses are shares of the maps' variance
    """
    generator = torch.Generator().manual_seed(seed)
    bank = GaborBank(gabor, pictures.shape[1:]).to(device)
    tower = LearnedImageTower(gabor.grid, settings.model.channels)
    model = nn.Sequential(tower, nn.Conv2d(settings.model.channels, bank.channels, 1))
    initialise(model, generator)
    model.to(device)
    target = bank_maps(bank, pictures)
    judging = torch.arange(len(pictures)) % VALIDATING == 0
    learning = torch.nonzero(~judging)[:, 0].to(device)
    mean, sd = target[learning].mean(0), target[learning].std(0, correction=0)
    target = (target - mean) / torch.where(sd > VARIANCE_FLOOR * sd.max(), sd, torch.ones_like(sd))
    shown = torch.from_numpy(pictures).to(device)

    def loss(batch: torch.Tensor) -> torch.Tensor:
        chosen = learning[batch.to(device)]
        return (model(shown[chosen]) - target[chosen]).square().mean()

    def validate() -> Validation:
        predicted, true = model(shown[judging]), target[judging]
        scores = correlation(predicted.flatten(1).cpu().numpy(), true.flatten(1).cpu().numpy())
        ahead = rivals_ahead(scores, np.arange(len(scores)))
        return Validation(float((predicted - true).square().mean()), float(np.mean(np.clip(1 - ahead, 0, 1))))

    history = train(
        model,
        lambda: shuffled_batches(len(learning), settings.pretraining.batch_trials, generator),
        loss,
        validate,
        settings.pretraining,
        generators=[generator],
    )
    return tower.eval(), history
