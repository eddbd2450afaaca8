"""The stimulus log: which image was shown when, checked row by row."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.readers.formats import NWB_SUFFIXES
from dina.recordings.nwb_intervals import IMAGE_COLUMNS, read_intervals
from dina.recordings.trials import SPLITS
from dina.tables import (
    column_of_numbers,
    column_remedy,
    read_table,
    refuse,
    refuse_unsorted,
    row_of,
)

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("onset_s", "onset_frame", "image")
COUNTERS = ("id", "index", "trial", "trial_number")
TIMES = ("duration_s", "start_time", "stop_time")
NOT_BEHAVIOUR = {*NEEDED, *IMAGE_COLUMNS, "category", "split", "repeat", *TIMES, *COUNTERS}
NAMELESS = "Unnamed: "  # pandas' word for a column without a header, such as a saved row number
BLANK = ("", "nan", "na", "n/a", "null", "none")  # how tables write a number that is not there


@dataclass(frozen=True)
class StimulusLog:
    """Trials in order of time.

    Attributes
    ----------
    onset : (trials,) float64, in ``unit``: seconds from the start of the recording or on the log's own clock; NaN
        where the log need not say
    unit : ``"s"``, or ``"frame"`` where onsets are numbers of the movie's volumes, from 0
    image : (trials,) str, file name or index as written in the log
    category : (trials,) str, or None where the log has none
    split : (trials,) str in ``SPLITS``, or None where the log has none
    behaviour : table of the log's further columns of numbers, one row a trial, NaN where a cell is empty
    """

    onset: np.ndarray
    unit: str
    image: np.ndarray
    category: np.ndarray | None
    split: np.ndarray | None
    behaviour: pd.DataFrame


def read_stimulus_log(
    path: str | Path, *, stimulus_table: str | None = None, image_column: str | None = None, timed: bool = True
) -> StimulusLog:
    """Read a log, a Parquet, CSV or TSV table or an NWB file, and check all that can be checked without the movie.

    Parameters
    ----------
    path : file with the columns ``onset_s`` or ``onset_frame`` and ``image``; optional ``category`` and
        ``split``. Further columns of numbers are behaviour, others are ignored. In NWB the onset is ``start_time``
    stimulus_table : which interval table of an NWB file; see :func:`~dina.recordings.nwb_intervals.read_intervals`
    image_column : the column that is meant by ``image``, if it has another name
    timed : whether onsets are needed, and may be frames; else they may be absent, and rows are in order of time

    Raises
    ------
    InputError
        Naming file, row, what was found and expected: onsets that are no numbers or do not increase, empty
        images, an image in two splits or a split that no trial has.
    """
    path = Path(path)
    if path.suffix.lower() in NWB_SUFFIXES:
        table = read_intervals(path, stimulus_table, image_column)
    else:
        name = image_column or "image"
        table = read_table(path, "a stimulus log", text=(name, "category", "split"), numbers=("onset_s", "onset_frame"))
        _check_columns(table, path, name, timed)
        if name != "image":
            table = table.drop(columns="image", errors="ignore").rename(columns={name: "image"})
    if table.empty:
        remedy = "Empty the sheet's stimulus_log if nothing was shown."
        raise InputError(problem(path, "no trial", "one row a trial", remedy))
    onset, unit = _onsets(table, path) if timed or "onset_s" in table else (np.full(len(table), np.nan), "s")
    image = _text(table["image"])
    refuse(path, image == "", image, "an image's file name or index", "Fill in the cell or remove the row.")
    category, split = (_text(table[name]) if name in table else None for name in ("category", "split"))
    if split is not None:
        refuse(path, ~np.isin(split, SPLITS), split, f"a split of {', '.join(SPLITS)}", "Correct the cell.")
        _one_side(path, image, split)
        missing = [name for name in SPLITS if name not in split]
        if missing:
            remedy = "Put some images there, or remove the column: a split is then made."
            raise InputError(problem(f"{path}, column split", f"no {' and no '.join(missing)}", "all three", remedy))
    return StimulusLog(onset, unit, image, category, split, _behaviour(table))


def onsets_s(onset: np.ndarray, unit: str, volume_time_s: np.ndarray, log: str | Path) -> np.ndarray:
    """(trials,) onsets in seconds, after a check that they lie inside the recording.

    Parameters
    ----------
    onset, unit : of :class:`StimulusLog`
    volume_time_s : (volumes,) when each volume began, seconds
    log : named in errors

    Raises
    ------
    InputError
        Naming the row.
    """
    if unit == "frame":
        expected = f"a frame number from 0 to {len(volume_time_s) - 1}"
        remedy = "Frames count volumes of the movie, from 0."
        refuse(log, (onset < 0) | (onset >= len(volume_time_s)), onset, expected, remedy)
        return volume_time_s[onset.astype(int)]
    refuse(
        log,
        (onset < volume_time_s[0]) | (onset > volume_time_s[-1]),
        onset,
        f"onsets within the recording, {volume_time_s[0]:.3f} to {volume_time_s[-1]:.3f} s",
        "Is the log on the movie's clock, and the frame rate right?",
    )
    return onset


def _check_columns(table: pd.DataFrame, path: Path, image_column: str, timed: bool) -> None:
    missing = [name for name in (image_column,) if name not in table]
    if timed and not {"onset_s", "onset_frame"} & set(table):
        missing.insert(0, "onset_s (or onset_frame)")
    if missing:
        hints = [
            f"Is {name!r} meant for {close[0]!r}?"
            for name in map(str, table)
            if len(table.columns) > 1
            and name not in NEEDED
            and (close := difflib.get_close_matches(name, NEEDED, n=1, cutoff=0.6))
        ]
        found = f"columns {', '.join(map(repr, map(str, table)))}"
        remedy = " ".join(hints) or column_remedy(len(table.columns), path)
        raise InputError(problem(path, found, f"also {' and '.join(missing)}", remedy))


def _onsets(table: pd.DataFrame, path: Path) -> tuple[np.ndarray, str]:
    """Onsets and their unit; seconds are preferred where a log has both."""
    name = "onset_s" if "onset_s" in table else "onset_frame"
    onset = column_of_numbers(table, name, path)
    if name == "onset_frame":
        whole = "Frames count volumes of the movie, from 0."
        refuse(path, (onset < 0) | (onset != np.floor(onset)), onset, "a whole number, 0 or more", whole)
    refuse_unsorted(path, onset, "onsets", "Sort the log by time and remove doubled rows.")
    return onset, "s" if name == "onset_s" else "frame"


def _text(column: pd.Series) -> np.ndarray:
    """(rows,) str without surrounding blanks, empty where nothing stands; a whole number has no decimal point."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype(object).where(column.notna(), "").astype(str).str.strip().to_numpy(dtype=object)


