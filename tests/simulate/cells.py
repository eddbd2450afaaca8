"""Cells and gratings for the tests of the population."""

import numpy as np

from dina.settings import PopulationSettings
from dina.simulate.population import draw_population

SIZE, WIDTH_DEG = 48, 40.0


def draw(n=60, seed=1, field_px=(192, 192), pixel_size_um=1.5, **settings):
    center = np.random.default_rng(seed).uniform(0, field_px, (n, 2))
    return draw_population(
        PopulationSettings(**settings),
        center,
        np.zeros(n),
        field_px=field_px,
        pixel_size_um=pixel_size_um,
        image_width_deg=WIDTH_DEG,
        seed=seed,
    )


def grating(frequency_cpd, orientation_rad, phase_rad, contrast=1.0):
    """Bars at an anticlockwise angle from horizontal, as uint8."""
    axis = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) * WIDTH_DEG
    x, y = axis[None], -axis[:, None]  # y up
    across = x * np.sin(orientation_rad) - y * np.cos(orientation_rad)
    wave = np.cos(2 * np.pi * frequency_cpd * across + phase_rad)
    return np.rint(127.5 * (1 + contrast * wave)).astype(np.uint8)
