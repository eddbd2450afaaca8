"""The tissue of one plane: vessels, neuropil and somata, as images that change little by little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, gaussian_filter1d
from scipy.signal import lfilter
from scipy.sparse import csr_array

from dina.settings import OpticsSettings
from dina.simulate.somata import Somata

VESSEL_LIGHT = 0.25  # light that comes from a vessel, share of the tissue's: haemoglobin absorbs, plasma is unlabelled
VESSEL_RADIUS_UM = (3.0, 8.0)  # capillaries to small veins (Blinder et al. 2013, Nat Neurosci 16:889)
VESSEL_TURN_UM = 250.0  # length over which a vessel's course bends
EDGE_UM = 1.0  # softness of vessel walls
NEUROPIL_IN_SOMA = 0.7  # of the neuropil's light, what a soma's pixels still show (Chen et al. 2013, Nature 499:295)
TEXTURE_LOG_SD = ((1.5, 0.25), (20.0, 0.2))  # resting neuropil: grain size in µm and log s.d. of its brightness
BUMP_SD = (
    0.67  # width of a neuropil component, s.d. in spacings of their grid: neighbours overlap, and their sum is flat
)
NEUROPIL_TIME_CONSTANT_S = 2.0  # of its own fluctuations, mostly axons from elsewhere


@dataclass(frozen=True)
class Tissue:
    """One plane, larger than the field of view by a margin on every side.

    The light of a frame is the neuropil times (1, fluctuations) plus the somata times (1 + dF/F).

    Attributes
    ----------
    shape : (height, width) with margins
    neuropil : (1 + components, pixels) float32: at rest, then smooth components per unit fluctuation
    soma_pixels : (n,) indices of the pixels that somata reach
    somata : csr (cells, n) float32, photons at rest in these pixels
    mixing : (components, cells) float32, weight of each cell in a component's fluctuation; rows sum to 1
    """

    shape: tuple[int, int]
    neuropil: np.ndarray
    soma_pixels: np.ndarray
    somata: csr_array
    mixing: np.ndarray


def draw_vessels(settings: OpticsSettings, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(height, width) distance to the nearest vessel's wall, pixels, negative inside; large where there is none."""
    distance = np.full(shape, float(max(shape)))
    for _ in range(settings.n_vessels):
        radius = rng.uniform(*VESSEL_RADIUS_UM) / settings.pixel_size_um
        path = _vessel_path(shape, VESSEL_TURN_UM / settings.pixel_size_um, rng)
        off_path = np.ones(shape, bool)
        off_path[path[:, 0], path[:, 1]] = False
        distance = np.minimum(distance, distance_transform_edt(off_path) - radius)
    return distance


def build_tissue(
    settings: OpticsSettings,
    somata: Somata,
    vessel_distance_px: np.ndarray,
    rng: np.random.Generator,
) -> Tissue:
    """Put a plane together.

    Parameters
    ----------
    somata : in an image of the tissue's shape, margins included
    vessel_distance_px : (height, width) of the tissue
    """
    shape = vessel_distance_px.shape
    edge = EDGE_UM / settings.pixel_size_um
    lit = VESSEL_LIGHT + (1 - VESSEL_LIGHT) / (1 + np.exp(-vessel_distance_px / edge))
    covered = np.minimum(somata.light.sum(0).reshape(shape), 1)
    seen = lit * (1 - (1 - NEUROPIL_IN_SOMA) * covered)
    rest = settings.photons_per_pixel * settings.neuropil_ratio * seen * _texture(settings, shape, rng)
    components, mixing = _components(settings, shape, somata.center_px)
    neuropil = np.concatenate([rest[None], components * rest]).reshape(1 + len(components), -1)
    photons = settings.photons_per_pixel * somata.brightness
    light = csr_array(somata.light.multiply(photons[:, None]).multiply(lit.reshape(1, -1)), dtype=np.float32)
    soma_pixels = np.unique(light.indices)
    return Tissue(
        shape=shape,
        neuropil=neuropil.astype(np.float32),
        soma_pixels=soma_pixels,
        somata=light[:, soma_pixels],
        mixing=mixing.astype(np.float32),
    )


class NeuropilFluctuations:
    """Time courses of the neuropil's components, frame block by frame block.

    Each is the mean dF/F of the cells around it plus a slow fluctuation of its own.
    """

    def __init__(self, settings: OpticsSettings, mixing: np.ndarray, interval_s: float, rng: np.random.Generator):
        self._mixing, self._sd, self._rng = mixing, settings.neuropil_fluctuation, rng
        self._fade = np.exp(-interval_s / NEUROPIL_TIME_CONSTANT_S)
        self._carried = self._fade * rng.standard_normal((len(mixing), 1))

    def advance(self, dff: np.ndarray) -> np.ndarray:
        """(components, frames) float32 for the next frames, given the cells' dF/F (cells, frames)."""
        noise = self._rng.standard_normal((dff.shape[1], len(self._mixing))).T * np.sqrt(1 - self._fade**2)
        slow, self._carried = lfilter([1], [1, -self._fade], noise, zi=self._carried)
        return (self._mixing @ dff + self._sd * slow).astype(np.float32)


def _vessel_path(shape: tuple[int, int], turn_px: float, rng: np.random.Generator) -> np.ndarray:
    """(points, 2) whole pixels of a smooth path through the image."""
    n = 4 * max(shape)  # half-pixel steps, both ways from a point inside
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.standard_normal(n)) * np.sqrt(0.5 / turn_px)
    heading = gaussian_filter1d(heading, turn_px / 10, mode="nearest")
    steps = 0.5 * np.stack([np.sin(heading), np.cos(heading)], 1)
    path = np.cumsum(steps, 0)
    path += rng.uniform(0.2, 0.8, 2) * shape - path[n // 2]
    path = np.round(path).astype(int)
    return path[np.all((path >= 0) & (path < shape), axis=1)]


def _texture(settings: OpticsSettings, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(height, width) resting brightness of the neuropil, mean 1: fine processes on slow shading."""
    log_brightness = np.zeros(shape)
    for grain_um, log_sd in TEXTURE_LOG_SD:
        noise = gaussian_filter(rng.standard_normal(shape), grain_um / settings.pixel_size_um, mode="wrap")
        log_brightness += log_sd * noise / noise.std()
    brightness = np.exp(log_brightness)
    return brightness / brightness.mean()


def _components(
    settings: OpticsSettings, shape: tuple[int, int], center_px: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth bumps (components, height, width) that sum to 1 everywhere, and each cell's weight in them."""
    spacing = settings.neuropil_extent_um / settings.pixel_size_um
    counts = [max(1, round(size / spacing)) for size in shape]
    axes = [(np.arange(n) + 0.5) * size / n for n, size in zip(counts, shape, strict=True)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)

    def bumps(points: np.ndarray) -> np.ndarray:
        square = ((points[None] - nodes[:, None]) ** 2).sum(-1)
        return np.exp(-square / (2 * (BUMP_SD * spacing) ** 2))

    pixels = np.stack(np.mgrid[: shape[0], : shape[1]], -1).reshape(-1, 2)
    spatial, mixing = bumps(pixels), bumps(center_px)
    spatial /= spatial.sum(0)
    mixing /= np.maximum(mixing.sum(1, keepdims=True), np.finfo(float).tiny)
    return spatial.reshape(-1, *shape), mixing
