"""The learning rate over the epochs."""

from __future__ import annotations

import math


def cosine_rates(peak: float, epochs: int) -> list[float]:
    """Learning rate of every epoch: from ``peak`` along a cosine that would reach 0 one epoch after the last.

    Each is computed from the one before, as torch's ``CosineAnnealingLR`` does, to its last bit; but nothing
    here needs storing.

    References
    ----------
    Loshchilov & Hutter 2017, ICLR.
    """
    rates = [peak]
    for epoch in range(1, epochs):
        rates.append(
            (1 + math.cos(math.pi * epoch / epochs)) / (1 + math.cos(math.pi * (epoch - 1) / epochs)) * rates[-1]
        )
    return rates
