"""Pools of chosen distractors: the images most and least like the one shown, and those of its category."""

from __future__ import annotations

import numpy as np

from dina.decoders.pictures import shrink

N_DISTRACTORS = 9  # so that chance is a tenth
COARSE_PX = 16
NONE = -1


def distractors(images: np.ndarray, category: np.ndarray) -> dict[str, np.ndarray]:
    """For every image of a gallery the others that stand beside it, by kind of pool.

    ``hard`` and ``easy`` are the ``N_DISTRACTORS`` whose pixels, averaged to ``COARSE_PX`` a side, correlate most and
    least with the image's; ``same_category`` all others of its category, where the image has one that two share.

    Parameters
    ----------
    images : (n, height, width)
    category : (n,) -1 where unknown

    Returns
    -------
    kind → (n, most distractors) rows of the gallery, padded with -1; without kinds that no image has
    """
    pixels = shrink(images, min(COARSE_PX, *images.shape[1:]))
    pixels = pixels - pixels.mean(1, keepdims=True)
    pixels /= np.maximum(np.linalg.norm(pixels, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    alike = pixels @ pixels.T
    np.fill_diagonal(alike, np.nan)
    order = np.argsort(alike, axis=1, kind="stable")[:, :-1]  # NaN, the image itself, comes last
    n = min(N_DISTRACTORS, order.shape[1])
    pools = {"hard": order[:, ::-1][:, :n], "easy": order[:, :n]}
    same = (category[:, None] == category) & (category[:, None] >= 0) & ~np.eye(len(category), dtype=bool)
    if same.any():
        members = np.where(same, np.arange(len(category)), len(category))
        members = np.sort(members, axis=1)[:, : same.sum(1).max()]
        pools["same_category"] = np.where(members == len(category), NONE, members)
    return pools


def first_of_pool(scores: np.ndarray, true: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Whether the true image comes first among its distractors, ties shared.

    Parameters
    ----------
    scores : (queries, images)
    true : (queries,) the shown image
    pool : (images, distractors) of :func:`distractors`

    Returns
    -------
    (queries,) 0 to 1; NaN where an image has no distractor
    """
    of_query = pool[true]
    own = np.take_along_axis(scores, true[:, None], 1)
    others = np.where(of_query == NONE, -np.inf, np.take_along_axis(scores, np.maximum(of_query, 0), 1))
    ahead, tied = (others > own).sum(1), (others == own).sum(1)
    return np.where((of_query != NONE).any(1), np.where(ahead > 0, 0.0, 1 / (1 + tied)), np.nan)


def chance_of_pool(pool: np.ndarray) -> float:
    """Mean over the images that have distractors of one over their pool's size."""
    sizes = (pool != NONE).sum(1)
    return float(np.mean(1 / (1 + sizes[sizes > 0])))
