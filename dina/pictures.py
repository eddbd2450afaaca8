"""Pictures from files or arrays, in grey."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina.errors import InputError, problem, reading

TIFF = {".tif", ".tiff"}
EXTENSIONS = {".png", ".jpg", ".jpeg", ".pgm", ".bmp"} | TIFF
PLAIN = {"1", "L", "LA", "I", "I;16", "I;16B", "F", "RGB", "RGBA"}  # Pillow's modes that need no conversion
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # red, green, blue: ITU-R BT.709


def read_grey(path: Path) -> np.ndarray:
    """Read a picture in grey: (height, width) float32, 0 black to 1 white.

    Raises
    ------
    InputError
        If the file is no readable picture, or as :func:`grey` says.
    """
    from PIL.Image import DecompressionBombError

    is_tiff = path.suffix.lower() in TIFF
    with reading(path, "a picture", "Export it again, or remove it.", also=(DecompressionBombError,)):
        pixels = _read_tiff(path) if is_tiff else _read_with_pillow(path)
    return grey(pixels, path)


def grey(pixels: np.ndarray, where: object) -> np.ndarray:
    """Luminance of a picture: (height, width) float32, 0 black to 1 white.

    Parameters
    ----------
    pixels : (height, width) or (height, width, 1 to 4 channels); bool, uint8, uint16, or floats from 0 to 1
    where : named in errors

    Raises
    ------
    InputError
        If it has another shape, type or range, or transparent pixels, whose colour is unknown.
    """
    pixels = np.asarray(pixels)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind = pixels.dtype.kind
    fits = pixels.ndim in (2, 3) and channels in (1, 2, 3, 4) and pixels.size > 0
    if kind == "f":
        fits = fits and bool(np.isfinite(pixels).all()) and pixels.min() >= 0 and pixels.max() <= 1
    elif kind != "b":
        fits = fits and pixels.dtype in (np.uint8, np.uint16)
    if not fits:
        found = f"{pixels.dtype} pixels of shape {pixels.shape}"
        if pixels.size and kind in "iuf":
            found += f", {pixels.min():.4g} to {pixels.max():.4g}"
        expected = "grey or RGB, of 8 or 16 bits, or finite floats from 0 to 1"
        raise InputError(problem(where, found, expected, "Convert it (PNG, JPEG, or an array of uint8)."))
    scaled = pixels.astype(np.float32)
    if kind == "u":
        scaled /= np.iinfo(pixels.dtype).max
    if channels in (2, 4) and scaled[..., -1].min() < 1:
        expected = "opaque ones, as they were shown"
        raise InputError(problem(where, "transparent pixels", expected, "Export it without an alpha channel."))
    if channels >= 3:
        return scaled[..., :3] @ LUMINANCE
    return scaled.reshape(*scaled.shape[:2], -1)[..., 0]


def _read_tiff(path: Path) -> np.ndarray:
    import tifffile

    return tifffile.imread(path)


def _read_with_pillow(path: Path) -> np.ndarray:
    """Pixels as stored; palettes and colour spaces other than RGB (such as CMYK) are converted."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image if image.mode in PLAIN else image.convert("RGB"))
