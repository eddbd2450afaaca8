"""Gradients, integrated and smoothed, of weighted sums of a tower's maps, for many units and inputs at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from dina.models.slopes import BATCH_INPUTS, averaged_gradient

RESULT_BYTES = 128 * 2**20  # of maps of single inputs that exist at once while they are averaged
BYTES = 4  # of a single-precision number


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


def integrated_gradients(
    readout: Readout, inputs: torch.Tensor, baselines: torch.Tensor, n_steps: int, *, own: bool = False
) -> torch.Tensor:
    """Share of every input value in each unit's way from the baseline to the input.

    ``(x − x') ∫ ∂f/∂x (x' + α (x − x')) dα``, by Gauss–Legendre quadrature. Cost and memory are those of
    :func:`~dina.models.slopes.averaged_gradient` with ``n_steps`` points.

    Parameters
    ----------
    inputs, baselines : (n, …)
    own : explain for each input only the unit of the same index

    Returns
    -------
    (units, n, …), or (n, …) if ``own``; sums over an input's values are the unit's distance from its baseline's

    References
    ----------
    Sundararajan et al. 2017, ICML.
    """
    nodes, shares = np.polynomial.legendre.leggauss(n_steps)
    steps = inputs.new_tensor((1 + nodes) / 2).view(-1, *[1] * inputs.dim())
    points = baselines + steps * (inputs - baselines)
    return (inputs - baselines) * _averaged(readout, points, inputs.new_tensor(shares / 2), own)


def smoothed_gradients(
    readout: Readout,
    inputs: torch.Tensor,
    noise_sd: float,
    n_samples: int,
    generator: torch.Generator,
    *,
    own: bool = False,
) -> torch.Tensor:
    """Each unit's gradient, averaged over noisy copies of every input (SmoothGrad).

    Parameters
    ----------
    noise_sd : of Gaussian noise, in the inputs' unit
    generator : on the CPU

    Returns
    -------
    (units, n, …), or (n, …) if ``own``

    References
    ----------
    Smilkov et al. 2017, arXiv 1706.03825.
    """
    noise = torch.randn((n_samples, *inputs.shape), generator=generator).to(inputs)
    weights = inputs.new_full((n_samples,), 1 / n_samples)
    return _averaged(readout, inputs + noise_sd * noise, weights, own)


def gradients(readout: Readout, inputs: torch.Tensor) -> torch.Tensor:
    """(units, n, …) each unit's gradient at every input."""
    return _averaged(readout, inputs[None], inputs.new_ones(1), own=False)


def mean_gradient(readout: Readout, inputs: torch.Tensor, *, absolute: bool) -> torch.Tensor:
    """(units, …) gradients, or their magnitudes, averaged over the (n, …) inputs."""

    def found(some: torch.Tensor) -> torch.Tensor:
        return gradients(readout, some).abs() if absolute else gradients(readout, some)

    return mean_over_inputs(found, len(readout.weights), inputs)


def mean_over_inputs(found: Callable[..., torch.Tensor], n_units: int, *inputs: torch.Tensor) -> torch.Tensor:
    """(units, …) mean over inputs of the (units, n, …) maps that ``found`` gives, ``RESULT_BYTES`` at a time."""
    total = inputs[0].new_zeros((n_units, *inputs[0].shape[1:]))
    if not n_units:
        return total
    at_once = max(1, RESULT_BYTES // (BYTES * max(1, total.numel())))
    for some in zip(*(values.split(at_once) for values in inputs), strict=True):
        total += found(*some).sum(1)
    return total / len(inputs[0])


def tower_maps(tower: nn.Module, inputs: np.ndarray, device: torch.device) -> torch.Tensor:
    """Flattened maps (n, channels · grid²) of images or responses, without gradients."""
    with torch.no_grad():
        batches = torch.from_numpy(np.ascontiguousarray(inputs, np.float32)).split(BATCH_INPUTS)
        return torch.cat([tower(batch.to(device)).flatten(1) for batch in batches])


def _averaged(readout: Readout, points: torch.Tensor, weights: torch.Tensor, own: bool) -> torch.Tensor:
    if own:
        return averaged_gradient(readout.tower, readout.weights[None], points, weights)[0]
    return averaged_gradient(readout.tower, readout.weights[:, None], points, weights)
