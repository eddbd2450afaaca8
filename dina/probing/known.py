"""Accepted ROIs beside a simulation's truth: which neuron each one is, in the registered frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dina import stores
from dina.imaging.rois import Footprints
from dina.probing.truth import match_rois


@dataclass(frozen=True)
class KnownPlane:
    """One plane's ROIs and neurons.

    Attributes
    ----------
    neurons : (true neurons of the plane,) int64, rows of the truth
    footprints : their outlines, moved to where registration put the brain
    match : (accepted ROIs of the plane,) int64, row of the truth, -1 where no neuron fits
    motion_px : (frames, 2) true motion relative to the registration's reference, y and x
    n_spikes : (true neurons of the plane,) int64
    """

    neurons: np.ndarray
    footprints: Footprints
    match: np.ndarray
    motion_px: np.ndarray
    n_spikes: np.ndarray

    @property
    def missed(self) -> np.ndarray:
        """(true neurons of the plane,) bool, without an accepted ROI."""
        return ~np.isin(self.neurons, self.match)


def known_plane(session: Path, registered: Path, truth: Path, plane: int) -> KnownPlane:
    """Match one plane's accepted ROIs with its true neurons.

    Registration fixes motion up to the constant between its reference and the truth's; that constant, the median
    difference of both, is taken out before anything is compared.
    """
    table = stores.read_table(session, "neurons")
    attributes = stores.read_attributes(truth)
    here = np.flatnonzero(table["plane"] == plane)
    neurons = np.flatnonzero(stores.read_array(truth, "plane") == plane)
    motion = stores.read_array(truth, "motion_px")[plane].astype(np.float64)
    moved = np.median(motion - stores.read_array(registered, "rigid_offsets_px"), axis=0)
    true = Footprints(*(stores.read_array(truth, f"footprint_{name}") for name in ("indptr", "pixel", "weight")))
    true = _shifted(true.subset(neurons), moved, attributes["height_px"], attributes["width_px"])
    pairs = match_rois(
        Footprints.read(session).subset(here),
        true,
        table.loc[here, ["y_px", "x_px"]].to_numpy(),
        stores.read_array(truth, "center_px")[neurons] + moved,
        max_distance_px=attributes["soma_diameter_px"] / 2,
    )
    match = np.full(len(here), -1)
    match[pairs[:, 0]] = neurons[pairs[:, 1]]
    spikes = np.bincount(stores.read_array(truth, "spike_neuron"), minlength=neurons.max(initial=-1) + 1)
    return KnownPlane(neurons, true, match, motion - moved, spikes[neurons])


def _shifted(footprints: Footprints, shift_px: np.ndarray, height: int, width: int) -> Footprints:
    """Footprints moved by whole pixels; what leaves the field of view is cut."""
    owner = np.repeat(np.arange(len(footprints)), np.diff(footprints.indptr))
    y, x = np.divmod(footprints.pixel, width)
    y, x = y + round(shift_px[0]), x + round(shift_px[1])
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    sizes = np.bincount(owner[inside], minlength=len(footprints))
    return Footprints(
        np.r_[0, np.cumsum(sizes)].astype(np.int64),
        (y * width + x)[inside].astype(np.int32),
        footprints.weight[inside],
    )
