"""Interval tables of an NWB file: which of them is the stimulus log, and which of its columns the image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.nwb_images import index_series, presented

if TYPE_CHECKING:
    import pandas as pd

IMAGE_COLUMNS = ("image", "image_name", "image_file", "image_index", "image_id")  # the first that is there


def read_intervals(path: Path, stimulus_table: str | None = None, image_column: str | None = None) -> pd.DataFrame:
    """Read a ``TimeIntervals`` table as a stimulus log: one row an interval, in the file's order.

    Where no such table names images, the file's only ``IndexSeries`` is the log, and so is one that is named.

    ``start_time`` becomes ``onset_s`` and the image's column ``image``; other columns keep their names. Columns
    with several values a row (``VectorIndex``, regions, arrays) are ignored.

    Parameters
    ----------
    path : NWB 2 file
    stimulus_table : the name of a table, such as ``trials``, or of an IndexSeries; None takes the only table that names
        images, or else the only series
    image_column : None takes the first of ``IMAGE_COLUMNS`` that the table has

    Raises
    ------
    InputError
        If the file is no NWB 2, or if no table or several could be meant, naming those that are there.
    """
    from pynwb import NWBHDF5IO
    from pynwb.epoch import TimeIntervals

    if not path.is_file():
        raise InputError(problem(path, "no such file", "a stimulus log", "Correct the path in the recording sheet."))
    try:
        with NWBHDF5IO(path, mode="r") as file:
            objects = list(file.read().objects.values())
            intervals = [held for held in objects if isinstance(held, TimeIntervals)]
            series = index_series(objects, stimulus_table)
            if len(series) == 1 and not any(_image_column(table.colnames, image_column) for table in intervals):
                return presented(series[0], path)
            return _as_log(_choose(intervals, path, stimulus_table, image_column), path, image_column)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(problem(path, f"an unreadable file ({error})", "NWB 2 in HDF5", "Export it anew.")) from error


def _choose(intervals: list[Any], path: Path, stimulus_table: str | None, image_column: str | None) -> Any:
    there = ", ".join(f"{table.name} ({', '.join(table.colnames)})" for table in intervals) or "none"
    if stimulus_table is not None:
        named = [table for table in intervals if table.name == stimulus_table]
        if len(named) != 1:
            found, expected = f"interval tables {there}", f"one {stimulus_table!r} among them"
            raise InputError(problem(path, found, expected, "Correct stimulus_table in the recording sheet."))
        return named[0]
    usable = [table for table in intervals if _image_column(table.colnames, image_column)]
    if len(usable) != 1:
        wanted = image_column or "image"
        found = f"interval tables {there}" if intervals else "no interval table"
        remedy = (
            f"Name one in the sheet's stimulus_table: {', '.join(table.name for table in usable)}."
            if usable
            else "Name the image's column in the sheet's image_column, or write the log as a CSV table."
        )
        raise InputError(problem(path, found, f"one with a column {wanted!r}", remedy))
    return usable[0]


def _image_column(names: tuple[str, ...], wanted: str | None) -> str | None:
    return next((name for name in ([wanted] if wanted else IMAGE_COLUMNS) if name in names), None)


def _as_log(intervals: Any, path: Path, image_column: str | None) -> pd.DataFrame:
    import pandas as pd
    from hdmf.common import DynamicTableRegion, VectorIndex

    image = _image_column(intervals.colnames, image_column)
    if image is None:
        found = f"columns {', '.join(map(repr, intervals.colnames))}"
        remedy = "Name the image's column in the sheet's image_column."
        raise InputError(problem(f"{path}, table {intervals.name}", found, f"also {image_column or 'image'!r}", remedy))
    columns = {}
    for name in intervals.colnames:
        if isinstance(intervals[name], DynamicTableRegion | VectorIndex):
            continue
        values = np.asarray(intervals[name][:])
        if values.ndim == 1:
            columns[name] = values
    log = pd.DataFrame({"onset_s": columns.pop("start_time"), "image": columns.pop(image)})
    return log.assign(**{name: values for name, values in columns.items() if name not in log and name != "onset_frame"})
