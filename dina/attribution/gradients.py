"""Gradients and integrated gradients of weighted sums of a tower's maps, in batches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from captum.attr import IntegratedGradients, Saliency
from torch import nn

BATCH_ROWS = 64  # pairs of input and unit that are differentiated at once

Attribute = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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


def mean_gradient(readout: Readout, inputs: torch.Tensor, *, absolute: bool) -> torch.Tensor:
    """Each unit's gradient with respect to the inputs, or its magnitude, averaged over the inputs.

    Parameters
    ----------
    inputs : (n, …)

    Returns
    -------
    (units, …)
    """
    method = Saliency(readout)

    def attribute(rows: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        return method.attribute(rows, target=units, abs=absolute)

    return _mean_over_inputs(attribute, inputs, len(readout.weights))


def mean_integrated_gradient(readout: Readout, inputs: torch.Tensor, n_steps: int) -> torch.Tensor:
    """How much each input moves each unit away from its value at zero: magnitude, averaged over the inputs.

    Returns
    -------
    (units, …), in the unit's own scale
    """
    method = IntegratedGradients(readout)

    def attribute(rows: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        return method.attribute(rows, target=units, n_steps=n_steps, internal_batch_size=BATCH_ROWS).abs()

    return _mean_over_inputs(attribute, inputs, len(readout.weights))


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


def _mean_over_inputs(attribute: Attribute, inputs: torch.Tensor, n_units: int) -> torch.Tensor:
    total = inputs.new_zeros((n_units, *inputs.shape[1:]))
    if not n_units:
        return total
    for some in inputs.split(max(1, BATCH_ROWS // n_units)):
        units = torch.arange(n_units, device=inputs.device).repeat(len(some))
        rows = some.repeat_interleave(n_units, 0).requires_grad_()
        total += attribute(rows, units).detach().unflatten(0, (len(some), n_units)).sum(0)
    return total / len(inputs)
