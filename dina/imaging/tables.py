"""Small tables that users write about their movies: CSV, TSV or Parquet, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem

if TYPE_CHECKING:
    import pandas as pd


def read_columns(path: Path, *columns: str) -> pd.DataFrame:
    """The named columns of a table, all numbers.

    Raises
    ------
    InputError
        If the file is no table, lacks a column, is empty, or holds something else than a number, naming the row.
    """
    import pandas as pd

    if not path.is_file():
        raise InputError(problem(path, "no such file", "a table", "Correct the recording sheet."))
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    except (ValueError, OSError) as error:
        raise InputError(
            problem(path, f"an unreadable table ({error})", "Parquet, CSV or TSV", "Save it again with one header row.")
        ) from error
    missing = [name for name in columns if name not in table]
    if missing or table.empty:
        found = f"columns {', '.join(map(repr, map(str, table)))}" if missing else "no row"
        raise InputError(problem(path, found, f"also {' and '.join(missing)}" if missing else "rows", "Correct it."))
    numbers = table[list(columns)].apply(pd.to_numeric, errors="coerce")
    wrong = np.argwhere(~np.isfinite(numbers.to_numpy(np.float64)))
    if len(wrong):
        row, column = wrong[0]
        found = repr(table[columns[column]].iloc[row])
        raise InputError(problem(f"{path}, row {row + 2}", found, f"a number in {columns[column]}", "Correct it."))
    return numbers


def read_bad_frames(path: Path, n_frames: int) -> np.ndarray:
    """(frames,) bool: frames that a user wants masked, from a table of ``first`` and ``last`` volume, from 0.

    Raises
    ------
    InputError
        If a row is no range inside the movie, or if no frame is left.
    """
    table = read_columns(path, "first", "last")
    bad = np.zeros(n_frames, bool)
    for row, (first, last) in enumerate(table.itertuples(index=False)):
        if not (0 <= first <= last < n_frames) or first != int(first) or last != int(last):
            found, expected = f"frames {first:g} to {last:g}", f"whole numbers from 0 to {n_frames - 1}, in order"
            raise InputError(problem(f"{path}, row {row + 2}", found, expected, "Frames count volumes, from 0."))
        bad[int(first) : int(last) + 1] = True
    if bad.all():
        raise InputError(problem(path, "every frame", "some frames left", "Leave the recording out."))
    return bad
