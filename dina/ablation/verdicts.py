"""What decoding rests on: coarse or fine, shape or texture, structure or category, each with its evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.probing.statistics import LEVEL, SEED, bounds, interval, resampled
from dina.writing import replacing

COARSE_OR_FINE, SHAPE_OR_TEXTURE, STRUCTURE_OR_CATEGORY = QUESTIONS = (
    "coarse or fine",
    "shape or texture",
    "structure or category",
)
UNDECIDED, NEITHER = "undecided", "neither"
KEPT = 0.5  # of identification above chance: more than half of it survives when the category tells nothing


@dataclass(frozen=True)
class Verdict:
    """One answer.

    Attributes
    ----------
    question : one of ``QUESTIONS``
    verdict : one of its two words where the interval leaves ``boundary`` out and p says so too; "undecided" else;
        "neither" where nothing that is compared is above chance
    effect, ci_low, ci_high : the effect with its 95 % interval, paired bootstrap over images
    boundary : on which side of it the effect lies is the answer
    p : two-sided, of the effect being at the boundary, from flipped signs of the images' differences
    n : images
    crossing, crossing_low, crossing_high : where low-pass and high-pass score alike, unit of cut-offs; NaN elsewhere
    """

    question: str
    verdict: str
    effect: float
    ci_low: float
    ci_high: float
    boundary: float
    p: float
    n: int
    crossing: float = np.nan
    crossing_low: float = np.nan
    crossing_high: float = np.nan

    def columns(self) -> dict[str, Any]:
        """One row of a table."""
        return asdict(self)


def coarse_or_fine(
    original: np.ndarray, low: np.ndarray, high: np.ndarray, cutoffs: np.ndarray, chance: float, n_bootstrap: int
) -> Verdict:
    """Whether more can be told from what lies below cut-offs than from what lies above them.

    Effect: the mean over cut-offs of low-pass less high-pass top-1, over original top-1 less chance. 1 where only the
    coarse half ever suffices, −1 where only the fine one does. It depends on the cut-offs; ``crossing`` less so: the
    frequency that has as much on either side, linear between cut-offs on an octave scale, and the outermost cut-off
    where the curves do not meet inside.

    Parameters
    ----------
    original : (images,) top-1 by image
    low, high : (cut-offs, images) top-1 by image
    cutoffs : (cut-offs,) increasing
    """
    differences = low - high
    draws = resampled(len(original), n_bootstrap)
    crossings = (np.nan,) * 3
    if len(cutoffs) > 1:
        samples = crossing(differences[:, draws].mean(2).T, cutoffs)
        crossings = (float(crossing(differences.mean(1)[None], cutoffs)[0]), *bounds(samples))
    found = _decide(COARSE_OR_FINE, differences.mean(0), original - chance, 0.0, n_bootstrap)
    silent = not _is_above(original, chance, n_bootstrap) or not any(
        _is_above(of, chance, n_bootstrap) for of in (*low, *high)
    )
    return _with(found, silent, crossing=crossings[0], crossing_low=crossings[1], crossing_high=crossings[2])


def shape_or_texture(
    original: np.ndarray, lines: np.ndarray, textures: np.ndarray, chance: float, n_bootstrap: int
) -> Verdict:
    """Whether outlines without texture tell more than texture without outlines.

    Effect: top-1 among line drawings less top-1 among synthesised textures, over original top-1 less chance.

    Parameters
    ----------
    original, lines, textures : (images,) top-1 by image, in one pool
    """
    found = _decide(SHAPE_OR_TEXTURE, lines - textures, original - chance, 0.0, n_bootstrap)
    heard = any(_is_above(of, chance, n_bootstrap) for of in (lines, textures))
    return _with(found, not (heard and _is_above(original, chance, n_bootstrap)))


def structure_or_category(same: np.ndarray, other: np.ndarray, chance: np.ndarray, n_bootstrap: int) -> Verdict:
    """Whether identification survives where all candidates are of the shown image's category.

    Effect: the share of identification above chance among candidates of other categories that is kept among as many of
    the same category. 1 where the category is no help, 0 where it is all that is known; the answer is structure above
    a half. Images of a category look alike besides, so the share is a lower limit.

    Parameters
    ----------
    same, other : (images,) probability of being first in pools of equal size: see
        :func:`dina.probing.distractors.among_categories`
    chance : (images,) one over that size
    """
    found = _decide(STRUCTURE_OR_CATEGORY, same - chance, other - chance, KEPT, n_bootstrap)
    return _with(found, not _is_above(other - chance, 0, n_bootstrap))


def tabulate_verdicts(recordings: dict[str, Path], csv: Path) -> None:
    """The verdicts of all recordings in one table, ``recording`` first.

    Parameters
    ----------
    recordings : name → the recording's folder of results
    """
    tables = []
    for name, folder in recordings.items():
        table = stores.read_table(folder / "ablations" / "images", "verdicts")
        table.insert(0, "recording", name)
        tables.append(table)
    with replacing(csv) as partial:
        pd.concat(tables, ignore_index=True).to_csv(partial, index=False, float_format="%.6g")


def crossing(differences: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
    """Where low-pass less high-pass scores turn from below 0 to above, on a line between cut-offs in octaves.

    Parameters
    ----------
    differences : (samples, cut-offs)
    cutoffs : (cut-offs,) increasing

    Returns
    -------
    (samples,) the outermost cut-off where there is no turn
    """
    octaves = np.log2(cutoffs)
    above = differences >= 0
    after = np.where(above.any(1), above.argmax(1), len(octaves) - 1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(differences))
    start, end = differences[rows, before], differences[rows, after]
    inside = (start < 0) & (end >= 0)
    share = np.where(inside, -start / np.where(inside, end - start, 1), 1)
    return 2 ** (octaves[before] + share * (octaves[after] - octaves[before]))


def _decide(question: str, above: np.ndarray, below: np.ndarray, boundary: float, n_bootstrap: int) -> Verdict:
    """The ratio of two means over images, against a boundary; NaN below half an image."""
    draws = resampled(len(above), n_bootstrap)
    numerators, denominators = above[draws].mean(1), below[draws].mean(1)
    least = 0.5 / len(below)  # rounding must not become a denominator
    kept = denominators > least
    low, high = bounds(numerators[kept] / denominators[kept]) if kept.any() else (np.nan, np.nan)
    effect = float(above.mean() / below.mean()) if below.mean() > least else np.nan
    first, _, second = question.split(" ")
    p = _p_of_signs(above - boundary * below, n_bootstrap)
    decided = p <= 1 - LEVEL  # with few images the interval alone is too narrow
    verdict = first if decided and low > boundary else second if decided and high < boundary else UNDECIDED
    return Verdict(question, verdict, effect, low, high, boundary, p, len(above))


def _with(found: Verdict, silent: bool, **crossings: float) -> Verdict:
    return Verdict(**(asdict(found) | crossings | ({"verdict": NEITHER} if silent else {})))


def _is_above(values: np.ndarray, level: float, n_bootstrap: int) -> bool:
    """Whether the interval of a mean over images lies above a level."""
    return interval(values, n_bootstrap)[0] > level


def _p_of_signs(differences: np.ndarray, n_bootstrap: int) -> float:
    """Two-sided p of a mean of 0 when each image's sign may as well be the other.

    References
    ----------
    Fisher 1935, The Design of Experiments, §21.
    """
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], (n_bootstrap, len(differences)))
    flipped = np.abs(signs @ differences)
    return float((1 + np.sum(flipped >= abs(differences.sum()) - 1e-9)) / (1 + n_bootstrap))
