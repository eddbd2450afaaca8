"""The two towers, their similarity and its temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from dina.models.image_tower import GaborImageTower, LearnedImageTower
from dina.models.neural_tower import NeuralTower
from dina.settings import DinaModelSettings, GaborSettings

START_INVERSE_TEMPERATURE = 20.0
MAX_INVERSE_TEMPERATURE = 100.0  # the bound of Radford et al. 2021


class DualTower(nn.Module):
    """Images and responses as latent maps of one layout, compared by cosine.

    Attributes
    ----------
    image_tower : (n, height, width) → (n, channels, grid, grid)
    neural_tower : (n, neurons) → (n, channels, grid, grid)
    """

    def __init__(self, image_tower: nn.Module, neural_tower: NeuralTower, scales: Sequence[int] = (1,)):
        super().__init__()
        self.image_tower = image_tower
        self.neural_tower = neural_tower
        self.scales = tuple(scales)
        self.log_inverse_temperature = nn.Parameter(torch.tensor(math.log(START_INVERSE_TEMPERATURE)))

    @property
    def inverse_temperature(self) -> torch.Tensor:
        """1/τ, at most 100."""
        return self.log_inverse_temperature.exp().clamp(max=MAX_INVERSE_TEMPERATURE)

    def forward(self, z: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Similarities (n, m) of (n, neurons) responses with (m, height, width) images."""
        return self.compare(self.neural_tower(z), self.image_tower(images))

    def compare(self, neural_maps: torch.Tensor, image_maps: torch.Tensor) -> torch.Tensor:
        """Cosine similarity (n, m) of aligned maps, mean over the scales."""
        return self.embed(neural_maps) @ self.embed(image_maps).T

    def embed(self, maps: torch.Tensor) -> torch.Tensor:
        """Unit vectors (n, d) whose products are the mean cosine over the scales."""
        pooled = (nn.functional.avg_pool2d(maps, factor) if factor > 1 else maps for factor in self.scales)
        unit = [nn.functional.normalize(one.flatten(1), dim=1) for one in pooled]
        return torch.cat(unit, 1) / math.sqrt(len(unit))


def build_dual_tower(
    settings: DinaModelSettings,
    gabor: GaborSettings,
    *,
    image_shape: tuple[int, int],
    n_neurons: int,
    n_components: int,
) -> DualTower:
    """Towers of the given size with untrained weights."""
    layout = (settings.channels, gabor.grid, gabor.grid)
    if settings.image_tower == "gabor":
        image_tower = GaborImageTower(gabor, image_shape, settings.channels, n_components)
    else:
        image_tower = LearnedImageTower(gabor.grid, settings.channels)
    return DualTower(image_tower, NeuralTower(n_neurons, n_components, layout), settings.scales)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """He-initialise every linear and convolutional layer from one generator, in order; biases become 0.

    References
    ----------
    He et al. 2015, ICCV.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear", generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
