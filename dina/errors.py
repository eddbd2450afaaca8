"""Errors that a user can act on: what was found where, what was expected, what to do."""


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


def problem(where: object, found: object, expected: object, remedy: str) -> str:
    """Compose the text of an error: place, found, expected, remedy, in that order."""
    return f"{where}: found {found}; expected {expected}. {remedy}"
