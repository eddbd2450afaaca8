"""Verdicts of the image ablations in words: one line a question, for figures and the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dina.figures.looks import written

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

TOLD_BY = "single"  # trial mode: the sharper question, and the scoreboard's headline
CONDITIONS = {"frozen": "as trained", "retrained": "fitted anew"}
LEAST_P = 0.001  # what as many flips of signs as bootstrap samples can tell


@dataclass(frozen=True)
class Answer:
    """A verdict and what it rests on.

    Attributes
    ----------
    verdict : one word
    evidence : the effect, its interval, p and the number of images
    """

    verdict: str
    evidence: str


def answers(verdicts: pd.DataFrame) -> dict[str, dict[str, Answer]]:
    """Question → condition → answer; without those that were not asked."""
    told = verdicts[verdicts["trial_mode"] == TOLD_BY]
    return {
        question: {row.condition: _answer(row) for row in of.itertuples()}
        for question, of in told.groupby("question", sort=True)
    }


def read_verdicts(csv: Path) -> dict[str, dict[str, dict[str, Answer]]]:
    """Recording → :func:`answers`, from the table over recordings."""
    import pandas as pd

    table = pd.read_csv(csv)
    return {str(recording): answers(of) for recording, of in table.groupby("recording", sort=False)}


def _answer(row) -> Answer:
    p = f"p < {LEAST_P}" if row.p <= LEAST_P else f"p = {row.p:.2g}"
    effect = f"{written(row.effect, 2)} [{written(row.ci_low, 2)}, {written(row.ci_high, 2)}]"
    crossing = ""
    if row.crossing == row.crossing:
        bounds = f"{row.crossing_low:.2g}, {row.crossing_high:.2g}"
        crossing = f"; equal at {row.crossing:.2g} [{bounds}] {row.cutoff_unit}"
    return Answer(row.verdict, f"{effect}, {p}, {row.n} images{crossing}")
