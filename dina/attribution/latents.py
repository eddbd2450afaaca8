"""Which latent values are worth explaining: those on which the two towers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    import pandas as pd

BATCH_IMAGES = 128


def tower_maps(tower: torch.nn.Module, inputs: np.ndarray, device: torch.device) -> torch.Tensor:
    """Flattened maps (n, channels · grid · grid) of images or responses, without gradients."""
    with torch.no_grad():
        batches = torch.from_numpy(np.ascontiguousarray(inputs, np.float32)).split(BATCH_IMAGES)
        return torch.cat([tower(batch.to(device)).flatten(1) for batch in batches])


def strongest_latents(image_maps: torch.Tensor, neural_maps: torch.Tensor, grid: int, n_latents: int) -> pd.DataFrame:
    """The latent values whose two towers agree best, strongest first.

    Agreement is the Pearson correlation over images between a value in the image tower's maps and in
    the neural tower's; values that never vary are left out.

    Parameters
    ----------
    image_maps, neural_maps : (images, channels · grid · grid), of the same images
    grid : positions a side
    n_latents : at most

    Returns
    -------
    Table with columns unit (index into the flattened maps), channel, row, column, agreement.
    """
    import pandas as pd

    image_maps, neural_maps = (maps - maps.mean(0) for maps in (image_maps, neural_maps))
    scale = image_maps.norm(dim=0) * neural_maps.norm(dim=0)
    agreement = ((image_maps * neural_maps).sum(0) / scale).nan_to_num(nan=-1.0).cpu().numpy()
    agreement[scale.cpu().numpy() == 0] = -1
    unit = np.argsort(-agreement, kind="stable")[:n_latents]
    unit = unit[agreement[unit] > -1]
    channel, place = np.divmod(unit, grid * grid)
    row, column = np.divmod(place, grid)
    return pd.DataFrame(
        {"unit": unit, "channel": channel, "row": row, "column": column, "agreement": agreement[unit]}
    )


def one_hot(units: np.ndarray, n_values: int, device: torch.device) -> torch.Tensor:
    """(units, n_values) weights that read single values."""
    weights = torch.zeros(len(units), n_values, device=device)
    weights[torch.arange(len(units)), torch.from_numpy(np.asarray(units)).to(device)] = 1
    return weights
