"""The images that were shown, read from a folder or an array file, as square grey pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dina.arrays import open_array
from dina.errors import InputError, problem
from dina.pictures import EXTENSIONS, grey, read_grey
from dina.tables import row_of

DIM = 1 / 15  # of white: 12 bits in 16 stay below it, and so does no set of pictures worth showing


def read_images(
    source: str | Path, names: np.ndarray, log: str | Path, size_px: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Read those images that the stimulus log names, and no others.

    Parameters
    ----------
    source : folder of images, or ``.npy`` array (images, height, width), uint8, uint16 or floats from 0 to 1
    names : (trials,) file names or indices, as the log has them
    log : the log's path, for errors
    size_px : height and width returned; longer sides are reduced to it, shorter ones padded with grey

    Returns
    -------
    images : (images, size_px, size_px) float32, 0 black to 1 white
    index : (trials,) int32, row of ``images`` of each trial
    width_px : float, width of a picture in returned pixels, without padding

    Raises
    ------
    InputError
        Naming the log's row or the image file.
    """
    source = Path(source)
    written = {name: _one_name(name) for name in set(names.astype(str).tolist())}
    unique, index = np.unique([written[name] for name in names.astype(str).tolist()], return_inverse=True)
    unique = unique.tolist()
    first_row = dict(zip(unique, np.unique(index, return_index=True)[1].tolist(), strict=True))
    if source.suffix.lower() == ".npy":
        pictures = _from_array(source, unique, first_row, log)
    elif source.is_dir():
        pictures = _from_folder(source, unique, first_row, log)
    else:
        raise InputError(
            problem(
                source,
                "no folder and no .npy file",
                "the images that were shown",
                "Correct images in the recording sheet.",
            )
        )
    brightest = max(float(picture.max()) for picture in pictures)
    if brightest < DIM:
        found = f"no pixel above {brightest:.2g} of white in any image"
        remedy = (
            "Pixels of 8 or 12 bits stored in 16 must be scaled to the full range: white is the type's largest value."
        )
        raise InputError(problem(source, found, f"some above {DIM:.2g}", remedy))
    squares = np.stack([_square(picture, size_px) for picture in pictures])
    return squares, index.astype(np.int32), size_px * pictures[0].shape[1] / max(pictures[0].shape)


def _one_name(name: str) -> str:
    """One name for one image, however the log writes it: ``3`` for ``003``, ``a.png`` for ``./a.png``."""
    return str(int(name)) if name.isascii() and name.isdecimal() else os.path.normpath(name)


def _from_array(source: Path, unique: list[str], first_row: dict[str, int], log: str | Path) -> list[np.ndarray]:
    remedy = "Save it with numpy.save."
    array = open_array(source, "a NumPy file without objects", remedy, found="an unreadable array")
    if array.ndim != 3:
        raise InputError(
            problem(
                source,
                f"shape {array.shape}",
                "(images, height, width)",
                "Save grey images, stacked along the first axis.",
            )
        )
    for name in sorted(unique, key=first_row.__getitem__):
        if not (name.isascii() and name.isdecimal()) or int(name) >= len(array):
            raise InputError(
                problem(
                    f"{log}, {row_of(log, first_row[name])}",
                    f"image {name!r}",
                    f"an index from 0 to {len(array) - 1} into {source.name}",
                    "Correct the log.",
                )
            )
    return [grey(array[int(name)], f"{source}, image {name}") for name in unique]


def _from_folder(source: Path, unique: list[str], first_row: dict[str, int], log: str | Path) -> list[np.ndarray]:
    for name in sorted(unique, key=first_row.__getitem__):
        path = source / name
        inside = path.resolve().is_relative_to(source.resolve())
        if not inside or not path.is_file() or path.suffix.lower() not in EXTENSIONS:
            there = sorted(p.name for p in source.iterdir() if p.suffix.lower() in EXTENSIONS)
            example = f", such as {there[0]!r}" if there else ", which holds none"
            raise InputError(
                problem(
                    f"{log}, {row_of(log, first_row[name])}",
                    f"image {name!r}",
                    f"a file in {source}{example} ({', '.join(sorted(EXTENSIONS))})",
                    "Correct the log, or add the file.",
                )
            )
    pictures = []
    for name in unique:
        pictures.append(read_grey(source / name))
        if pictures[-1].shape != pictures[0].shape:
            raise InputError(
                problem(
                    source / name,
                    f"{pictures[-1].shape} pixels",
                    f"{pictures[0].shape}, as the others",
                    "Bring all images to one size.",
                )
            )
    return pictures


def _square(picture: np.ndarray, size_px: int) -> np.ndarray:
    if picture.shape == (size_px, size_px):
        return picture
    from skimage.transform import resize

    scale = size_px / max(picture.shape)
    shape = tuple(max(1, round(n * scale)) for n in picture.shape)
    small = resize(picture, shape, anti_aliasing=scale < 1).astype(np.float32)
    square = np.full((size_px, size_px), small.mean(), np.float32)
    top, left = ((size_px - n) // 2 for n in shape)
    square[top : top + shape[0], left : left + shape[1]] = small
    return square
