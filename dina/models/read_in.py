"""Read-ins by name: how each neuron's response enters the latent maps."""

from __future__ import annotations

import torch
from torch import nn

from dina.models.anchored import Anchored
from dina.settings import ReadInSettings

CHUNK_NEURONS = 4096  # of a retinotopic read-in's full matrix at a time: 33 MB for 2,048 map values


class DenseReadIn(nn.Module):
    """Every neuron to every map value: ``maps = (z · gain) W``, neurons × map values numbers.

    Attributes
    ----------
    weight : Anchored (neurons, map values)
    """

    def __init__(self, n_neurons: int, n_values: int, learning: float):
        super().__init__()
        self.weight = Anchored((n_neurons, n_values), learning)

    def forward(self, z: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        """(n, map values) of (n, neurons) responses and (neurons,) gains."""
        return (z * gain) @ self.weight()

    def initialise(self, generator: torch.Generator) -> None:
        """Random weights of variance 1 / neurons."""
        self.weight.start_at(_normal(self.weight, generator) / len(self.weight.start) ** 0.5)


class LowRankReadIn(nn.Module):
    """By way of a few components: ``maps = ((z · gain) U) V``, (neurons + map values) × components numbers.

    Attributes
    ----------
    down : Anchored (neurons, components)
    up : Anchored (components, map values)
    """

    def __init__(self, n_neurons: int, n_values: int, n_components: int, learning: float):
        super().__init__()
        self.down = Anchored((n_neurons, n_components), learning)
        self.up = Anchored((n_components, n_values), learning)

    def forward(self, z: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        """(n, map values) of (n, neurons) responses and (neurons,) gains."""
        return (z * gain) @ self.down() @ self.up()

    def initialise(self, generator: torch.Generator) -> None:
        """Random weights of variance 1 / inputs."""
        for matrix in (self.down, self.up):
            matrix.start_at(_normal(matrix, generator) / len(matrix.start) ** 0.5)


class RetinotopicReadIn(nn.Module):
    """Every neuron at a place: Gaussian lobes on the grid, each with a weight for every channel, then one fixed metric.

    ``maps = (Σ_i z_i gain_i Σ_l c_il ⊗ exp(−|p − x_il|² / 2 s_il²)) M``: neurons × lobes × (channels + 3) numbers and
    the square of the map values. The full matrix exists for ``CHUNK_NEURONS`` neurons at a time, so memory does not
    grow with neurons × map values; time does.

    Attributes
    ----------
    position : Anchored (neurons, lobes, 2) y, x, share of the image
    log_spread : Anchored (neurons, lobes), logarithm of the share of the image
    channel : Anchored (neurons, lobes, channels)
    metric : (map values, map values)

    References
    ----------
    Lurz et al. 2021, ICLR (a Gaussian readout for each neuron of an encoding model).
    """

    def __init__(self, n_neurons: int, layout: tuple[int, int, int], n_lobes: int, learning: float):
        super().__init__()
        channels, grid, _ = layout
        self.position = Anchored((n_neurons, n_lobes, 2), learning)
        self.log_spread = Anchored((n_neurons, n_lobes), learning)
        self.channel = Anchored((n_neurons, n_lobes, channels), learning)
        self.register_buffer("metric", torch.eye(channels * grid * grid))
        self.register_buffer("axis", (torch.arange(grid) + 0.5) / grid, persistent=False)

    def forward(self, z: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        """(n, map values) of (n, neurons) responses and (neurons,) gains."""
        pooled = z.new_zeros(len(z), len(self.metric))
        parts = (self.position(), self.log_spread(), self.channel() * gain[:, None, None])
        for responses, *of in zip(z.split(CHUNK_NEURONS, 1), *(p.split(CHUNK_NEURONS) for p in parts), strict=True):
            pooled = pooled + responses @ self.matrix(*of)
        return pooled @ self.metric

    def matrix(self, position: torch.Tensor, log_spread: torch.Tensor, channel: torch.Tensor) -> torch.Tensor:
        """(neurons, map values) of some neurons' parameters."""
        precision = (-2 * log_spread).exp() / 2
        rows, columns = (
            torch.exp(-((self.axis - position[..., axis, None]) ** 2) * precision[..., None]) for axis in (0, 1)
        )
        return torch.einsum("nlc,nly,nlx->ncyx", channel, rows, columns).flatten(1)

    def initialise(self, generator: torch.Generator) -> None:
        """Places anywhere, spreads of a fifth of the image, random channels."""
        shape = self.position.start.shape
        self.position.start_at(torch.rand(shape, generator=generator))
        self.log_spread.start_at(torch.full(shape[:2], 0.2).log())
        self.channel.start_at(_normal(self.channel, generator) / len(self.channel.start) ** 0.5)


READ_INS = (DenseReadIn, LowRankReadIn, RetinotopicReadIn)


def build_read_in(
    settings: ReadInSettings, learning: float, n_neurons: int, n_components: int, layout: tuple[int, int, int]
) -> nn.Module:
    """The read-in that the settings name, without values.

    ``learning`` is that of :class:`~dina.models.anchored.Anchored`.
    """
    n_values = layout[0] * layout[1] * layout[2]
    match settings.kind:
        case "dense":
            return DenseReadIn(n_neurons, n_values, learning)
        case "low_rank":
            return LowRankReadIn(n_neurons, n_values, n_components, learning)
        case "retinotopic":
            return RetinotopicReadIn(n_neurons, layout, settings.n_lobes, learning)


def _normal(values: Anchored, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(values.start.shape, generator=generator)
