"""The simulated cells of mouse V1: receptive fields, retinotopy, gains and what each image evokes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dina.settings import PopulationSettings
from dina.simulate.seeds import generator

MARGIN_SHARE = 0.15  # receptive-field centres keep this share of the image's width away from its edges
SCATTER_TRIES = 20  # before a centre that scatters out of the image is put on the margin
BATCH_NEURONS = 256  # filters held at once: 2 × 4 MB at 64 × 64 pixels


@dataclass(frozen=True)
class Population:
    """The cells, one entry each.

    Attributes
    ----------
    center_px : (neurons, 2) float32, position in the field of view: y, x px
    plane : (neurons,) int16
    center_deg : (neurons, 2) float32, receptive-field centre: x right, y down, 0 = image centre
    is_complex : (neurons,) bool; the others are simple
    frequency_cpd, orientation_rad, phase_rad : (neurons,) float32, of the Gabor field;
        orientation is that of the grating's bars, anticlockwise from horizontal
    sigma_deg : (neurons,) float32, standard deviation of the field's round envelope
    responsive : (neurons,) bool
    gain : (neurons,) float32, median 1 among responsive cells, 0 in the others
    spontaneous_rate_hz : (neurons,) float32
    """

    center_px: np.ndarray
    plane: np.ndarray
    center_deg: np.ndarray
    is_complex: np.ndarray
    frequency_cpd: np.ndarray
    orientation_rad: np.ndarray
    phase_rad: np.ndarray
    sigma_deg: np.ndarray
    responsive: np.ndarray
    gain: np.ndarray
    spontaneous_rate_hz: np.ndarray

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.plane)


def draw_population(
    settings: PopulationSettings,
    center_px: np.ndarray,
    plane: np.ndarray,
    *,
    field_px: tuple[int, int],
    pixel_size_um: float,
    image_width_deg: float,
    seed: int,
) -> Population:
    """Draw the cells' properties, given where they lie.

    Parameters
    ----------
    center_px : (neurons, 2) y, x
    plane : (neurons,)
    field_px : height and width of the field of view
    image_width_deg : visual angle that an image spans
    """
    rng = generator(seed, "population")
    n = len(plane)
    low, high = np.log(settings.spatial_frequency_cpd)
    frequency = np.exp(rng.uniform(low, high, n))
    responsive = rng.random(n) >= settings.share_unresponsive
    return Population(
        center_px=center_px.astype(np.float32),
        plane=plane.astype(np.int16),
        center_deg=_retinotopy(settings, center_px, field_px, pixel_size_um, image_width_deg, rng),
        is_complex=rng.random(n) < settings.share_complex,
        frequency_cpd=frequency.astype(np.float32),
        orientation_rad=rng.uniform(0, np.pi, n).astype(np.float32),
        phase_rad=rng.uniform(0, 2 * np.pi, n).astype(np.float32),
        sigma_deg=(envelope_cycles(settings.bandwidth_octaves) / frequency).astype(np.float32),
        responsive=responsive,
        gain=np.where(responsive, np.exp(settings.gain_log_sd * rng.standard_normal(n)), 0).astype(np.float32),
        spontaneous_rate_hz=(
            settings.spontaneous_rate_hz * np.exp(settings.spontaneous_log_sd * rng.standard_normal(n))
        ).astype(np.float32),
    )


def envelope_cycles(bandwidth_octaves: float) -> float:
    """Standard deviation of a Gabor's envelope, in cycles of its grating, for a bandwidth at half height.

    ``σ f = √(ln 2 / 2) / π · (2^b + 1)/(2^b − 1)``; Petkov & Kruizinga 1997, Biol Cybern 76:83.
    """
    ratio = 2**bandwidth_octaves
    return float(np.sqrt(np.log(2) / 2) / np.pi * (ratio + 1) / (ratio - 1))


def receptive_fields(
    population: Population, cells: slice, size_px: int, width_deg: float, *, quadrature: bool = False
) -> np.ndarray:
    """The cells' Gabor filters.

    Each has no response to uniform grey, and the response 1 to its own best grating at full contrast
    wherever its envelope lies inside the image.

    Parameters
    ----------
    cells : slice of the population
    quadrature : bool
        Shift the phase by a quarter of a cycle; a complex cell's energy is the sum of both squares.

    Returns
    -------
    (cells, size_px, size_px) float32
    """
    axis = (((np.arange(size_px) + 0.5) / size_px - 0.5) * width_deg).astype(np.float32)
    x = axis[None, None, :] - population.center_deg[cells, 0][:, None, None]
    y = axis[None, :, None] - population.center_deg[cells, 1][:, None, None]
    theta, sigma, frequency, phase = (
        values[cells][:, None, None]
        for values in (
            population.orientation_rad,
            population.sigma_deg,
            population.frequency_cpd,
            population.phase_rad + np.float32(np.pi / 2 if quadrature else 0),
        )
    )
    envelope = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    across = x * np.sin(theta) + y * np.cos(theta)  # y points down, so this is perpendicular to bars at +theta
    gabor = envelope * np.cos(2 * np.pi * frequency * across + phase)
    gabor -= envelope * (gabor.sum((1, 2), keepdims=True) / envelope.sum((1, 2), keepdims=True))
    pixel_area = (width_deg / size_px) ** 2
    return gabor * (pixel_area / (np.pi * sigma**2))  # ∫ envelope · cos² = π σ²


def _retinotopy(settings, center_px, field_px, pixel_size_um, image_width_deg, rng) -> np.ndarray:
    """(neurons, 2) field centres x, y: a linear map of the field of view plus scatter, well inside the image."""
    field_um = np.array(field_px, float) * pixel_size_um
    half_deg = (0.5 - MARGIN_SHARE) * image_width_deg
    # A field of view that spans more of the visual field than the image does would hold cells that see grey only.
    magnification = min(settings.magnification_deg_per_um, 2 * half_deg / field_um.max())
    mapped = ((center_px * pixel_size_um - field_um / 2) * magnification)[:, ::-1]
    centers = mapped + settings.scatter_deg * rng.standard_normal(mapped.shape)
    for _ in range(SCATTER_TRIES):
        outside = np.abs(centers) > half_deg
        centers[outside] = mapped[outside] + settings.scatter_deg * rng.standard_normal(outside.sum())
    return np.clip(centers, -half_deg, half_deg).astype(np.float32)
