"""Deletion and insertion: how a score falls as inputs are taken away in some order, or rises as they return."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # denser where orders differ most

Score = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def order_of(values: np.ndarray) -> np.ndarray:
    """(n, d) inputs from the most supportive to the most opposed, of (n, …) attributions."""
    return np.argsort(-values.reshape(len(values), -1), axis=1, kind="stable")


def random_orders(n: int, size: int, n_draws: int, seed: int) -> list[np.ndarray]:
    """``n_draws`` orders (n, size), each input's drawn by itself."""
    rng = np.random.default_rng(seed)
    return [rng.permuted(np.tile(np.arange(size), (n, 1)), axis=1) for _ in range(n_draws)]


def curve(score: Score, inputs: torch.Tensor, blank: torch.Tensor, order: np.ndarray, *, insert: bool) -> np.ndarray:
    """Scores when the first share of an order is blanked, or, if ``insert``, when all but it is.

    Cost: inputs × shares forward passes; memory that of inputs × shares.

    Parameters
    ----------
    score : (m, …) inputs and the (m,) indices of what they were made of, to (m,)
    inputs, blank : (n, …), as they are and as they are when taken away
    order : (n, d) of the flattened values

    Returns
    -------
    (n, shares)

    References
    ----------
    Petsiuk et al. 2018, BMVC (RISE).
    """
    n, size = order.shape
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(size)[None], axis=1)
    counts = np.round(np.array(SHARES[1:-1]) * size).astype(int)
    first = torch.from_numpy(rank[:, None] < counts[:, None]).to(inputs.device)  # (n, shares, d)
    kept = (first if insert else ~first).unflatten(2, inputs.shape[1:])
    shown = torch.where(kept, inputs[:, None], blank[:, None]).flatten(0, 1)
    own = torch.arange(n, device=inputs.device)
    between = score(shown, own.repeat_interleave(len(counts))).view(n, -1)
    ends = [score(values, own)[:, None] for values in ((blank, inputs) if insert else (inputs, blank))]
    return torch.cat([ends[0], between, ends[1]], 1).cpu().numpy()


def area(curves: np.ndarray) -> np.ndarray:
    """(…,) areas under (…, shares) curves, in units of how far the mean curve's ends are apart; 0 is the blank.

    One scale for all inputs: those that the model knows well count for more, and none is divided by nearly nothing.
    """
    ends = curves.reshape(-1, len(SHARES))[:, [0, -1]].mean(0)
    scaled = (curves - ends.min()) / max(float(np.ptp(ends)), np.finfo(np.float32).tiny)
    return np.trapezoid(scaled, np.array(SHARES), axis=-1)
