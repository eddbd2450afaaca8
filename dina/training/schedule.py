"""The learning rate of every step: a linear warm-up, then a cosine."""

from __future__ import annotations

import itertools
import math


class LearningRate:
    """Learning rate over a training; a function of the step alone, so nothing of it needs storing.

    Without a warm-up the rate of epoch ``e`` is ``½ peak (1 + cos π (e − 1) / epochs)``. A warm-up takes the
    first share of all steps, along which the rate rises linearly to its peak; the cosine then runs over the rest.

    Parameters
    ----------
    peak : highest rate
    epochs : at whose end the rate would be 0
    warmup_share : share of all steps, 0 for none

    References
    ----------
    Loshchilov & Hutter 2017, ICLR (cosine); Goyal et al. 2017, arXiv 1706.02677 (warm-up).
    """

    def __init__(self, peak: float, epochs: int, warmup_share: float = 0.0):
        self.warmup_epochs = warmup_share * epochs
        phase = [math.pi * max(0.0, e - self.warmup_epochs) / (epochs - self.warmup_epochs) for e in range(epochs)]
        self.of_epoch = [peak]
        for before, now in itertools.pairwise(phase):
            # From the rate before, as torch's CosineAnnealingLR does, to its last bit.
            self.of_epoch.append((1 + math.cos(now)) / (1 + math.cos(before)) * self.of_epoch[-1])

    def at(self, epoch: int, batch: int, n_batches: int) -> float:
        """The rate for a batch, both counted from 1."""
        done = epoch - 1 + batch / n_batches
        rising = min(1.0, done / self.warmup_epochs) if self.warmup_epochs else 1.0
        return rising * self.of_epoch[epoch - 1]
