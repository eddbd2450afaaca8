"""Noise that neurons share: a standard deviation for each, and a few factors common to all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Noise:
    """Gaussian noise of covariance ``D (I + U diag(λ − 1) Uᵀ) D``.

    Attributes
    ----------
    sd : (neurons,) the diagonal of ``D``
    axes : (neurons, factors) orthonormal ``U``
    shrink : (factors,) ``1 − λ^−½``, what whitening takes off along each axis
    """

    sd: np.ndarray
    axes: np.ndarray
    shrink: np.ndarray

    def whiten(self, responses: np.ndarray) -> np.ndarray:
        """(n, neurons) in which noise has unit variance and no correlation; ``Σ^−½`` up to a rotation."""
        return decorrelated(responses / self.sd, self.axes, self.shrink)

    def tensors(self) -> dict[str, torch.Tensor]:
        """What a checkpoint must hold."""
        return {f"noise_{name}": torch.from_numpy(getattr(self, name)) for name in ("sd", "axes", "shrink")}

    def first(self, n_factors: int) -> Noise:
        """The same with at most so many factors."""
        return Noise(self.sd, np.ascontiguousarray(self.axes[:, :n_factors]), self.shrink[:n_factors])


def decorrelated(scaled, axes, shrink):
    """(n, neurons) ``scaled (I − A diag(shrink) Aᵀ)``, of NumPy arrays or of tensors."""
    return scaled - (scaled @ axes * shrink) @ axes.T


def fit_noise(residuals: np.ndarray, n_factors: int, least_sd: float) -> Noise:
    """The noise that gave (n, neurons) residuals: principal axes of their correlation whose variance exceeds 1.

    Cost grows with n × neurons × factors; memory with n × neurons.

    Parameters
    ----------
    n_factors : at least 1
    least_sd : below which no neuron's standard deviation is taken to be
    """
    from sklearn.utils.extmath import randomized_svd

    residuals = residuals - residuals.mean(0)
    sd = np.maximum(residuals.std(0), least_sd).astype(np.float32)
    n_factors = min(n_factors, *residuals.shape)
    _, spread, axes = randomized_svd(residuals / sd, n_factors, random_state=0)
    variance = np.maximum(spread**2 / len(residuals), 1)
    return Noise(sd, np.ascontiguousarray(axes.T, np.float32), (1 - variance**-0.5).astype(np.float32))


def restore_noise(tensors: dict[str, torch.Tensor]) -> Noise:
    """From what :meth:`Noise.tensors` gave."""
    return Noise(*(tensors[f"noise_{name}"].cpu().numpy() for name in ("sd", "axes", "shrink")))
