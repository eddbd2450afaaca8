"""DINA fitted anew to an ablated recording, so that a score tells what can be used, not what surprises."""

from __future__ import annotations

import torch
from torch import nn

from dina.decoders.dina import DinaDecoder
from dina.models.dual_tower import initialise
from dina.recordings.trials import TrialResponses
from dina.settings import Detail, DinaSettings, GaborSettings
from dina.training.closed_form import FittedEncoding, start_in_closed_form
from dina.training.train import describe_dina, fit_dina


def retrain(
    trials: TrialResponses,
    settings: DinaSettings,
    gabor: GaborSettings,
    *,
    detail: Detail,
    seed: int,
    device: torch.device,
    fitted: FittedEncoding | None = None,
) -> DinaDecoder:
    """Fit DINA to trials whose images or neurons were ablated.

    With ``quick``, a Gabor tower gets its closed form alone, without learned core and contrastive training: seconds
    instead of minutes, to be compared with the same closed form on the whole recording. ``full`` trains everything, and
    so does a learned tower, which has no closed form.

    Parameters
    ----------
    fitted : of these neurons and images, of :func:`~dina.training.closed_form.fit_encoding`; the closed form then
        costs little more than building the towers. A full training does without
    """
    if is_closed_form(settings, detail):
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"learned_core": False})})
        model, _ = start_in_closed_form(trials, settings.model, gabor, seed=seed, device=device, fitted=fitted)
        initialise(model.neural_tower.residual, torch.Generator().manual_seed(seed))
        nn.init.zeros_(model.neural_tower.residual[-1].weight)
    else:
        model, _ = fit_dina(trials, settings, gabor, seed=seed, device=device)
    return DinaDecoder(model, describe_dina(model, trials, settings, gabor, seed))


def is_closed_form(settings: DinaSettings, detail: Detail) -> bool:
    """Whether :func:`retrain` fits the closed form alone."""
    return detail == "quick" and settings.model.image_tower == "gabor"
