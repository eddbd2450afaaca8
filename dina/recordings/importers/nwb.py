"""Traces in an NWB 2 file: the RoiResponseSeries of every imaging plane, and the ROIs that they belong to.

References
----------
NWB schema 2.x, ``RoiResponseSeries`` and ``PlaneSegmentation``; Rübel et al. 2022, eLife 11:e78362.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.acquisition import check_rate, refuse_odd_rate
from dina.imaging.readers.hdf5 import open_hdf5
from dina.imaging.rois import Footprints
from dina.recordings.importers.planes import TracedPlane
from dina.recordings.movie_files import natural_key

if TYPE_CHECKING:
    import h5py
    import pandas as pd

    from dina.recordings.sheet import Recording

NOT_TRACES = re.compile(r"neuropil|deconv|event|spike", re.IGNORECASE)  # in the names of series beside the traces
CHOICES = ("iscell", "is_cell", "Accepted", "accepted")  # columns that say which ROIs are neurons, the first there is
ROWS_FIRST = "suite2p"  # in the session's description: its writer puts y into the pixel masks' field x
NAME_ONE = "Name one as dataset in the recording sheet: a series, or the container that holds one a plane."


@dataclass(frozen=True)
class Masks:
    """The ROIs of one segmentation.

    Attributes
    ----------
    footprints : Footprints
    centre : (rois, 2) y and x, weighted
    height_px, width_px : of a frame, or of the smallest that holds all ROIs where the file does not say
    """

    footprints: Footprints
    centre: np.ndarray
    height_px: int
    width_px: int


def read_planes(row: Recording) -> list[TracedPlane]:
    """The traces of a file, one plane a series, in natural order of their names.

    Where a container of neuropil has a series of the same name beside raw fluorescence, it is subtracted as that of a
    movie is.

    Parameters
    ----------
    row : with ``data``; ``dataset`` names a series or the container of one a plane, and may be empty where there is
        only one whose name says neither neuropil nor events; ``axes`` as for movies; ``volume_rate_hz`` is held against
        the file's, and taken where ``header`` is ignore

    Raises
    ------
    InputError
        If the file is unreadable, holds no traces, or several that could be meant.
    """
    path = Path(row.data)
    remedy = "Is the file whole, and NWB 2? Validate it with pynwb."
    with open_hdf5(path) as file, reading(path, "NWB 2", remedy, found="an unreadable part"):
        names = _choose(file, path, row.dataset)
        planes = [_read_plane(file, name, number, row, path) for number, name in enumerate(names)]
    height, width = (max(getattr(plane, side) for plane in planes) for side in ("height_px", "width_px"))
    return [_enlarged(plane, height, width) for plane in planes]


def series_in(file: h5py.File) -> list[str]:
    """Paths of all series with a value an ROI, known by what they hold, since extensions rename the type."""
    import h5py

    found: list[str] = []

    def collect(place: str, item: object) -> None:
        if isinstance(item, h5py.Group) and "rois" in item and isinstance(item.get("data"), h5py.Dataset):
            found.append(place)

    file.visititems(collect)
    return sorted(found, key=lambda place: natural_key(Path(place)))


def times_of(series: h5py.Group, n_samples: int, path: Path) -> np.ndarray | None:
    """(samples,) seconds on the file's clock, from timestamps (a link to another's will do) or start and rate."""
    if "timestamps" in series:
        times_s = series["timestamps"][:].astype(np.float64)
        if len(times_s) != n_samples or np.any(~(np.diff(times_s) > 0)):
            found, expected = f"{len(times_s)} times", f"{n_samples} that increase"
            where = f"{path}, {series.name}/timestamps"
            raise InputError(problem(where, found, expected, "Is the file whole?"))
        return times_s
    start = series.get("starting_time")
    rate_hz = None if start is None else start.attrs.get("rate")
    if rate_hz is None or not np.isfinite(rate_hz) or rate_hz <= 0:
        return None
    return float(np.nan_to_num(start[()])) + np.arange(n_samples) / float(rate_hz)


def _choose(file: h5py.File, path: Path, name: str | None) -> list[str]:
    """The series that are meant: those of one container, or the one that is named."""
    found = series_in(file)
    listed = "; ".join(found) or "none"
    if name is not None:
        wanted = name.strip("/")
        exact = [place for place in found if place == wanted or place.endswith(f"/{wanted}")]
        chosen = exact if len(exact) == 1 else [p for p in found if f"/{p.rsplit('/', 1)[0]}".endswith(f"/{wanted}")]
    else:
        chosen = [place for place in found if not NOT_TRACES.search("/".join(place.split("/")[-2:]))]
    containers = {place.rsplit("/", 1)[0] for place in chosen}
    if len(containers) != 1 or (len(chosen) > 1 and _share_rois(file, chosen)):
        what = f"{len(chosen)} series of traces" if chosen else "no series of traces"
        raise InputError(problem(path, f"{what} (series with ROIs: {listed})", "one a plane", NAME_ONE))
    return chosen


def _share_rois(file: h5py.File, places: list[str]) -> bool:
    """Whether two series are of the same segmentation: measures of one plane, not planes."""
    tables = [file[file[place]["rois"].attrs["table"]].name for place in places]
    return len(set(tables)) < len(tables)


def _read_plane(file: h5py.File, name: str, number: int, row: Recording, path: Path) -> TracedPlane:
    series = file[name]
    traces = _traces(series, path)
    segmentation = file[series["rois"].attrs["table"]]
    rows = series["rois"][:].astype(int)
    masks = _masks(segmentation, rows, row.axes != "tyx", _says(file, "session_description"), path)
    letters = re.sub(r"[^a-z]", "", "".join(name.split("/")[-2:]).lower())
    is_dff = "dfoverf" in letters or "dff" in letters
    neuropil = None if is_dff else _neuropil(file, name)
    times_s = None if row.header == "ignore" else times_of(series, traces.shape[1], path)
    if times_s is None and row.volume_rate_hz is None:
        remedy = "Fill in volume_rate_hz in the recording sheet."
        raise InputError(problem(f"{path}, {name}", "neither times nor a rate", "one of them", remedy))
    if times_s is None:
        times_s = np.arange(traces.shape[1]) / row.volume_rate_hz
    rate_hz = float(1 / np.median(np.diff(times_s)))
    check_rate(row.volume_rate_hz, rate_hz, f"{path}, {name}")
    refuse_odd_rate(rate_hz, f"{path}, {name}")
    kind = "dF/F" if is_dff else "fluorescence" if neuropil is None else "fluorescence less neuropil"
    return TracedPlane(
        number=number,
        height_px=masks.height_px,
        width_px=masks.width_px,
        footprints=masks.footprints,
        mean_image=None,
        rois=_rois(segmentation, rows, masks),
        traces=traces,
        neuropil=None if neuropil is None else _traces(neuropil, path),
        is_dff=is_dff,
        valid_frames=np.ones(traces.shape[1], bool),
        frame_time_s=times_s,
        traces_are=f"an NWB file ({kind}, series {name})",
        where=f"{path}, {name}",
    )


def _traces(series: h5py.Group, path: Path) -> np.ndarray:
    """(rois, frames) float32 in the series' unit."""
    data, n_rois = series["data"], len(series["rois"])
    values = data[:] if data.ndim == 2 else data[:][:, None]
    if values.ndim != 2 or values.shape[1] != n_rois:
        turned = values.ndim == 2 and values.shape[0] == n_rois
        remedy = "Transpose the data: time comes first in NWB." if turned else "Is the file whole?"
        where = f"{path}, {series.name}/data"
        raise InputError(problem(where, f"shape {data.shape}", f"(time, {n_rois} ROIs)", remedy))
    scale, offset = float(data.attrs.get("conversion", 1.0)), float(data.attrs.get("offset", 0.0))
    return np.ascontiguousarray(values.T, np.float32) * np.float32(scale) + np.float32(offset)


