"""Fluorescence of every ROI and of the neuropil around it, by suite2p, and what it says about the ROI."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from dina import stores
from dina.imaging.frames import open_frames
from dina.imaging.rois import CARRIED, Footprints
from dina.settings import ExtractionSettings

CLASSIFIER_NEUROPIL = 0.7  # share of neuropil that suite2p subtracts before the skewness its classifier knows
SMOOTHING_S = 0.15  # standard deviation; within the decay of any indicator, and beyond the noise of single frames


def extract_traces(registered: Path, rois: Path, output: Path, settings: ExtractionSettings) -> None:
    """Average the movie over every ROI and its neuropil ring, and write the ``traces`` store.

    The store holds ``fluorescence`` and ``neuropil`` (rois, frames), in stored values; per ROI ``skewness`` of the
    fluorescence less 0.7 of the neuropil, smoothed over 0.15 s, and ``cell_probability`` by suite2p's built-in
    classifier (from skewness, size and compactness), both from valid frames alone; ``valid_frames`` (frames,) of the
    registered plane; and the attributes of the ``rois`` store.

    Parameters
    ----------
    registered, rois, output : Path
    settings : ExtractionSettings
    """
    attributes = stores.read_attributes(rois)
    stats = _suite2p_stats(rois, attributes["width_px"])
    fluorescence, neuropil = _extract(registered, stats, settings)
    valid = stores.read_array(registered, "valid_frames")
    corrected = fluorescence - CLASSIFIER_NEUROPIL * neuropil
    skewness = trace_skewness(corrected[:, valid], attributes["volume_rate_hz"])
    with stores.new_store(output) as store:
        stores.write_array(store, "fluorescence", fluorescence, unit="stored value")
        stores.write_array(store, "neuropil", neuropil, unit="stored value")
        stores.write_array(store, "skewness", skewness)
        stores.write_array(store, "cell_probability", _classify(stats, skewness))
        stores.write_array(store, "valid_frames", valid)
        stores.write_attributes(store, {key: attributes[key] for key in (*CARRIED, "diameter_px")})


def trace_skewness(traces: np.ndarray, rate_hz: float) -> np.ndarray:
    """(rois,) float32 third standardised moment over time of the smoothed traces; 0 where one never changes.

    Noise is symmetric and transients are not, but they outlast single frames: smoothing over 0.15 s
    tells neurons that fire rarely from noise, whatever the frame rate.
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(traces.astype(np.float64), SMOOTHING_S * rate_hz, axis=1, mode="nearest")
    centred = smooth - smooth.mean(1, keepdims=True)
    variance = np.mean(centred**2, axis=1)
    third = np.mean(centred**3, axis=1)
    return np.divide(third, variance**1.5, out=np.zeros_like(third), where=variance > 0).astype(np.float32)


def _suite2p_stats(rois: Path, width: int) -> list[dict]:
    """ROIs as the dictionaries that suite2p passes from stage to stage."""
    footprints = Footprints.read(rois)
    radius, size, compactness = (
        stores.read_array(rois, name) for name in ("radius_px", "relative_size", "compactness")
    )
    shared = np.bincount(footprints.pixel)[footprints.pixel] > 1
    y, x = np.divmod(footprints.pixel.astype(np.int64), width)
    return [
        {
            "ypix": y[entries],
            "xpix": x[entries],
            "lam": footprints.weight[entries],
            "overlap": shared[entries],
            "radius": float(radius[k]),
            "npix_norm": float(size[k]),
            "compact": float(compactness[k]),
        }
        for k, entries in enumerate(map(footprints.roi, range(len(footprints))))
    ]


def _extract(registered: Path, stats: list[dict], settings: ExtractionSettings) -> tuple[np.ndarray, np.ndarray]:
    from dina.imaging import suite2p

    wrapper = suite2p.load().extraction_wrapper
    import torch

    options = suite2p.settings_for("extraction") | {
        "inner_neuropil_radius": settings.neuropil_inner_px,
        "min_neuropil_pixels": settings.neuropil_min_pixels,
        "lam_percentile": settings.neuropil_weight_percentile,
        "circular_neuropil": settings.circular_neuropil,
        "allow_overlap": settings.allow_overlap,
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse", UserWarning)  # torch's, about suite2p's way with sparse tensors
        return wrapper(stats, open_frames(registered), settings=options, device=torch.device("cpu"))[:2]


def _classify(stats: list[dict], skewness: np.ndarray) -> np.ndarray:
    """(rois,) float32 probability of being a cell, by the classifier that comes with suite2p."""
    from suite2p.classification import builtin_classfile, classify

    described = [stat | {"skew": float(value)} for stat, value in zip(stats, skewness, strict=True)]
    return classify(described, builtin_classfile)[:, 1].astype(np.float32)
