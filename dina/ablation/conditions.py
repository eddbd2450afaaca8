"""Which ablations of images there are, and what each makes of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from dina.ablation.filters import Filtered, filter_images
from dina.ablation.structure import draw_lines, scramble_phases, shuffle_patches
from dina.settings import Ablated, Detail

FILTERS = ("low_pass", "high_pass", "band_pass")


@dataclass(frozen=True)
class Ablation:
    """One way to change images.

    Attributes
    ----------
    kind : "none" for the original images, or what is done
    cutoff : of filters, the lower one of a band; None elsewhere
    upper : upper cut-off of a band
    grid : patches a side, of shuffled patches
    """

    kind: Ablated | Literal["none"]
    cutoff: float | None = None
    upper: float | None = None
    grid: int | None = None

    def describe(self) -> dict[str, Any]:
        """Plain JSON, as stores name a condition: its kind under ``ablation``, and the rest."""
        described = asdict(self)
        return {"ablation": described.pop("kind")} | described

    def columns(self) -> dict[str, Any]:
        """The same for a table, NaN for what has no meaning."""
        return {name: np.nan if value is None else value for name, value in self.describe().items()}


NONE = Ablation("none")
TEXTURE = Ablation("texture")


def ablations(cutoffs: Sequence[float], grids: Sequence[int], image_shape: tuple[int, int]) -> list[Ablation]:
    """The original images first, then all that can be made of any image; textures stand in a store of their own.

    Parameters
    ----------
    cutoffs : increasing
    grids : patches a side; those of which an image has no pixels are left out
    """
    return [
        NONE,
        *(Ablation(kind, cutoff) for kind in ("low_pass", "high_pass") for cutoff in cutoffs),
        *(Ablation("band_pass", low, high) for low, high in pairwise(cutoffs)),
        Ablation("phase_scrambled"),
        Ablation("line_drawing"),
        *(Ablation("patch_shuffled", grid=grid) for grid in grids if grid <= min(image_shape)),
    ]


def ablate(
    ablation: Ablation, images: np.ndarray, ids: np.ndarray, *, degrees_per_pixel: float | None, seed: int
) -> Filtered:
    """Change images; the same image comes out the same in any batch.

    Parameters
    ----------
    images : (images, height, width)
    ids : (images,) their numbers in the recording
    degrees_per_pixel : of ``images``; None where cut-offs are in cycles per image
    seed : of phases and of patches' places
    """
    match ablation.kind:
        case "none":
            return Filtered(images, np.ones(len(images), np.float32), np.zeros(len(images), bool))
        case "phase_scrambled":
            return scramble_phases(images, ids, seed)
        case "line_drawing":
            return draw_lines(images)
        case "patch_shuffled":
            return shuffle_patches(images, ablation.grid, ids, seed)
    return filter_images(images, ablation.kind, ablation.cutoff, degrees_per_pixel, upper=ablation.upper)


def retrained(
    ablations: Sequence[Ablation], kinds: tuple[Ablated, ...] | None, detail: Detail, has_textures: bool
) -> list[Ablation]:
    """Those to which DINA is fitted anew, the original first.

    Parameters
    ----------
    kinds : which; None follows ``detail``: quick low-pass and high-pass at their middle cut-off, full all
    has_textures : of every training and validation image
    """
    if kinds is None and detail == "quick":
        chosen = [of[len(of) // 2] for kind in FILTERS[:2] if (of := [a for a in ablations if a.kind == kind])]
        return [NONE, *chosen]
    chosen = [a for a in ablations if a.kind != "none" and (kinds is None or a.kind in kinds)]
    return [NONE, *chosen, *([TEXTURE] if has_textures and (kinds is None or "texture" in kinds) else [])]
