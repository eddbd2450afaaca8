"""The scoreboard's headline figures, as the report and the terminal show them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from dina.figures.looks import LOOKS, in_order, written

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Headline:
    """A column of the scoreboard.

    Attributes
    ----------
    title, metric : str
    trial_mode : str, or None for whichever there is
    percent : bool, shown as a percentage
    lower_is_better : bool
    has_chance : bool
    page_only : bool, left out of the terminal, and of the page where no decoder has a value
    """

    title: str
    metric: str
    trial_mode: str | None = None
    percent: bool = False
    lower_is_better: bool = False
    has_chance: bool = True
    page_only: bool = False


OUTSIDE = ("dina_ensemble",)  # does not compete: rivals have no ensemble
HEADLINES = (
    Headline("top-1, one trial", "top1", "single"),
    Headline("top-1, averaged", "top1", "averaged"),
    Headline("of the ceiling, one trial", "top1_of_ceiling", "single", percent=True, has_chance=False, page_only=True),
    Headline("pixel correlation", "pixel_correlation", "averaged"),
    Headline("category", "category_balanced_accuracy", "averaged"),
    Headline("neurons for 90 %", "neurons_for_90pct", percent=True, lower_is_better=True, has_chance=False),
)


@dataclass(frozen=True)
class Score:
    """One decoder's value under one headline."""

    value: float
    ci_low: float
    ci_high: float
    percent: bool
    best: bool  # of all decoders, or with an interval that holds the best one; references and baselines do not compete

    @property
    def text(self) -> str:
        """The value alone."""
        return f"{written(100 * self.value, 0)} %" if self.percent else written(self.value, 2)

    @property
    def interval(self) -> str:
        """The 95 % interval, empty where none was measured."""
        if isnan(self.ci_low) and isnan(self.ci_high):
            return ""
        return "[" + ", ".join(self._bound(bound) for bound in (self.ci_low, self.ci_high)) + "]"

    def _bound(self, bound: float) -> str:
        if isnan(bound):
            return "–"
        return written(100 * bound, 0) if self.percent else written(bound, 2)


@dataclass(frozen=True)
class Board:
    """One recording's scoreboard.

    Attributes
    ----------
    headlines : the columns
    rows : decoder → one score a headline, None where the combination has no meaning
    chance : one text a headline
    pool : the number of test images among which the true one was sought
    """

    headlines: list[Headline]
    rows: dict[str, list[Score | None]]
    chance: list[str]
    pool: int


def read_boards(scoreboard: Path) -> dict[str, Board]:
    """Recording → its scoreboard, decoders in the order of every figure."""
    import pandas as pd

    scores = pd.read_csv(scoreboard)
    return {str(recording): _board(rows) for recording, rows in scores.groupby("recording", sort=False)}


def _board(scores: pd.DataFrame) -> Board:
    decoders = in_order(scores["decoder"])
    columns = [(_column(scores, headline), headline) for headline in HEADLINES]
    columns = [(column, headline) for column, headline in columns if len(column) or not headline.page_only]
    return Board(
        headlines=[headline for _, headline in columns],
        rows={name: [_score(column, headline, name) for column, headline in columns] for name in decoders},
        chance=[_chance(column, headline) for column, headline in columns],
        pool=int(scores.loc[scores["metric"] == "top1", "pool_size"].max()),
    )


def _chance(column: pd.DataFrame, headline: Headline) -> str:
    known = column["chance"].dropna()
    return f"{known.iloc[0]:.2g}".replace("-", "−") if headline.has_chance and len(known) else "–"


def _column(scores: pd.DataFrame, headline: Headline) -> pd.DataFrame:
    """The rows under one headline, by decoder."""
    found = scores[scores["metric"] == headline.metric]
    if headline.trial_mode is not None:
        found = found[found["trial_mode"] == headline.trial_mode]
    return found.drop_duplicates("decoder").set_index("decoder")


def _score(column: pd.DataFrame, headline: Headline, decoder: str) -> Score | None:
    if decoder not in column.index or isnan(column.loc[decoder, "value"]):
        return None
    rivals = column.loc[[name for name in in_order(column.index, "decoder") if name not in OUTSIDE]]
    row = column.loc[decoder]
    leader = rivals["value"].min() if headline.lower_is_better else rivals["value"].max()
    holds_it = row["ci_low"] <= leader <= row["ci_high"] or bool(row["value"] == leader)
    is_best = LOOKS[decoder].kind == "decoder" and decoder not in OUTSIDE and holds_it
    return Score(row["value"], row["ci_low"], row["ci_high"], headline.percent, is_best)
