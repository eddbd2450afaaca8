"""Neurons' parts in the match as shares of it."""

from __future__ import annotations

import numpy as np

LEAST_MATCH = 0.05  # of the parts' magnitude that must be left when they are added up: less is no match to share in


def shares_of_match(parts: np.ndarray) -> np.ndarray:
    """(neurons,) parts, negative for neurons that speak against the shown image, over their sum; NaN without a match.

    Where decoding is at chance parts cancel: their sum is next to nothing, or below it, and no share means anything.
    """
    total = parts.sum()
    return parts / total if total > LEAST_MATCH * np.abs(parts).sum() else np.full_like(parts, np.nan)
