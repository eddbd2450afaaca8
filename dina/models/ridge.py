"""Ridge regression over a path of penalties, in whichever of its two forms is smaller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve


def ridge_path(
    x: np.ndarray, y: np.ndarray, penalties: Sequence[float]
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """Solve ``min |y - x b - c|² + λ |b|²`` for each penalty; the intercept ``c`` is not penalised.

    ``b = (xᵀx + λI)⁻¹ xᵀy = xᵀ (xxᵀ + λI)⁻¹ y`` on centred data, so the matrix that is factored has
    the smaller of samples and features a side. Cost grows with its cube for each penalty.

    Parameters
    ----------
    x : (samples, features)
    y : (samples, targets)
    penalties : in units of the features' mean sum of squares, so that one grid fits any data

    Yields
    ------
    penalty, coefficients (features, targets) float32, intercept (targets,) float32
    """
    mean_x, mean_y = x.mean(0), y.mean(0)
    x, y = (x - mean_x).astype(np.float64), (y - mean_y).astype(np.float64)
    dual = len(x) < x.shape[1]
    gram = x @ x.T if dual else x.T @ x
    target = y if dual else x.T @ y
    unit = max(float(np.sum(x**2)) / x.shape[1], np.finfo(np.float32).tiny)
    for penalty in penalties:
        factor = cho_factor(gram + penalty * unit * np.eye(len(gram)), overwrite_a=True, check_finite=False)
        solution = cho_solve(factor, target, check_finite=False)
        coefficients = x.T @ solution if dual else solution
        yield penalty, coefficients.astype(np.float32), (mean_y - mean_x @ coefficients).astype(np.float32)
