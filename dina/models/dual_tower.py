"""The two towers, their similarity and its temperature."""

from __future__ import annotations

import math

import torch
from torch import nn

from dina.models.image_tower import GaborImageTower, LearnedImageTower
from dina.models.neural_tower import NeuralTower
from dina.models.read_in import READ_INS, build_read_in
from dina.settings import AlignmentSettings, DinaModelSettings, GaborSettings

START_INVERSE_TEMPERATURE = 20.0
START_OFFSET = -10.0  # of Zhai et al. 2023: nearly all pairs of a batch are negatives
LEAST_NORM = 1e-12  # of a map, as torch normalises
MAX_INVERSE_TEMPERATURE = 100.0  # the bound of Radford et al. 2021


class DualTower(nn.Module):
    """Images and responses as latent maps of one layout, compared by cosine.

    Attributes
    ----------
    image_tower : (n, height, width) → (n, channels, grid, grid)
    neural_tower : (n, neurons) → (n, channels, grid, grid)
    alignment : what of the maps is compared
    offset : of the sigmoid loss, which alone moves it
    """

    def __init__(self, image_tower: nn.Module, neural_tower: NeuralTower, alignment: AlignmentSettings | None = None):
        super().__init__()
        self.image_tower = image_tower
        self.neural_tower = neural_tower
        self.alignment = alignment or AlignmentSettings()
        self.log_inverse_temperature = nn.Parameter(torch.tensor(math.log(START_INVERSE_TEMPERATURE)))
        self.offset = nn.Parameter(torch.tensor(START_OFFSET))

    @property
    def inverse_temperature(self) -> torch.Tensor:
        """1/τ, at most 100."""
        return self.log_inverse_temperature.exp().clamp(max=MAX_INVERSE_TEMPERATURE)

    def forward(self, z: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Similarities (n, m) of (n, neurons) responses with (m, height, width) images."""
        return self.compare(self.neural_tower(z), self.image_tower.prepare(images))

    def compare(self, neural_maps: torch.Tensor, prepared: torch.Tensor) -> torch.Tensor:
        """Similarity (n, m) of neural maps with those that the image tower lays out of what it has prepared."""
        return self.embed_neural(neural_maps) @ self.embed_images(prepared).T

    def embed_neural(self, maps: torch.Tensor) -> torch.Tensor:
        """(n, d) of (n, channels, grid, grid) maps; products with those of images are the similarity."""
        if not self.in_components:
            return self.embed(maps)
        norm = maps.flatten(1).norm(dim=1, keepdim=True).clamp(min=LEAST_NORM)
        return self.image_tower.coordinates(maps) / norm

    def embed_images(self, prepared: torch.Tensor) -> torch.Tensor:
        """(m, d) of what the image tower has prepared of images."""
        if self.in_components:
            return nn.functional.normalize(self.image_tower.scale(prepared), dim=1)
        return self.embed(self.image_tower.lay_out(prepared))

    @property
    def in_components(self) -> bool:
        """Whether the similarity needs no image maps, only their few coordinates.

        Whole maps of the Gabor tower are combinations of a few orthonormal ones, to which what else is in a neural
        map is orthogonal: the same cosines, of 400 numbers instead of 4,096.
        """
        whole = self.alignment.level == "map" and self.alignment.scales == (1,)
        return whole and isinstance(self.image_tower, GaborImageTower)

    def embed(self, maps: torch.Tensor) -> torch.Tensor:
        """Unit vectors (n, d) of maps, whose products are the weighted mean over scales of the maps' cosines.

        ``map`` compares flattened maps; ``location`` every place by itself, the mean of whose cosines is taken;
        ``pooled`` the mean over places, which is what ordinary contrastive models align.
        """
        total = sum(self.alignment.weights)
        parts = []
        for factor, weight in zip(self.alignment.scales, self.alignment.weights, strict=True):
            pooled = nn.functional.avg_pool2d(maps, factor) if factor > 1 else maps
            match self.alignment.level:
                case "map":
                    unit = nn.functional.normalize(pooled.flatten(1), dim=1)
                case "location":
                    n_places = pooled.shape[-2] * pooled.shape[-1]
                    unit = nn.functional.normalize(pooled, dim=1).flatten(1) / math.sqrt(n_places)
                case "pooled":
                    unit = nn.functional.normalize(pooled.mean((-2, -1)), dim=1)
            parts.append(unit * math.sqrt(weight / total))
        return torch.cat(parts, 1)


def build_dual_tower(
    settings: DinaModelSettings,
    gabor: GaborSettings,
    *,
    image_shape: tuple[int, ...],
    n_neurons: int,
    n_components: int,
    has_core: bool = False,
) -> DualTower:
    """Towers of the given size with untrained weights; ``has_core`` gives the Gabor tower its learned part."""
    if settings.image_tower == "gabor":
        core = settings.core if has_core else None
        image_tower = GaborImageTower(gabor, image_shape, settings.channels, n_components, core)
    else:
        image_tower = LearnedImageTower(gabor.grid, settings.channels, *image_shape[:-2])
    layout = image_tower.layout
    read_in = build_read_in(settings.read_in, settings.read_in_learning, n_neurons, n_components, layout)
    return DualTower(image_tower, NeuralTower(n_neurons, read_in, layout), settings.alignment)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """He-initialise every linear and convolutional layer from one generator, in order; biases become 0.

    Read-ins have a way of their own.

    References
    ----------
    He et al. 2015, ICCV.
    """
    for layer in module.modules():
        if isinstance(layer, READ_INS):
            layer.initialise(generator)
        elif isinstance(layer, nn.Linear | nn.Conv2d):
            # Drawn on the CPU, where the generator is: one seed gives one start on every device.
            drawn = nn.init.kaiming_normal_(torch.empty(layer.weight.shape), nonlinearity="linear", generator=generator)
            layer.weight.data.copy_(drawn)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
