"""Ridge regression of many targets on one design, each with a penalty of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import eigh

PENALTIES = np.logspace(-6, 3, 19)  # in units of the largest variance along an axis: from none to nothing left
LEAST_VARIANCE = 1e-10  # along an axis, of the largest: what is smaller is rounding


@dataclass(frozen=True)
class Design:
    """A design's principal axes, from which ridge of any target and penalty is a few products.

    Attributes
    ----------
    mean : (features,)
    axes : (samples, axes) orthonormal, of the centred design
    variance : (axes,) squared singular values, the largest first
    loadings : (features, axes), so that ``(x − mean) loadings = axes``
    """

    mean: np.ndarray
    axes: np.ndarray
    variance: np.ndarray
    loadings: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Self:
        """Factor (samples, features): cost and memory grow with the cube and square of the smaller side."""
        mean = x.mean(0)
        x = (x - mean).astype(np.float64)
        wide = x.shape[1] > len(x)
        variance, vectors = eigh(x @ x.T if wide else x.T @ x, check_finite=False)
        kept = variance > max(LEAST_VARIANCE * variance[-1], np.finfo(np.float64).tiny)
        variance, vectors = variance[kept][::-1], vectors[:, kept][:, ::-1]
        root = np.sqrt(variance)
        axes = vectors if wide else x @ (vectors / root)
        loadings = x.T @ (vectors / variance) if wide else vectors / root
        return cls(mean, axes, variance, loadings)

    def fit(self, y: np.ndarray) -> RidgeFits:
        """Ridge of (samples, targets), the penalty of each by generalised cross-validation.

        ``V(λ) = n |y − ŷ|² / (n − 1 − Σ d)²`` with ``d = s² / (s² + λ)``: leave-one-out that does not depend on how
        samples are rotated, and all it needs is the target's coordinates on the axes. Cost is samples × axes × targets.

        References
        ----------
        Golub, Heath & Wahba 1979, Technometrics 21:215.
        """
        n = len(y)
        mean = y.mean(0)
        y = y - mean
        coordinates = self.axes.T @ y
        outside = np.maximum((y**2).sum(0) - (coordinates**2).sum(0), 0)
        top = self.variance[0] if len(self.variance) else 1.0
        kept = self.variance / (self.variance + top * PENALTIES[:, None])
        lost = 1 - kept
        missed = outside + lost**2 @ coordinates**2
        freedom = max(n - 1 - len(self.variance), 0) + lost.sum(1)
        best = np.argmin(missed / freedom[:, None] ** 2, axis=0)
        return RidgeFits(self, mean, kept[best].T * coordinates)


@dataclass(frozen=True)
class RidgeFits:
    """Fitted targets.

    Attributes
    ----------
    design : what they were fitted to
    mean : (targets,)
    coordinates : (axes, targets) of the fit on the design's axes
    """

    design: Design
    mean: np.ndarray
    coordinates: np.ndarray

    @property
    def fitted(self) -> np.ndarray:
        """(samples, targets) predictions of the samples that were fitted."""
        return self.mean + self.design.axes @ self.coordinates

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n, targets) predictions of (n, features)."""
        return self.mean + (x - self.design.mean) @ (self.design.loadings @ self.coordinates)
