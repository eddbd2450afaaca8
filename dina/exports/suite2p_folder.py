"""A plane as a folder of suite2p 1.1, to look at and to curate in suite2p's own interface."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from dina import stores
from dina.errors import InputError, problem
from dina.imaging.frames import FRAMES
from dina.imaging.indicators import tau_s
from dina.imaging.rois import Footprints
from dina.manifest import file_digest
from dina.settings import DeconvolutionSettings

CHOICE, PIN, RECORD = "iscell.npy", "rois.json", "exported.json"
FILES = ("F.npy", "Fneu.npy", "spks.npy", "stat.npy", "ops.npy", "db.npy", "settings.npy", "reg_outputs.npy",
         "detect_outputs.npy", PIN)  # fmt: skip
ROIS_AT_ONCE = 500  # that suite2p deconvolves, of ROIs merged there: its own default
MOVIE = "data.bin"  # where suite2p looks for the registered frames


def export_suite2p(
    registered: Path,
    rois: Path,
    traces: Path,
    activity: Path,
    session: Path,
    output: Path,
    settings: DeconvolutionSettings,
    indicator: str | None = None,
) -> None:
    """Write a plane's ROIs, traces and images as suite2p 1.1 keeps them.

    All ROIs, in their own order: ``stat.npy``, ``F.npy``, ``Fneu.npy``, ``spks.npy`` (rois, frames), ``iscell.npy``
    (rois, 2) with the session's choice and the classifier's probability, ``redcell.npy`` where there is a structural
    channel, ``ops.npy`` and the dictionaries of 1.1, and ``data.bin``, a link to the registered frames. A copy of the
    manifest ``rois.json`` beside it pins a choice to these ROIs: put ``iscell.npy`` and ``rois.json`` into
    ``curation/{recording}/plane-{plane}/`` beside the sheet to have them taken over.

    A choice that was changed in the folder and not taken over is never lost: the export is refused. Memory is that
    of a block of ROIs' traces; nothing of suite2p is imported, and no pickle is read.

    Parameters
    ----------
    registered, rois, traces, activity : stores of the plane
    session : store
    output : folder, may exist
    settings : DeconvolutionSettings
        Told to suite2p, for traces of ROIs that are merged or drawn there.
    indicator : str, optional
        Sets the decay where the settings leave it open.

    Raises
    ------
    InputError
        If the folder holds a choice of ROIs that the session has not taken over.
    """
    about = stores.read_attributes(rois)
    choice = _choice(session, about["plane"], traces)
    _refuse_to_lose(output, choice, about["plane"])
    output.mkdir(parents=True, exist_ok=True)
    for name, store, array in (
        ("F", traces, "fluorescence"),
        ("Fneu", traces, "neuropil"),
        ("spks", activity, "deconvolved"),
    ):
        _write_rows(output / f"{name}.npy", store, array)
    np.save(output / CHOICE, choice)
    if stores.holds(rois, "red"):
        red = [stores.read_array(rois, name) for name in ("red", "red_probability")]
        np.save(output / "redcell.npy", np.stack(red, axis=1).astype(np.float32))
    np.save(output / "stat.npy", _stat(rois, traces, about["width_px"], settings.neuropil_coefficient))
    parts = _dictionaries(registered, rois, settings, indicator)
    for name, values in parts.items():
        np.save(output / f"{name}.npy", values)
    np.save(output / "ops.npy", {key: value for values in parts.values() for key, value in values.items()})
    _link(output / MOVIE, registered / FRAMES)
    shutil.copyfile(stores.manifest_path(rois), output / PIN)
    (output / RECORD).write_text(json.dumps({CHOICE: file_digest(output / CHOICE)}) + "\n")


def _choice(session: Path, plane: int, traces: Path) -> np.ndarray:
    """(rois, 2) float64: 1 where the session accepted the ROI, and the classifier's probability."""
    table = stores.read_table(session, "rois")
    accepted = (table.loc[table["plane"] == plane, "rejected"] == "").to_numpy()
    return np.stack([accepted, stores.read_array(traces, "cell_probability")], axis=1).astype(np.float64)


def _refuse_to_lose(output: Path, choice: np.ndarray, plane: int) -> None:
    """Raise if the folder's choice is neither the one that was exported nor the session's."""
    path, record = output / CHOICE, output / RECORD
    if not path.is_file():
        return
    if record.is_file() and json.loads(record.read_text())[CHOICE] == file_digest(path):
        return
    if _is_choice(path, choice):
        return
    remedy = (
        f"Copy it with {PIN} into curation/{{recording}}/plane-{plane}/ beside the recording sheet and run again, or "
        "delete it."
    )
    raise InputError(problem(path, "a choice of ROIs that was made since", "one that the session has", remedy))


