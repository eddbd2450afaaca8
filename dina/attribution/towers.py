"""The trained towers, and those of their latent values that are worth explaining."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from dina.decoders.base import load_decoder
from dina.decoders.dina import DinaDecoder
from dina.errors import InputError, problem
from dina.models.dual_tower import DualTower
from dina.models.gradients import BATCH_INPUTS, tower_maps
from dina.recordings.trials import VALIDATION, TrialResponses


def load_towers(decoders: Sequence[Path], device: torch.device) -> list[DualTower]:
    """DINA's towers, one pair a seed, their weights fixed.

    Raises
    ------
    InputError
        If a store holds another decoder.
    """
    models = []
    for path in decoders:
        decoder = load_decoder(path, device)
        if not isinstance(decoder, DinaDecoder):
            raise InputError(problem(path, f"the decoder {decoder.name!r}", "DINA", "Give the stores of DINA's seeds."))
        models.append(decoder.model.requires_grad_(False))
    return models


def tower_values(tower: torch.nn.Module, inputs: np.ndarray, units: np.ndarray, device: torch.device) -> np.ndarray:
    """(n, units) single values of the flattened maps, without holding the maps of all inputs."""
    parts = np.array_split(inputs, max(1, -(-len(inputs) // BATCH_INPUTS)))
    chosen = torch.from_numpy(units.astype(np.int64)).to(device)
    return torch.cat([tower_maps(tower, part, device)[:, chosen] for part in parts]).cpu().numpy()


def strongest_latents(model: DualTower, trials: TrialResponses, n_latents: int, device: torch.device) -> pd.DataFrame:
    """The latent values on which the two towers agree best over the validation images, strongest first.

    Agreement is the Pearson correlation over images between a value in the image tower's maps and in
    the neural tower's (repeats averaged); values that never vary are left out.

    Returns
    -------
    Table with columns unit (index into the flattened maps), channel, row, column, agreement.
    """
    z, ids = trials.averaged(VALIDATION)
    image_maps = tower_maps(model.image_tower, trials.images[ids], device)
    agreement = correlations(image_maps, tower_maps(model.neural_tower, z, device)).cpu().numpy()
    unit = np.argsort(-agreement, kind="stable")  # NaN comes last
    unit = unit[: min(n_latents, int(np.isfinite(agreement).sum()))]
    channel, row, column = np.unravel_index(unit, model.neural_tower.layout)
    return pd.DataFrame({"unit": unit, "channel": channel, "row": row, "column": column, "agreement": agreement[unit]})


def correlations(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(values,) Pearson correlations over images of (images, values) with (images, values); NaN without variance."""
    first, second = (values - values.mean(0) for values in (first, second))
    scale = first.norm(dim=0) * second.norm(dim=0)
    return torch.where(scale > 0, (first * second).sum(0) / scale, torch.nan)


def one_hot(units: np.ndarray, n_values: int, device: torch.device) -> torch.Tensor:
    """(units, n_values) weights that read single values."""
    return torch.nn.functional.one_hot(torch.from_numpy(units.astype(np.int64)), n_values).float().to(device)


def evenly(values: np.ndarray, n: int) -> np.ndarray:
    """At most ``n`` of the values, evenly spaced from the first to the last."""
    if not len(values):
        return values
    return values[np.linspace(0, len(values) - 1, min(n, len(values))).round().astype(int)]
