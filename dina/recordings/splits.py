"""Train, validation and test: by image, category or block of time, near-duplicates on one side; or by cycle."""

from __future__ import annotations

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.trials import LEFT_OUT, SPLITS, TEST, TRAIN, VALIDATION
from dina.tables import row_of

DUPLICATE_BITS = 4  # of 64 bits of the perceptual hash; re-encoded or slightly shifted copies differ by fewer
FEWEST_IMAGES = 10
GAP_SHARE = 0.02  # of the trials, between blocks of time
FEWEST_TRAIN, FEWEST_HELD_OUT = 5, 2  # images, below which nothing can be fitted or told
FEWEST_TRAIN_SHOWINGS = 2  # of each image of a closed set: one tells nothing of noise
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


def split_categories(
    category: np.ndarray, validation_share: float, test_share: float, seed: int, where: object = "categories"
) -> np.ndarray:
    """Hold out whole categories: at least one to test, one to validate and one to train.

    Parameters
    ----------
    category : (images,) -1 where unknown; these train

    Returns
    -------
    (images,) uint8, index into ``SPLITS``.

    Raises
    ------
    InputError
        If there are fewer than three categories.
    """
    names, size = np.unique(category[category >= 0], return_counts=True)
    if len(names) < 3:
        remedy = "Name them in the log's column category, or set stimuli.split_by: images."
        raise InputError(problem(where, f"{len(names)} categories", "at least 3 to hold some out", remedy))
    order = np.random.default_rng(seed).permutation(len(names))
    side, start = np.full(len(category), TRAIN, np.uint8), 0
    for code, share, left in ((TEST, test_share, 2), (VALIDATION, validation_share, 1)):
        total = np.cumsum(size[order[start:]])
        n = max(1, int(np.searchsorted(total, share * len(category) + 1e-9, side="right")))
        stop = min(start + n, len(names) - left)
        side[np.isin(category, names[order[start:stop]])] = code
        start = stop
    return side


def split_time_blocks(
    image_index: np.ndarray, group: np.ndarray, validation_share: float, test_share: float, where: object = "trials"
) -> np.ndarray:
    """Hold out the images of the recording's end; of these, no earlier showing is used.

    The last trials test, those before them validate, and ``GAP_SHARE`` of all trials before each block is left out, as
    is every showing of a held-out image or of its near-duplicate in another block.

    Parameters
    ----------
    image_index : (trials,) in order of time
    group : (images,) near-duplicates share a group

    Returns
    -------
    (trials,) uint8, index into ``SPLITS``, or ``LEFT_OUT``.

    Raises
    ------
    InputError
        If too few images are left on a side, as where all are shown throughout.
    """
    n = len(image_index)
    gap = int(np.ceil(GAP_SHARE * n))
    test = n - round(test_share * n)
    validation = test - gap - round(validation_share * n)
    block = np.full(n, LEFT_OUT, np.uint8)
    block[test:], block[validation : test - gap], block[: max(0, validation - gap)] = TEST, VALIDATION, TRAIN
    of_trial = group[image_index]
    side = np.full(group.max() + 1, TRAIN, np.uint8)
    side[of_trial[block == VALIDATION]] = VALIDATION
    side[of_trial[block == TEST]] = TEST
    split = np.where(side[of_trial] == block, block, LEFT_OUT).astype(np.uint8)
    n_images = [len(np.unique(image_index[split == code])) for code in (TRAIN, VALIDATION, TEST)]
    if n_images[TRAIN] < FEWEST_TRAIN or min(n_images[1:]) < FEWEST_HELD_OUT:
        found = ", ".join(f"{k} {SPLITS[code]}" for code, k in enumerate(n_images)) + " images in blocks of their own"
        expected = f"at least {FEWEST_TRAIN} {SPLITS[TRAIN]} and {FEWEST_HELD_OUT} of each other images"
        remedy = "Where all images are shown throughout, blocks cannot part them: set stimuli.split_by: images."
        raise InputError(problem(where, found, expected, remedy))
    return split


def split_cycles(
    image_index: np.ndarray, repeat: np.ndarray, validation_share: float, test_share: float, log: object = "log"
) -> np.ndarray:
    """A closed set: every image trains, validates and tests, each by showings of other cycles.

    Cycle n is the n-th showing of each image. The last cycles test and those before them validate, whole and in
    order of time, so that what drifts slowly does not tell a test trial by its neighbours.

    Parameters
    ----------
    image_index : (trials,) in order of time
    repeat : (trials,) 0 for an image's first showing
    validation_share, test_share : of each image's showings, at least one

    Returns
    -------
    (trials,) uint8, index into ``SPLITS``.

    Raises
    ------
    InputError
        If an image is shown too rarely, naming the row of its first showing.
    """
    n_showings = np.bincount(image_index)
    n_test, n_validation = (np.maximum(1, np.rint(share * n_showings)) for share in (test_share, validation_share))
    n_train = n_showings - n_test - n_validation
    few = np.flatnonzero((n_train < FEWEST_TRAIN_SHOWINGS) & (n_showings > 0))
    if len(few):
        first = int(np.flatnonzero(np.isin(image_index, few))[0])
        image = image_index[first]
        found = f"an image shown {n_showings[image]} times, {len(few)} of {np.sum(n_showings > 0)} images so rarely"
        expected = f"{FEWEST_TRAIN_SHOWINGS} showings to train beside {n_validation[image]:.0f} to validate "
        expected += f"and {n_test[image]:.0f} to test"
        remedy = "Show each image at least four times, lower the shares, or set stimuli.split_by: images."
        raise InputError(problem(f"{log}, {row_of(log, first)}", found, expected, remedy))
    ends = n_train[image_index], (n_train + n_validation)[image_index]
    return np.select([repeat < ends[0], repeat < ends[1]], [TRAIN, VALIDATION], TEST).astype(np.uint8)


def _take(candidates: np.ndarray, size: np.ndarray, wanted: float) -> list[int]:
    """The first candidates that together hold about ``wanted`` images, and room for the fewest; others are passed."""
    taken, total, most = [], 0, max(wanted, FEWEST_HELD_OUT)
    for candidate in candidates:
        if total + size[candidate] <= most:
            taken.append(int(candidate))
            total += size[candidate]
    return taken
