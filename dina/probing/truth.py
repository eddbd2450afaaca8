"""What imaging found against the truth of a simulation: who is who, one to one, and the error of motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import ShapeError
from dina.imaging.rois import Footprints

MIN_IOU = 0.4


def match_rois(
    found: Footprints,
    true: Footprints,
    found_centre_px: np.ndarray,
    true_centre_px: np.ndarray,
    max_distance_px: float,
    min_iou: float = MIN_IOU,
) -> np.ndarray:
    """Pair found ROIs with true neurons of the same plane, each at most once.

    A pair is admissible if the pixels overlap with an intersection over union of at least ``min_iou``, or if
    the centres lie no farther apart than ``max_distance_px``. Among all one-to-one pairings, the one with the
    most admissible pairs is taken, and among those the one with the largest overlap and nearest centres
    (Kuhn 1955, as solved by SciPy).

    Parameters
    ----------
    found, true : Footprints
    found_centre_px, true_centre_px : (found, 2) and (true, 2), y and x
    max_distance_px : float
        Usually half a soma's diameter.
    min_iou : float

    Returns
    -------
    (pairs, 2) int64: index of the ROI, index of the neuron, by ascending ROI.

    Raises
    ------
    ShapeError
        If centres and footprints differ in number.
    """
    from scipy.optimize import linear_sum_assignment

    if len(found) != len(found_centre_px) or len(true) != len(true_centre_px):
        raise ShapeError(
            f"match_rois: found {len(found_centre_px)} and {len(true_centre_px)} centres for {len(found)} ROIs and "
            f"{len(true)} neurons; expected one each."
        )
    iou = overlap(found, true)
    distance = np.linalg.norm(found_centre_px[:, None] - true_centre_px[None], axis=2)
    admissible = (iou >= min_iou) | (distance <= max_distance_px)
    quality = iou - distance / (1 + distance.max(initial=0))
    one_more = 2.0 * min(iou.shape) + 2  # outweighs whatever quality the other pairs may lose
    rows, columns = linear_sum_assignment(np.where(admissible, one_more + quality, 0.0), maximize=True)
    paired = admissible[rows, columns]
    return np.stack([rows[paired], columns[paired]], axis=1)


def overlap(found: Footprints, true: Footprints) -> np.ndarray:
    """(found, true) intersection over union of the ROIs' pixels, weights aside."""
    from scipy.sparse import csr_array

    n_pixels = int(max(found.pixel.max(initial=-1), true.pixel.max(initial=-1))) + 1
    first, second = (
        csr_array((np.ones(len(f.pixel), np.float32), f.pixel, f.indptr), shape=(len(f), n_pixels))
        for f in (found, true)
    )
    intersection = (first @ second.T).toarray()
    union = np.diff(found.indptr)[:, None] + np.diff(true.indptr)[None] - intersection
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)


def motion_error_px(registered: Path, true_motion_px: np.ndarray) -> np.ndarray:
    """(frames,) distance between estimated and true motion, pixels, but for one constant.

    The estimate is the rigid offset plus the mean over blocks; the constant, the median difference, is
    where the reference image stood.

    Parameters
    ----------
    registered : the ``registered`` store of a plane
    true_motion_px : (frames, 2) displacement of the tissue in the frame, y and x
    """
    estimated = stores.read_array(registered, "rigid_offsets_px").astype(np.float64)
    if stores.read_attributes(registered)["n_blocks"]:
        estimated += stores.read_array(registered, "block_offsets_px").mean(1)
    difference = estimated - true_motion_px
    return np.linalg.norm(difference - np.median(difference, axis=0), axis=1)