def _is_choice(path: Path, choice: np.ndarray) -> bool:
    """Whether a file holds the same cells as (rois, 2) ``choice``."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError):  # whatever it is, it was not written here
        return False
    return found.shape == choice.shape and np.array_equal(found[:, 0], choice[:, 0])


def _write_rows(path: Path, store: Path, name: str) -> None:
    """Copy a (rois, frames) array into an npy file, chunk by chunk of rows."""
    values = stores.open_array(store, name)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=values.dtype, shape=values.shape)
    for start in range(0, values.shape[0], values.chunks[0]):
        out[start : start + values.chunks[0]] = values[start : start + values.chunks[0]]
    out.flush()


def _stat(rois: Path, traces: Path, width: int, coefficient: float) -> np.ndarray:
    """(rois,) object array of dictionaries, one an ROI."""
    footprints = Footprints.read(rois)
    names = ("radius_px", "aspect_ratio", "compactness", "relative_size", "n_soma_pixels", "centroid_px")
    radius, aspect, compact, size, n_soma, centroid = (stores.read_array(rois, name) for name in names)
    skewness, sd = stores.read_array(traces, "skewness"), _corrected_sd(traces, coefficient)
    shared = np.bincount(footprints.pixel)[footprints.pixel] > 1
    y, x = np.divmod(footprints.pixel.astype(np.int64), width)
    stat = np.empty(len(footprints), object)
    for k, entries in enumerate(map(footprints.roi, range(len(footprints)))):
        n_pixels = entries.stop - entries.start
        stat[k] = {
            "ypix": y[entries],
            "xpix": x[entries],
            "lam": footprints.weight[entries],
            "overlap": shared[entries],
            "soma_crop": np.ones(n_pixels, bool),
            "med": [round(float(value)) for value in centroid[k]],
            "npix": n_pixels,
            "npix_soma": int(n_soma[k]),
            "npix_norm": float(size[k]),
            "npix_norm_no_crop": float(size[k]) * n_pixels / max(1, int(n_soma[k])),
            "radius": float(radius[k]),
            "aspect_ratio": float(aspect[k]),
            "compact": float(compact[k]),
            "footprint": 0.0,  # of suite2p's search, which keeps it nowhere else
            "skew": float(skewness[k]),
            "std": float(sd[k]),
        }
    return stat


def _dictionaries(
    registered: Path, rois: Path, settings: DeconvolutionSettings, indicator: str | None
) -> dict[str, dict[str, Any]]:
    """What the interface asks of a recording, by the file in which suite2p 1.1 keeps it."""
    about = stores.read_attributes(registered)
    rows, columns = about["visible_rows"], about["visible_columns"]
    diameter_px = stores.read_attributes(rois)["diameter_px"]
    projection = stores.read_array(rois, "max_projection")[slice(*rows), slice(*columns)]
    mean = stores.read_array(rois, "mean_image")
    images = {"meanImg": mean, "refImg": mean}
    if stores.holds(registered, "mean_image_structural"):
        images["meanImg_chan2"] = stores.read_array(registered, "mean_image_structural")
    return {
        "db": {
            "Ly": about["height_px"],
            "Lx": about["width_px"],
            "nframes": about["n_frames"],
            "nplanes": 1,
            "nchannels": 1 + ("meanImg_chan2" in images),
            "iplane": about["plane"],
            "save_path": "",
            "reg_file": "",  # suite2p then takes data.bin beside it, wherever the folder was moved
        },
        "settings": {
            "fs": about["volume_rate_hz"],
            "tau": settings.tau_s or tau_s(indicator),
            "diameter": [diameter_px, diameter_px],
            "aspect": 1.0,
            "batch_size": ROIS_AT_ONCE,
            "torch_device": "cpu",
            "io": {"save_mat": False},
            "detection": {"soma_crop": True},
            "extraction": {"neuropil_coefficient": settings.neuropil_coefficient},
        },
        "reg_outputs": images
        | {
            "yrange": list(rows),
            "xrange": list(columns),
            "badframes": ~stores.read_array(registered, "valid_frames"),
        },
        "detect_outputs": {"max_proj": projection, "Vcorr": projection},
    }


def _corrected_sd(traces: Path, coefficient: float) -> np.ndarray:
    """(rois,) s.d. of the neuropil-corrected fluorescence, a block of ROIs at a time."""
    fluorescence, neuropil = (stores.open_array(traces, name) for name in ("fluorescence", "neuropil"))
    step = fluorescence.chunks[0]
    blocks = (slice(start, start + step) for start in range(0, fluorescence.shape[0], step))
    return np.concatenate([(fluorescence[rois] - coefficient * neuropil[rois]).std(1) for rois in blocks])


def _link(path: Path, target: Path) -> None:
    """Point at a file by a relative path, so that a moved results folder stays whole."""
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(target.absolute(), path.parent.absolute()))
