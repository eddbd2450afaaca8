"""A convolutional core shared by all neurons, read out at each neuron's place."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from dina.models.features import BATCH_IMAGES, bank_maps
from dina.models.gabor import GaborBank
from dina.settings import GaborSettings

FIRST_KERNEL, KERNEL = 9, 3  # pixels of the picture, and of the maps at half its size
START_SPREAD = 0.1  # half-widths of the picture; Lurz et al. start wider, from places that are not known


class Core(nn.Module):
    """Three convolutions of a small picture of the image, the last two at half its size.

    Parameters
    ----------
    channels : of every layer
    size : height and width of the picture, pixels

    Attributes
    ----------
    mean, sd : () of the training images' pixels
    """

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.layout = (channels, size // 2, size // 2)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("sd", torch.ones(()))
        self.shrink = nn.AdaptiveAvgPool2d(size)
        layers: list[nn.Module] = [nn.Conv2d(1, channels, FIRST_KERNEL, padding=FIRST_KERNEL // 2, bias=False)]
        layers += [nn.BatchNorm2d(channels), nn.ELU(), nn.AvgPool2d(2)]
        for _ in range(2):
            layers += [nn.Conv2d(channels, channels, KERNEL, padding=KERNEL // 2, bias=False)]
            layers += [nn.BatchNorm2d(channels), nn.ELU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, channels, size / 2, size / 2) maps of (n, height, width) images."""
        return self.layers((self.shrink(images[:, None]) - self.mean) / self.sd)


class CoreReadout(nn.Module):
    """A core, and for each neuron a place and channel weights.

    While training, a neuron is read at places drawn from its Gaussian, so that gradients reach from afar; its spread
    shrinks as its place is found. Afterwards it is read at the centre.

    Attributes
    ----------
    core : Core
    place : (neurons, 2) x, y from -1, the left and upper edge, to 1
    log_spread : (neurons,) logarithm of the Gaussian's standard deviation, same unit
    channel : (neurons, channels)
    bias : (neurons,)
    generator : torch.Generator on the CPU that places are drawn from; None draws from torch's own

    References
    ----------
    Lurz et al. 2021, ICLR.
    """

    def __init__(self, n_neurons: int, channels: int, size: int):
        super().__init__()
        self.generator: torch.Generator | None = None
        self.core = Core(channels, size)
        self.place = nn.Parameter(torch.zeros(n_neurons, 2))
        self.log_spread = nn.Parameter(torch.full((n_neurons,), START_SPREAD).log())
        self.channel = nn.Parameter(torch.zeros(n_neurons, channels))
        self.bias = nn.Parameter(torch.zeros(n_neurons))

    def start_at(self, place: torch.Tensor) -> None:
        """Put neurons at (neurons, 2) places."""
        with torch.no_grad():
            self.place.copy_(place)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, neurons) responses to (n, height, width) images."""
        maps = self.core(images)
        at = self.place.expand(len(maps), -1, -1)
        if self.training:
            drawn = torch.randn(at.shape, generator=self.generator).to(at)
            at = at + drawn * self.log_spread.exp()[:, None]
        return (_at_places(maps, at) * self.channel.T).sum(1) + self.bias

    @torch.no_grad()
    def predict(self, images: np.ndarray) -> torch.Tensor:
        """(n, neurons) responses to (n, height, width) images, on the network's device; leaves it in evaluation."""
        self.eval()
        batches = torch.from_numpy(np.ascontiguousarray(images, np.float32)).split(BATCH_IMAGES)
        return torch.cat([self(batch.to(self.bias.device)) for batch in batches])

    @torch.no_grad()
    def combined(self, coefficients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Linear combinations of neurons as weights of the core's maps, since all neurons are linear in these.

        Parameters
        ----------
        coefficients : (k, neurons)

        Returns
        -------
        weights (k, channels · (size / 2)²) and bias (k,)
        """
        channels, height, width = self.core.layout
        cells = torch.eye(height * width, device=self.place.device).reshape(1, -1, height, width)
        interpolation = _at_places(cells, self.place[None])[0]
        weights = [(coefficients * self.channel[:, channel]) @ interpolation.T for channel in range(channels)]
        return torch.cat(weights, 1), coefficients @ self.bias

    def sparsity(self) -> torch.Tensor:
        """Mean over neurons of the summed magnitude of their channel weights."""
        return self.channel.abs().sum(1).mean()


def _at_places(maps: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """(n, channels, neurons) of (n, channels, height, width) maps at (n, neurons, 2) places, interpolated."""
    # A place that is no number, where training has diverged, would read beyond the maps; the training loop refuses it.
    places = places[:, None].nan_to_num(nan=0.0).clamp(-1, 1)
    return nn.functional.grid_sample(maps, places, align_corners=False, padding_mode="border")[:, :, 0]


def places_of_neurons(gabor: GaborSettings, images: np.ndarray, responses: np.ndarray) -> torch.Tensor:
    """(neurons, 2) x, y, -1 to 1, where a neuron's responses go best with the Gabor maps, over all of these.

    Parameters
    ----------
    images : (n, height, width)
    responses : (n, neurons), any unit
    """
    maps = bank_maps(GaborBank(gabor, images.shape[1:]), images).flatten(1)
    maps = (maps - maps.mean(0)) / maps.std(0).clamp(min=1e-6)
    responses = torch.from_numpy(responses - responses.mean(0))
    power = sum((responses.T @ of_channel) ** 2 for of_channel in maps.unflatten(1, (-1, gabor.grid**2)).unbind(1))
    best = power.argmax(1)
    cell = torch.stack([best % gabor.grid, best // gabor.grid], 1)
    return (2 * cell + 1) / gabor.grid - 1
