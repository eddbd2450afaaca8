"""Receptive fields of neurons: from the trained towers alone, and from the linear yardsticks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from dina.attribution.linear_fields import contrast_features, fit_fields, pixel_features
from dina.attribution.receptive_fields import energy_centres, local_energy
from dina.models.dual_tower import DualTower
from dina.models.gradients import Readout, mean_gradient, tower_maps
from dina.recordings.trials import TRAIN, VALIDATION, TrialResponses

DINA, PIXELS, CONTRAST = "dina", "linear_pixels", "linear_contrast"
NEURON_BATCH = 128  # inputs of one neuron alone that are held at once: 128 × neurons


def neuron_patterns(tower: torch.nn.Module, scale: np.ndarray, device: torch.device) -> torch.Tensor:
    """What each neuron alone adds to the neural tower's maps: half the difference between +1 and −1 s.d. of it.

    Exact for the linear part of the tower; even terms cancel.

    Parameters
    ----------
    tower : (n, neurons) → (n, channels, grid, grid)
    scale : (neurons,) what one standard deviation is in the tower's input; 0 silences a neuron

    Returns
    -------
    (neurons, channels · grid²)
    """
    patterns = []
    for start in range(0, len(scale), NEURON_BATCH):
        neurons = np.arange(start, min(start + NEURON_BATCH, len(scale)))
        alone = np.zeros((len(neurons), len(scale)), np.float32)
        alone[neurons - start, neurons] = scale[neurons]
        patterns.append((tower_maps(tower, alone, device) - tower_maps(tower, -alone, device)) / 2)
    return torch.cat(patterns)


def dina_energy(
    models: Sequence[DualTower],
    patterns: Sequence[torch.Tensor],
    probes: Sequence[np.ndarray],
    device: torch.device,
) -> np.ndarray:
    """Where the trained DINA takes each neuron to look: no response enters, only the towers and what they are shown.

    The energy, over local patches of photographs, of the product of a neuron's pattern with the image
    tower's maps; mean over seeds, each with probes of its own.

    Parameters
    ----------
    patterns : for each seed, of :func:`neuron_patterns`
    probes : for each seed, of :func:`dina.attribution.receptive_fields.local_patches`

    Returns
    -------
    (neurons, positions, positions), mean 1
    """
    energy = []
    for model, pattern, some in zip(models, patterns, probes, strict=True):
        matches = tower_maps(model.image_tower, some, device) @ pattern.T
        energy.append(_unit_mean(local_energy(matches.cpu().numpy())))
    return np.mean(energy, axis=0)


def linear_energy(trials: TrialResponses, probes: Sequence[np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Energy maps of ridge regressions fitted to the training trials, mapped with the same probes.

    Returns
    -------
    energy : method → (neurons, positions, positions), mean 1
    pixel_weights : (neurons, height, width) of the regression on pixels
    """
    (train, train_ids), (held_out, held_out_ids) = trials.averaged(TRAIN), trials.averaged(VALIDATION)
    energy, weights = {}, {}
    for method, features in ((PIXELS, pixel_features), (CONTRAST, contrast_features)):
        validation = (features(trials.images[held_out_ids]), held_out)
        weights[method], _ = fit_fields(features(trials.images[train_ids]), train, validation)
        answers = (features(some) @ weights[method] for some in probes)
        energy[method] = np.mean([_unit_mean(local_energy(answer)) for answer in answers], axis=0)
    return energy, weights[PIXELS].T.reshape(-1, *trials.images.shape[1:])


def signed_fields(
    models: Sequence[DualTower], patterns: Sequence[torch.Tensor], images: np.ndarray, device: torch.device
) -> np.ndarray:
    """Gradient of each neuron's match with an image, mean over images and seeds.

    It is the linear part of the field: the bars of a simple cell, little of a complex one.

    Parameters
    ----------
    patterns : for each seed, (neurons, channels · grid²)
    images : (n, height, width)

    Returns
    -------
    (neurons, height, width)
    """
    shown = torch.from_numpy(images).to(device)
    if not len(patterns[0]):
        return np.empty((0, *images.shape[1:]), np.float32)
    fields = [
        mean_gradient(Readout(model.image_tower, pattern), shown, absolute=False)
        for model, pattern in zip(models, patterns, strict=True)
    ]
    return torch.stack(fields).mean(0).cpu().numpy()


def field_table(trials: TrialResponses, energy: dict[str, np.ndarray]) -> pd.DataFrame:
    """Centres from energy maps: one row per method and neuron.

    Returns
    -------
    Table with columns neuron, method, x_px, y_px, x_deg, y_deg: to the right of and below the image's
    centre; NaN for a neuron without weight, degrees also where the image's width in degrees is unknown.
    """
    degrees_per_pixel = np.nan if trials.degrees_per_pixel is None else trials.degrees_per_pixel
    tables = []
    for method, maps in energy.items():
        centre = energy_centres(maps, trials.images.shape[1:])
        about = {"neuron": np.arange(len(centre)), "method": method}
        px = {"x_px": centre[:, 0], "y_px": centre[:, 1]}
        deg = {"x_deg": centre[:, 0] * degrees_per_pixel, "y_deg": centre[:, 1] * degrees_per_pixel}
        tables.append(pd.DataFrame(about | px | deg))
    return pd.concat(tables, ignore_index=True)


def _unit_mean(energy: np.ndarray) -> np.ndarray:
    mean = energy.mean((1, 2), keepdims=True)
    return np.divide(energy, mean, out=np.zeros_like(energy), where=mean > 0)
