"""Exponential moving average of weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import nn


class WeightAverage:
    """``w̄ ← d w̄ + (1 − d) w`` after every step, from the start's weights on: about the mean of the last 1/(1 − d).

    Parameters
    ----------
    parameters : the trained weights
    decay : d, from 0 to below 1

    References
    ----------
    Polyak & Juditsky 1992, SIAM J. Control Optim. 30:838; Tarvainen & Valpola 2017, NeurIPS (exponential form).
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float):
        self.parameters, self.decay = list(parameters), decay
        self.values = [parameter.detach().clone() for parameter in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are after a step."""
        torch._foreach_lerp_(self.values, self.parameters, 1 - self.decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model have the averaged weights for a while."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, value in zip(self.parameters, self.values, strict=True):
            current = parameter.clone()
            parameter.copy_(value)
            value.copy_(current)
