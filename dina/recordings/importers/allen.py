"""Responses to natural scenes from the Allen Brain Observatory, Visual Coding 2P.

A session of type ``three_session_B`` as the Allen SDK downloads it (``{id}.nwb``, NWB 1, in frames) or from DANDI
(``…StimB…behavior+image+ophys.nwb``, NWB 2, in seconds). A response is the sum of events while the scene is on,
a little later. Blank presentations are left out.

References
----------
de Vries et al. 2020, Nat. Neurosci. 23:138.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina.errors import InputError, ShapeError, problem
from dina.imaging.deconvolution import deconvolved, maximin_baseline
from dina.imaging.indicators import tau_s
from dina.recordings.importers.pictures import WHOLE, from_8_bit, shown_of, width_in_window, window_of
from dina.recordings.importers.population import Population
from dina.recordings.responses import window_sums
from dina.recordings.stimuli import Shown
from dina.settings import DeconvolutionSettings

if TYPE_CHECKING:
    import h5py

    from dina.recordings.sheet import Recording

PIPELINE = "processing/brain_observatory_pipeline"  # of NWB 1
DELAY_S = 0.1  # of the window behind the scene: about 0.06 s to V1, and 0.04 s that events of GCaMP6f come late
SCENE_S = 0.25  # for which a scene is on; NWB 2 files hold no ends
INDICATOR = "GCaMP6f"


@dataclass(frozen=True)
class _Scenes:
    """Presentations of scenes, blanks left out, in order of time.

    Attributes
    ----------
    scene : (trials,) int, from 0
    onset_s, stop_s : (trials,) float64, on the clock of the frames
    """

    scene: np.ndarray
    onset_s: np.ndarray
    stop_s: np.ndarray


def read_shown(row: Recording, size_px: int) -> Shown:
    """The scenes shown, and when.

    Parameters
    ----------
    row : with ``data``; perhaps ``image_window`` and ``image_width_deg``, the angle of a whole scene

    Raises
    ------
    InputError
        If the file holds no natural scenes, or is in another layout.
    """
    import pandas as pd

    path = Path(row.data)
    with _opened(path) as file:
        picture, n_scenes = _template(file, path)
        scenes = _scenes(file, path, n_scenes)
        shape = picture(0).shape
        window = window_of(row.image_window, WHOLE, shape, f"{path}, image_window")

        def pictures(numbers: np.ndarray) -> Iterator[np.ndarray]:
            for number in numbers:
                yield from_8_bit(picture(number)[window], f"{path}, scene {number}")

        speed = _running_speed(file, (scenes.onset_s + scenes.stop_s) / 2)
        return shown_of(
            scenes.scene,
            pictures,
            size_px,
            path,
            width_deg=width_in_window(row.image_width_deg, window, shape[1]),
            behaviour=pd.DataFrame({} if speed is None else {"running_cm_s": speed}, index=range(len(scenes.scene))),
            onset_s=scenes.onset_s,
        )


def read_population(row: Recording) -> Population:
    """The neurons' events, summed over each scene.

    Events are those of ``events``, else those in the file, else OASIS's of its dF/F. Memory is a few times that of the
    traces, 80 MB for 174 neurons.

    Parameters
    ----------
    row : with ``data``, and perhaps ``events``

    Raises
    ------
    InputError
        If the file holds no natural scenes, or is in another layout.
    ShapeError
        If events and dF/F differ in shape.
    """
    import pandas as pd

    path = Path(row.data)
    with _opened(path) as file:
        scenes = _scenes(file, path, _template(file, path)[1])
        time_s = _times(_series(file, path, "DfOverF"))
        inferred = PIPELINE not in file and "processing/ophys/DfOverF/DfOverFEvents" in file
        events = _traces(file, path, "DfOverFEvents" if inferred and row.events is None else "DfOverF")
        cell = _cells(file, len(events))
    if row.events is not None:
        events, inferred = _events(Path(row.events), events.shape), True
    whole = np.flatnonzero(np.isfinite(events).all(1))
    if len(whole) < len(events):
        warnings.warn(
            f"{path}: {len(events) - len(whole)} of {len(events)} neurons have gaps and are left out.", stacklevel=2
        )
    events = events[whole].astype(np.float32)
    if not inferred:
        events = _deconvolved(events, time_s)
    are = "events of the Allen Institute" if inferred else "deconvolved dF/F (OASIS)"
    responses = window_sums(events, time_s, scenes.onset_s + DELAY_S, scenes.stop_s + DELAY_S)
    number = np.arange(len(whole), dtype=np.int32)
    neurons = pd.DataFrame({"neuron": number, "plane": np.int16(0), "roi": whole.astype(np.int32)})
    return Population(
        n_trials=len(responses),
        n_neurons=len(whole),
        blocks=lambda: iter([responses]),
        neurons=neurons.assign(cell_specimen_id=cell[whole]),
        unit="deconvolved activity",
        responses_are=f"{are}, summed while the scene was on, {DELAY_S:g} s later",
        where=str(path),
    )


def _scenes(file: h5py.File, path: Path, n_scenes: int) -> _Scenes:
    """Presentations whose response window lies inside the recording."""
    shown = _found(file, path, "stimulus/presentation", "natural_scenes")
    number = np.asarray(shown["data"][...]).astype(np.float64).ravel()  # a blank is -1, or that cast to unsigned
    time_s = _times(_series(file, path, "DfOverF"))
    begin_end = _in_frames(shown, path, time_s, len(number)) if PIPELINE in file else _in_seconds(shown)
    order = np.argsort(begin_end[0], kind="stable")
    number, onset_s, stop_s = number[order], *(times[order] for times in begin_end)
    stop_s = np.minimum(stop_s, np.r_[onset_s[1:], np.inf])
    inside = (onset_s >= time_s[0]) & (stop_s + DELAY_S <= time_s[-1]) & (number >= 0) & (number < n_scenes)
    if not inside.any():
        found, remedy = f"{len(number)} presentations, none of a scene", "Is the file whole?"
        raise InputError(problem(f"{path}, {shown.name}", found, "scenes within the recording", remedy))
    return _Scenes(number[inside].astype(np.int64), onset_s[inside], stop_s[inside])


def _in_frames(shown: h5py.Group, path: Path, time_s: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """When presentations began and ended, seconds, of a file that counts them in frames."""
    frame = np.asarray(shown["frame_duration"][...]).astype(np.int64)
    if frame.shape != (n, 2) or frame.min() < 0 or frame[:, 0].max() >= len(time_s):
        found = f"frames of shape {frame.shape}, {frame.min()} to {frame.max()}"
        expected = f"first and last of {n} presentations, below {len(time_s)}"
        raise ShapeError(problem(f"{path}, {shown.name}", found, expected, "Is the file whole?"))
    onset_s = time_s[frame[:, 0]]
    return onset_s, onset_s + (frame[:, 1] - frame[:, 0]) * float(np.median(np.diff(time_s)))


def _in_seconds(shown: h5py.Group) -> tuple[np.ndarray, np.ndarray]:
    """When presentations began and ended, seconds, of a file that holds onsets alone."""
    onset_s = np.asarray(shown["timestamps"][...], np.float64)
    return onset_s, onset_s + SCENE_S


def _template(file: h5py.File, path: Path) -> tuple[Callable[[int], np.ndarray], int]:
    """A function that reads a scene, (height, width) of 8 bits, and how many there are."""
    if PIPELINE in file:
        held = _found(file, path, "stimulus/templates", "natural_scenes")
    else:
        shown = _found(file, path, "stimulus/presentation", "natural_scenes")
        link = next((name for name in ("indexed_images", "indexed_timeseries") if name in shown), None)
        held = shown[link] if link else _found(file, path, "stimulus/templates", "natural_scenes")
    if "data" in held:
        if held["data"].ndim != 3:
            expected = "(scenes, height, width)"
            raise ShapeError(problem(f"{path}, {held.name}", held["data"].shape, expected, "Is the file whole?"))
        return lambda number: held["data"][number], len(held["data"])
    numbered = {}
    for name in held:  # HDF5 gives them in alphabetical order, and the file keeps no other
        digits = re.search(r"\d+$", name)
        if digits:
            numbered[int(digits.group())] = name
    if sorted(numbered) != list(range(len(numbered))) or not numbered:
        found = f"images {', '.join(sorted(held)[:3])} …"
        raise InputError(problem(f"{path}, {held.name}", found, "images numbered from 0", "Is the file whole?"))
    return lambda number: held[numbered[int(number)]][...], len(numbered)


def _series(file: h5py.File, path: Path, name: str) -> h5py.Group:
    """The series of traces ``DfOverF``, or ``DfOverFEvents``, which NWB 1 files do not have."""
    where = f"{PIPELINE}/DfOverF/imaging_plane_1" if PIPELINE in file else f"processing/ophys/DfOverF/{name}"
    if where not in file:
        raise InputError(problem(path, f"no {where}", "one", "Name a processed session of Visual Coding 2P."))
    return file[where]


def _times(series: h5py.Group) -> np.ndarray:
    """(frames,) seconds."""
    return np.asarray(series["timestamps"][...], np.float64)


def _traces(file: h5py.File, path: Path, name: str) -> np.ndarray:
    """(neurons, frames) values of a series; NWB 1 files hold them so, NWB 2 files the other way round."""
    series = _series(file, path, name)
    data = series["data"]
    values = data[...]
    if PIPELINE not in file:
        values = values.T * data.attrs.get("conversion", 1) + data.attrs.get("offset", 0)
    if values.ndim != 2 or values.shape[1] != len(series["timestamps"]):
        found = f"traces of {values.shape} and {len(series['timestamps'])} times"
        raise ShapeError(problem(f"{path}, {series.name}", found, "a time for each frame", "Is the file whole?"))
    return values


def _cells(file: h5py.File, n_neurons: int) -> np.ndarray:
    """(neurons,) the institute's numbers of cells, which are the same across sessions; -1 where there are none."""
    old, new = f"{PIPELINE}/ImageSegmentation/cell_specimen_ids", "ImageSegmentation/PlaneSegmentation/global_roi_id"
    where = old if PIPELINE in file else f"processing/ophys/{new}"
    cell = np.ravel(file[where][...]) if where in file else np.empty(0)
    return cell.astype(np.int64) if len(cell) == n_neurons else np.full(n_neurons, -1)


