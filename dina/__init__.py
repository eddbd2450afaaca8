"""From raw two-photon movies of visual cortex to what the cortex was looking at, and why."""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["load_model", "open_responses", "open_session"]

_HOME = {
    "load_model": "dina.exports.model",
    "open_responses": "dina.exports.datasets",
    "open_session": "dina.exports.datasets",
}


def __getattr__(name: str) -> Any:
    """The public functions, imported when first asked for: ``import dina`` loads nothing heavy."""
    if name not in _HOME:
        raise AttributeError(f"module 'dina' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
