"""Non-negative deconvolution by OASIS, as suite2p does it: one decay, no sparsity penalty.

suite2p's own takes two exponentials for every frame, and importing it costs seconds and a gigabyte. Here each pool
carries its decay with it, which is a product where pools are merged. Results are suite2p's to float rounding.
"""

from __future__ import annotations

import numba
import numpy as np


def oasis(traces: np.ndarray, tau_s: float, rate_hz: float) -> np.ndarray:
    """Events whose exponential decay fits the traces best in the least-squares sense, none of them negative.

    Parameters
    ----------
    traces : (rois, frames), finite, baseline near 0
    tau_s : float
        Decay of the indicator.
    rate_hz : float

    Returns
    -------
    (rois, frames) float32, in the traces' unit; the first frame, whose past is unknown, is 0.

    References
    ----------
    Friedrich et al. 2017, PLoS Comput. Biol. 13:e1005423, algorithm 1.
    """
    events = np.zeros(traces.shape, np.float32)
    _deconvolve(np.ascontiguousarray(traces, np.float32), np.exp(-1 / (tau_s * rate_hz)), events)
    return events


@numba.njit
def _deconvolve(traces: np.ndarray, decay: float, events: np.ndarray) -> None:
    """Write the events of every row of traces into events, which are zeros."""
    n_frames = traces.shape[1]
    value, weight, shrink = np.empty(n_frames), np.empty(n_frames), np.empty(n_frames)
    start = np.empty(n_frames, np.int64)
    for roi in range(len(traces)):
        n_pools = 0
        for frame in range(n_frames):
            pool_value, pool_weight, pool_shrink, pool_start = np.float64(traces[roi, frame]), 1.0, decay, frame
            while n_pools > 0 and value[n_pools - 1] * shrink[n_pools - 1] > pool_value:  # a negative event: merge
                n_pools -= 1
                by = shrink[n_pools]
                merged_weight = weight[n_pools] + pool_weight * by * by
                merged = value[n_pools] * weight[n_pools] + pool_value * pool_weight * by
                pool_value, pool_weight = merged / merged_weight, merged_weight
                pool_shrink, pool_start = by * pool_shrink, start[n_pools]
            value[n_pools], weight[n_pools] = pool_value, pool_weight
            shrink[n_pools], start[n_pools] = pool_shrink, pool_start
            n_pools += 1
        for pool in range(1, n_pools):
            events[roi, start[pool]] = value[pool] - value[pool - 1] * shrink[pool - 1]
