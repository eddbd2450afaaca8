"""Responses of ten thousand neurons to natural images: Stringer, Pachitariu, Steinmetz, Carandini and Harris 2019.

Sessions ``natimg2800_*.mat`` (2,800 images, shown twice) and ``natimg32_*.mat`` (32 images, shown 96 times) of the
deposit doi:10.25378/janelia.6845348, in the layout that its authors' code reads. Responses are in order of
presentation; those to the grey screen are left out.

References
----------
Stringer et al. 2019, Nature 571:361.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina.errors import InputError, ShapeError, problem
from dina.recordings.importers.mat_files import load_mat
from dina.recordings.importers.pictures import WHOLE, Window, from_8_bit, shown_of, window_of
from dina.recordings.importers.population import Expected, Population
from dina.recordings.stimuli import Shown

if TYPE_CHECKING:
    import pandas as pd

    from dina.recordings.sheet import Recording

HEIGHT_PX, WIDTH_PX = 68, 270  # of the three screens together; a pixel is a degree of visual angle
MOST_PLANES = 64  # as the recording sheet allows
LEAST_SD = 1e-6  # added to the s.d. of spontaneous activity, as the authors do
AUTHORS_COMPONENTS = 32  # of spontaneous activity that the authors remove
WINDOWS: dict[str, Window] = {  # rows and columns where receptive fields lie, by eye (code dp4846/meme_v1_bpl)
    "MP027_2016-12-14": np.s_[25:65, 35:85],
    "MP030_2017-05-29": np.s_[25:65, 95:145],
    "MP031_2017-06-28": np.s_[25:65, 90:135],
    "MP032_2017-08-07": np.s_[20:55, 20:60],
    "MP032_2017-09-14": np.s_[10:45, 90:130],
    "MP033_2017-08-20": np.s_[5:60, 90:150],
    "MP034_2017-09-11": np.s_[20:60, 90:135],
}
SESSION_KNOWN = "natimg2800_M170714_MP032_2017-09-14"
_SOURCE, _OTHERWISE = "the authors' notebook powerlaws.ipynb", "Are these the files of the deposit, unchanged?"
EXPECTED = (  # tolerances: signal variance divides by the mean variance of both halves, the authors by the geometric
    Expected("mean_signal_variance", 0.165, 0.01, _SOURCE, _OTHERWISE),
    Expected("nearest_neighbour_identification", 0.412, 0.02, _SOURCE, _OTHERWISE),
)


def read_shown(row: Recording, size_px: int) -> Shown:
    """The images shown, cut to where the session's receptive fields lie.

    The file of images is read whole: 51 MB.

    Parameters
    ----------
    row : with ``data`` and ``images``; perhaps ``categories`` and ``image_window``

    Raises
    ------
    InputError
        If the session shows images that the file does not hold, or a file is in another layout.
    """
    import pandas as pd

    session, path = Path(row.data), Path(row.images)
    image = _presented(_stim(session), session, _n_images(path))
    image = image[image >= 0]
    pixels = load_mat(path, "imgs")["imgs"]
    window = window_of(row.image_window, _usual_window(session), (HEIGHT_PX, WIDTH_PX), f"{session}, image_window")

    def pictures(numbers: np.ndarray) -> Iterator[np.ndarray]:
        for number in numbers:
            yield from_8_bit(pixels[:, :, number][window], f"{path}, image {number}")

    return shown_of(
        image,
        pictures,
        size_px,
        session,
        width_deg=len(range(WIDTH_PX)[window[1]]),
        category=None if row.categories is None else _categories(Path(row.categories), pixels.shape[2])[image],
        behaviour=pd.DataFrame(index=range(len(image))),
    )


def read_population(row: Recording) -> Population:
    """The neurons' responses to images: the mean of two frames after onset, deconvolved.

    With ``spontaneous_components``, responses are z-scored by activity during the grey screen, of which the strongest
    components are projected out, as the authors do; ``red_cells`` may be removed before. Memory is about five times
    that of the session's file.

    Parameters
    ----------
    row : with ``data`` and ``images``

    Raises
    ------
    InputError
        If the file is in another layout, or holds no spontaneous activity or red cells that are to be removed.
    """
    path = Path(row.data)
    stim = _stim(path)
    image = _presented(stim, path, _n_images(Path(row.images)))
    neurons, kept = _neurons(path, stim["resp"].shape[1], row.red_cells == "remove")
    responses = _defined(stim["resp"][image >= 0][:, kept], path, "responses")
    n_components = row.spontaneous_components or 0
    if n_components:
        spont = _defined(_matrix(stim, "spont", path)[:, kept], path, "values of spontaneous activity")
        responses = _without_spontaneous(responses, spont, n_components, path)
    as_authors = path.stem == SESSION_KNOWN and n_components == AUTHORS_COMPONENTS and row.red_cells != "remove"
    removed = f", less {n_components} components of activity before a grey screen, in s.d. of that activity"
    return Population(
        n_trials=len(responses),
        n_neurons=responses.shape[1],
        blocks=lambda: iter([responses]),
        neurons=neurons,
        unit="s.d. of spontaneous activity" if n_components else "deconvolved activity",
        responses_are="deconvolved activity, the mean of two frames after onset" + (removed if n_components else ""),
        where=str(path),
        expected=EXPECTED if as_authors else (),
    )


def _usual_window(session: Path) -> Window:
    """The published window of a natimg2800 session; images of others are kept whole."""
    known = [window for name, window in WINDOWS.items() if name in session.stem and "natimg2800" in session.stem]
    if not known:
        warnings.warn(
            f"{session}: no window is published for this session, so that images of all three screens are kept whole. "
            "Set image_window to where receptive fields lie.",
            stacklevel=3,
        )
    return known[0] if known else WHOLE


def _stim(path: Path) -> dict[str, Any]:
    stim = load_mat(path, "stim")["stim"]
    if not isinstance(stim, dict) or not {"resp", "istim"} <= set(stim):
        raise InputError(problem(f"{path}, stim", "no resp or no istim", "both", "Is it a session of this data set?"))
    return stim | {"resp": _matrix(stim, "resp", path)}


def _matrix(stim: dict[str, Any], name: str, path: Path) -> np.ndarray:
    """A (rows, neurons) matrix of the struct ``stim``."""
    values = np.asarray(stim.get(name, ()))
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "iuf":
        found = f"{values.dtype} of shape {values.shape}"
        remedy = "Set spontaneous_components to 0." if name == "spont" else "Is the file whole?"
        raise InputError(problem(f"{path}, stim.{name}", found, "numbers, neurons along the second axis", remedy))
    return values


def _presented(stim: dict[str, Any], path: Path, n_images: int) -> np.ndarray:
    """(presentations,) int32, the image shown, from 0; -1 is the grey screen, which the file numbers last."""
    number = np.ravel(stim["istim"]).astype(np.int64)  # before any subtraction: it may be unsigned
    if len(number) != len(stim["resp"]):
        found = f"{len(stim['resp'])} responses and {len(number)} images"
        raise ShapeError(problem(f"{path}, stim", found, "one image a response", "Is the file whole?"))
    if number.min() < 1 or number.max() > n_images + 1:
        found = f"images {number.min()} to {number.max()}"
        expected = f"1 to {n_images}, and {n_images + 1} for the grey screen, as images are many"
        raise InputError(problem(f"{path}, stim.istim", found, expected, "Name this session's images in the sheet."))
    return np.where(number > n_images, -1, number - 1).astype(np.int32)


def _n_images(path: Path) -> int:
    """How many images a file holds, without reading them."""
    from scipy.io import whosmat

    load_mat(path)  # tells of a file that cannot be read
    shape = next((shape for name, shape, _ in whosmat(path) if name == "imgs"), ())
    if len(shape) != 3 or shape[:2] != (HEIGHT_PX, WIDTH_PX):
        found = f"imgs of shape {shape}" if shape else "no imgs"
        expected = f"imgs of {HEIGHT_PX} rows × {WIDTH_PX} columns × images"
        raise InputError(problem(path, found, expected, "Name the data set's file of images, as downloaded."))
    return shape[2]


def _categories(path: Path, n_images: int) -> np.ndarray:
    """(images,) str, the class of each image, empty where unknown."""
    found = load_mat(path, "class_assignment", "class_names")
    code = np.ravel(found["class_assignment"]).astype(np.int64)
    names = [str(name) for name in np.ravel(found["class_names"])]
    if len(code) != n_images or code.min() < 0 or code.max() >= len(names):
        found = f"{len(code)} classes from {code.min()} to {code.max()}, with {len(names)} names"
        expected = f"{n_images}, one an image, counted from 0"
        raise InputError(problem(path, found, expected, "Is it stimuli_class_assignment.mat or its confident sibling?"))
    return np.array(["" if name == "unknown" else name for name in names], object)[code]


def _neurons(path: Path, n_neurons: int, without_red: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """The table of neurons, and which are kept."""
    import pandas as pd

    centre = np.asarray(load_mat(path, "med")["med"], np.float32)
    if centre.shape != (n_neurons, 3):
        expected = f"{(n_neurons, 3)}, x, y and z of each neuron"
        raise ShapeError(problem(f"{path}, med", centre.shape, expected, "Is the file whole?"))
    kept = np.flatnonzero(~_red(path, n_neurons)) if without_red else np.arange(n_neurons)
    depths, plane = np.unique(centre[:, 2], return_inverse=True)
    plane = plane if len(depths) <= MOST_PLANES else np.zeros_like(plane)  # else z does not tell planes
    table = {"neuron": np.arange(len(kept), dtype=np.int32), "plane": plane[kept].astype(np.int16)}
    table["roi"] = kept.astype(np.int32)
    # the deposit does not say in which unit
    return pd.DataFrame(table | {f"{axis}_centre": centre[kept, k] for k, axis in enumerate("xyz")}), kept


def _red(path: Path, n_neurons: int) -> np.ndarray:
    """(neurons,) bool, whether a cell carries the red label."""
    stats = load_mat(path, "stat")["stat"]
    if len(stats) != n_neurons or not all("redcell" in stat for stat in stats):
        found = f"{sum('redcell' in stat for stat in stats)} cells with stat.redcell"
        remedy = "This session has no red label: set red_cells to keep."
        raise InputError(problem(path, found, f"{n_neurons}", remedy))
    return np.array([bool(stat["redcell"]) for stat in stats])


def _defined(values: np.ndarray, path: Path, what: str) -> np.ndarray:
    """Values as float32, with 0 where there is none, as the authors do."""
    taken = values.astype(np.float32)
    missing = np.isnan(taken)
    if missing.any():
        warnings.warn(f"{path}: {missing.sum()} {what} are NaN and taken as 0, as the authors do.", stacklevel=3)
        taken[missing] = 0
    return taken


def _without_spontaneous(responses: np.ndarray, spont: np.ndarray, n_components: int, path: Path) -> np.ndarray:
    """(trials, neurons) in s.d. of spontaneous activity, less its strongest components."""
    from scipy.sparse.linalg import svds

    if n_components >= min(spont.shape):
        found = f"{spont.shape[0]} samples of {spont.shape[1]} neurons"
        remedy = "Lower spontaneous_components."
        raise InputError(problem(f"{path}, stim.spont", found, f"more than {n_components} of both", remedy))
    mean, sd = spont.mean(0), spont.std(0) + LEAST_SD
    _, _, components = svds((spont - mean) / sd, k=n_components, v0=np.ones(min(spont.shape)))
    z = (responses - mean) / sd
    return z - (z @ components.T) @ components
