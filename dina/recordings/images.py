"""The images that were shown, read from a folder or an array file, as square grey pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.readers.formats import NWB_SUFFIXES
from dina.pictures import EXTENSIONS, grey, read_grey
from dina.recordings.arrays import ARRAYS, open_matrix
from dina.recordings.nwb_images import pictures_of
from dina.tables import row_of

DIM = 1 / 15  # of white: 12 bits in 16 stay below it, and so does no set of pictures worth showing


def read_images(
    source: str | Path, names: np.ndarray, log: str | Path, size_px: int, template: str | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Read those images that the stimulus log names, and no others, one after another.

    Memory is that of the images returned, 16 kB each at 64 px; those of a file are read as they are needed.

    Parameters
    ----------
    source : folder of images, or ``.npy`` file or ``.zarr`` folder with an array (images, height, width), uint8, uint16
        or floats from 0 to 1, or an NWB file with such pictures
    names : (trials,) file names or indices, as the log has them
    log : the log's path, for errors
    size_px : height and width returned; longer sides are reduced to it, shorter ones padded with grey
    template : which pictures of an NWB file are meant; see :func:`~dina.recordings.nwb_images.pictures_of`

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
    if source.suffix.lower() in ARRAYS:
        pictures = _from_array(source, unique, first_row, log)
    elif source.suffix.lower() in NWB_SUFFIXES:
        rows = {name: f"{log}, {row_of(log, row)}" for name, row in first_row.items()}
        pictures = pictures_of(source, unique, template, rows)
    elif source.is_dir():
        pictures = _from_folder(source, unique, first_row, log)
    else:
        found, remedy = "no folder, .npy, .nwb or .zarr", "Correct images in the recording sheet."
        raise InputError(problem(source, found, "the images that were shown", remedy))
    squares, width_px = squares_of(pictures, len(unique), size_px, source)
    return squares, index.astype(np.int32), width_px


def squares_of(pictures: Iterator[np.ndarray], n: int, size_px: int, source: object) -> tuple[np.ndarray, float]:
    """Bring grey pictures of one size to squares, one at a time, so that only the squares are held.

    Parameters
    ----------
    pictures : n of (height, width) float32, 0 black to 1 white
    size_px : height and width returned; longer sides are reduced to it, shorter ones padded with grey
    source : named in errors

    Returns
    -------
    (n, size_px, size_px) float32, and the width of a picture in returned pixels, without padding.

    Raises
    ------
    InputError
        If no picture has a pixel above ``DIM``.
    """
    squares, brightest, shape = np.empty((n, size_px, size_px), np.float32), 0.0, (1, 1)
    for square, picture in zip(squares, pictures, strict=True):
        brightest, shape = max(brightest, float(picture.max())), picture.shape
        square[...] = _square(picture, size_px)
    if brightest < DIM:
        found = f"no pixel above {brightest:.2g} of white in any image"
        remedy = (
            "Pixels of 8 or 12 bits stored in 16 must be scaled to the full range: white is the type's largest value."
        )
        raise InputError(problem(source, found, f"some above {DIM:.2g}", remedy))
    return squares, size_px * shape[1] / max(shape)


def _one_name(name: str) -> str:
    """One name for one image, however the log writes it: ``3`` for ``003``, ``a.png`` for ``./a.png``."""
    return str(int(name)) if name.isascii() and name.isdecimal() else os.path.normpath(name)


def _from_array(source: Path, unique: list[str], first_row: dict[str, int], log: str | Path) -> Iterator[np.ndarray]:
    array = open_matrix(source)
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
        if not (name.isascii() and name.isdecimal()) or int(name) >= array.shape[0]:
            raise InputError(
                problem(
                    f"{log}, {row_of(log, first_row[name])}",
                    f"image {name!r}",
                    f"an index from 0 to {array.shape[0] - 1} into {source.name}",
                    "Correct the log.",
                )
            )
    for name in unique:
        yield grey(array[int(name)], f"{source}, image {name}")


def _from_folder(source: Path, unique: list[str], first_row: dict[str, int], log: str | Path) -> Iterator[np.ndarray]:
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
    first = None
    for name in unique:
        picture = read_grey(source / name)
        first = picture.shape if first is None else first
        if picture.shape != first:
            found, expected = f"{picture.shape} pixels", f"{first}, as the others"
            raise InputError(problem(source / name, found, expected, "Bring all images to one size."))
        yield picture


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
