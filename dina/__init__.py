"""From raw two-photon movies of visual cortex to what the cortex was looking at, and why."""

__version__ = "0.1.0"
