"""Integrated gradients of weighted sums of a tower's maps, in batches."""

from __future__ import annotations

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import nn

BATCH_ROWS = 64  # pairs of input and unit that are differentiated at once
BATCH_INPUTS = 32  # mapped at once where no gradient is asked for


class Readout(nn.Module):
    """Weighted sums of a tower's maps: (n, …) inputs to (n, units).

    Parameters
    ----------
    tower : maps (n, …) inputs to (n, channels, grid, grid)
    weights : (units, channels · grid · grid)
    """

    def __init__(self, tower: nn.Module, weights: torch.Tensor):
        super().__init__()
        self.tower = tower
        self.register_buffer("weights", weights)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(n, units) sums."""
        return self.tower(inputs).flatten(1) @ self.weights.T


def integrated_gradient(
    module: nn.Module, inputs: torch.Tensor, baselines: torch.Tensor, units: torch.Tensor, n_steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of every input in the way from the baseline to the output of one unit, input by input.

    Parameters
    ----------
    module : maps (n, …) to (n, units)
    inputs, baselines : (n, …)
    units : (n,) int64, the unit that is explained for each input

    Returns
    -------
    attribution : (n, …); its sum is the output's distance from the baseline's output
    error : (n,) by how much the sum misses that

    References
    ----------
    Sundararajan et al. 2017, ICML (integrated gradients), as in captum.
    """
    attribution, error = IntegratedGradients(module).attribute(
        inputs,
        baselines=baselines,
        target=units,
        n_steps=n_steps,
        internal_batch_size=max(BATCH_ROWS, len(inputs)),  # captum takes every input at each step
        return_convergence_delta=True,
    )
    return attribution.detach(), error.detach()


def tower_maps(tower: torch.nn.Module, inputs: np.ndarray, device: torch.device) -> torch.Tensor:
    """Flattened maps (n, channels · grid²) of images or responses, without gradients."""
    with torch.no_grad():
        batches = torch.from_numpy(np.ascontiguousarray(inputs, np.float32)).split(BATCH_INPUTS)
        return torch.cat([tower(batch.to(device)).flatten(1) for batch in batches])
