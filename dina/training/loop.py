"""AdamW with early stopping on validation images; the best state is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from dina.errors import TrainingError, problem
from dina.settings import LearningSettings
from dina.training.averaging import WeightAverage
from dina.training.progress import Progress
from dina.training.ranks import ALONE, Ranks
from dina.training.resuming import WorkingCheckpoint
from dina.training.schedule import LearningRate
from dina.training.state import Row, TrainingState


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
    settings: LearningSettings,
    *,
    generators: Sequence[torch.Generator] = (),
    checkpoint: WorkingCheckpoint | None = None,
    ranks: Ranks = ALONE,
) -> list[Row]:
    """Train a model in place and leave it in its best state, which may be its first.

    The learning rate follows :class:`~dina.training.schedule.LearningRate`. Where weights are averaged, the
    averages are validated and kept.

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

    Raises
    ------
    TrainingError
        If a loss or a weight is not finite, at the end of that epoch.

    References
    ----------
    Loshchilov & Hutter 2019, ICLR (AdamW); Pascanu et al. 2013, ICML (clipping).
    """
    ranks.agree_on(list(model.state_dict().values()))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, settings.learning_rate, weight_decay=settings.weight_decay)
    average = WeightAverage(trained, settings.weight_average) if settings.weight_average else None
    state = TrainingState(model, optimiser, average, generators)
    if checkpoint is not None:
        checkpoint.resume(state, ranks)
    progress = Progress(settings.epochs, max(0, len(state.history) - 1), silent=not ranks.is_first)
    while not _is_finished(state, settings):
        train_loss = None
        if state.history:
            progress.validated(state.history[-1]["validation_top1"])
            train_loss = _one_epoch(state, list(batches()), batch_loss, settings, ranks, progress)
        _look_at_validation(state, validate, train_loss, ranks)
        if checkpoint is not None and not _is_finished(state, settings):
            checkpoint.save_if_due(state, ranks)
    progress.finished(state.history[-1]["epoch"], state.best_row["epoch"])
    model.load_state_dict(state.best)
    return state.history


def _is_finished(state: TrainingState, settings: LearningSettings) -> bool:
    if not state.history:
        return False
    epoch = state.history[-1]["epoch"]
    return epoch == settings.epochs or epoch - state.best_row["epoch"] >= settings.patience


def _look_at_validation(
    state: TrainingState, validate: Callable[[], Validation], train_loss: float | None, ranks: Ranks
) -> None:
    """Add a row to the history, and keep the state if it is the best so far."""
    state.model.eval()
    with torch.no_grad(), state.judged():
        found = _validated_by_first(validate, ranks)
        best = state.best_row
        improved = best is None or found.loss < best["validation_loss"]
        if improved:
            state.best = {name: value.detach().clone() for name, value in state.model.state_dict().items()}
    if not math.isfinite(found.loss):
        raise TrainingError(_not_finite(f"epoch {len(state.history)}, validation", f"a loss of {found.loss}"))
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


def _one_epoch(
    state: TrainingState,
    batches: list[torch.Tensor],
    batch_loss: Callable[[torch.Tensor], torch.Tensor],
    settings: LearningSettings,
    ranks: Ranks,
    progress: Progress,
) -> float:
    """One pass; mixed precision on a GPU only, since a CPU gains nothing from it."""
    epoch, (group,) = len(state.history), state.optimiser.param_groups
    trained = group["params"]
    device = trained[0].device.type
    schedule = LearningRate(settings.learning_rate, settings.epochs, settings.warmup_share)
    rates = [schedule.at(epoch, batch, len(batches)) for batch in range(1, len(batches) + 1)]
    state.model.train()
    losses = []
    for done, (batch, rate) in enumerate(zip(batches, rates, strict=True), 1):
        group["lr"] = rate
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            loss = batch_loss(batch)
        state.optimiser.zero_grad()
        loss.backward()
        ranks.average_gradients(trained)
        if settings.gradient_clip is not None:
            nn.utils.clip_grad_norm_(trained, settings.gradient_clip)
        state.optimiser.step()
        if state.average is not None:
            state.average.update()
        losses.append(loss.detach())
        progress.stepped(epoch - 1 + done / len(batches), len(batch), losses[-1])
    losses = torch.stack(losses)
    _refuse_infinite(losses, trained, epoch, rates)
    return float(losses.mean())


def _refuse_infinite(losses: torch.Tensor, trained: list[nn.Parameter], epoch: int, rates: list[float]) -> None:
    """Once an epoch, since a look at every loss would make a GPU wait."""
    finite = losses.isfinite().tolist()
    if all(finite) and all(bool(parameter.isfinite().all()) for parameter in trained):
        return
    batch = len(finite) - 1 if all(finite) else finite.index(False)
    found = "a weight that is not finite" if all(finite) else f"a loss of {float(losses[batch])}"
    where = f"epoch {epoch}, batch {batch + 1} of {len(finite)}, learning rate {rates[batch]:.3g}"
    raise TrainingError(_not_finite(where, found))


def _not_finite(where: str, found: str) -> str:
    remedy = (
        "Lower learning_rate, or set gradient_clip: 1 or warmup_share: 0.1; if it is the first batch of all, "
        "look for values in the responses or images that are not finite."
    )
    return problem(where, found, "finite numbers", remedy)
