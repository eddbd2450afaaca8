"""Images on two sides of a split that give each other away: near-duplicates, and overlapping crops of a photograph."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from dina.device import resolve_device
from dina.errors import InputError, problem
from dina.recordings.overlaps import overlapping_crops
from dina.recordings.splits import near_duplicates
from dina.recordings.trials import SPLITS
from dina.tables import row_of


def groups_of_alike(images: np.ndarray, device: str = "auto") -> np.ndarray:
    """(images,) int, the group of each: near-duplicates and overlapping crops, closed, so that a split parts none.

    Parameters
    ----------
    images : (images, height, width) float, 0 black to 1 white
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group = near_duplicates(images)
    row, column = group[overlapping_crops(images, device=str(resolve_device(device)))].T
    graph = coo_array((np.ones(len(row), bool), (row, column)), shape=(group.max() + 1,) * 2)
    return connected_components(graph, directed=False)[1][group]


def give_away(images: np.ndarray, held_out: np.ndarray, device: str = "auto") -> np.ndarray:
    """(images,) bool: which are nearly one of ``held_out``, (images, height, width) too, or overlap one."""
    together = np.concatenate([images, held_out])
    group = near_duplicates(together)
    found = np.isin(group[: len(images)], group[len(images) :])
    side = np.repeat([0, 1], [len(images), len(held_out)])
    found[overlapping_crops(together, side, str(resolve_device(device)))[:, 0]] = True
    return found


def tell_leaks(
    images: np.ndarray, side: np.ndarray, image_index: np.ndarray, log: Path, *, allowed: bool, device: str = "auto"
) -> dict[str, int]:
    """Refuse a split that parts near-duplicates or overlapping crops, or warn where that is allowed.

    Parameters
    ----------
    images : (images, height, width) float, 0 black to 1 white
    side : (images,) index into ``SPLITS``
    image_index : (trials,) as in the log

    Returns
    -------
    How many images have such a partner on another side, under the names of the store's attributes.

    Raises
    ------
    InputError
        Naming the rows and sides of the first pair, unless allowed.
    """
    group = near_duplicates(images)
    crops = overlapping_crops(images, side, str(resolve_device(device)))
    crops = crops[group[crops[:, 0]] != group[crops[:, 1]]]
    lowest, highest = np.full(group.max() + 1, 255), np.zeros(group.max() + 1, int)
    np.minimum.at(lowest, group, side)
    np.maximum.at(highest, group, side)
    twins = np.flatnonzero(lowest[group] != highest[group])
    counts = {"n_near_duplicates_across_splits": len(twins), "n_overlapping_across_splits": len(np.unique(crops))}
    if allowed:
        for n, what in zip(counts.values(), ("a near-duplicate", "an overlapping crop"), strict=True):
            if n:
                warnings.warn(f"{n} images have {what} on another side of the split; scores flatter.", stacklevel=2)
        return counts
    if len(twins):
        other = int(np.flatnonzero((group == group[twins[0]]) & (side != side[twins[0]]))[0])
        found = "is nearly that of {}, in {} " + f"({len(twins)} images have such a near-duplicate)"
        _refuse(int(twins[0]), other, side, image_index, log, found, "near-duplicates")
    if len(crops):
        found = "overlaps that of {}, in {} " + f"({len(np.unique(crops))} images have such an overlapping crop)"
        _refuse(*map(int, crops[0]), side, image_index, log, found, "crops of a photograph")
    return counts


def _refuse(
    image: int, other: int, side: np.ndarray, image_index: np.ndarray, log: Path, found: str, what: str
) -> None:
    row, twin = (row_of(log, int(np.flatnonzero(image_index == k)[0])) for k in (image, other))
    found = f"its image, in {SPLITS[side[image]]!r}, " + found.format(twin, repr(SPLITS[side[other]]))
    remedy = f"Put {what} on one side, remove the column split, or set stimuli.allow_near_duplicates."
    raise InputError(problem(f"{log}, {row}", found, f"{what} on one side, since they give the answer", remedy))
