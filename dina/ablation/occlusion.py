"""Where in the image decoding finds what it needs: a grey window hides one part of the candidates after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dina.decoders.dina import DinaDecoder, represent_together
from dina.probing.queries import Queries, top1_by_image
from dina.settings import Detail

QUICK_STEPS, FULL_STEPS = 4, 13  # quarters of the image, or quarters that overlap by three quarters


@dataclass(frozen=True)
class OcclusionMap:
    """What is lost by place, means over test images and seeds.

    Attributes
    ----------
    top1 : (steps, steps) float32, top-1 with whole candidates less that with the place hidden
    similarity : (steps, steps) float32, the same of the similarity with the shown image
    """

    top1: np.ndarray
    similarity: np.ndarray


def steps_of(steps: int | None, detail: Detail) -> int:
    """Positions of the window along each side: as set, or what ``detail`` says."""
    return steps or {"quick": QUICK_STEPS, "full": FULL_STEPS}[detail]


def occlude(images: np.ndarray, window: float, steps: int) -> Iterator[np.ndarray]:
    """Images with a window at each of ``steps`` × ``steps`` places, row by row, filled with the image's own mean.

    The windows at the ends touch the edges. Contrast is not matched: amplifying the rest would change all places.

    Parameters
    ----------
    images : (images, height, width)
    window : its sides, share of the image's
    steps : 2 or more
    """
    height, width = images.shape[1:]
    rows, columns = max(1, round(window * height)), max(1, round(window * width))
    grey = images.mean((1, 2), keepdims=True)
    for top in np.linspace(0, height - rows, steps).round().astype(int):
        for left in np.linspace(0, width - columns, steps).round().astype(int):
            hidden = images.copy()
            hidden[:, top : top + rows, left : left + columns] = grey
            yield hidden


def occlusion_map(
    seeds: Sequence[DinaDecoder], gallery: np.ndarray, queries: Queries, *, window: float, steps: int
) -> OcclusionMap:
    """Hide one place in all candidates at once, and ask which of them was shown.

    The image tower sees steps² × images; memory is that of one gallery and its maps.

    Parameters
    ----------
    gallery : (images, height, width)
    """

    embedded = [seed.embed(queries.z) for seed in seeds]

    def asked(candidates: np.ndarray) -> tuple[float, float]:
        represented = represent_together(seeds, candidates)
        shown = [z @ images.T for z, images in zip(embedded, represented, strict=True)]
        rows = np.arange(len(queries.true))
        top1 = np.mean([np.mean(top1_by_image(scores, queries.true)) for scores in shown])
        return float(top1), float(np.mean([scores[rows, queries.true] for scores in shown]))

    whole = asked(gallery)
    lost = np.array([np.subtract(whole, asked(hidden)) for hidden in occlude(gallery, window, steps)], np.float32)
    lost = lost.reshape(steps, steps, 2)
    return OcclusionMap(lost[..., 0], lost[..., 1])
