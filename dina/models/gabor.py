"""A fixed bank of Gabor filters: rectified quadrature pairs and energy, or motion energy, on a grid of positions."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from dina.settings import GaborSettings

CHANNELS_PER_FILTER = 5  # even +, even -, odd +, odd -, energy
DIRECTIONS = 2  # in which a grating may move through a filter: the channels of each where clips are shown
FRAME_STEP = 1 / 4  # of a temporal cycle, between the frames of a clip
SAMPLES_PER_CYCLE = 4.5  # of a filter's output: twice the end of its band at three spreads, 2.2 x its frequency
FFT_MULTIPLE = 8  # sizes whose transforms are fast, and even
SURROUND_SHARE = 0.25  # of the image's size, added on every side as the grey screen around it
MIN_ENERGY = 1e-6  # keeps the modulus differentiable at zero


class GaborBank(nn.Module):
    """Simple- and complex-cell features of images, on a grid of positions.

    Every filter is a Gaussian in the frequency plane (a complex Gabor), so one inverse transform
    gives both phases of a quadrature pair. Its real and imaginary part, half-wave rectified in both
    signs, and its modulus are averaged over ``grid`` × ``grid`` cells. The mean of each image
    surrounds it, as a grey screen would. Nothing is learned; the bank is differentiable to pixels.

    Of clips, whose frames are ``FRAME_STEP`` of a temporal cycle apart, the maps are each filter's motion energy in
    either direction: the modulus of its complex output's sum over frames, each turned by the phase that a grating
    moving in this direction has gained. Gratings that move in opposite directions are one picture in any frame.

    With ``normalisation_sigma`` σ, maps are ``d / (σ + pool)``, where ``d`` are those above and ``pool`` is the mean of
    the energy over all filters, weighted over places by a Gaussian; the grey screen around the image holds none.
    σ is fixed, not fitted to images, so that the bank needs none.

    Cost grows with images × filters × (squared frequency); memory with the images of one call.

    Parameters
    ----------
    settings : GaborSettings
    image_shape : (height, width) of the images, pixels; (frames, height, width) of clips, two frames or more

    References
    ----------
    Daugman 1985, J. Opt. Soc. Am. A 2:1160 (filters); Adelson & Bergen 1985, J. Opt. Soc. Am. A 2:284 (energy,
    and that of motion); Heeger 1992, Vis. Neurosci. 9:181, and Carandini & Heeger 2012, Nat. Rev. Neurosci. 13:51
    (normalisation).
    """

    def __init__(self, settings: GaborSettings, image_shape: tuple[int, ...]):
        super().__init__()
        self.settings = settings
        self.image_shape = tuple(int(size) for size in image_shape)
        *n_frames, height, width = self.image_shape
        self.frame_shape = (height, width)
        self.margins = tuple(math.ceil(SURROUND_SHARE * size) for size in self.frame_shape)
        self.padded_shape = tuple(
            size + 2 * margin for size, margin in zip(self.frame_shape, self.margins, strict=True)
        )
        self.rectify = nn.ReLU()
        for index, frequency in enumerate(settings.frequencies_cpi):
            for name, values in self._one_frequency_buffers(frequency).items():
                self.register_buffer(f"{name}_{index}", values, persistent=False)
        self.register_buffer("turns", _turns(*n_frames) if n_frames else None, persistent=False)
        divides = settings.normalisation_sigma is not None
        around = _gaussian_pooling(settings.normalisation_width, settings.grid) if divides else None
        self.register_buffer("around", around, persistent=False)

    @property
    def channels(self) -> int:
        """Maps per image: frequencies × orientations × 5, or × 2 of a clip."""
        per_filter = CHANNELS_PER_FILTER if self.turns is None else DIRECTIONS
        return len(self.settings.frequencies_cpi) * self.settings.n_orientations * per_filter

    @property
    def grid(self) -> int:
        """Positions a side."""
        return self.settings.grid

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Maps of (n, height, width) images or (n, frames, height, width) clips: (n, channels, grid, grid)."""
        maps = [self._pooled(response, index) for index, response in enumerate(self.filtered(images))]
        maps = torch.cat(maps, 1)
        return maps if self.around is None else self._normalised(maps)

    def filtered(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """What is linear in the pixels: of each frequency (n, orientations, rows, columns) complex responses.

        At the resolution that the frequency's band needs; of clips (n, directions · orientations, rows, columns).
        """
        rows, columns = self.margins
        surround = images.mean((-2, -1), keepdim=True)
        padded = nn.functional.pad(images - surround, (columns, columns, rows, rows))
        spectrum = torch.fft.fft2(padded)
        for index in range(len(self.settings.frequencies_cpi)):
            filters = getattr(self, f"filters_{index}")
            response = torch.fft.ifft2(_crop_spectrum(spectrum, filters.shape[-2:])[..., None, :, :] * filters)
            if self.turns is not None:
                response = torch.einsum("dt,ntoyx->ndoyx", self.turns, response).flatten(1, 2)
            yield response

    def _normalised(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps divided by the energy of all filters around each place."""
        energy = maps.unflatten(1, (len(self.settings.frequencies_cpi), -1, self.settings.n_orientations))
        if self.turns is None:
            energy = energy[:, :, -1:]
        pool = self.around @ energy.mean((1, 2, 3)) @ self.around.T
        return maps / (self.settings.normalisation_sigma + pool[:, None])

    def _pooled(self, response: torch.Tensor, index: int) -> torch.Tensor:
        """Maps of all orientations at one frequency."""
        pool_rows, pool_columns = (getattr(self, f"{name}_{index}") for name in ("pool_rows", "pool_columns"))
        even, odd = response.real, response.imag
        energy = (even.square() + odd.square() + MIN_ENERGY**2).sqrt()
        if self.turns is not None:
            return pool_rows @ energy @ pool_columns.T
        parts = (self.rectify(even), self.rectify(-even), self.rectify(odd), self.rectify(-odd), energy)
        return torch.cat([pool_rows @ part @ pool_columns.T for part in parts], 1)

    def _one_frequency_buffers(self, frequency: float) -> dict[str, torch.Tensor]:
        width = self.frame_shape[1]
        shape = tuple(
            min(size, max(math.ceil(SAMPLES_PER_CYCLE * frequency * size / width), 2 * self.grid * size // full))
            for size, full in zip(self.padded_shape, self.frame_shape, strict=True)
        )
        shape = tuple(
            min(full, FFT_MULTIPLE * math.ceil(size / FFT_MULTIPLE))
            for size, full in zip(shape, self.padded_shape, strict=True)
        )
        rows, columns = (
            torch.fft.fftfreq(n, 1 / n) * width / size for n, size in zip(shape, self.padded_shape, strict=True)
        )
        return {
            "filters": _gaussian_filters(rows, columns, frequency, self.settings)
            * (shape[0] * shape[1] / math.prod(self.padded_shape)),
            "pool_rows": _pooling(shape[0], self.padded_shape[0], self.margins[0], self.grid),
            "pool_columns": _pooling(shape[1], self.padded_shape[1], self.margins[1], self.grid),
        }


def _gaussian_filters(
    rows: torch.Tensor, columns: torch.Tensor, frequency: float, settings: GaborSettings
) -> torch.Tensor:
    """(orientations, rows, columns) transfer functions; 0 at zero frequency, so a grey image gives 0."""
    octaves = 2**settings.bandwidth_octaves
    spread = frequency * (octaves - 1) / (octaves + 1) / math.sqrt(2 * math.log(2))
    angles = torch.arange(settings.n_orientations) * (math.pi / settings.n_orientations)
    centre_y, centre_x = frequency * torch.sin(angles), frequency * torch.cos(angles)
    squared = (rows[:, None] - centre_y[:, None, None]) ** 2 + (columns - centre_x[:, None, None]) ** 2
    filters = torch.exp(-squared / (2 * spread**2))
    filters[:, 0, 0] = 0
    return 2 * filters  # of a real image the other half plane holds the same contrast again


def _turns(n_frames: int) -> torch.Tensor:
    """(directions, frames) complex, of modulus 1 / frames: they align the frames of a grating moving one way."""
    phase = 2 * math.pi * FRAME_STEP * torch.arange(n_frames)
    turns = torch.polar(torch.full_like(phase, 1 / n_frames), phase)
    return torch.stack([turns, turns.conj()])


def _crop_spectrum(spectrum: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """The lowest ``shape`` frequencies of a spectrum in FFT order."""
    for axis, size in zip((-2, -1), shape, strict=True):
        negative = size // 2
        positive = size - negative
        spectrum = torch.cat(
            [spectrum.narrow(axis, 0, positive), spectrum.narrow(axis, spectrum.shape[axis] - negative, negative)], axis
        )
    return spectrum


def _pooling(samples: int, padded: int, margin: int, grid: int) -> torch.Tensor:
    """(grid, samples) weights that average the samples of each cell, the margins left out; rows sum to 1.

    Sample ``k`` lies at the centre of pixel ``k * padded / samples`` and counts with the share of
    its surroundings, half a sample to either side, that lies inside the cell.
    """
    pitch = padded / samples
    edges = margin + (padded - 2 * margin) * torch.arange(grid + 1) / grid
    centres = torch.arange(samples) * pitch + 0.5
    overlap = torch.minimum(centres + pitch / 2, edges[1:, None]) - torch.maximum(centres - pitch / 2, edges[:-1, None])
    weights = overlap.clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


def _gaussian_pooling(width: float, grid: int) -> torch.Tensor:
    """(grid, grid) weights of each cell in a Gaussian around every cell's centre; of its part outside they lack."""
    edges = torch.arange(grid + 1) / grid
    centres = (edges[1:] + edges[:-1]) / 2
    return torch.special.ndtr((edges - centres[:, None]) / width).diff()