def _neuropil(file: h5py.File, name: str) -> h5py.Group | None:
    """The series of neuropil that belongs to one of fluorescence: of the same name, in a container named so."""
    *_, container, series = name.split("/")
    for place in series_in(file):
        *_, other, own = place.split("/")
        if own == series and other != container and "neuropil" in other.lower():
            return file[place]
    return None


def _says(file: h5py.File, name: str) -> str:
    value = file[name][()] if name in file else ""
    return value.decode() if isinstance(value, bytes) else str(value)


def _rois(segmentation: h5py.Group, rows: np.ndarray, masks: Masks) -> pd.DataFrame:
    import pandas as pd

    columns = {"y_px": masks.centre[:, 0], "x_px": masks.centre[:, 1]}
    columns["n_pixels"] = np.diff(masks.footprints.indptr).astype(np.int32)
    choice = next((name for name in CHOICES if name in segmentation), None)
    rejected = np.full(len(rows), "", dtype=object)
    if choice is not None:
        values = segmentation[choice][:][rows]
        rejected[(values[:, 0] if values.ndim == 2 else values) == 0] = f"no cell in its column {choice}"
    return pd.DataFrame(columns | {"rejected": rejected})


def _masks(segmentation: h5py.Group, rows: np.ndarray, x_first: bool, description: str, path: Path) -> Masks:
    """ROIs from ``pixel_mask`` or ``image_mask``; none of either leaves them without a place."""
    if "pixel_mask" in segmentation:
        first, second = ("y", "x") if ROWS_FIRST in description.lower() else ("x", "y")
        ends = segmentation["pixel_mask_index"][:].astype(np.int64)
        starts, mask = np.r_[0, ends[:-1]], segmentation["pixel_mask"][:]
        parts = [mask[starts[k] : ends[k]] for k in rows]
        of = {first: [p["x"].astype(int) for p in parts], second: [p["y"].astype(int) for p in parts]}
        return _joined(of["y"], of["x"], [p["weight"] for p in parts], None)
    if "image_mask" in segmentation:
        ys, xs, weights, size = [], [], [], None
        for k in rows:  # one at a time: masks of a large frame are mostly empty
            image = segmentation["image_mask"][k]
            image = image.T if x_first else image
            y, x = np.nonzero(image)
            size = image.shape
            ys, xs, weights = [*ys, y], [*xs, x], [*weights, image[y, x]]
        return _joined(ys, xs, weights, size)
    nothing = [np.empty(0, int)] * len(rows)
    return _joined(nothing, nothing, nothing, None)


def _joined(
    ys: list[np.ndarray], xs: list[np.ndarray], weights: list[np.ndarray], size: tuple[int, int] | None
) -> Masks:
    height, width = size or (1 + max(int(of.max(initial=0)) for of in axis) for axis in (ys, xs))
    indptr = np.cumsum([0, *map(len, ys)]).astype(np.int64)
    pixel = np.concatenate([y * width + x for y, x in zip(ys, xs, strict=True)]).astype(np.int32)
    centre = [
        [np.average(axis, weights=weight) if weight.sum() > 0 else np.nan for axis in (y, x)]
        for y, x, weight in zip(ys, xs, weights, strict=True)
    ]
    footprints = Footprints(indptr, pixel, np.concatenate(weights).astype(np.float32))
    return Masks(footprints, np.array(centre, np.float32), int(height), int(width))


def _enlarged(plane: TracedPlane, height: int, width: int) -> TracedPlane:
    """The plane in a frame that all planes fit into."""
    y, x = np.divmod(plane.footprints.pixel, plane.width_px)
    footprints = replace(plane.footprints, pixel=(y * width + x).astype(np.int32))
    return replace(plane, footprints=footprints, height_px=height, width_px=width)
