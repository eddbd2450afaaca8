"""Units of a random convolutional network, as cells that no bank of Gabor filters describes."""

from __future__ import annotations

import numpy as np

from dina.simulate.seeds import generator

SIZE_PX = 32  # images are averaged to this size: a filter then spans what a receptive field of mouse V1 does
FIRST_CHANNELS, FIRST_PX, FIRST_WINDOW_PX = 24, 9, 1.8
SECOND_CHANNELS, SECOND_PX, SECOND_WINDOW_PX = 64, 5, 1.2
INPUTS_PER_CHANNEL = 6  # first-layer channels that a unit of the second layer reads
BATCH_IMAGES = 256


def network_drive(contrast: np.ndarray, center_deg: np.ndarray, width_deg: float, seed: int) -> np.ndarray:
    """Outputs of units of the second layer, each cell one channel at the place of its field.

    Two layers of random filters under Gaussian windows, each rectified; 2 × 2 averages between them. A field spans
    about 18 of 32 pixels, and its centre is weighted most.

    Parameters
    ----------
    contrast : (images, size, size), -1 to 1, size a multiple of 32
    center_deg : (cells, 2) x right, y down, 0 = image centre
    width_deg : visual angle of an image

    Returns
    -------
    (images, cells) float32, not negative
    """
    rng = generator(seed, "network cells")
    first, second = _first_layer(rng), _second_layer(rng)
    channel = rng.integers(SECOND_CHANNELS, size=len(center_deg))
    columns, rows = (np.clip((center_deg / width_deg + 0.5) * SIZE_PX / 2, 0, SIZE_PX / 2 - 1e-3)).astype(int).T
    factor = contrast.shape[1] // SIZE_PX
    drive = np.empty((len(contrast), len(center_deg)), np.float32)
    for start in range(0, len(contrast), BATCH_IMAGES):
        images = contrast[start : start + BATCH_IMAGES]
        small = images.reshape(len(images), SIZE_PX, factor, SIZE_PX, factor).mean((2, 4))
        hidden = np.maximum(_convolve(small[:, None], first), 0)
        hidden = hidden.reshape(*hidden.shape[:2], SIZE_PX // 2, 2, SIZE_PX // 2, 2).mean((3, 5))
        output = np.maximum(_convolve(hidden, second), 0)
        drive[start : start + BATCH_IMAGES] = output[:, channel, rows, columns]
    return drive


def _first_layer(rng: np.random.Generator) -> np.ndarray:
    """Filters that do not answer to uniform grey."""
    window = _window(FIRST_PX, FIRST_WINDOW_PX)
    filters = rng.standard_normal((FIRST_CHANNELS, 1, FIRST_PX, FIRST_PX)) * window
    filters -= window * (filters.sum((2, 3), keepdims=True) / window.sum())
    return (filters / np.sqrt((filters**2).sum((1, 2, 3), keepdims=True))).astype(np.float32)


def _second_layer(rng: np.random.Generator) -> np.ndarray:
    """Filters that read a few channels each and answer to nothing when all channels are equally active."""
    filters = rng.standard_normal((SECOND_CHANNELS, FIRST_CHANNELS, SECOND_PX, SECOND_PX))
    read = rng.permuted(np.tile(np.arange(FIRST_CHANNELS), (SECOND_CHANNELS, 1)), axis=1) < INPUTS_PER_CHANNEL
    weight = read[:, :, None, None] * _window(SECOND_PX, SECOND_WINDOW_PX)
    filters *= weight
    filters -= weight * (filters.sum((1, 2, 3), keepdims=True) / weight.sum((1, 2, 3), keepdims=True))
    return (filters / np.sqrt((filters**2).sum((1, 2, 3), keepdims=True))).astype(np.float32)


def _window(size: int, spread: float) -> np.ndarray:
    axis = np.arange(size) - (size - 1) / 2
    return np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * spread**2))


def _convolve(maps: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """(n, out, height, width) of (n, in, height, width) maps with (out, in, size, size) filters; zeros around."""
    half = filters.shape[-1] // 2
    padded = np.pad(maps, ((0, 0), (0, 0), (half, half), (half, half)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, filters.shape[-2:], axis=(2, 3))
    return np.einsum("nihwyx,oiyx->nohw", windows, filters, optimize=True)
