"""Pictures as pixel decoders see them: small, and around the mean training image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dina.models.similarity import correlation, cosine

RANKS = (25, 50, 100, 200, 400)  # of the whitened metrics that validation images may choose


def shrink(images: np.ndarray, size: int) -> np.ndarray:
    """(n, size²) block means of (n, height, width) images; interpolated where blocks do not fit."""
    n, height, width = images.shape
    if height % size == 0 and width % size == 0:
        blocks = images.reshape(n, size, height // size, size, width // size)
        return blocks.mean((2, 4), dtype=np.float32).reshape(n, -1)
    from skimage.transform import resize

    small = [resize(image, (size, size), anti_aliasing=True) for image in images]
    return np.stack(small).astype(np.float32).reshape(n, -1)


def similarity(pictures: np.ndarray, candidates: np.ndarray, whitening: np.ndarray) -> np.ndarray:
    """(n, m) similarity of pictures (n, pixels) with (m, pixels) candidates, both around the mean training image.

    The correlation over pixels, or the cosine of whitened components where there are any: plain pixels are
    dominated by the coarse shading that all photographs share.

    Parameters
    ----------
    whitening : (components, pixels), none of them for the correlation
    """
    if not len(whitening):
        return correlation(pictures, candidates)
    return cosine(pictures @ whitening.T, candidates @ whitening.T)


def whitenings(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Metrics to choose from: none, then the first principal components of training pictures at unit variance.

    Parameters
    ----------
    pixels : (n, pixels) around their mean

    Yields
    ------
    (components, pixels) float32
    """
    yield np.empty((0, pixels.shape[1]), np.float32)
    _, spread, axes = np.linalg.svd(pixels, full_matrices=False)
    highest = int(np.sum(spread > 1e-3 * spread[0]))
    for rank in sorted({min(rank, highest) for rank in RANKS}):
        yield (axes[:rank] / spread[:rank, None]).astype(np.float32)
