"""Archives of NumPy arrays (``.npz``), read array by array, and large ones column by column."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.importers.unpickling import read_header, read_objects

OFFSET_OF_LENGTHS, LENGTH_OF_HEADER = 26, 30  # bytes of a zip file's local header (APPNOTE 4.3.7)


def members(path: Path) -> set[str]:
    """Names of the arrays.

    Raises
    ------
    InputError
        If the file is no ``.npz`` archive.
    """
    with _opened(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


def load_member(path: Path, name: str) -> np.ndarray:
    """An array, whole in memory; of objects only such as hold NumPy arrays.

    Raises
    ------
    InputError
        If it is not there, or as :func:`~dina.recordings.importers.unpickling.load_objects` says.
    """
    with _opened(path) as archive, _member(archive, path, name) as file:
        return read_objects(io.BytesIO(file.read()), f"{path}, {name}")


def header_of_member(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array, without reading it."""
    with _opened(path) as archive, _member(archive, path, name) as file:
        try:
            shape, _, dtype = read_header(file)
        except ValueError as error:
            raise InputError(problem(f"{path}, {name}", str(error), "a NumPy array", "Download it again.")) from error
    return shape, dtype


def columns_of_member(path: Path, name: str, step: int) -> Iterator[np.ndarray]:
    """Consecutive columns of a (rows, columns) array, as blocks (rows, ``step``); only a block is in memory.

    An array that the archive compresses is first unpacked into a temporary file on disk.
    """
    with _opened(path) as archive, tempfile.TemporaryFile() as unpacked:
        about = archive.getinfo(_file_name(archive, path, name))
        if about.compress_type == zipfile.ZIP_STORED:
            file, begin = path.open("rb"), _begin_of_data(path, about)
        else:
            with archive.open(about) as packed:
                shutil.copyfileobj(packed, unpacked)
            file, begin = unpacked, 0
        with file:
            file.seek(begin)
            shape, fortran, dtype = read_header(file)
            layout = {"dtype": dtype, "shape": shape, "order": "F" if fortran else "C", "offset": file.tell()}
            for start in range(0, shape[1], step):
                # mapped anew for each block, or all that was ever read would count as memory in use
                yield np.array(np.memmap(file, mode="r", **layout)[:, start : start + step])


def _begin_of_data(path: Path, about: zipfile.ZipInfo) -> int:
    """Where a stored member's bytes begin."""
    with path.open("rb") as file:
        file.seek(about.header_offset + OFFSET_OF_LENGTHS)
        lengths = np.frombuffer(file.read(4), "<u2")  # of the name and of what follows it
    return about.header_offset + LENGTH_OF_HEADER + int(lengths.sum())


def _file_name(archive: zipfile.ZipFile, path: Path, name: str) -> str:
    file = f"{name}.npy"
    if file not in archive.namelist():
        there = ", ".join(sorted(of.removesuffix(".npy") for of in archive.namelist()))
        raise InputError(problem(path, f"no array {name!r}, but {there}", "one", "Is it a file of this data set?"))
    return file


@contextmanager
def _member(archive: zipfile.ZipFile, path: Path, name: str) -> Iterator[io.BufferedIOBase]:
    with archive.open(_file_name(archive, path, name)) as file:
        yield file


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            problem(path, f"an unreadable file ({error})", "an .npz archive", "Download it again.")
        ) from error
