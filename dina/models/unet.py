"""A small U-Net that adds to a picture what it lacks."""

from __future__ import annotations

import torch
from torch import nn


class UNet(nn.Module):
    """Convolutions at three scales of a picture, with the finer ones passed by; starts as the identity.

    Parameters
    ----------
    channels : at full size; twice and four times as many at a half and a quarter of it

    References
    ----------
    Ronneberger, Fischer & Brox 2015, MICCAI.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.fine = _convolution(1, channels)
        self.middle = _convolution(channels, 2 * channels)
        self.coarse = _convolution(2 * channels, 4 * channels)
        self.back_to_middle = _convolution(6 * channels, 2 * channels)
        self.back_to_fine = _convolution(3 * channels, channels)
        self.last = nn.Conv2d(channels, 1, 3, padding=1)
        self.smaller, self.larger = nn.AvgPool2d(2), nn.Upsample(scale_factor=2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 1, size, size) of the same; the size is a multiple of 4."""
        fine = self.fine(pictures)
        middle = self.middle(self.smaller(fine))
        coarse = self.coarse(self.smaller(middle))
        middle = self.back_to_middle(torch.cat([self.larger(coarse), middle], 1))
        fine = self.back_to_fine(torch.cat([self.larger(middle), fine], 1))
        return pictures + self.last(fine)

    @torch.no_grad()
    def start_as_identity(self) -> None:
        """Add nothing yet."""
        self.last.weight.zero_()
        self.last.bias.zero_()


def _convolution(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.GELU())
