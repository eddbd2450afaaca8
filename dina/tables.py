"""Tables that the user brings: read, and refused by row."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem, reading

if TYPE_CHECKING:
    import pandas as pd

FROM_ZERO = {".nwb", ".mat", ".npz", ".zip"}  # files whose rows no spreadsheet shows, and which count them from 0


def read_table(
    path: str | Path, what: str, *, text: tuple[str, ...] = (), numbers: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Read a Parquet, CSV or TSV table.

    Parameters
    ----------
    path : file; its ending tells the format
    what : the table is, and the sheet's column that names it, for errors
    text : columns that stay as written
    numbers : columns in which an empty cell means no number

    Raises
    ------
    InputError
        If there is no such file or no table in it; naming the row that has more cells than the header.
    """
    import pandas as pd
    from pyarrow import ArrowException

    path = Path(path)
    if not path.is_file():
        remedy = "Correct the path in the recording sheet."
        raise InputError(problem(path, "no such file", what, remedy))
    remedy = "Save it again with one header row."
    with reading(path, "Parquet, CSV or TSV", remedy, found="an unreadable table", also=(csv.Error, ArrowException)):
        if path.suffix.lower() == ".parquet":
            return _read_parquet(path)
        _refuse_long_rows(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # of empty cells beyond the header
            return pd.read_csv(
                path,
                sep=separator(path),
                index_col=False,  # or pandas takes the first cells of rows longer than the header for their names
                dtype=dict.fromkeys(text, str),
                keep_default_na=False,
                na_values={name: [""] for name in numbers},
            )


def _read_parquet(path: Path) -> pd.DataFrame:
    """A table whose text is text and whose offsets lie inside it: damage is found now, not when a cell is asked for."""
    from pyarrow import parquet

    table = parquet.read_table(path, partitioning=None)
    table.validate(full=True)
    return table.to_pandas()


def separator(path: Path) -> str:
    """What separates the cells of a text table."""
    return "\t" if path.suffix.lower() == ".tsv" else ","


def column_remedy(n_columns: int, path: Path, otherwise: str = "Rename the columns.") -> str:
    """What to do about columns that are not there, or cells beyond them: a single one is suspected to be several."""
    if path.suffix.lower() != ".parquet" and n_columns == 1:
        return f"A {path.suffix} file is separated by {separator(path)!r}: is this one not? Else: {otherwise}"
    return otherwise


def row_of(path: str | Path, row: int) -> str:
    """A row's name as the user finds it: below the header, as spreadsheets count; in other data its number from 0."""
    path = Path(path)
    return f"row {row} (from 0)" if path.suffix.lower() in FROM_ZERO or path.is_dir() else f"row {row + 2}"


def column_of_numbers(table: pd.DataFrame, name: str, path: str | Path) -> np.ndarray:
    """(rows,) float64, after a check that every cell is a finite number."""
    import pandas as pd

    column = table[name].astype(str) if table[name].dtype == object else table[name]  # integers beyond 64 bits as well
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    remedy = "Correct the cell or remove the row."
    refuse(path, ~np.isfinite(values), table[name].to_numpy(), f"a number in {name}", remedy)
    return values


def numbers_in(table: pd.DataFrame, path: str | Path, *names: str) -> list[np.ndarray]:
    """Columns of finite numbers, each (rows,) float64.

    Raises
    ------
    InputError
        If a column is missing, if there is no row, or naming the row that is no number.
    """
    missing = [name for name in names if name not in table]
    if missing:
        found = f"columns {', '.join(map(repr, map(str, table)))}"
        raise InputError(
            problem(path, found, f"also {' and '.join(missing)}", column_remedy(len(table.columns), Path(path)))
        )
    if table.empty:
        raise InputError(problem(path, "no row", "at least one", "Fill in the table, or empty its cell in the sheet."))
    return [column_of_numbers(table, name, path) for name in names]


def refuse_unsorted(path: str | Path, values: np.ndarray, what: str, remedy: str) -> None:
    """Raise for the first value that is not above the one before."""
    earlier = np.r_[False, np.diff(values) <= 0]
    before = values[max(0, int(np.argmax(earlier)) - 1)] if len(values) else 0
    refuse(path, earlier, values, f"{what} that increase: more than {before:g}, the one before", remedy)


def refuse(path: str | Path, wrong: np.ndarray, values: np.ndarray, expected: str, remedy: str) -> None:
    """Raise for the first wrong row, and say how many there are.

    Parameters
    ----------
    wrong : (rows,) bool
    values : (rows,) what was found there

    Raises
    ------
    InputError
        Naming the row.
    """
    if np.any(wrong):
        row = int(np.flatnonzero(wrong)[0])
        more = f" ({int(np.sum(wrong))} rows in all)" if np.sum(wrong) > 1 else ""
        value = values[row]
        found = repr(value) if isinstance(value, str) and value else "nothing" if _is_blank(value) else f"{value}"
        raise InputError(problem(f"{path}, {row_of(path, row)}{more}", found, expected, remedy))


def _refuse_long_rows(path: Path) -> None:
    """Raise for the first row with something beyond the header's last column; empty cells there do no harm."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, delimiter=separator(path))
        n_columns = len(next(rows, []))
        for number, cells in enumerate(rows, start=2):
            if any(cell.strip() for cell in cells[n_columns:]):
                remedy = "Remove the surplus cells, or name their columns in the header."
                found, remedy = f"{len(cells)} cells", column_remedy(n_columns, path, remedy)
                raise InputError(problem(f"{path}, row {number}", found, f"{n_columns}, as in the header", remedy))


def _is_blank(value: object) -> bool:
    return value is None or value == "" or value != value  # NaN differs from itself
