"""Arrays that the user brings, in NumPy's own format."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError  # of headers that NumPy takes for those of Python 2

import numpy as np

from dina.errors import reading


def open_array(path: Path, expected: str, remedy: str, *, found: str = "an unreadable file") -> np.ndarray:
    """The array of an ``.npy`` file, mapped: no more is read than is looked at, whatever size its header announces.

    ``expected``, ``remedy`` and ``found`` are told where it cannot be read.

    Raises
    ------
    InputError
        If there is no such file, if it is damaged or in another format, or if it holds Python objects, which are
        never unpickled.
    """
    with reading(path, expected, remedy, found=found, also=(TokenError,)):
        return np.lib.format.open_memmap(path, mode="r")
