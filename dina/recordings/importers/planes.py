"""What an importer of traces hands over: one plane's ROIs, when they were sampled, and their fluorescence or dF/F."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dina.imaging.rois import Footprints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TracedPlane:
    """One imaging plane on the user's disk.

    Attributes
    ----------
    number : int, from 0
    height_px, width_px : of a frame
    footprints : of all ROIs
    mean_image : (height, width) float32, or None where there is none
    rois : table, one row an ROI: ``y_px`` and ``x_px`` of its centre, ``rejected`` (why it is no neuron, empty where it
        is one), and what else is known
    traces : (rois, frames) float32, raw fluorescence, or dF/F
    neuropil : (rois, frames) float32 of raw fluorescence, or None where none is to be subtracted
    is_dff : whether ``traces`` are dF/F
    valid_frames : (frames,) bool
    frame_time_s : (frames,) float64, increasing
    traces_are : what they are and which program made them, for the report
    where : the file or folder, for errors
    """

    number: int
    height_px: int
    width_px: int
    footprints: Footprints
    mean_image: np.ndarray | None
    rois: pd.DataFrame
    traces: np.ndarray
    neuropil: np.ndarray | None
    is_dff: bool
    valid_frames: np.ndarray
    frame_time_s: np.ndarray
    traces_are: str
    where: str

    @property
    def rate_hz(self) -> float:
        """Frames a second, from their usual interval."""
        return float(1 / np.median(np.diff(self.frame_time_s)))
