"""Train, validation and test: by image, never by trial, near-duplicates on one side."""

from __future__ import annotations

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.trials import SPLITS, TEST, TRAIN, VALIDATION

DUPLICATE_BITS = 4  # of 64 bits of the perceptual hash; re-encoded or slightly shifted copies differ by fewer
FEWEST_IMAGES = 10
FEWEST_TRAIN, FEWEST_HELD_OUT = 5, 2  # images, below which nothing can be fitted or told
COMPARED_AT_ONCE = 2048


def near_duplicates(images: np.ndarray) -> np.ndarray:
    """Group images whose perceptual hashes differ by at most ``DUPLICATE_BITS`` of 64 bits.

    Parameters
    ----------
    images : (images, height, width) float, 0..1

    Returns
    -------
    (images,) int, the group of each; groups are closed under "nearly equal to". Time grows with the square of
    the number of images (seconds for 65,000), memory linearly.
    """
    import imagehash
    from PIL import Image
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    bits = np.array([imagehash.phash(Image.fromarray((image * 255).astype(np.uint8))).hash.ravel() for image in images])
    hashes = np.packbits(bits, axis=1).view(np.uint64).ravel()
    rows, columns = [], []
    for start in range(0, len(hashes), COMPARED_AT_ONCE):
        distance = np.bitwise_count(hashes[start : start + COMPARED_AT_ONCE, None] ^ hashes[None])
        row, column = np.nonzero(distance <= DUPLICATE_BITS)
        rows.append(row + start)
        columns.append(column)
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(row), bool), (row, column)), shape=(len(hashes),) * 2)
    return connected_components(graph, directed=False)[1]


def split_images(
    n_showings: np.ndarray,
    group: np.ndarray,
    validation_share: float,
    test_share: float,
    seed: int,
    where: object = "images",
) -> np.ndarray:
    """Choose a side for every image, where the stimulus log has none.

    Repeated images are preferred for the test, but at least a third of them stay in training where images are
    shown at most twice, since reliability is measured there.

    Parameters
    ----------
    n_showings : (images,) trials of each image
    group : (images,) near-duplicates share a group, and a side
    validation_share, test_share : of the images
    seed : of the choice
    where : named in errors

    Returns
    -------
    (images,) uint8, index into ``SPLITS``.

    Raises
    ------
    InputError
        If there are too few groups of images to split.
    """
    groups, member = np.unique(group, return_inverse=True)
    if len(groups) < FEWEST_IMAGES:
        raise InputError(
            problem(
                where,
                f"{len(groups)} that are not near-duplicates",
                f"at least {FEWEST_IMAGES}",
                "Show more images, or give the log a split column.",
            )
        )
    size = np.bincount(member)
    showings = np.zeros(len(groups), int)
    np.maximum.at(showings, member, n_showings)
    order = np.random.default_rng(seed).permutation(len(groups))
    repeated = order[showings[order] >= 2]
    kept = -(-len(repeated) // 3) if n_showings.max() <= 2 else 0
    candidates = np.r_[repeated[: len(repeated) - kept], order[showings[order] < 2], repeated[len(repeated) - kept :]]
    side = np.full(len(groups), TRAIN, np.uint8)
    side[_take(candidates, size, test_share * len(group))] = TEST
    rest = order[side[order] == TRAIN]
    rest = rest[np.argsort(showings[rest] >= 2, kind="stable")]  # single showings first: repeats serve training better
    side[_take(rest, size, validation_share * len(group))] = VALIDATION
    images = side[member]
    if np.sum(images == TRAIN) < FEWEST_TRAIN or min(np.sum(images == s) for s in (VALIDATION, TEST)) < FEWEST_HELD_OUT:
        found = ", ".join(f"{np.sum(images == code)} {SPLITS[code]}" for code in (TRAIN, VALIDATION, TEST))
        expected = f"at least {FEWEST_TRAIN} {SPLITS[TRAIN]} and {FEWEST_HELD_OUT} of each other images"
        remedy = (
            "Near-duplicates stay on one side: show more images, change the shares, or give the log a split column."
        )
        raise InputError(problem(where, found, expected, remedy))
    return images


def _take(candidates: np.ndarray, size: np.ndarray, wanted: float) -> list[int]:
    """The first candidates that together hold about ``wanted`` images, and room for the fewest; others are passed."""
    taken, total, most = [], 0, max(wanted, FEWEST_HELD_OUT)
    for candidate in candidates:
        if total + size[candidate] <= most:
            taken.append(int(candidate))
            total += size[candidate]
    return taken
