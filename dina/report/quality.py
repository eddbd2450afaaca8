"""The quality of every plane of all recordings: as one table of numbers, and as readers of the report see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina import stores
from dina.recordings.limits import DRAWN, MEASURES, Measure, beyond_limits, limit_of
from dina.writing import replacing

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Cell:
    """One measure of one plane.

    Attributes
    ----------
    text : str, the number as shown
    limit : str, with its sign and unit
    beyond : bool, whether the number is on its wrong side
    """

    text: str
    limit: str
    beyond: bool


@dataclass(frozen=True)
class PlaneQuality:
    """One line of the overview.

    Attributes
    ----------
    recording : str
    plane : int
    cells : one a measure, in the order of ``DRAWN``
    """

    recording: str
    plane: int
    cells: list[Cell]


def tabulate_quality(recordings: dict[str, Path], csv: Path, parquet: Path) -> None:
    """Collect all measures and flags, one row a recording and plane.

    Parameters
    ----------
    recordings : name → the recording's folder of results
    csv, parquet : where the table is written, both with the same rows
    """
    import pandas as pd

    tables = [
        stores.read_table(folder / "quality", "planes").assign(recording=name) for name, folder in recordings.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "recording", table.pop("recording"))
    with replacing(parquet) as partial:
        table.to_parquet(partial, index=False)
    with replacing(csv) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def read_overview(recordings: dict[str, Path]) -> list[PlaneQuality]:
    """Every plane of all recordings, each beside its recording's own limits.

    Parameters
    ----------
    recordings : name → the recording's folder of results
    """
    lines = []
    for name, folder in recordings.items():
        planes, thresholds = (stores.read_table(folder / "quality", table) for table in ("planes", "thresholds"))
        limit, beyond = limit_of(thresholds), beyond_limits(planes, thresholds)
        for row, plane in enumerate(planes["plane"]):
            cells = [
                Cell(m.number(float(planes[m.name][row])), m.limit_sign(limit[m.name]), bool(beyond[m.name][row]))
                for m in DRAWN
            ]
            lines.append(PlaneQuality(name, int(plane), cells))
    return lines


def common_limits(planes: list[PlaneQuality]) -> list[str]:
    """Each measure's limit, where all recordings have the same."""
    found = [{cell.limit for cell in column} for column in zip(*(plane.cells for plane in planes), strict=True)]
    return [next(iter(limits)) if len(limits) == 1 else "by recording" for limits in found]


def quality_cautions(quality: Path) -> list[str]:
    """One sentence a measure that lies beyond its limit, or was not measured: in which planes, how far, which limit."""
    planes, thresholds = (stores.read_table(quality, table) for table in ("planes", "thresholds"))
    limit, beyond = limit_of(thresholds), beyond_limits(planes, thresholds)
    found = []
    for measure in MEASURES:
        unknown = planes.loc[planes[measure.name].isna(), "plane"]
        if len(unknown):
            found.append(f"{_begin(measure)} in {_planes(unknown)} was not measured.")
        numbers = planes.loc[beyond[measure.name], "plane"]
        if len(numbers):
            values = planes.loc[beyond[measure.name], measure.name].to_numpy(float)
            worst = values[np.argmax(-values if measure.bound == "at least" else np.abs(values))]
            at_worst = " at worst" if len(numbers) > 1 else ""
            said = f"{_begin(measure)} in {_planes(numbers)}: {measure.text(worst)}{at_worst}"
            found.append(f"{said}, should be {measure.limit_text(limit[measure.name])}.")
    return found


def _begin(measure: Measure) -> str:
    """A measure's name at the beginning of a sentence."""
    return measure.label[0].upper() + measure.label[1:]


def _planes(numbers: pd.Series) -> str:
    return f"plane{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
