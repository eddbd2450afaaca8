"""Folders that suite2p wrote, 0.x and 1.x: ROIs, their traces and the choice of cells, plane by plane.

Layouts: suite2p 0.14.4 and 1.1.0. ``combined/`` is left aside: it pads shorter planes with zeros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.acquisition import check_rate, refuse_odd_rate
from dina.imaging.rois import Footprints
from dina.recordings.importers.planes import TracedPlane
from dina.recordings.importers.unpickling import load_dict, load_objects
from dina.tables import numbers_in, read_table, refuse_unsorted

if TYPE_CHECKING:
    import pandas as pd

    from dina.recordings.sheet import Recording

MEASURES = {"npix": "n_pixels", "compact": "compactness", "aspect_ratio": "aspect_ratio", "skew": "skewness"}


@dataclass(frozen=True)
class About:
    """What a plane's folder says of its acquisition, wherever its version of suite2p keeps it.

    Attributes
    ----------
    rate_hz : frames a second of this plane
    n_planes : that frames were taken from in turn, flyback included
    height_px, width_px : of a frame
    mean_image : (height, width) or None
    bad_frames : (frames,) bool or None
    version : "0.x" or "1.x"
    """

    rate_hz: float | None
    n_planes: int
    height_px: int
    width_px: int
    mean_image: np.ndarray | None
    bad_frames: np.ndarray | None
    version: str


def read_planes(row: Recording) -> list[TracedPlane]:
    """Every plane of a folder, in natural order, less those of ``skip_planes``.

    Parameters
    ----------
    row : with ``data``, the folder that holds ``plane0``, ``plane1`` … (or one of these itself); ``volume_rate_hz`` is
        held against suite2p's ``fs``, and taken where ``header`` is ignore; ``frame_times`` goes before both

    Raises
    ------
    InputError
        If files are missing or do not fit together, or ask for more than NumPy.
    """
    folder = Path(row.data)
    within = sorted(folder.glob("plane*"), key=lambda path: _number(path) if path.is_dir() else -1)
    folders = [path for path in within if path.is_dir() and _number(path) >= 0]
    if not folders and (folder / "F.npy").is_file():
        folders = [folder]
    skipped = {int(number) for number in re.findall(r"\d+", row.skip_planes or "")}
    kept = [path for path in folders if _number(path) not in skipped]
    if not kept:
        remedy = "Name the folder that suite2p wrote, the one with plane0 in it."
        raise InputError(problem(folder, "no folder plane0, plane1 …", "suite2p's results", remedy))
    return [_read_plane(path, row) for path in kept]


def _number(folder: Path) -> int:
    found = re.fullmatch(r"plane(\d+)", folder.name)
    return int(found[1]) if found else -1


def _read_plane(folder: Path, row: Recording) -> TracedPlane:
    number, about = max(0, _number(folder)), _about(folder)
    fluorescence, neuropil = (_matrix(folder / name) for name in ("F.npy", "Fneu.npy"))
    if neuropil.shape != fluorescence.shape:
        found, expected = f"shape {neuropil.shape}", f"{fluorescence.shape}, as in F.npy"
        raise InputError(problem(folder / "Fneu.npy", found, expected, "Copy the folder again."))
    if number >= about.n_planes:
        remedy = "Name the folder as suite2p did; its number says when in a volume the plane was scanned."
        raise InputError(problem(folder, f"plane {number}", f"one of {about.n_planes} planes, as it says", remedy))
    n_rois, n_frames = fluorescence.shape
    stats = load_objects(folder / "stat.npy")
    if stats.shape != (n_rois,):
        found, expected = f"{len(stats)} ROIs", f"{n_rois}, as in F.npy"
        raise InputError(problem(folder / "stat.npy", found, expected, "Copy the folder again."))
    footprints, centre = _footprints(stats, about, folder / "stat.npy")
    bad = np.zeros(n_frames, bool) if about.bad_frames is None else about.bad_frames
    return TracedPlane(
        number=number,
        height_px=about.height_px,
        width_px=about.width_px,
        footprints=footprints,
        mean_image=about.mean_image,
        rois=_rois(stats, centre, folder),
        traces=fluorescence,
        neuropil=neuropil,
        is_dff=False,
        valid_frames=~bad,
        frame_time_s=_frame_times(number, n_frames, about, row, folder),
        traces_are=f"suite2p {about.version}, cells as in its iscell.npy",
        where=str(folder),
    )


def _about(folder: Path) -> About:
    """From ``settings.npy``, ``db.npy`` and ``reg_outputs.npy`` of 1.x, else from ``ops.npy``."""
    version = "1.x" if (folder / "settings.npy").is_file() else "0.x"
    files = ("settings.npy", "db.npy", "reg_outputs.npy") if version == "1.x" else ("ops.npy",)
    known: dict[str, Any] = {}
    for name in files:
        if (folder / name).is_file() or name != "reg_outputs.npy":
            known |= load_dict(folder / name)
    missing = [key for key in ("Ly", "Lx") if key not in known]
    if missing:
        raise InputError(problem(folder, f"no {missing[0]} in {', '.join(files)}", "it there", "Is the folder whole?"))
    height, width = int(known["Ly"]), int(known["Lx"])
    mean, bad = (known.get(key) for key in ("meanImg", "badframes"))
    return About(
        rate_hz=float(known["fs"]) if known.get("fs") else None,
        n_planes=int(known.get("nplanes", 1)),
        height_px=height,
        width_px=width,
        mean_image=mean if isinstance(mean, np.ndarray) and mean.shape == (height, width) else None,
        bad_frames=bad.astype(bool) if isinstance(bad, np.ndarray) and bad.ndim == 1 and bad.size else None,
        version=version,
    )


def _matrix(path: Path) -> np.ndarray:
    """(rois, frames) float32 of a file without objects."""
    found = load_objects(path)
    if found.ndim != 2 or found.dtype.kind not in "iuf" or 0 in found.shape:
        shape = f"{found.shape} {found.dtype}"
        raise InputError(problem(path, shape, "numbers, ROIs × frames", "Is it suite2p's own file?"))
    return found.astype(np.float32, copy=False)


def _footprints(stats: np.ndarray, about: About, path: Path) -> tuple[Footprints, np.ndarray]:
    """Pixels of every ROI, and (rois, 2) y and x of its centre."""
    pixels, weights, centre = [], [], []
    for roi, stat in enumerate(stats):
        try:
            y, x, weight = (np.asarray(stat[key]).ravel() for key in ("ypix", "xpix", "lam"))
        except (KeyError, TypeError) as error:
            expected = "ypix, xpix and lam"
            raise InputError(problem(f"{path}, ROI {roi}", f"no {error}", expected, "Is the folder whole?")) from error
        inside = (y >= 0) & (y < about.height_px) & (x >= 0) & (x < about.width_px)
        if len({len(y), len(x), len(weight)}) > 1 or not len(y) or not inside.all():
            found, expected = f"{len(y)} pixels, not all inside", f"pixels of {about.height_px} × {about.width_px}"
            remedy = "Import the planes, not combined/: name the folder that holds plane0."
            raise InputError(problem(f"{path}, ROI {roi}", found, expected, remedy))
        positive = weight > 0
        pixels.append((y.astype(np.int64) * about.width_px + x)[positive].astype(np.int32))
        weights.append(weight[positive].astype(np.float32))
        centre.append(stat["med"] if "med" in stat else (np.median(y), np.median(x)))
    indptr = np.cumsum([0, *map(len, pixels)]).astype(np.int64)
    return Footprints(indptr, np.concatenate(pixels), np.concatenate(weights)), np.asarray(centre, np.float32)


def _rois(stats: np.ndarray, centre: np.ndarray, folder: Path) -> pd.DataFrame:
    """One row an ROI: its place, what suite2p measured, and whether it is a cell."""
    import pandas as pd

    columns: dict[str, Any] = {"y_px": centre[:, 0], "x_px": centre[:, 1]}
    for key, name in MEASURES.items():
        columns[name] = np.array([stat.get(key, np.nan) for stat in stats], np.float32)
    chosen, probability = _flags(folder / "iscell.npy", len(stats))
    columns["cell_probability"] = probability
    if (folder / "redcell.npy").is_file():
        red, columns["red_probability"] = _flags(folder / "redcell.npy", len(stats))
        columns["red"] = red
    columns["rejected"] = np.where(chosen, "", "no cell in iscell.npy").astype(object)
    return pd.DataFrame(columns)


def _flags(path: Path, n_rois: int) -> tuple[np.ndarray, np.ndarray]:
    """(rois,) flags of an ``iscell.npy`` or ``redcell.npy``, and probabilities, NaN where it has none."""
    found = load_objects(path)
    expected = f"({n_rois}, 2) or ({n_rois},), ones and zeros first"
    flags = found[:, 0] if found.ndim == 2 else found
    if (
        found.dtype.kind not in "biuf"
        or found.shape not in ((n_rois,), (n_rois, 2))
        or not np.isin(flags, (0, 1)).all()
    ):
        remedy = "Copy the folder again; iscell.npy must be that of this plane."
        raise InputError(problem(path, f"{found.shape} {found.dtype}", expected, remedy))
    probability = found[:, 1] if found.ndim == 2 else np.full(n_rois, np.nan)
    return flags == 1, probability.astype(np.float32)


def _frame_times(number: int, n_frames: int, about: About, row: Recording, folder: Path) -> np.ndarray:
    """(frames,) seconds: from the sheet's table, else from the rate; plane p of P is sampled p / (P · rate) later."""
    if row.frame_times is not None:
        (time_s,) = numbers_in(read_table(row.frame_times, "a table of frame times"), row.frame_times, "time_s")
        refuse_unsorted(row.frame_times, time_s, "frame times", "Sort them; a row a frame.")
        if len(time_s) == n_frames:
            return time_s + number / about.n_planes * np.median(np.diff(time_s))
        of_plane = time_s[number :: about.n_planes]
        if 0 <= len(of_plane) - n_frames <= 1:
            return of_plane[:n_frames]
        expected = f"{n_frames}, one a volume, or {n_frames * about.n_planes}, one a frame of any plane"
        raise InputError(problem(row.frame_times, f"{len(time_s)} rows", expected, "Is it this recording's table?"))
    rate_hz = row.volume_rate_hz if row.header == "ignore" else about.rate_hz or row.volume_rate_hz
    if rate_hz is None:
        remedy = "Fill in volume_rate_hz in the recording sheet."
        raise InputError(problem(folder, "no rate (fs)", "frames a second of each plane", remedy))
    check_rate(row.volume_rate_hz, rate_hz, folder)
    refuse_odd_rate(rate_hz, folder)
    return (np.arange(n_frames) + number / about.n_planes) / rate_hz