def _events(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """(neurons, frames) events of the institute's file beside an SDK session."""
    from dina.recordings.importers.npz_files import load_member

    events = load_member(path, "ev")
    if events.shape != shape or events.dtype.kind != "f":
        expected = f"{shape}, as dF/F: neurons × frames"
        raise ShapeError(problem(f"{path}, ev", events.shape, expected, "Name the events of this session."))
    return events


def _deconvolved(dff: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(neurons, frames) events of dF/F above its running baseline."""
    usual, rate_hz = DeconvolutionSettings(), float(1 / np.median(np.diff(time_s)))
    baseline = maximin_baseline(dff, usual.baseline_window_s * rate_hz, usual.baseline_sigma_frames)
    return deconvolved(dff - baseline, tau_s(INDICATOR), rate_hz)


def _running_speed(file: h5py.File, at_s: np.ndarray) -> np.ndarray | None:
    """(trials,) cm/s in the middle of each presentation, or None where nobody measured it."""
    where = PIPELINE if PIPELINE in file else "processing/behavior"
    name = f"{where}/BehavioralTimeSeries/running_speed"
    if name not in file:
        return None
    speed, time_s = np.ravel(file[name]["data"][...]), np.ravel(file[name]["timestamps"][...])
    known = np.isfinite(speed) & np.isfinite(time_s)
    return np.interp(at_s, time_s[known], speed[known]) if known.any() else None


def _found(file: h5py.File, path: Path, folder: str, begins: str) -> Any:
    """The group in a folder whose name begins so."""
    names = sorted(file[folder]) if folder in file else []
    chosen = [name for name in names if name.startswith(begins)]
    if len(chosen) != 1:
        found = f"{folder} with {', '.join(names) or 'nothing'}"
        remedy = "Natural scenes were shown in sessions of type three_session_B (StimB) alone."
        raise InputError(problem(path, found, "natural scenes", remedy))
    return file[folder][chosen[0]]


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        remedy = "Name the .nwb file, as downloaded; Zarr folders have no importer."
        raise InputError(problem(path, f"an unreadable file ({error})", "NWB in HDF5", remedy)) from error
    with file:
        try:
            yield file
        except (KeyError, OSError) as error:
            found = f"an unexpected layout ({error})"
            raise InputError(problem(path, found, "a session of Visual Coding 2P", "Download it again.")) from error
