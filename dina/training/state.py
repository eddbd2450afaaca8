"""Everything that a training in progress is made of, so that it can stop and go on bit for bit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from dina.training.averaging import WeightAverage

Row = dict[str, float | int | bool | None]


@dataclass
class TrainingState:
    """A model between two epochs, with all that the next one depends on.

    Attributes
    ----------
    model : its parameters and buffers
    optimiser : its moments and step counts; the learning rate follows from the epoch
    average : of the weights, if one is kept
    generators : all that training draws random numbers from
    history : one row an epoch so far, see :func:`dina.training.loop.train`
    best : parameters and buffers at the best epoch so far
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    average: WeightAverage | None = None
    generators: Sequence[torch.Generator] = ()
    history: list[Row] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def best_row(self) -> Row | None:
        """The row of the best epoch so far."""
        return next((row for row in reversed(self.history) if row["is_best"]), None)

    @contextlib.contextmanager
    def judged(self) -> Iterator[None]:
        """Let the model have the weights that count, which are the averaged ones if there is an average."""
        with contextlib.nullcontext() if self.average is None else self.average.in_place():
            yield

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors under one name each; with ``history`` they are the whole state."""
        moments = self.optimiser.state_dict()["state"]
        groups = {
            "model": self.model.state_dict(),
            "best": self.best,
            "average": {} if self.average is None else dict(enumerate(self.average.values)),
            "optimiser": {f"{index}.{key}": value for index, of in moments.items() for key, value in of.items()},
            "generator": {index: generator.get_state() for index, generator in enumerate(self.generators)},
        }
        return {f"{group}/{name}": value for group, of in groups.items() for name, value in of.items()}

    def restore(self, tensors: Mapping[str, torch.Tensor], history: list[Row]) -> None:
        """Take over what :meth:`tensors` gave and the history that belongs to it."""
        groups: dict[str, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            group, name = key.split("/", 1)
            groups.setdefault(group, {})[name] = value
        weights = self.model.state_dict()
        self.model.load_state_dict(groups["model"])
        self.best = {name: value.to(weights[name].device) for name, value in groups["best"].items()}
        moments: dict[int, dict[str, Any]] = {}
        for name, value in groups.get("optimiser", {}).items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": moments})
        if self.average is not None:
            for index, value in enumerate(self.average.values):
                value.copy_(groups["average"][str(index)])
        for index, generator in enumerate(self.generators):
            generator.set_state(groups["generator"][str(index)].cpu())
        self.history = history
