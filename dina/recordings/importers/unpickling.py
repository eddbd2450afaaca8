"""NumPy files that hold pickled objects, read without running what a pickle may ask for.

A pickle names functions to call. Only those that rebuild NumPy arrays, dates and paths are known here, whatever the
file says; anything else is refused by its name and nothing is imported.
"""

from __future__ import annotations

import datetime
import pickle
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from dina.errors import InputError, problem

_reconstruct, _scalar = np._core.multiarray._reconstruct, np._core.multiarray.scalar


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """The one use that pickles of protocol 2 make of ``_codecs.encode``: bytes written as text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text to be encoded as {encoding!r}")
    return text.encode("latin1")


ALLOWED = {
    **{
        (f"numpy.{core}.multiarray", name): function
        for core in ("core", "_core")  # before and since NumPy 2
        for name, function in (("_reconstruct", _reconstruct), ("scalar", _scalar))
    },
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
    **{("datetime", name): getattr(datetime, name) for name in ("datetime", "timezone", "timedelta")},
    **{
        (module, name): path
        for module in ("pathlib", "pathlib._local")  # since Python 3.13
        for name, path in (  # paths of another system cannot be built on this one, and none is opened
            ("PosixPath", PurePosixPath),
            ("PurePosixPath", PurePosixPath),
            ("WindowsPath", PureWindowsPath),
            ("PureWindowsPath", PureWindowsPath),
        )
    },
}


class NumpyUnpickler(pickle.Unpickler):
    """An unpickler that knows ``ALLOWED`` and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The function that a pickle names, if it is allowed."""
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"a call of {module}.{name}") from None


def load_objects(path: Path) -> np.ndarray:
    """An array of a ``.npy`` file whose elements may be objects, such as suite2p's ``stat.npy`` and ``ops.npy``.

    Memory is a few times the file's size.

    Raises
    ------
    InputError
        If the file is unreadable, or asks for anything but NumPy arrays, dates and paths, which it names.
    """
    try:
        with path.open("rb") as file:
            return read_objects(file, path)
    except FileNotFoundError:
        raise InputError(problem(path, "no such file", "one that suite2p writes", "Is the folder whole?")) from None


def read_objects(file: BinaryIO, where: object) -> np.ndarray:
    """As :func:`load_objects`, from an open file that is named ``where`` in errors."""
    try:
        shape, _, dtype = read_header(file)
        if not dtype.hasobject:
            file.seek(0)
            return npy.read_array(file, allow_pickle=False)
        found = NumpyUnpickler(file, encoding="latin1").load()  # of Python 2, too
    except pickle.UnpicklingError as error:
        remedy = "Nothing of it was run. If you trust the file, load it and save it again with plain NumPy arrays."
        raise InputError(problem(where, str(error), "NumPy arrays, dates and paths alone", remedy)) from error
    except (ValueError, OSError, EOFError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise InputError(problem(where, f"an unreadable file ({error})", "a NumPy file", "Copy it again.")) from error
    if not isinstance(found, np.ndarray) or found.shape != shape:
        raise InputError(problem(where, f"a {type(found).__name__}", f"an array of {shape}", "Copy it again."))
    return found


def read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it is in Fortran order, and type of a ``.npy`` file, which is left where its data begin."""
    read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
    return read(file)


def load_dict(path: Path) -> dict[str, Any]:
    """The dictionary in a ``.npy`` file, as suite2p saves its settings.

    Raises
    ------
    InputError
        As :func:`load_objects`, or if there is no dictionary in it.
    """
    found = load_objects(path)
    held = found.item() if found.size == 1 else None
    if not isinstance(held, dict):
        raise InputError(problem(path, f"an array of {found.shape}", "a dictionary", "Is it suite2p's own file?"))
    return held
