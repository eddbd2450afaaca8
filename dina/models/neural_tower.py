"""From the population's response to latent maps with the layout of the image."""

from __future__ import annotations

import torch
from torch import nn


class NeuralTower(nn.Module):
    """A gate for every neuron, a read-in to the image's layout, then 1 × 1 convolutions.

    ``maps = m + f(m)`` with ``m = read_in(z · weight · gate)`` and ``gate = max(0, 1 + g)``: ``g`` starts at 0, weight
    decay pulls it back there, and a gate that a penalty has closed leaves its neuron out. The last convolution starts
    at zero, so the tower starts linear.

    Parameters
    ----------
    n_neurons : size of the population
    read_in : (n, neurons), (neurons,) gains → (n, map values), see :mod:`dina.models.read_in`
    layout : (channels, grid, grid) of the maps
    """

    def __init__(self, n_neurons: int, read_in: nn.Module, layout: tuple[int, int, int]):
        super().__init__()
        channels = layout[0]
        self.layout = layout
        self.register_buffer("weight", torch.ones(n_neurons))
        self.gate_change = nn.Parameter(torch.zeros(n_neurons))
        self.read_in = read_in
        self.residual = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.GELU(), nn.Conv2d(channels, channels, 1))

    @property
    def gate(self) -> torch.Tensor:
        """(neurons,) from 0, closed; 1 before training."""
        return (1 + self.gate_change).clamp(min=0)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Latent maps (n, channels, grid, grid) of (n, neurons) standardised, weighted responses."""
        maps = self.read_in(z, self.weight * self.gate).unflatten(1, self.layout)
        return maps + self.residual(maps)

    @torch.no_grad()
    def return_to_start(self) -> None:
        """Undo training: gates open, read-in as it started, no residual."""
        self.gate_change.zero_()
        for part in self.read_in.children():
            part.return_to_start()
        for parameter in self.residual[-1].parameters():
            parameter.zero_()


def openness(gate: torch.Tensor) -> torch.Tensor:
    """How evenly neurons are used, whatever the gates' scale: ``|g|₁ / (√n |g|₂)``, 1 if all alike, 1/√n if one alone.

    References
    ----------
    Hoyer 2004, J. Mach. Learn. Res. 5:1457 (this ratio as a measure of sparsity).
    """
    return gate.sum() / (len(gate) ** 0.5 * gate.norm())
