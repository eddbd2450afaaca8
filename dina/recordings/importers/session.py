"""Traces that another program has extracted: all planes of a recording as one population, with dF/F and events."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina import stores
from dina.errors import InputError, ShapeError, problem
from dina.imaging.deconvolution import (
    UNITS,
    Activity,
    activity_of,
    deconvolved,
    interpolated,
    maximin_baseline,
    missing_frames,
)
from dina.imaging.deconvolution import noise_level as noise_level_of
from dina.imaging.frame_times import in_gaps
from dina.imaging.indicators import lag_s, tau_s
from dina.imaging.rois import Footprints
from dina.recordings.importers.planes import TracedPlane
from dina.recordings.importers.sources import importer
from dina.settings import DeconvolutionSettings

if TYPE_CHECKING:
    import pandas as pd

    from dina.recordings.sheet import Recording

FEWEST_FRAMES = 100  # fewer hold no response to ten images


def import_session(row: Recording, output: Path, settings: DeconvolutionSettings) -> None:
    """Read the user's traces and write the ``session`` store.

    It holds what :func:`~dina.recordings.session.assemble_session` writes. Raw fluorescence becomes dF/F and
    deconvolved activity by :func:`~dina.imaging.deconvolution.activity_of`, as that of a movie does. Traces that are
    dF/F already are kept, and their events are those of OASIS above their running baseline; other methods of
    deconvolution need fluorescence. Which ROIs are neurons is for the program that made them to say, or for who curated
    them there.

    Memory is about eight times that of one plane's traces, and five times that of all.

    Parameters
    ----------
    row : the recording's row of the sheet; its source names the importer
    output : Path
    settings : DeconvolutionSettings

    Raises
    ------
    InputError
        If the data cannot be read, if no ROI is a neuron, if rate and sheet contradict each other, or if dF/F is to be
        deconvolved by another method than OASIS.
    ShapeError
        If planes differ in size or length.
    """
    planes = importer(row.source).read_planes(row)
    _check_alike(planes)
    parts = [_part(plane, settings, row.indicator) for plane in planes]
    n_rois = sum(len(part.rois) for part in parts)
    if not sum(len(part.accepted) for part in parts):
        remedy = "Choose some in the program that made them; docs/data.md says where it keeps the choice."
        raise InputError(problem(planes[0].where, f"none of {n_rois} ROIs a neuron", "some", remedy))
    first, cell_um, pixel_um = planes[0], row.cell_diameter_um, row.pixel_size_um
    with stores.new_store(output) as store:
        gaps_s = _write_population(store, parts, "oasis" if first.is_dff else settings.method)
        stores.write_attributes(
            store,
            {
                "planes": [plane.number for plane in planes],
                "height_px": first.height_px,
                "width_px": first.width_px,
                "volume_rate_hz": first.rate_hz,
                "pixel_size_um": pixel_um,
                "diameter_px": cell_um / pixel_um if cell_um and pixel_um else None,
                "deconvolution": "oasis" if first.is_dff else settings.method,
                "tau_s": parts[0].activity.tau_s,
                "lag_s": parts[0].activity.lag_s,
                "n_gaps": max(map(len, gaps_s)),
                "longest_gap_s": max(float(gap_s.max(initial=0.0)) for gap_s in gaps_s),
                "traces_are": first.traces_are,
                "is_dff": first.is_dff,
                "has_neuropil": first.neuropil is not None,
            },
        )


@dataclass(frozen=True)
class Part:
    """One plane and what was computed from it: activity, ROIs as the session tells them, and which are neurons."""

    plane: TracedPlane
    activity: Activity
    valid_frames: np.ndarray
    rois: pd.DataFrame
    accepted: np.ndarray


def _part(plane: TracedPlane, settings: DeconvolutionSettings, indicator: str | None) -> Part:
    neuropil = np.zeros((1, 1), np.float32) if plane.neuropil is None else plane.neuropil
    neuropil = np.broadcast_to(neuropil, plane.traces.shape)
    missing = missing_frames(plane.traces, neuropil, plane.valid_frames, plane.where)
    if plane.is_dff:
        activity = _activity_of_dff(plane, missing, settings, indicator)
    else:
        activity = activity_of(plane.traces, neuropil, missing, plane.rate_hz, settings, indicator)
    rois = _described(plane, activity)
    return Part(plane, activity, ~missing.any(0), rois, np.flatnonzero(rois["rejected"] == ""))


def _activity_of_dff(
    plane: TracedPlane, missing: np.ndarray, settings: DeconvolutionSettings, indicator: str | None
) -> Activity:
    """The dF/F as it is, and its events by OASIS above a running baseline."""
    if settings.method != "oasis":
        remedy = "Set deconvolution.method to oasis, or import raw fluorescence."
        raise InputError(problem(f"{plane.where}, dF/F", f"method {settings.method}", "oasis", remedy))
    dff = interpolated(plane.traces, missing)
    window, tau = settings.baseline_window_s * plane.rate_hz, settings.tau_s or tau_s(indicator)
    raised = dff - maximin_baseline(dff, window, settings.baseline_sigma_frames)
    return Activity(
        dff=dff,
        events=deconvolved(raised, tau, plane.rate_hz),
        usable=np.ones(len(dff), bool),
        noise_level=noise_level_of(dff, plane.rate_hz, missing),
        tau_s=tau,
        lag_s=lag_s(indicator),
    )


def _write_population(store: Path, parts: list[Part], method: str) -> list[np.ndarray]:
    """Arrays and tables of all planes; returns the gaps in each plane's times, seconds."""
    import pandas as pd

    planes = [part.plane for part in parts]
    n_frames = min(len(plane.frame_time_s) for plane in planes)
    events = [part.activity.events[part.accepted, :n_frames] for part in parts]
    dff = [part.activity.dff[part.accepted, :n_frames] for part in parts]
    for rows, part in zip(dff, parts, strict=True):
        rows[~part.activity.usable[part.accepted]] = np.nan
    stores.write_array(store, "deconvolved", np.concatenate(events), unit="dF/F" if planes[0].is_dff else UNITS[method])
    stores.write_array(store, "dff", np.concatenate(dff), unit="1")
    times = np.stack([plane.frame_time_s[:n_frames] for plane in planes])
    stores.write_array(store, "frame_time_s", times, unit="s")
    stores.write_array(store, "volume_time_s", times[0], unit="s")
    stores.write_array(store, "valid_frames", np.stack([part.valid_frames[:n_frames] for part in parts]))
    stores.write_array(store, "mean_image", np.stack([_picture(plane) for plane in planes]), unit="stored value")
    Footprints.join([part.plane.footprints.subset(part.accepted) for part in parts]).write(store)
    neurons = pd.concat([part.rois.iloc[part.accepted].drop(columns="rejected") for part in parts])
    neurons.insert(0, "neuron", np.arange(len(neurons), dtype=np.int32))
    stores.write_table(store, "rois", pd.concat([part.rois for part in parts]))
    stores.write_table(store, "neurons", neurons)
    return [np.diff(time_s)[in_gaps(time_s)] for time_s in times]


