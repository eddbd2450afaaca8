"""How many neurons a score needs: curves of a score over the share of neurons left on."""

from __future__ import annotations

import numpy as np

REQUIRED = 0.9  # of the score above chance


def order_by_reliability(reliability: np.ndarray) -> np.ndarray | None:
    """Neurons from the most to the least reliable; None where all are alike, so that no order is better."""
    if np.ptp(reliability) == 0:
        return None
    return np.argsort(-reliability, kind="stable")


def keep_counts(shares: tuple[float, ...], n_neurons: int) -> np.ndarray:
    """(points,) shares as numbers of neurons, ascending, each once, at least one; all neurons always come last."""
    return np.unique([max(1, round(share * n_neurons)) for share in (*shares, 1.0)])


def share_needed(shares: np.ndarray, curves: np.ndarray, goal: np.ndarray | float) -> np.ndarray:
    """Smallest share at which a curve reaches its goal.

    Parameters
    ----------
    shares : (points,) ascending
    curves : (..., points)
    goal : (...,)

    Returns
    -------
    (...,) float64, infinite where the goal is never reached or is not a number.
    """
    reached = curves >= np.asarray(goal)[..., None]
    return np.where(reached.any(-1), shares[reached.argmax(-1)], np.inf)


def goal_of(curves: np.ndarray, chance: float, required: float = REQUIRED) -> np.ndarray:
    """The score that takes 90 % of the way from chance to the curve's maximum; NaN for a curve that stays at chance.

    Parameters
    ----------
    curves : (..., points)
    required : share of the way, where it is not 90 %

    Returns
    -------
    (...,)
    """
    best = curves.max(-1)
    return np.where(best > chance, chance + required * (best - chance), np.nan)
