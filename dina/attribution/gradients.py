"""Gradients and integrated gradients of weighted sums of a tower's maps, averaged over inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from captum.attr import IntegratedGradients, Saliency

from dina.models.gradients import BATCH_ROWS, Readout

Attribute = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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


def _mean_over_inputs(attribute: Attribute, inputs: torch.Tensor, n_units: int) -> torch.Tensor:
    total = inputs.new_zeros((n_units, *inputs.shape[1:]))
    if not n_units:
        return total
    for some in inputs.split(max(1, BATCH_ROWS // n_units)):
        units = torch.arange(n_units, device=inputs.device).repeat(len(some))
        rows = some.repeat_interleave(n_units, 0).requires_grad_()
        total += attribute(rows, units).detach().unflatten(0, (len(some), n_units)).sum(0)
    return total / len(inputs)