def _described(plane: TracedPlane, activity: Activity) -> pd.DataFrame:
    """The plane's ROIs with what the session's tables say of each."""
    table = plane.rois.reset_index(drop=True)
    table.insert(0, "roi", np.arange(len(table), dtype=np.int32))
    table.insert(0, "plane", np.int16(plane.number))
    noise = np.where(activity.usable, activity.noise_level, np.nan).astype(np.float32)
    return table.assign(has_dff=activity.usable, noise_level=noise)


def _picture(plane: TracedPlane) -> np.ndarray:
    """(height, width) the mean image, or where there is none the ROIs themselves."""
    if plane.mean_image is not None:
        return plane.mean_image.astype(np.float32)
    picture = np.zeros(plane.height_px * plane.width_px, np.float32)
    np.maximum.at(picture, plane.footprints.pixel, plane.footprints.weight)
    return picture.reshape(plane.height_px, plane.width_px)


def _check_alike(planes: list[TracedPlane]) -> None:
    first = planes[0]
    for plane in planes:
        n_rois, n_frames = plane.traces.shape
        if len(plane.rois) != n_rois or len(plane.frame_time_s) != n_frames or len(plane.valid_frames) != n_frames:
            found = f"traces of {n_rois} ROIs in {n_frames} frames"
            expected = f"{len(plane.rois)} ROIs in {len(plane.frame_time_s)} frames, as their table and times say"
            raise ShapeError(problem(plane.where, found, expected, "Is the folder or file whole?"))
        if n_frames < FEWEST_FRAMES:
            raise ShapeError(
                problem(plane.where, f"{n_frames} frames", f"at least {FEWEST_FRAMES}", "Is it transposed?")
            )
        sizes = (plane.height_px, plane.width_px), (first.height_px, first.width_px)
        if sizes[0] != sizes[1] or abs(n_frames - first.traces.shape[1]) > 1 or plane.is_dff != first.is_dff:
            found, expected = (
                f"{of.height_px} × {of.width_px} px, {of.traces.shape[1]} frames, {'dF/F' if of.is_dff else 'raw'}"
                for of in (plane, first)
            )
            remedy = "All planes of a recording must be alike: leave the odd one out (skip_planes)."
            raise ShapeError(problem(plane.where, found, f"{expected}, as in {first.where}", remedy))
