"""Responses of mouse V1 to 30,000 natural images, their mirror images and 8,000 textures: Du and others 2025.

Sessions ``*_nat60k_*.npz`` (natural images, each shown once, and 500 test images about ten times) and ``text16_*.npz``
(textures of 16 classes), with the images of all in ``nat60k_text16.mat``, in the layout that its authors' code reads.

References
----------
Du, Núñez-Ochoa, Pachitariu, Stringer: Towards a simplified model of primary visual cortex, bioRxiv 2024.06.30.601394.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, ShapeError, problem
from dina.recordings.importers.mat_files import load_mat
from dina.recordings.importers.npz_files import columns_of_member, header_of_member, load_member, members
from dina.recordings.importers.pictures import from_8_bit, shown_of, width_in_window, window_of
from dina.recordings.importers.population import Population
from dina.recordings.stimuli import Shown

if TYPE_CHECKING:
    import pandas as pd

    from dina.recordings.sheet import Recording

HEIGHT_PX, WIDTH_PX = 66, 264
N_NATURAL = 30_000  # image k + 30,000 is image k, mirrored; textures follow
VALIDATION_SHARE = 0.1  # of the images that are not tested, as the authors take
BLOCK_BYTES = 64 << 20  # of responses read at a time
MOST_CLASSES = 16  # of textures; labels are below, numbers of images are not
WINDOW, WINDOW_FX20 = np.s_[:, 0:130], np.s_[:, 46:176]  # columns that the authors keep


@dataclass(frozen=True)
class _Trials:
    """Which trials are taken, training presentations first, then the test's showings.

    Attributes
    ----------
    taken : indices of training presentations
    tested : (showings, 2) image of the test and repeat, the repeats one after another
    image : (trials,) number of the image
    split : (trials,) str
    category : (trials,) str, or None for natural images
    test : (images, repeats, neurons) responses, or one (repeats, neurons) for each image
    """

    taken: np.ndarray
    tested: np.ndarray
    image: np.ndarray
    split: np.ndarray
    category: np.ndarray | None
    test: np.ndarray


def read_shown(row: Recording, size_px: int) -> Shown:
    """The images shown, cut to the columns that the authors keep.

    Validation images are one in ten of those that are not tested, with their mirror images; mirror images of test
    images are left out of training. The file of images is read whole: 1.2 GB.

    Parameters
    ----------
    row : with ``data`` and ``images``; perhaps ``image_window`` and ``image_width_deg``, the angle of all 264 columns

    Raises
    ------
    InputError
        If the session shows images that the file does not hold, or a file is in another layout.
    """
    import pandas as pd

    session, path = Path(row.data), Path(row.images)
    trials = _trials(session)
    pixels = load_mat(path, "img")["img"]
    if pixels.ndim != 3 or pixels.shape[:2] != (HEIGHT_PX, WIDTH_PX) or trials.image.max() >= pixels.shape[2]:
        expected = f"{HEIGHT_PX} rows × {WIDTH_PX} columns × images, more than {trials.image.max()}"
        raise InputError(problem(f"{path}, img", pixels.shape, expected, "Name nat60k_text16.mat, as downloaded."))
    usual = WINDOW_FX20 if "FX20" in session.stem else WINDOW
    window = window_of(row.image_window, usual, (HEIGHT_PX, WIDTH_PX), f"{session}, image_window")

    def pictures(numbers: np.ndarray) -> Iterator[np.ndarray]:
        for number in numbers:
            yield from_8_bit(pixels[:, :, number][window], f"{path}, image {number}")

    return shown_of(
        trials.image,
        pictures,
        size_px,
        session,
        width_deg=width_in_window(row.image_width_deg, window, WIDTH_PX),
        behaviour=pd.DataFrame(index=range(len(trials.image))),
        category=trials.category,
        split=trials.split,
    )


def read_population(row: Recording) -> Population:
    """The neurons' deconvolved responses; those of training are read a block of images at a time.

    Memory is 64 MB and the test's responses: 4 bytes a showing and neuron, 0.13 GB.

    Parameters
    ----------
    row : with ``data``

    Raises
    ------
    InputError
        If the file is in another layout.
    """
    path = Path(row.data)
    trials = _trials(path)
    (n_neurons, n_presented), dtype = header_of_member(path, "sp")

    def blocks() -> Iterator[np.ndarray]:
        step, start = max(1, BLOCK_BYTES // (n_neurons * dtype.itemsize)), 0
        for block in columns_of_member(path, "sp", step):
            here = trials.taken[(trials.taken >= start) & (trials.taken < start + block.shape[1])]
            yield block[:, here - start].T
            start += block.shape[1]
        for some in np.array_split(trials.tested, max(1, len(trials.tested) // step)):
            yield np.stack([np.asarray(trials.test[image][repeat], np.float32) for image, repeat in some])

    print(f"{n_presented - len(trials.taken)} presentations of mirrored test images are left out")
    return Population(
        n_trials=len(trials.image),
        n_neurons=n_neurons,
        blocks=blocks,
        neurons=_neurons(path, n_neurons),
        unit="deconvolved activity",
        responses_are="deconvolved activity, one number a showing; test images come last, whenever they were shown",
        where=str(path),
    )


def _trials(path: Path) -> _Trials:
    shape, _ = header_of_member(path, "sp")
    names = members(path)
    textures = "ss_labels" in names or "labels" in names
    image = _integers(path, names, "istim", "istim_sp")
    # the file's description and the code that reads it disagree about which of the two is which
    of_test = _integers(path, names, "ss_istim", "istim_ss")
    labels = label_of_test = None
    if textures:
        label_of_test = _integers(path, names, "ss_labels")
        if of_test.max() < MOST_CLASSES <= label_of_test.max():
            of_test, label_of_test = label_of_test, of_test
        labels = _integers(path, names, "labels") if "labels" in names else np.full(len(image), -1)
    test = load_member(path, "ss_all")
    if len(shape) != 2 or shape[1] != len(image) or len(test) != len(of_test):
        found = f"sp of {shape} and {len(image)} images, ss_all of {len(test)} images and {len(of_test)} numbers"
        expected = "sp (neurons, images) and ss_all (images, repeats, neurons), a number for each image"
        raise ShapeError(problem(path, found, expected, "Is it a session of this data set, as downloaded?"))
    tested = _showings(path, test, shape[0])
    taken = np.flatnonzero(~np.isin(_pair(image), _pair(of_test)))
    all_images = np.r_[image[taken], of_test[tested[:, 0]]]
    if all_images.min() < 0:
        raise InputError(problem(path, f"image {all_images.min()}", "numbers from 0", "Is the file whole?"))
    split = np.r_[_sides(image[taken]), np.full(len(tested), "test", object)]
    category = None
    if textures:
        category = np.r_[_names(labels[taken]), _names(label_of_test[tested[:, 0]])]
    return _Trials(taken, tested, all_images, split, category, test)


def _pair(image: np.ndarray) -> np.ndarray:
    """An image's number, the same for its mirror image."""
    return np.where((image >= N_NATURAL) & (image < 2 * N_NATURAL), image - N_NATURAL, image)


