"""Pools of chosen distractors: the images most and least like the one shown, those of its category and of others."""

from __future__ import annotations

import numpy as np

from dina.decoders.pictures import shrink
from dina.probing.pools import top_k_probability

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


def among_categories(
    scores: np.ndarray, true: np.ndarray, category: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How surely the shown image is first among others of its category, and among as many of other categories.

    All pools of equal size are averaged over, exactly: where a category has fewer or more images than there are
    others, the larger side is drawn from.

    Parameters
    ----------
    scores : (queries, images)
    true : (queries,) the shown image
    category : (images,) -1 where unknown; such images are candidates of neither kind

    Returns
    -------
    same, other : (queries,) probability of coming first; NaN where the image has no candidate of one kind
    chance : (queries,) one over the pools' size
    """
    own = np.take_along_axis(scores, true[:, None], 1)
    ahead = (scores > own) + 0.5 * (scores == own)
    shown = category[true][:, None]
    same = (category == shown) & (shown >= 0)
    same[np.arange(len(true)), true] = False
    other = (category != shown) & (shown >= 0) & (category >= 0)
    n = np.minimum(same.sum(1), other.sum(1))
    found = [top_k_probability((ahead * of).sum(1), of.sum(1) + 1, n + 1, 1) for of in (same, other)]
    found = [np.where(n > 0, first, np.nan) for first in found]
    return found[0], found[1], np.where(n > 0, 1 / (1 + n), np.nan)


def chance_of_pool(pool: np.ndarray) -> float:
    """Mean over the images that have distractors of one over their pool's size."""
    sizes = (pool != NONE).sum(1)
    return float(np.mean(1 / (1 + sizes[sizes > 0])))
