"""DINA against every other decoder over the same test images: ratio, difference, and a permutation test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dina.probing.statistics import paired_difference, paired_ratio

COLUMNS = (
    "decoder", "over", "trial_mode", "metric", "ratio", "ci_low", "ci_high",
    "difference", "difference_low", "difference_high", "p", "p_holm", "n",
)  # fmt: skip
N_PERMUTATIONS = 9999
SEED = 0


def compare(
    ours: str, per_image: Mapping[tuple[str, str], np.ndarray], left_out: tuple[str, ...], n_bootstrap: int
) -> pd.DataFrame:
    """One row for every other decoder and trial mode, p values corrected over the decoders of a mode.

    Parameters
    ----------
    ours : the decoder that is compared
    per_image : (decoder, trial mode) → (images,) top-1 of each test image, in one order
    left_out : decoders that are no rivals

    Returns
    -------
    The columns of ``COLUMNS``: ``ratio`` of the means over images with ``ci_low`` and ``ci_high``, their
    ``difference``, and ``n`` images.
    """
    rows: list[dict[str, Any]] = []
    for (decoder, mode), theirs in per_image.items():
        if decoder == ours or decoder in left_out or (ours, mode) not in per_image:
            continue
        mine = per_image[ours, mode]
        ratio, low, high = paired_ratio(mine, theirs, n_bootstrap)
        difference, least, most = paired_difference(mine, theirs, n_bootstrap)
        about = {"decoder": ours, "over": decoder, "trial_mode": mode, "metric": "top1"}
        about |= {"ratio": ratio, "ci_low": low, "ci_high": high}
        about |= {"difference": difference, "difference_low": least, "difference_high": most}
        rows.append(about | {"p": sign_flip_p(mine - theirs), "n": len(mine)})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.assign(p_holm=table.groupby("trial_mode")["p"].transform(holm))


def sign_flip_p(differences: np.ndarray) -> float:
    """Two-sided p of paired differences whose signs would be random if both decoders were alike.

    The share of ``N_PERMUTATIONS`` random flips, and of the differences themselves, with a mean at least as far from 0.

    References
    ----------
    Nichols & Holmes 2002, Hum. Brain Mapp. 15:1; Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39 (the +1).
    """
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (N_PERMUTATIONS, len(differences)))
    rounding = 1e-12 * len(differences)
    as_far = np.abs(signs @ differences) >= np.abs(differences.sum()) - rounding
    return float((as_far.sum() + 1) / (N_PERMUTATIONS + 1))


def holm(p: pd.Series) -> np.ndarray:
    """p values that hold for all of several tests at once (Holm 1979, Scand. J. Stat. 6:65)."""
    values = p.to_numpy()
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
