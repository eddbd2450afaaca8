"""Everything that a training in progress is made of, so that it can stop and go on bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

Row = dict[str, float | int | bool | None]


@dataclass
class TrainingState:
    """A model between two epochs, with all that the next one depends on.

    Attributes
    ----------
    model : its parameters and buffers
    optimiser : its moments and step counts; the learning rate follows from the epoch
    generators : all that training draws random numbers from
    history : one row an epoch so far, see :func:`dina.training.loop.train`
    best : parameters and buffers at the best epoch so far
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    generators: Sequence[torch.Generator] = ()
    history: list[Row] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def best_row(self) -> Row | None:
        """The row of the best epoch so far."""
        return next((row for row in reversed(self.history) if row["is_best"]), None)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors under one name each; with ``history`` they are the whole state."""
        moments = self.optimiser.state_dict()["state"]
        groups = {
            "model": self.model.state_dict(),
            "best": self.best,
            "optimiser": {f"{index}.{key}": value for index, of in moments.items() for key, value in of.items()},
            "generator": {str(index): generator.get_state() for index, generator in enumerate(self.generators)},
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
        for index, generator in enumerate(self.generators):
            generator.set_state(groups["generator"][str(index)])
        self.history = history
