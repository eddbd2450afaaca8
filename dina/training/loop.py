"""AdamW with early stopping on validation images; the best state is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn


class Schedule(Protocol):
    """The settings that the loop reads; both learned models' sections have them."""

    epochs: int
    learning_rate: float
    weight_decay: float
    patience: int


@dataclass(frozen=True)
class Validation:
    """What one look at the validation images gives: ``loss`` decides, lower is better."""

    loss: float
    top1: float


def train(
    model: nn.Module,
    batches: Callable[[], Iterable[torch.Tensor]],
    batch_loss: Callable[[torch.Tensor], torch.Tensor],
    validate: Callable[[], Validation],
    settings: Schedule,
) -> list[dict[str, float | int]]:
    """Train a model in place and leave it in its best state, which may be its first.

    The learning rate falls to 0 along a cosine over the settings' epochs.

    Parameters
    ----------
    batches : called once an epoch; yields indices of trials
    batch_loss : the loss of a batch, under the model's current weights
    validate : looks at the validation images, and at nothing else

    Returns
    -------
    One row an epoch, epoch 0 before any step: ``epoch``, ``train_loss`` (None at 0), ``validation_loss``,
    ``validation_top1``, ``is_best`` so far.

    References
    ----------
    Loshchilov & Hutter 2019, ICLR (AdamW); 2017, ICLR (cosine schedule).
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    device = trained[0].device.type
    history, best_state, best_loss, best_epoch = [], None, float("inf"), 0
    for epoch in range(settings.epochs + 1):
        train_loss = None
        if epoch > 0:
            train_loss = _one_epoch(model, batches(), batch_loss, optimiser, device)
            schedule.step()
        model.eval()
        with torch.no_grad():
            validation = validate()
        if improved := validation.loss < best_loss:
            best_loss, best_epoch = validation.loss, epoch
            best_state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        history.append(
            {
                "epoch": epoch,
                "train_loss": train_loss,
                "validation_loss": validation.loss,
                "validation_top1": validation.top1,
                "is_best": improved,
            }
        )
        if epoch - best_epoch >= settings.patience:
            break
    if best_state is not None:
        model.load_state_dict(best_state)
    return history


def _one_epoch(model, batches, batch_loss, optimiser, device: str) -> float:
    """One pass; mixed precision on a GPU only, since a CPU gains nothing from it."""
    model.train()
    losses = []
    for batch in batches:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            loss = batch_loss(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())
