"""All planes of a recording as one population: which ROIs are neurons, and when each was sampled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina import stores
from dina.arrays import open_array
from dina.errors import InputError, ShapeError, problem
from dina.imaging.rois import Footprints, soma_area_px
from dina.settings import SessionSettings

if TYPE_CHECKING:
    import pandas as pd

DECONVOLUTION = ("deconvolution", "lag_s")  # attributes: method, and by how much its events trail the spikes
BRIGHT = 0.05  # contrast with the surround that neuropil seldom has and most somata do


@dataclass(frozen=True)
class Plane:
    """One plane's stores, and what they say of its ROIs.

    Attributes
    ----------
    number : int
    rois, traces, activity : Path
    attributes : dict
    table : one row a ROI: what acceptance and the table of neurons need
    """

    number: int
    rois: Path
    traces: Path
    activity: Path
    attributes: dict
    table: pd.DataFrame


def assemble_session(
    movie: Path,
    rois: list[Path],
    traces: list[Path],
    activity: list[Path],
    output: Path,
    settings: SessionSettings,
    curation: Mapping[int, Path] | None = None,
) -> None:
    """Join the accepted ROIs of all planes and write the ``session`` store.

    The store holds ``deconvolved`` (in the planes' unit; its method and ``lag_s`` are attributes) and ``dff``
    (neurons, frames), NaN for neurons without a baseline above 0 (``has_dff`` in the table); ``frame_time_s`` (planes,
    frames), float64, each plane's own; ``volume_time_s`` (frames,), the start of each volume; ``valid_frames``
    (planes, frames); ``mean_image`` (planes, height, width); the footprints of the accepted ROIs (``indptr``,
    ``pixel``, ``weight``); the table ``neurons``, one row a neuron in the arrays' order; and the table ``rois``, every
    ROI with why it was left out (empty where accepted).

    Parameters
    ----------
    movie : store of :func:`~dina.imaging.inspection.inspect_movie`
    rois, traces, activity : stores of every plane, in the order of planes
    output : Path
    settings : SessionSettings
    curation : plane number to an ``iscell.npy`` (suite2p's layout), optional
        Replaces the rule of :func:`rejections` for that plane; where both leave an ROI out, the rule's reason stays.
        If a copy of the manifest ``rois.json`` stands beside it, the ROIs must still be those.

    Raises
    ------
    ShapeError
        If planes are not those of the movie, or differ from it in length or size.
    InputError
        If planes were deconvolved in different ways, if a curation file does not fit its ROIs, or if no ROI is
        accepted.
    """
    planes = [read_plane(*paths) for paths in zip(rois, traces, activity, strict=True)]
    _check_alike(planes, movie)
    curation = curation or {}
    unknown = sorted(set(curation) - {plane.number for plane in planes})
    if unknown:
        found, expected = f"planes {unknown}", f"some of {[plane.number for plane in planes]}"
        raise InputError(problem("curation", found, expected, "Rename the folders plane-0, plane-1 …"))
    reasons = [rejections(plane, settings) for plane in planes]
    reasons = [
        curated(curation[plane.number], plane, by_rule) if plane.number in curation else by_rule
        for plane, by_rule in zip(planes, reasons, strict=True)
    ]
    accepted = [np.flatnonzero(reason == "") for reason in reasons]
    if not sum(map(len, accepted)):
        found = f"none of {sum(map(len, reasons))} ROIs accepted ({_most_frequent(reasons)})"
        remedy = (
            "Choose some in the curation files."
            if curation
            else "Loosen the session settings; is the size of a soma right?"
        )
        raise InputError(problem(output, found, "some neurons", remedy))
    with stores.new_store(output) as store:
        _write_activity(store, movie, planes, accepted)
        _write_tables(store, planes, accepted, reasons)


def read_plane(rois: Path, traces: Path, activity: Path) -> Plane:
    """What the stores of one plane say of its ROIs."""
    import pandas as pd

    attributes = stores.read_attributes(activity)
    centroid = stores.read_array(rois, "centroid_px")
    columns = {
        "plane": np.full(len(centroid), attributes["plane"], np.int16),
        "roi": np.arange(len(centroid), dtype=np.int32),
        "y_px": centroid[:, 0],
        "x_px": centroid[:, 1],
    }
    red = ("red_probability", "red") if stores.holds(rois, "red") else ()
    for store, names in (
        (rois, ("n_pixels", "n_soma_pixels", "compactness", "aspect_ratio", "contrast", *red)),
        (traces, ("skewness", "cell_probability")),
        (activity, ("noise_level",)),
    ):
        columns |= {name: stores.read_array(store, name) for name in names}
    columns["has_dff"] = stores.read_array(activity, "usable")
    columns["noise_level"] = np.where(columns["has_dff"], columns["noise_level"], np.nan).astype(np.float32)
    return Plane(attributes["plane"], rois, traces, activity, attributes, pd.DataFrame(columns))


def rejections(plane: Plane, settings: SessionSettings) -> np.ndarray:
    """(rois,) why each ROI is not accepted as a neuron, empty where it is.

    An ROI is a neuron if its fluorescence has a baseline above 0, where that is asked for; if it has the size
    and the compactness of a soma, which specks and stretches of dendrite or neuropil have not (a ragged outline is
    forgiven where the mean image shows a body brighter than its surround); if it is not clearly darker than its
    surround, as neuropil between bright somata is; and if there is evidence
    enough, the product of two numbers: the skewness of its trace, which transients raise while noise
    and neuropil are symmetric, and the probability by suite2p's built-in classifier (skewness, size and
    compactness of ROIs that people curated). A trace with few transients must come from what is a soma
    beyond doubt, and a doubtful shape must show clear transients. Used alone, at its own threshold of
    0.5, the classifier loses true small cells. The thresholds were chosen on simulated recordings with
    somata of 10, 12 and 15 µm; see ``benchmarks/imaging_truth.py``.
    """
    table = plane.table
    area_px = soma_area_px(plane.attributes["diameter_px"])
    smallest, largest = (share * area_px for share in settings.size_soma_areas)
    bright = table["contrast"] >= BRIGHT
    largest_compactness = np.where(bright, settings.max_compactness_bright, settings.max_compactness)
    criteria = {
        "baseline not above 0": ~table["has_dff"] & settings.require_dff,
        "too small": table["n_soma_pixels"] < smallest,
        "too large": table["n_soma_pixels"] > largest,
        "not compact": table["compactness"] > largest_compactness,
        "darker than its surround": table["contrast"] < settings.min_contrast,
        "too little evidence": table["skewness"] * table["cell_probability"] < settings.min_evidence,
    }
    reason = np.full(len(table), "", dtype=object)
    for name, fails in criteria.items():
        reason[(reason == "") & fails.to_numpy()] = name
    return reason


def curated(path: Path, plane: Plane, by_rule: np.ndarray) -> np.ndarray:
    """(rois,) reasons by the user's own choice: an ``iscell.npy``, whose first column is 1 for a cell.

    What the rule leaves out as well keeps the rule's reason; "by curation" marks what it would have accepted.

    Parameters
    ----------
    path : Path
    plane : Plane
    by_rule : (rois,) reasons of :func:`rejections`

    Raises
    ------
    InputError
        If it is no numeric array with a row for each ROI, holds more than zeros and ones, or was made for other ROIs.
    """
    iscell = open_array(path, "a numeric array", "Save it anew.")
    expected = f"({len(plane.table)},) or ({len(plane.table)}, 2), a row for each ROI"
    if iscell.dtype.kind not in "biuf" or iscell.ndim not in (1, 2) or len(iscell) != len(plane.table):
        remedy = (
            "Write a one or a zero for each ROI; were they detected anew since? Curate them again, or remove the file."
        )
        raise InputError(problem(path, f"{iscell.shape} {iscell.dtype}", expected, remedy))
    pinned = path.with_name("rois.json")
    if pinned.is_file() and _roi_digest(pinned) != _roi_digest(stores.manifest_path(plane.rois)):
        remedy = "Curate the present ROIs, or restore the settings of detection."
        raise InputError(problem(pinned, "the manifest of other ROIs", f"that of {plane.rois}", remedy))
    chosen = iscell if iscell.ndim == 1 else iscell[:, 0]
    neither = np.flatnonzero(~np.isin(chosen, (0, 1)))
    if len(neither):
        found = f"{chosen[neither[0]]:g} for ROI {neither[0]} ({len(neither)} such ROIs)"
        remedy = "Write 1 for a cell and 0 for none; probabilities belong into a second column."
        raise InputError(problem(path, found, "0 or 1 for each ROI", remedy))
    return np.where(chosen == 1, "", np.where(by_rule == "", "by curation", by_rule)).astype(object)


def _check_alike(planes: list[Plane], movie: Path) -> None:
    """Raise unless the planes are those of the movie, of one length (or a frame more) and size, deconvolved alike."""
    known = stores.read_attributes(movie)
    if [plane.number for plane in planes] != known["planes"]:
        found, expected = f"planes {[plane.number for plane in planes]}", f"{known['planes']} as in {movie}"
        raise ShapeError(problem(planes[0].activity, found, expected, "Give the stores of every plane, in order."))
    for plane in planes:
        for key in ("height_px", "width_px", "n_frames"):
            surplus = plane.attributes[key] - known[key]
            if surplus and not (key == "n_frames" and surplus == 1):
                found, expected = f"{key} {plane.attributes[key]}", f"{known[key]} as in {movie}"
                raise ShapeError(problem(plane.activity, found, expected, "Rerun the stages of this plane."))
        for key in DECONVOLUTION:
            found, expected = plane.attributes[key], planes[0].attributes[key]
            if found != expected:
                where, remedy = f"{plane.activity}, {key}", "Deconvolve all planes with the same settings."
                raise InputError(problem(where, str(found), f"{expected} as in {planes[0].activity}", remedy))


def _write_activity(store: Path, movie: Path, planes: list[Plane], accepted: list[np.ndarray]) -> None:
    first = planes[0].attributes
    times = stores.read_array(movie, "frame_time_s")
    n_frames = times.shape[1]  # planes with files of their own may have one frame more
    for name in ("deconvolved", "dff"):
        rows = [
            stores.read_array(plane.activity, name)[rois, :n_frames]
            for plane, rois in zip(planes, accepted, strict=True)
        ]
        if name == "dff":
            for of, plane, rois in zip(rows, planes, accepted, strict=True):
                of[~plane.table["has_dff"].to_numpy()[rois]] = np.nan
        unit = stores.open_array(planes[0].activity, name).attrs["unit"]
        stores.write_array(store, name, np.concatenate(rows), unit=unit)
    numbers = [plane.number for plane in planes]
    valid = np.stack([stores.read_array(plane.activity, "valid_frames")[:n_frames] for plane in planes])
    stores.write_array(store, "frame_time_s", times, unit="s")
    stores.write_array(store, "volume_time_s", stores.read_array(movie, "volume_time_s"), unit="s")
    stores.write_array(store, "valid_frames", valid)
    stores.write_array(
        store, "mean_image", np.stack([stores.read_array(p.rois, "mean_image") for p in planes]), unit="stored value"
    )
    Footprints.join(
        [Footprints.read(plane.rois).subset(rois) for plane, rois in zip(planes, accepted, strict=True)]
    ).write(store)
    stores.write_attributes(
        store,
        {
            "planes": numbers,
            **{key: first[key] for key in ("height_px", "width_px", "volume_rate_hz", "pixel_size_um", "diameter_px")},
            **{key: first[key] for key in DECONVOLUTION},
            **{key: stores.read_attributes(movie)[key] for key in ("n_gaps", "longest_gap_s")},
        },
    )


def _write_tables(store: Path, planes: list[Plane], accepted: list[np.ndarray], reasons: list[np.ndarray]) -> None:
    import pandas as pd

    everything = pd.concat([p.table.assign(rejected=r) for p, r in zip(planes, reasons, strict=True)])
    neurons = pd.concat([plane.table.iloc[rois] for plane, rois in zip(planes, accepted, strict=True)])
    neurons.insert(0, "neuron", np.arange(len(neurons), dtype=np.int32))
    stores.write_table(store, "rois", everything)
    stores.write_table(store, "neurons", neurons)


def _roi_digest(manifest: Path) -> str:
    return json.loads(manifest.read_text())["arrays"]["pixel"]["sha256"]


def _most_frequent(reasons: list[np.ndarray]) -> str:
    names, counts = np.unique(np.concatenate(reasons).astype(str), return_counts=True)
    return f"most often: {names[np.argmax(counts)]}"
