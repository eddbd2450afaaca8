"""Receptive fields in silico: local patches are shown to a trained tower, and its output says where it looks."""

from __future__ import annotations

import numpy as np

N_POSITIONS = 12  # a side; with the window below, neighbouring patches overlap by half
WINDOW_SHARE = 0.1  # standard deviation of a patch's Gaussian window, share of the image's side
SMOOTHING_POSITIONS = 1.2  # of the energy map, standard deviation in positions: as wide as the window
SHARPENING = 3  # exponent of the energy before its centroid, so that the far background hardly counts


def local_patches(images: np.ndarray, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Photographs behind a Gaussian window at every position of a grid, on the images' mean grey.

    Parameters
    ----------
    images : (images, height, width)
    n_samples : int
        Photographs shown at each position, drawn anew for each.

    Returns
    -------
    (positions · n_samples, height, width) float32, positions in rows from the top left, samples innermost.
    """
    height, width = images.shape[1:]
    grey = images.mean()
    rows, columns = _windows(height), _windows(width)
    patches = np.empty((N_POSITIONS, N_POSITIONS, n_samples, height, width), np.float32)
    for row, column in np.ndindex(N_POSITIONS, N_POSITIONS):
        shown = images[rng.integers(len(images), size=n_samples)]
        contrast = shown - shown.mean((1, 2), keepdims=True)
        patches[row, column] = grey + contrast * rows[row][:, None] * columns[column]
    return patches.reshape(-1, height, width)


def local_energy(outputs: np.ndarray) -> np.ndarray:
    """Variance of each unit's output over the patches of one position.

    Parameters
    ----------
    outputs : (positions · n_samples, units), the answers to :func:`local_patches`

    Returns
    -------
    (units, N_POSITIONS, N_POSITIONS) float32
    """
    energy = outputs.reshape(N_POSITIONS**2, -1, outputs.shape[1]).var(1)
    return energy.T.reshape(-1, N_POSITIONS, N_POSITIONS).astype(np.float32)


def energy_centres(energy: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Centres of smoothed energy maps.

    Parameters
    ----------
    energy : (units, N_POSITIONS, N_POSITIONS)
    image_shape : (height, width), pixels

    Returns
    -------
    (units, 2) float32: x to the right and y downwards from the image's centre, pixels; NaN for a unit without energy.
    """
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(energy, (0, SMOOTHING_POSITIONS, SMOOTHING_POSITIONS), mode="nearest")
    peak = smooth.max((1, 2), keepdims=True)
    with np.errstate(invalid="ignore"):
        weight = (smooth / peak) ** SHARPENING
        weight /= weight.sum((1, 2), keepdims=True)
    height, width = image_shape
    positions = (np.arange(N_POSITIONS) + 0.5) / N_POSITIONS - 0.5
    x, y = weight.sum(1) @ positions * width, weight.sum(2) @ positions * height
    return np.stack([x, y], 1).astype(np.float32)


def _windows(size_px: int) -> np.ndarray:
    """(N_POSITIONS, size_px) profiles of the windows along one axis."""
    centres = (np.arange(N_POSITIONS) + 0.5) / N_POSITIONS
    pixels = (np.arange(size_px) + 0.5) / size_px
    return np.exp(-((pixels - centres[:, None]) ** 2) / (2 * WINDOW_SHARE**2)).astype(np.float32)
