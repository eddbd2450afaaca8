"""AdamW with early stopping on validation images; the best state is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from dina.training.ranks import ALONE, Ranks
from dina.training.resuming import WorkingCheckpoint
from dina.training.schedule import cosine_rates
from dina.training.state import Row, TrainingState


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
    *,
    generators: Sequence[torch.Generator] = (),
    checkpoint: WorkingCheckpoint | None = None,
    ranks: Ranks = ALONE,
) -> list[Row]:
    """Train a model in place and leave it in its best state, which may be its first.

    The learning rate falls to 0 along a cosine over the settings' epochs.

    Parameters
    ----------
    batches : called once an epoch; yields indices of trials
    batch_loss : the loss of a batch, under the model's current weights
    validate : looks at the validation images, and at nothing else
    generators : all that ``batches`` and ``batch_loss`` draw from, for the checkpoint
    checkpoint : where to go on from, and where to save between epochs
    ranks : the processes that train together; ``batches`` gives each the same whole batches, of which
        ``batch_loss`` takes its share, and returns the whole batch's loss

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
    rates = cosine_rates(settings.learning_rate, settings.epochs)
    state = TrainingState(model, optimiser, generators)
    ranks.agree_on(list(model.state_dict().values()))
    if checkpoint is not None:
        checkpoint.resume(state, ranks)
    while not _is_finished(state, settings):
        epoch, train_loss = len(state.history), None
        if epoch > 0:
            _set_rate(optimiser, rates[epoch - 1])
            train_loss = _one_epoch(model, batches(), batch_loss, optimiser, ranks)
        _look_at_validation(state, validate, train_loss, ranks)
        if checkpoint is not None and not _is_finished(state, settings):
            checkpoint.save_if_due(state, ranks)
    model.load_state_dict(state.best)
    return state.history


def _is_finished(state: TrainingState, settings: Schedule) -> bool:
    if not state.history:
        return False
    epoch = state.history[-1]["epoch"]
    return epoch == settings.epochs or epoch - state.best_row["epoch"] >= settings.patience


def _look_at_validation(
    state: TrainingState, validate: Callable[[], Validation], train_loss: float | None, ranks: Ranks
) -> None:
    """Add a row to the history, and keep the state if it is the best so far."""
    state.model.eval()
    with torch.no_grad():
        found = _validated_by_first(validate, ranks)
    best = state.best_row
    improved = best is None or found.loss < best["validation_loss"]
    if improved:
        state.best = {name: value.detach().clone() for name, value in state.model.state_dict().items()}
    state.history.append(
        {
            "epoch": len(state.history),
            "train_loss": train_loss,
            "validation_loss": found.loss,
            "validation_top1": found.top1,
            "is_best": improved,
        }
    )


def _validated_by_first(validate: Callable[[], Validation], ranks: Ranks) -> Validation:
    """All processes stop at the same epoch, so they must not differ by rounding."""
    if ranks.size == 1:
        return validate()
    numbers = torch.zeros(2, dtype=torch.float64, device=ranks.device)
    if ranks.is_first:
        found = validate()
        numbers += torch.tensor([found.loss, found.top1]).to(numbers)
    ranks.agree_on([numbers])
    return Validation(*numbers.tolist())


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _one_epoch(model, batches, batch_loss, optimiser, ranks: Ranks) -> float:
    """One pass; mixed precision on a GPU only, since a CPU gains nothing from it."""
    model.train()
    trained = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    device = trained[0].device.type
    losses = []
    for batch in batches:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            loss = batch_loss(batch)
        optimiser.zero_grad()
        loss.backward()
        ranks.average_gradients(trained)
        optimiser.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())
