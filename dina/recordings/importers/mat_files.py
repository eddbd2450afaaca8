"""MATLAB files of versions 5 to 7, variable by variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dina.errors import InputError, problem, reading

HDF5 = b"\x89HDF"


def load_mat(path: Path, *names: str) -> dict[str, Any]:
    """Variables of a MATLAB file; structs become dictionaries, arrays of structs lists, 1-d arrays stay 1-d.

    A variable is read whole; of the others nothing is.

    Raises
    ------
    InputError
        If the file is no MATLAB file that SciPy reads (version 7.3 is HDF5), or a variable is not there.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    with reading(path, "a MATLAB file of versions 5 to 7", "Download it again.", also=(MatReadError,)):
        with path.open("rb") as stream:
            is_hdf5 = HDF5 in stream.read(520)  # version 7.3 has MATLAB's own 512 bytes before
        if is_hdf5:
            remedy = "Load it in MATLAB and save it again with '-v7', or download it again."
            raise InputError(problem(path, "MATLAB 7.3 (HDF5)", "MATLAB 5 to 7", remedy))
        found = loadmat(path, variable_names=names, simplify_cells=True)
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(problem(path, f"no variable {missing[0]!r}", "one", "Is it a file of this data set?"))
    return found
