"""How many candidates rank before the true one."""

from __future__ import annotations

import numpy as np


def rivals_ahead(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Candidates that score above the true one; one that ties counts half.

    Parameters
    ----------
    scores : (queries, candidates), higher is better
    true : (queries,) column of each query's true candidate

    Returns
    -------
    (queries,) float64; 0 means that the true candidate ranks first.

    Raises
    ------
    ValueError
        If a score is not a number, which would pass for a perfect one.
    """
    if np.isnan(scores).any():
        raise ValueError(
            f"{int(np.isnan(scores).any(1).sum())} of {len(scores)} queries have scores that are no number"
        )
    own = scores[np.arange(len(scores)), true][:, None]
    return (scores > own).sum(1) + 0.5 * ((scores == own).sum(1) - 1)


def mean_reciprocal_rank(scores: np.ndarray, true: np.ndarray) -> float:
    """Mean of 1 / rank: a smoother yardstick than top-1 for choosing penalties on few images."""
    return float(np.mean(1 / (1 + rivals_ahead(scores, true))))


def z_scored(scores: np.ndarray) -> np.ndarray:
    """(queries, candidates) scores with mean 0 and s.d. 1 over candidates, for a mean over models; 0 where all tie."""
    spread = scores.std(1, keepdims=True)
    return (scores - scores.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1)
