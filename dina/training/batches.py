"""Shuffled batches of arrays that stay on the device for the whole training."""

from __future__ import annotations

from collections.abc import Iterator

import torch


def shuffled_batches(n: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Indices of one pass over ``n`` rows in random order; a rest of fewer than two rows is left out."""
    order = torch.randperm(n, generator=generator)
    for start in range(0, n, size):
        batch = order[start : start + size]
        if len(batch) > 1:
            yield batch


def generator_on(device: torch.device, generator: torch.Generator) -> torch.Generator:
    """A generator for random numbers on a device: the one given on the CPU, else one that it seeds.

    Numbers drawn on the CPU would have to travel to a GPU with every batch.
    """
    if device.type == "cpu":
        return generator
    seed = int(torch.randint(2**62, (1,), generator=generator))
    return torch.Generator(device).manual_seed(seed)


def silence_neurons(z: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Set a random ``share`` of a batch's (n, neurons) responses to their mean, 0, and scale up the others.

    The generator is on the responses' device.

    References
    ----------
    Srivastava et al. 2014, J. Mach. Learn. Res. 15:1929.
    """
    if share == 0:
        return z
    kept = torch.rand(z.shape, generator=generator, device=z.device) >= share
    return z * (kept.to(z) / (1 - share))
