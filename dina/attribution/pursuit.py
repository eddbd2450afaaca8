"""Orthogonal matching pursuit: which few neurons rebuild a value, for many values at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_NORM = 1e-9  # of a neuron's part outside of the set, where its own norm is 1: below, the set spans it


@dataclass(frozen=True)
class Paths:
    """What the pursuit chose, and what it predicts of other samples, after each step.

    Attributes
    ----------
    chosen : (steps, targets) int64, neurons in the order in which they were taken
    predicted : (steps, held-out samples, targets), from the neurons up to each step
    """

    chosen: np.ndarray
    predicted: np.ndarray


def longest_path(x: np.ndarray, n_steps: int) -> int:
    """How many of the wanted steps (samples, neurons) allow: varying neurons, and fewer than samples."""
    return max(0, min(n_steps, int((np.ptp(x, axis=0) > 0).sum()), len(x) - 2))


def pursue(x: np.ndarray, y: np.ndarray, n_steps: int, held_out: np.ndarray | None = None) -> Paths:
    """At each step take the neuron that correlates best with what is left of the target, and refit all taken.

    The residual stays orthogonal to the set by Gram–Schmidt on the taken columns. The same combinations of the held-out
    columns predict held-out samples, so no system is ever solved and a path costs no more than its last set.

    Cost is steps × samples × neurons × targets; memory, besides ``x``, targets × (neurons + steps × samples). The
    matrix of neurons against neurons, which 100,000 of them could not hold, is never formed.

    Parameters
    ----------
    x : (samples, neurons); a neuron that never varies is never taken
    y : (samples, targets)
    n_steps : at most; see :func:`longest_path`
    held_out : (held-out samples, neurons)

    References
    ----------
    Pati, Rezaiifar & Krishnaprasad 1993, Asilomar 27:40.
    """
    n_steps = longest_path(x, n_steps)
    mean_x, mean_y = x.mean(0), y.mean(0)
    norm = np.linalg.norm(x - mean_x, axis=0)
    varies = np.ptp(x, axis=0) > 0
    scale = np.divide(1, norm, out=np.zeros_like(norm), where=varies)
    x = (x - mean_x) * scale
    other = np.empty((0, x.shape[1])) if held_out is None else (held_out - mean_x) * scale
    targets = np.arange(y.shape[1])
    left = (y - mean_y).T.copy()
    basis = np.zeros((len(left), n_steps, len(x)))
    other_basis = np.zeros((len(left), n_steps, len(other)))
    free = np.broadcast_to(varies, (len(left), len(varies))).copy()
    chosen = np.zeros((n_steps, len(left)), np.int64)
    predicted = np.empty((n_steps, len(other), len(left)))
    so_far = np.tile(mean_y, (len(other), 1))
    for step in range(n_steps):
        match = np.abs(left @ x)
        chosen[step] = neuron = np.where(free, match, -1).argmax(1)
        free[targets, neuron] = False
        column, other_column = x.T[neuron], other.T[neuron]
        for _ in range(2):  # once more, for what rounding left
            shadow = np.einsum("tkn,tn->tk", basis[:, :step], column)
            column = column - np.einsum("tk,tkn->tn", shadow, basis[:, :step])
            other_column = other_column - np.einsum("tk,tkn->tn", shadow, other_basis[:, :step])
        length = np.linalg.norm(column, axis=1, keepdims=True)
        unit = np.divide(1, length, out=np.zeros_like(length), where=length > LEAST_NORM)
        basis[:, step], other_basis[:, step] = column * unit, other_column * unit
        share = np.einsum("tn,tn->t", basis[:, step], left)
        left -= share[:, None] * basis[:, step]
        so_far = so_far + (share[:, None] * other_basis[:, step]).T
        predicted[step] = so_far
    return Paths(chosen, predicted)
