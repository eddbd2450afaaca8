"""Where in the image the two towers agree: a map over the places of the grid, against shuffled pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dina.probing.statistics import LEVEL, adjusted, resampled

SHUFFLE_BATCH = 64  # permutations that are looked up at once


@dataclass(frozen=True)
class Alignment:
    """How well two towers' maps agree, place by place.

    Attributes
    ----------
    r : (grid, grid) agreement: correlation over images, mean over channels and seeds
    low, high : (grid, grid) bootstrap interval of it over images, the maps' means and variances fixed
    match : (grid, grid) what the place adds to the correlation of whole maps, which is the sum of all; mean over seeds
    shuffled, shuffled_match : (shuffles, grid, grid) the same of images with the responses to others
    """

    r: np.ndarray
    low: np.ndarray
    high: np.ndarray
    match: np.ndarray
    shuffled: np.ndarray
    shuffled_match: np.ndarray

    @property
    def p(self) -> np.ndarray:
        """(grid, grid) one-sided p: share of shuffles that agree as well at that place, the true pairing counted."""
        return (1 + (self.shuffled >= self.r).sum(0)) / (1 + len(self.shuffled))

    @property
    def q(self) -> np.ndarray:
        """(grid, grid) the p values by Benjamini and Hochberg, over places."""
        return adjusted(self.p)


def align(
    image_maps: Sequence[np.ndarray],
    neural_maps: Sequence[np.ndarray],
    *,
    n_shuffles: int,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Alignment:
    """Agreement of the image tower's and the neural tower's maps of the same images.

    A correlation knows no scale: a place that the decoder hardly weighs can agree as well as one that decides, and
    ``match`` tells them apart. Channels are not independent, nor are places; a shuffle moves all of them together, so
    the null keeps their dependence.

    Cost is seeds × places × images² × channels, then places × images × (shuffles + bootstrap samples); memory seeds × 4
    maps of all images in double precision, and (seeds + 2) × images² × 8 bytes: places are taken one by one.

    Parameters
    ----------
    image_maps, neural_maps : for each seed, (images, channels, grid, grid)
    """
    n_images, grid = len(image_maps[0]), image_maps[0].shape[-2:]
    orders = np.stack([rng.permutation(n_images) for _ in range(n_shuffles)])
    centred = [tuple(_centred(of) for of in pair) for pair in zip(image_maps, neural_maps, strict=True)]
    standardised = [_standardised(*pair) for pair in centred]
    scaled = [_scaled(*pair) for pair in centred]
    own, match, shuffled, shuffled_match = [], [], [], []
    for place in range(int(np.prod(grid))):
        agreement, matching = (_place_products(pairs, place) for pairs in (standardised, scaled))
        own.append(agreement.diagonal().copy())
        match.append(np.trace(matching))
        shuffled.append(_shuffled(agreement, orders))
        shuffled_match.append(_shuffled(matching, orders))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(_counts(n_images, n_bootstrap) @ np.stack(own, 1), (tail, 1 - tail), axis=0)
    found = (np.sum(own, 1), low, high, np.array(match))
    of_shuffles = (np.stack(of, 1) for of in (shuffled, shuffled_match))
    return Alignment(*(of.reshape(grid) for of in found), *(of.reshape(-1, *grid) for of in of_shuffles))


def _place_products(pairs: Sequence[tuple[np.ndarray, np.ndarray]], place: int) -> np.ndarray:
    """(images, images) products of two towers' maps at a place, summed over channels, mean over seeds.

    Summed over the pairs of an image and a response, they are the covariance of that pairing.
    """
    return np.mean([first[..., place] @ second[..., place].T for first, second in pairs], axis=0)


def _scaled(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centred maps scaled so that their products, summed over channels and places, are the whole maps' correlation."""
    scale = np.linalg.norm(first) * np.linalg.norm(second)
    return first / max(scale, np.finfo(float).tiny), second


def _shuffled(products: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """(shuffles,) sums of (images, images) over the pairs of each (shuffles, images) order."""
    images = np.arange(len(products))
    batches = np.array_split(orders, -(-len(orders) // SHUFFLE_BATCH))
    return np.concatenate([products[images, batch].sum(1) for batch in batches])


def _centred(maps: np.ndarray) -> np.ndarray:
    """(images, channels, places) with mean 0 over images."""
    maps = maps.reshape(*maps.shape[:2], -1).astype(np.float64)
    return maps - maps.mean(0)


def _standardised(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The maps scaled so that their products, summed over channels, are the mean over channels of correlations.

    Values that never vary in one of the two are left out of the mean.
    """
    norm = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    scale = np.divide(1, norm, out=np.zeros_like(norm), where=norm > 0)
    return first * scale / np.maximum((norm > 0).sum(0), 1), second


def _counts(n_images: int, n_bootstrap: int) -> np.ndarray:
    """(bootstrap samples, images) how often each image was drawn."""
    draws = resampled(n_images, n_bootstrap) + n_images * np.arange(n_bootstrap)[:, None]
    return np.bincount(draws.ravel(), minlength=n_images * n_bootstrap).reshape(n_bootstrap, n_images)
