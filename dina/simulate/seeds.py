"""Random numbers by name: each part of the simulation draws from a stream of its own."""

from __future__ import annotations

import numpy as np


def generator(seed: int, part: str, *index: int) -> np.random.Generator:
    """The generator of one part, independent of all others, so that a change in one part moves no other.

    Parameters
    ----------
    seed : int
        The recording's seed.
    part : str
        What is drawn, for instance ``"spikes"``.
    index : int
        Distinguishes repeated parts, for instance a plane and a block of frames.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, len(part), *part.encode(), len(index), *index]))
