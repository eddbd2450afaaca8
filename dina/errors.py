"""Errors that a user can act on: what was found where, what was expected, what to do."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

# What libraries raise on damaged or foreign files: seen with tifffile, h5py, scipy, pynwb, pandas, Pillow, NumPy and
# ElementTree, whose ParseError is a SyntaxError; MemoryError, where a damaged header asks for too much.
UNREADABLE = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError)
UNREADABLE += (RuntimeError, SyntaxError, TypeError, ValueError, struct.error, zlib.error)


class DinaError(Exception):
    """Base of every error that dina raises on purpose."""


class SettingsError(DinaError):
    """The configuration or the recording sheet cannot be used as written."""


class InputError(DinaError):
    """A file that the user brought cannot be used as it is."""


class InstallationError(DinaError):
    """An optional package is asked for and not installed."""


class StoreError(DinaError):
    """A store is missing, damaged, or differs from its manifest."""


class TrainingError(DinaError):
    """Training ran into numbers that are not finite."""


class ShapeError(DinaError, ValueError):
    """Arrays that belong together differ in shape."""


@contextmanager
def reading(
    where: object,
    expected: str,
    remedy: str = "Copy the file again, or write it anew.",
    *,
    found: str = "an unreadable file",
    also: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Tell what a library raises on a damaged or foreign file by the file's name; for the few lines that read it.

    Parameters
    ----------
    where, found, expected, remedy : of :func:`problem`; what the library said follows ``found``
    also : errors of the library that share no base with those of Python

    Raises
    ------
    InputError
        Instead of any of ``UNREADABLE`` or ``also``; errors of dina pass.
    """
    try:
        yield
    except DinaError:
        raise
    except (*UNREADABLE, *also) as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise InputError(problem(where, f"{found} ({said})", expected, remedy)) from error


def problem(where: object, found: object, expected: object, remedy: str) -> str:
    """Compose the text of an error: place, found, expected, remedy, in that order."""
    return f"{where}: found {found}; expected {expected}. {remedy}"
