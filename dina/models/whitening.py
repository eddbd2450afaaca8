"""Responses in which noise has unit variance, with reliable neurons to the fore: a linear map on any device."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dina.models.noise import Noise, decorrelated


@dataclass(frozen=True)
class Whitening:
    """``L = diag(r) (I − A diag(k) Aᵀ) diag(1 / sd)`` on neurons.

    Attributes
    ----------
    sd : (neurons,) standard deviation of the noise
    axes, shrink : (neurons, factors), (factors,), see :class:`dina.models.noise.Noise`
    emphasis : (neurons,) ``r``
    """

    sd: torch.Tensor
    axes: torch.Tensor
    shrink: torch.Tensor
    emphasis: torch.Tensor

    @classmethod
    def of(cls, noise: Noise, emphasis: torch.Tensor) -> Whitening:
        """On the device of the emphasis."""
        return cls(*(torch.from_numpy(part).to(emphasis) for part in (noise.sd, noise.axes, noise.shrink)), emphasis)

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """(n, neurons) ``values Lᵀ``."""
        return decorrelated(values / self.sd, self.axes, self.shrink) * self.emphasis

    def transposed(self, values: torch.Tensor) -> torch.Tensor:
        """(neurons, n) ``Lᵀ values``, but for the division by ``sd``."""
        return decorrelated(values.T * self.emphasis, self.axes, self.shrink).T
