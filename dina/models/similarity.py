"""Cosine and correlation between rows, in NumPy."""

from __future__ import annotations

import numpy as np

TINY = np.finfo(np.float32).tiny


def cosine(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(queries, candidates) cosines between (queries, d) and (candidates, d); 0 where a row is zero."""
    return _unit(queries) @ _unit(candidates).T


def correlation(queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(queries, candidates) Pearson correlations between rows; 0 where a row is constant."""
    return cosine(queries - queries.mean(1, keepdims=True), candidates - candidates.mean(1, keepdims=True))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)
