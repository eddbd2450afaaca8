"""Somata: where the labelled cells lie in a plane, and the light each pixel gets from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from dina.errors import SettingsError, problem
from dina.settings import OpticsSettings

SPACING_SHARE = 0.9  # centres keep this share of a mean soma's diameter apart, so that somata hardly overlap
NUCLEUS_SHARE = 0.6  # diameter of the nucleus in a pyramidal soma, share of the soma's
NUCLEUS_BRIGHTNESS = 0.35  # GCaMP is kept out of the nucleus; what remains comes from above and below it
EDGE_UM = 1.5  # softness of edges: the lateral blur of the microscope, and the light gathered while crossing a pixel
AXIS_RATIO = (0.8, 1.0)  # short to long axis
TRIES = 2000  # random places tried in vain before the field counts as full


@dataclass(frozen=True)
class Somata:
    """The somata of one plane.

    Attributes
    ----------
    center_px : (cells, 2) float, y, x in the image
    light : csr (cells, pixels) float32, share of full cytoplasmic brightness, with soft edges
    inside : (stored pixels,) bool, which of ``light``'s values lie within the soma's outline, the half-height
        of its edge; the nucleus is inside
    brightness : (cells,) float32, around 1
    """

    center_px: np.ndarray
    light: csr_array
    inside: np.ndarray
    brightness: np.ndarray


def place_somata(
    settings: OpticsSettings, vessel_distance_px: np.ndarray, edge_px: float, rng: np.random.Generator
) -> np.ndarray:
    """Find room for the cells of one plane: apart from each other, from vessels and from the field's edges.

    Parameters
    ----------
    vessel_distance_px : (height, width) distance to the nearest vessel's wall
    edge_px : distance that whole somata keep from the edges, for the brain moves

    Returns
    -------
    (cells, 2) float64, y, x

    Raises
    ------
    SettingsError
        If they do not fit.
    """
    diameter = settings.soma_diameter_um / settings.pixel_size_um
    edge = edge_px + diameter / 2
    low, high = np.full(2, edge), np.array(vessel_distance_px.shape) - 1 - edge
    centers = np.empty((settings.n_neurons_per_plane, 2))
    n_placed = n_misses = 0
    while np.all(high > low) and n_misses < TRIES:
        place = rng.uniform(low, high)
        y, x = place.astype(int)
        apart = np.hypot(*(centers[:n_placed] - place).T) >= SPACING_SHARE * diameter
        if vessel_distance_px[y, x] <= diameter / 2 or not apart.all():
            n_misses += 1
            continue
        centers[n_placed] = place
        n_placed, n_misses = n_placed + 1, 0
        if n_placed == len(centers):
            return centers
    raise SettingsError(
        problem(
            "simulation.optics.n_neurons_per_plane",
            f"{settings.n_neurons_per_plane}",
            f"at most about {n_placed}, which is what the field of view holds",
            "Lower it, or enlarge height_px and width_px.",
        )
    )


def draw_somata(
    settings: OpticsSettings, center_px: np.ndarray, shape: tuple[int, int], rng: np.random.Generator
) -> Somata:
    """Draw sizes, shapes and brightness, and the light of every cell in an image of ``shape``."""
    n = len(center_px)
    per_um = 1 / settings.pixel_size_um
    diameter = settings.soma_diameter_um + settings.soma_diameter_sd_um * rng.standard_normal(n)
    diameter = np.maximum(diameter, settings.soma_diameter_um / 2) * per_um
    ratio, angle = rng.uniform(*AXIS_RATIO, n), rng.uniform(0, np.pi, n)
    brightness = np.exp(settings.brightness_log_sd * rng.standard_normal(n)).astype(np.float32)
    pixels, lights, insides = zip(
        *(
            _soma(center, d / 2, r, a, EDGE_UM * per_um, shape)
            for center, d, r, a in zip(center_px, diameter, ratio, angle, strict=True)
        ),
        strict=True,
    )
    indptr = np.r_[0, np.cumsum([len(pixel) for pixel in pixels])]
    return Somata(
        center_px=center_px,
        light=csr_array(
            (np.concatenate(lights), np.concatenate(pixels), indptr), shape=(n, shape[0] * shape[1]), dtype=np.float32
        ),
        inside=np.concatenate(insides),
        brightness=brightness,
    )


def _soma(center, radius, ratio, angle, edge, shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of one soma, their light, and whether they lie inside its outline."""
    reach = radius + 4 * edge
    (top, left), (bottom, right) = (
        np.clip(np.round(center + sign * reach).astype(int), 0, np.array(shape) - 1) for sign in (-1, 1)
    )
    y, x = np.mgrid[top : bottom + 1, left : right + 1]
    dy, dx = y - center[0], x - center[1]
    along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    distance = np.hypot(along * np.sqrt(ratio), across / np.sqrt(ratio))  # an ellipse of the disc's area
    body = _soft_disc(distance, radius, edge)
    nucleus = _soft_disc(distance, NUCLEUS_SHARE * radius, edge)
    light = body * (1 - (1 - NUCLEUS_BRIGHTNESS) * nucleus)
    seen = body > 0.01
    return (y * shape[1] + x)[seen], light[seen].astype(np.float32), (body >= 0.5)[seen]


def _soft_disc(distance: np.ndarray, radius: float, edge: float) -> np.ndarray:
    return 1 / (1 + np.exp((distance - radius) / (edge / 2)))
