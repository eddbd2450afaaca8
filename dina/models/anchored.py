"""Weights that training moves away from a start, to which weight decay pulls them back."""

from __future__ import annotations

import torch
from torch import nn


class Anchored(nn.Module):
    """``start + learning · rms(start) · deviation``; the deviation starts at 0.

    An optimiser whose steps do not depend on the gradient's size (AdamW) so moves the values by ``learning`` times
    its learning rate, relative to their size, whatever their unit.

    Parameters
    ----------
    shape : of the values
    learning : 0 keeps the values at their start, and then costs no more memory than they do

    Attributes
    ----------
    start : the values before training
    deviation : the learned parameter, or None
    """

    def __init__(self, shape: tuple[int, ...], learning: float):
        super().__init__()
        self.learning = learning
        self.register_buffer("start", torch.zeros(shape))
        self.register_buffer("size", torch.ones(()))
        self.deviation = nn.Parameter(torch.zeros(shape)) if learning > 0 else None

    def forward(self) -> torch.Tensor:
        """The values."""
        return self.start if self.deviation is None else self.start + self.learning * self.size * self.deviation

    @torch.no_grad()
    def start_at(self, values: torch.Tensor) -> None:
        """Set the values from which training departs."""
        self.start.copy_(values)
        self.size.copy_(self.start.square().mean().sqrt())
        self.return_to_start()

    @torch.no_grad()
    def return_to_start(self) -> None:
        """Undo training."""
        if self.deviation is not None:
            self.deviation.zero_()
