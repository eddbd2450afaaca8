"""What ``import dina`` offers, and what it loads."""

import subprocess
import sys

import pytest

import dina

HEAVY = ("torch", "suite2p", "sklearn", "matplotlib", "zarr", "xarray", "pandas", "numpy")


def test_importing_dina_loads_nothing_heavy():
    code = f"import sys, dina; found = set({HEAVY!r}) & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def test_public_names_are_there_and_no_others():
    assert all(callable(getattr(dina, name)) for name in dina.__all__)
    with pytest.raises(AttributeError, match="no attribute 'open_sesion'"):
        _ = dina.open_sesion
