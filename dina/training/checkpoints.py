"""Fitted models on disk: tensors as safetensors, everything else as JSON; never pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dina.errors import StoreError, problem

TENSORS, DESCRIPTION = "model.safetensors", "model.json"


def save_checkpoint(store: Path, tensors: Mapping[str, torch.Tensor], description: Mapping[str, Any]) -> None:
    """Write tensors and their description into an open store; the same content gives the same bytes."""
    from safetensors.torch import save

    plain = {name: value.detach().cpu().contiguous().clone() for name, value in sorted(tensors.items())}
    (Path(store) / TENSORS).write_bytes(save(plain))  # save_file would let nobody but the owner read it
    (Path(store) / DESCRIPTION).write_text(json.dumps(description, indent=1, sort_keys=True, allow_nan=False) + "\n")


def load_description(store: Path) -> dict[str, Any]:
    """The description of a fitted model.

    Raises
    ------
    StoreError
        If the store holds none.
    """
    path = Path(store) / DESCRIPTION
    if not path.is_file():
        raise StoreError(
            problem(store, f"no {DESCRIPTION}", "a fitted decoder", "Rerun the stage that writes this store.")
        )
    return json.loads(path.read_text())


def load_tensors(store: Path, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
    """The tensors of a fitted model, on a device."""
    from safetensors.torch import load_file

    return load_file(Path(store) / TENSORS, device=str(device))
