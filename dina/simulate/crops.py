"""Where crops lie in photographs: held-out ones share next to nothing with any other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dina.errors import InputError, problem
from dina.settings import ScenesSettings
from dina.simulate.photographs import Photograph

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
BLANK = (
    0.05  # crops whose grey levels (0 to 1) vary less, s.d., are sky or blur and would show JPEG blocks once normalised
)
CROPS_A_SIDE = 3  # no crop is larger than this part of its photograph, so that each split finds room in it
SIZES_TRIED, POSITIONS_TRIED = 40, 200  # before a photograph counts as full


def place_crops(
    photographs: list[Photograph], settings: ScenesSettings, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place the crops of all images: test first, then validation, then training in what remains.

    No crop of another image, nor all of them together, covers more than ``max_overlap`` of a held-out
    crop; training crops may overlap each other. Photographs give images in proportion to their areas.

    Returns
    -------
    split : (images,) index into ``SPLITS``, ascending
    source : (images,) index of the photograph
    boxes : (images, 4) top, left, bottom, right px

    Raises
    ------
    InputError
        If the photographs hold too few crops.
    """
    regions = [_Region.of(photograph) for photograph in photographs]
    usable = np.array([_usable_area(region, settings, rng) for region in regions])
    if not usable.any():
        raise InputError(
            problem(settings.photographs, "blank photographs only", "pictures of something", "Replace them.")
        )
    placed = []
    for split, n_images in ((TEST, settings.n_test), (VALIDATION, settings.n_validation), (TRAIN, settings.n_train)):
        for source in _spread(n_images, usable, rng):
            placed.append((split, *_place(regions, source, split, settings, rng)))
    placed.sort(key=lambda crop: crop[0])  # stable: within a split as drawn
    split, source, boxes = zip(*placed, strict=True)
    return np.array(split), np.array(source), np.array(boxes)


@dataclass
class _Region:
    """What is taken of one photograph: held-out boxes, and the cores that no other crop may enter."""

    photograph: Photograph
    sums: np.ndarray  # (2, height + 1, width + 1) summed-area tables of the grey levels and their squares
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 4), int))
    cores: np.ndarray = field(default_factory=lambda: np.empty((0, 4), int))

    @classmethod
    def of(cls, photograph: Photograph) -> _Region:
        grey = photograph.grey.astype(np.float64)
        sums = np.pad(np.stack([grey, grey**2]).cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
        return cls(photograph, sums)

    def contrast(self, boxes: np.ndarray) -> np.ndarray:
        """(n,) standard deviation of the grey levels in boxes, (n, 4)."""
        top, left, bottom, right = boxes.T
        total = self.sums[:, bottom, right] - self.sums[:, top, right]
        total += self.sums[:, top, left] - self.sums[:, bottom, left]
        mean, square = total / ((bottom - top) * (right - left))
        return np.sqrt(np.maximum(square - mean**2, 0))

    def random_boxes(self, n: int, settings: ScenesSettings, rng: np.random.Generator) -> np.ndarray:
        """(n, 4) boxes of one size, anywhere in the photograph."""
        shape = np.array(self.photograph.grey.shape)
        smallest, largest = settings.crop_px
        largest = min(largest, shape.min() // CROPS_A_SIDE)
        side = int(np.exp(rng.uniform(np.log(smallest), np.log(largest + 1))))
        corners = rng.integers(0, shape - side + 1, (n, 2))
        return np.hstack([corners, corners + side])


def _usable_area(region: _Region, settings: ScenesSettings, rng: np.random.Generator) -> float:
    """Pixels of a photograph in crops that are not blank."""
    boxes = np.vstack([region.random_boxes(20, settings, rng) for _ in range(SIZES_TRIED)])
    return region.photograph.grey.size * float(np.mean(region.contrast(boxes) >= BLANK))


def _spread(n_images: int, area: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n_images,) source photographs, in proportion to their areas, in random order."""
    share = n_images * area / area.sum()
    counts = np.floor(share).astype(int)
    counts[np.argsort(counts - share, kind="stable")[: n_images - counts.sum()]] += 1
    return rng.permutation(np.repeat(np.arange(len(area)), counts))


def _place(
    regions: list[_Region], source: int, split: int, settings: ScenesSettings, rng: np.random.Generator
) -> tuple[int, np.ndarray]:
    """Find room for a crop in its photograph, else in another; a held-out crop is marked as taken."""
    others = rng.permutation(len(regions))
    for candidate in (source, *others[others != source]):
        region = regions[candidate]
        box = _find_box(region, split, settings, rng)
        if box is not None:
            if split != TRAIN:
                region.boxes = np.vstack([region.boxes, box])
                region.cores = np.vstack([region.cores, _core(box, settings.max_overlap)])
            return int(candidate), box
    raise InputError(
        problem(
            settings.photographs or "the installed photographs",
            f"no room for another {SPLITS[split]} crop",
            f"{settings.n_test} test, {settings.n_validation} validation and {settings.n_train} training crops",
            "Ask for fewer images, lower simulation.scenes.crop_px, or name a folder with more photographs.",
        )
    )


def _find_box(region: _Region, split: int, settings: ScenesSettings, rng: np.random.Generator) -> np.ndarray | None:
    """A free box: many positions are tried before another size is, lest small crops crowd out large ones."""
    for _ in range(SIZES_TRIED):
        boxes = region.random_boxes(POSITIONS_TRIED, settings, rng)
        free = (region.contrast(boxes) >= BLANK) & ~_meet(boxes, region.cores)
        if split != TRAIN:
            free &= ~_meet(_core(boxes, settings.max_overlap), region.boxes)
        if free.any():
            return boxes[np.argmax(free)]
    return None


def _core(boxes: np.ndarray, max_overlap: float) -> np.ndarray:
    """Boxes, (..., 4), without a rim that makes up ``max_overlap`` of their area."""
    side = boxes[..., 2] - boxes[..., 0]
    rim = (side * (1 - np.sqrt(1 - max_overlap)) / 2).astype(int)
    return boxes + rim[..., None] * np.array([1, 1, -1, -1])


def _meet(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) whether each box shares a pixel with any of the others, (m, 4)."""
    boxes = boxes[:, None]
    inside = (boxes[..., :2] < others[:, 2:]) & (others[:, :2] < boxes[..., 2:])
    return inside.all(-1).any(-1)
