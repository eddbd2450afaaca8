"""Scenes: the images shown, crops of photographs at several scales with the same contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from dina.settings import ScenesSettings
from dina.simulate.crops import BLANK, CROPS_A_SIDE, place_crops
from dina.simulate.photographs import load_photographs
from dina.simulate.seeds import generator


@dataclass(frozen=True)
class Scenes:
    """The images shown, ordered by split: training, validation, test.

    Attributes
    ----------
    images : (images, size, size) uint8, 0 black to 255 white
    split : (images,) uint8, index into ``dina.simulate.crops.SPLITS``
    category : (images,) int16, index into ``names``
    names : tuple of str, the source photographs
    boxes : (images, 4) int32, region of the photograph that the image was taken from: top, left, bottom, right px
    degrees_per_pixel : float
    """

    images: np.ndarray
    split: np.ndarray
    category: np.ndarray
    names: tuple[str, ...]
    boxes: np.ndarray
    degrees_per_pixel: float


def make_scenes(settings: ScenesSettings, seed: int) -> Scenes:
    """Crop the stimuli out of photographs, held-out ones apart: :func:`dina.simulate.crops.place_crops`.

    Raises
    ------
    InputError
        If the photographs cannot be read or hold too few crops.
    """
    photographs = load_photographs(
        settings.photographs,
        smallest_px=CROPS_A_SIDE * settings.crop_px[0],
        longest_px=settings.longest_side_px,
    )
    rng = generator(seed, "scenes")
    split, source, boxes = place_crops(photographs, settings, rng)
    images = [render(photographs[k].grey, box, settings, rng) for k, box in zip(source, boxes, strict=True)]
    return Scenes(
        images=np.stack(images),
        split=split.astype(np.uint8),
        category=source.astype(np.int16),
        names=tuple(photograph.name for photograph in photographs),
        boxes=boxes.astype(np.int32),
        degrees_per_pixel=settings.width_deg / settings.size_px,
    )


def render(grey: np.ndarray, box: np.ndarray, settings: ScenesSettings, rng: np.random.Generator) -> np.ndarray:
    """Take one image out of a box: a random flip and small affine warp inside it, resampled without aliasing.

    Parameters
    ----------
    grey : (height, width) float32 in [0, 1]
    box : (4,) top, left, bottom, right

    Returns
    -------
    (size_px, size_px) uint8 around mid-grey with the RMS contrast of the settings.
    """
    top, left, bottom, right = box
    side = bottom - top
    warp = _random_warp(settings, rng)
    centres = (2 * np.arange(settings.size_px) + 1) / settings.size_px - 1  # pixel centres in [-1, 1]
    points = np.einsum("ij,jyx->iyx", warp, np.stack(np.meshgrid(centres, centres, indexing="ij")))
    reduction = side * np.sqrt(abs(np.linalg.det(warp))) / settings.size_px
    blur = max(0.0, (reduction - 1) / 2)  # the usual antialiasing width for reducing by this factor
    crop = gaussian_filter(grey[top:bottom, left:right], blur, mode="nearest")
    image = map_coordinates(crop, (points + 1) * side / 2 - 0.5, order=3, mode="nearest")
    spread = max(image.std(), BLANK / 4)  # a warp may cut off what little a crop shows
    image = (image - image.mean()) / spread
    return np.rint(np.clip(0.5 * (1 + settings.contrast * image), 0, 1) * 255).astype(np.uint8)


def _random_warp(settings: ScenesSettings, rng: np.random.Generator) -> np.ndarray:
    """A flip, rotation and stretch of the square [-1, 1]², scaled so that the square stays within itself."""
    angle = np.deg2rad(rng.uniform(-settings.max_rotation_deg, settings.max_rotation_deg))
    stretch = np.exp(rng.uniform(-1, 1) * np.log1p(settings.max_stretch) / 2)
    flip = rng.choice([-1.0, 1.0])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    warp = rotation @ np.diag([stretch, flip / stretch])
    return warp / np.abs(warp).sum(1).max()