def _behaviour(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    named = [name for name in table if str(name) not in NOT_BEHAVIOUR and not str(name).startswith(NAMELESS)]
    columns = {str(name): _numbers(table[name]) for name in named}
    return pd.DataFrame(
        {name: values for name, values in columns.items() if values is not None}, index=range(len(table))
    )


def _numbers(column: pd.Series) -> np.ndarray | None:
    """(rows,) float64, NaN for empty cells; None where a cell holds anything else, or none holds a number."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
        return None if np.isnan(values).all() else values
    text = column.astype(str).str.strip()
    blank = text.str.lower().isin(BLANK).to_numpy()
    values = pd.to_numeric(text.where(~blank), errors="coerce").to_numpy(np.float64)
    return None if blank.all() or np.isnan(values[~blank]).any() else values


def _one_side(path: Path, image: np.ndarray, split: np.ndarray) -> None:
    side: dict[str, str] = {}
    for row, (name, part) in enumerate(zip(image, split, strict=True)):
        if side.setdefault(name, part) != part:
            raise InputError(
                problem(
                    f"{path}, {row_of(path, row)}",
                    f"image {name!r} in {part!r}",
                    f"{side[name]!r}, as in an earlier row",
                    "All repeats of an image belong to one split; for a closed set, remove the column and set "
                    "stimuli.split_by: cycles.",
                )
            )
