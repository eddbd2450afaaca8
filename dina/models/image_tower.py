"""From an image to latent maps: on the fixed Gabor bank, or learned from scratch."""

from __future__ import annotations

import math

import torch
from torch import nn

from dina.models.core import Core, CoreReadout
from dina.models.gabor import GaborBank
from dina.settings import CoreReadoutSettings, GaborSettings


class GaborImageTower(nn.Module):
    """Gabor maps, mixed to fewer channels, in the metric that responses support.

    ``maps = Vᵀ diag(e^g) (diag(s) V · mix((bank(image) − mean) / sd) + learned(image))``: without the learned part a
    symmetric low-rank metric, so the maps keep the layout of the image. All but the logarithms ``g`` is set before
    contrastive training (:mod:`dina.training.closed_form`); ``g`` starts at 0 and weight decay pulls it back there.

    Parameters
    ----------
    gabor : GaborSettings
    image_shape : (height, width), pixels; (frames, height, width) of clips
    channels : maps after mixing, at most those of the bank
    n_components : rank of the metric
    core : of the learned part; None leaves it out

    Attributes
    ----------
    loadings : (components, map values) ``V``, orthonormal rows
    """

    def __init__(
        self,
        gabor: GaborSettings,
        image_shape: tuple[int, ...],
        channels: int,
        n_components: int,
        core: CoreReadoutSettings | None = None,
    ):
        super().__init__()
        self.bank = GaborBank(gabor, image_shape)
        channels = min(channels, self.bank.channels)
        self.layout = (channels, gabor.grid, gabor.grid)
        self.register_buffer("mean", torch.zeros(self.bank.channels, gabor.grid, gabor.grid))
        self.register_buffer("sd", torch.ones(self.bank.channels, gabor.grid, gabor.grid))
        self.register_buffer("mixing", torch.zeros(channels, self.bank.channels))
        self.register_buffer("loadings", torch.zeros(n_components, channels * gabor.grid**2))
        self.register_buffer("strength", torch.ones(n_components))
        self.learned = None if core is None else CoreComponents(core, n_components)
        self.log_gain = nn.Parameter(torch.zeros(n_components))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Latent maps (n, channels, grid, grid) of (n, height, width) images."""
        return self.lay_out(self.prepare(images))

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """What training leaves alone, and so needs once: (n, components) before the learned gains."""
        return self.of_maps(self.bank(images), images)

    def of_maps(self, maps: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """(n, components) as :meth:`prepare`, given the bank's maps, which towers with one bank can share."""
        components = self.components(maps)
        has_share = self.learned is not None and self.learned.share > 0
        return components + self.learned(images) if has_share else components

    def components(self, maps: torch.Tensor) -> torch.Tensor:
        """(n, components) of the bank's maps (n, bank's channels, grid, grid), without the learned part."""
        mixed = torch.einsum("dc,ncyx->ndyx", self.mixing, (maps - self.mean) / self.sd)
        return self.strength * (mixed.flatten(1) @ self.loadings.T)

    def lay_out(self, components: torch.Tensor) -> torch.Tensor:
        """Latent maps (n, channels, grid, grid) of (n, components)."""
        return (self.scale(components) @ self.loadings).unflatten(1, self.layout)

    def coordinates(self, maps: torch.Tensor) -> torch.Tensor:
        """(n, components) of (n, channels, grid, grid) maps on the rows of ``loadings``."""
        return maps.flatten(1) @ self.loadings.T

    def scale(self, components: torch.Tensor) -> torch.Tensor:
        """(n, components) with the learned gains: coordinates of the maps on the rows of ``loadings``."""
        return components * self.log_gain.exp()

    @torch.no_grad()
    def return_to_start(self) -> None:
        """Undo training."""
        self.log_gain.zero_()


class CoreComponents(nn.Module):
    """Linear combinations of a trained core's maps: a neuron's readout is one, and so is any sum over neurons.

    Numbers grow with components × maps, whatever the number of neurons. The core always is as in evaluation.

    Attributes
    ----------
    core : Core
    weight : (components, core's channels · places)
    bias : (components,)
    share : () of the core in a neuron's predicted response, from 0 to 1; for readers
    """

    def __init__(self, settings: CoreReadoutSettings, n_components: int):
        super().__init__()
        self.core = Core(settings.channels, settings.size_px).requires_grad_(False)
        self.register_buffer("weight", torch.zeros(n_components, math.prod(self.core.layout)))
        self.register_buffer("bias", torch.zeros(n_components))
        self.register_buffer("share", torch.zeros(()))
        self.train()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, components) of (n, height, width) images."""
        return nn.functional.linear(self.core(images).flatten(1), self.weight, self.bias)

    def train(self, mode: bool = True) -> CoreComponents:
        """Never: contrastive training leaves the core, and what it knows of its batches, alone."""
        return super().train(False)

    @torch.no_grad()
    def start_at(self, network: CoreReadout, coefficients: torch.Tensor, share: float) -> None:
        """Take a trained network's core, and ``share`` of (components, neurons) combinations of its neurons."""
        self.core.load_state_dict(network.core.state_dict())
        for buffer, values in zip((self.weight, self.bias), network.combined(share * coefficients), strict=True):
            buffer.copy_(values)
        self.share.fill_(share)


class LearnedImageTower(nn.Module):
    """A shallow convolutional network whose three scales are pooled to one grid and mixed.

    Parameters
    ----------
    grid : positions a side
    channels : latent maps
    n_frames : of clips; 1 for images
    """

    def __init__(self, grid: int, channels: int, n_frames: int = 1):
        super().__init__()
        self.layout = (channels, grid, grid)
        widths = (channels // 2 or 1, channels, 2 * channels)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(n_in, n_out, kernel, stride=2, padding=kernel // 2), nn.GELU())
            for n_in, n_out, kernel in zip((n_frames, *widths), widths, (7, 5, 3), strict=False)
        )
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.mix = nn.Conv2d(sum(widths), channels, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Latent maps (n, channels, grid, grid) of (n, height, width) images."""
        return self.lay_out(self.prepare(images))

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """What training leaves alone: the images, since all of the tower is learned."""
        return images

    def lay_out(self, images: torch.Tensor) -> torch.Tensor:
        """Latent maps (n, channels, grid, grid) of (n, height, width) images or (n, frames, height, width) clips."""
        frames = images if images.ndim == 4 else images[:, None]
        maps, scales = frames - frames.mean((-3, -2, -1), keepdim=True), []
        for stage in self.stages:
            maps = stage(maps)
            scales.append(self.pool(maps))
        return self.mix(torch.cat(scales, 1))
