"""The one place that imports suite2p, and what its imports disturb.

suite2p 1.1 takes seconds and a gigabyte to import, so this happens inside functions. It makes a folder
in the user's home (and fails where it cannot), prints, and resets thread counts.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from dina.threads import apply_threads


@cache
def load() -> ModuleType:
    """suite2p, imported once, with this process's thread counts restored; its progress goes to stderr."""
    with _writable_home(), _silence():
        import suite2p
    apply_threads()
    logger = logging.getLogger("suite2p")
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.StreamHandler())
    logger.propagate = False
    return suite2p


def settings_for(stage: str) -> dict[str, Any]:
    """A copy of suite2p's default settings of one stage, to be edited: partial settings are a KeyError there."""
    return copy.deepcopy(load().default_settings()[stage])


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """No remarks on optional packages that are not installed."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _writable_home() -> Iterator[None]:
    """A temporary home where the real one cannot be written (containers, clusters)."""
    home = Path.home()
    if os.access(home, os.W_OK):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="dina-home-") as folder:
        before = os.environ.get("HOME")
        os.environ["HOME"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["HOME"]
            else:
                os.environ["HOME"] = before
