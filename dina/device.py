"""Where torch computes: a GPU when asked, never silently not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dina.errors import SettingsError

if TYPE_CHECKING:
    import torch


def resolve_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    SettingsError
        If the device that was asked for by name is not there.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    if not available[name]:
        there = [kind for kind, present in available.items() if present]
        raise SettingsError(
            f"device: found {name!r}, which torch does not see here; expected one of {there}. "
            "Set device: auto, or repair the driver."
        )
    return torch.device(name)
