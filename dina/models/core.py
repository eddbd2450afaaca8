"""A convolutional core shared by all neurons, read out at each neuron's place."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from dina.models.features import bank_maps
from dina.models.gabor import GaborBank
from dina.settings import GaborSettings

FIRST_KERNEL, KERNEL = 9, 3  # pixels of the picture, and of the maps at half its size
START_SPREAD = 0.1  # half-widths of the picture; Lurz et al. start wider, from places that are not known


class CoreReadout(nn.Module):
    """Three convolutions, the last two at half the picture's size, and for each neuron a place and channel weights.

    While training, a neuron is read at places drawn from its Gaussian, so that gradients reach from afar; its spread
    shrinks as its place is found. Afterwards it is read at the centre.

    Attributes
    ----------
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
        self.channels, self.size, self.generator = channels, size, None
        layers: list[nn.Module] = [nn.Conv2d(1, channels, FIRST_KERNEL, padding=FIRST_KERNEL // 2, bias=False)]
        layers += [nn.BatchNorm2d(channels), nn.ELU(), nn.AvgPool2d(2)]
        for _ in range(2):
            layers += [nn.Conv2d(channels, channels, KERNEL, padding=KERNEL // 2, bias=False)]
            layers += [nn.BatchNorm2d(channels), nn.ELU()]
        self.core = nn.Sequential(*layers)
        self.place = nn.Parameter(torch.zeros(n_neurons, 2))
        self.log_spread = nn.Parameter(torch.full((n_neurons,), START_SPREAD).log())
        self.channel = nn.Parameter(torch.zeros(n_neurons, channels))
        self.bias = nn.Parameter(torch.zeros(n_neurons))

    def start_at(self, place: torch.Tensor) -> None:
        """Put neurons at (neurons, 2) places."""
        with torch.no_grad():
            self.place.copy_(place)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, neurons) responses to (n, 1, size, size) pictures."""
        maps = self.core(pictures)
        at = self.place.expand(len(maps), -1, -1)
        if self.training:
            drawn = torch.randn(at.shape, generator=self.generator).to(at)
            at = at + drawn * self.log_spread.exp()[:, None]
        read = nn.functional.grid_sample(maps, at[:, None].clamp(-1, 1), align_corners=False, padding_mode="border")
        return (read[:, :, 0] * self.channel.T).sum(1) + self.bias

    def sparsity(self) -> torch.Tensor:
        """Mean over neurons of the summed magnitude of their channel weights."""
        return self.channel.abs().sum(1).mean()


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