def _sides(image: np.ndarray) -> np.ndarray:
    """(presentations,) str, train or validation: an image and its mirror image on one side."""
    pairs = np.unique(_pair(image))
    chosen = np.random.default_rng(0).permutation(pairs)[: round(VALIDATION_SHARE * len(pairs))]
    return np.where(np.isin(_pair(image), chosen), "validation", "train").astype(object)


def _names(label: np.ndarray) -> np.ndarray:
    """(showings,) str, the name of a class of textures, empty where there is no label."""
    return np.array([f"texture {number}" if number >= 0 else "" for number in label], object)


def _integers(path: Path, names: set[str], *spellings: str) -> np.ndarray:
    """The first of some arrays that is there, as (n,) int64."""
    name = next((name for name in spellings if name in names), spellings[0])
    values = load_member(path, name).ravel()
    if values.dtype.kind not in "iuf" or not (values == np.floor(values)).all():
        raise InputError(problem(f"{path}, {name}", values.dtype, "whole numbers", "Is the file whole?"))
    return values.astype(np.int64)


def _showings(path: Path, test: np.ndarray, n_neurons: int) -> np.ndarray:
    """(showings, 2) image and repeat of every showing of a test image that was recorded, first repeats first."""
    shown = []
    for image, repeats in enumerate(test):
        if repeats.ndim != 2 or repeats.shape[1] != n_neurons:
            found, expected = f"{repeats.shape} of image {image}", f"(repeats, {n_neurons}), as sp has neurons"
            raise ShapeError(problem(f"{path}, ss_all", found, expected, "Is the file whole?"))
        shown += [(image, repeat) for repeat, response in enumerate(repeats) if not np.isnan(response).all()]
    return np.array(sorted(shown, key=lambda showing: (showing[1], showing[0])), int).reshape(-1, 2)


def _neurons(path: Path, n_neurons: int) -> pd.DataFrame:
    """The table of neurons; in which unit places are, the file does not say."""
    import pandas as pd

    number = np.arange(n_neurons, dtype=np.int32)
    names = members(path)
    plane = _integers(path, names, "iplane") if "iplane" in names else np.zeros(n_neurons)
    columns = {"neuron": number, "plane": plane.astype(np.int16), "roi": number}
    places = {f"{axis}_centre": f"{axis}pos" for axis in "xy" if f"{axis}pos" in names}
    columns |= {column: load_member(path, name).ravel().astype(np.float32) for column, name in places.items()}
    if any(len(values) != n_neurons for values in columns.values()):
        found = f"{sorted({len(values) for values in columns.values()})} places and planes"
        raise ShapeError(problem(path, found, f"one for each of {n_neurons} neurons", "Is the file whole?"))
    return pd.DataFrame(columns)
