"""Images in an NWB file: which was on the screen when (``IndexSeries``), and the pictures themselves (templates).

References
----------
NWB schema 2.x, ``IndexSeries``, ``Images`` and ``ImageSeries``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina.errors import InputError, problem
from dina.pictures import grey
from dina.recordings.movie_files import natural_key

if TYPE_CHECKING:
    import pandas as pd

NAME_ONE = "Name the series in the sheet's stimulus_table."


def index_series(objects: list[Any], name: str | None) -> list[Any]:
    """The IndexSeries among a file's objects, all or those of a name."""
    from pynwb.image import IndexSeries

    found = [held for held in objects if isinstance(held, IndexSeries)]
    return found if name is None else [series for series in found if series.name == name]


def presented(series: Any, path: Path) -> pd.DataFrame:
    """An IndexSeries as a stimulus log: ``onset_s`` and ``image``, one row a picture shown.

    Indices that point at no picture stand for blanks, as do negative ones that were stored without a sign; such rows
    are left out.

    Raises
    ------
    InputError
        If the series has no times, or not one an index.
    """
    import pandas as pd

    index = np.asarray(series.data[:]).astype(np.int64)
    if series.timestamps is not None:
        onset_s = np.asarray(series.timestamps[:], np.float64)
    elif series.rate:
        onset_s = float(series.starting_time or 0.0) + np.arange(len(index)) / float(series.rate)
    else:
        onset_s = np.empty(0)
    if len(onset_s) != len(index):
        found, expected = f"{len(onset_s)} times", f"{len(index)}, one a picture"
        raise InputError(problem(f"{path}, {series.name}", found, expected, "Write the log as a CSV table."))
    shown = (index >= 0) & (index < len(_pictures(series)))
    if not shown.all():
        print(f"{path}, {series.name}: {np.sum(~shown)} of {len(index)} rows are blanks and left out")
    return pd.DataFrame({"onset_s": onset_s[shown], "image": index[shown]})


def pictures_of(
    path: Path, names: list[str], template: str | None, row_of_name: dict[str, str]
) -> Iterator[np.ndarray]:
    """Pictures of a file's templates in grey, (height, width) float32, by index or name, read one by one.

    Those of an ``Images`` container are counted in its ``order_of_images``, or else by the numbers in their names.
    Rows come before columns, as programs write pictures; the schema would have it otherwise.

    Parameters
    ----------
    path : NWB 2 file
    names : indices from 0, or the pictures' own names
    template : an IndexSeries, whose pictures are meant, or a container; None takes the only container
    row_of_name : where each name stands in the log, for errors

    Raises
    ------
    InputError
        If the file is no NWB 2, if no template or several could be meant, or a name is not in it.
    """
    from pynwb import NWBHDF5IO

    try:
        with NWBHDF5IO(path, mode="r") as file:
            held = _by_name(_template(list(file.read().objects.values()), path, template))
            for name in names:
                key = int(name) if name.isascii() and name.isdecimal() else name
                if key not in held:
                    n = sum(isinstance(of, int) for of in held)
                    expected = f"an index from 0 to {n - 1}, or the name of one of its {n} pictures"
                    raise InputError(problem(row_of_name[name], f"image {name!r}", expected, "Correct the log."))
            for name in names:
                key = int(name) if name.isascii() and name.isdecimal() else name
                yield grey(np.asarray(held[key]()), f"{path}, image {name}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(problem(path, f"an unreadable file ({error})", "NWB 2 in HDF5", "Export it anew.")) from error


def _template(objects: list[Any], path: Path, name: str | None) -> Any:
    from pynwb.base import Images
    from pynwb.image import ImageSeries, IndexSeries

    if name is not None and (series := index_series(objects, name)):
        return _target(series[0])
    pointed = {id(_target(series)): _target(series) for series in objects if isinstance(series, IndexSeries)}
    found = list(pointed.values())
    if len(found) != 1:
        found = [held for held in objects if isinstance(held, Images) or type(held) is ImageSeries]
        found = [held for held in found if name in (None, held.name)]
    if len(found) != 1:
        listed = ", ".join(held.name for held in found) or "none"
        raise InputError(problem(path, f"templates {listed}", "one that holds the images", NAME_ONE))
    return found[0]


def _target(series: Any) -> Any:
    return series.indexed_images if series.indexed_images is not None else series.indexed_timeseries


def _pictures(series: Any) -> Any:
    """Pictures that an IndexSeries points at, as something that has a length."""
    target = _target(series)
    return getattr(target, "images", None) or target.data


def _by_name(template: Any) -> dict[int | str, Any]:
    """Index or name → a function that reads the picture."""
    images = getattr(template, "images", None)
    if not images:
        return {k: (lambda k=k: template.data[k]) for k in range(len(template.data))}
    order = getattr(template, "order_of_images", None)
    ordered = list(order.data) if order is not None else [images[name] for name in _natural(images)]
    numbered = {k: (lambda image=image: image.data[:]) for k, image in enumerate(ordered)}
    return numbered | {image.name: numbered[k] for k, image in enumerate(ordered)}


def _natural(names: Any) -> list[str]:
    return sorted(names, key=lambda name: natural_key(Path(name)))
