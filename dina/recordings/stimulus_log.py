"""The stimulus log: which image was shown when, checked row by row."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.trials import SPLITS

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("onset_s", "onset_frame", "image")


@dataclass(frozen=True)
class StimulusLog:
    """Trials in order of time.

    Attributes
    ----------
    onset : (trials,) float64, in ``unit`` from the start of the recording
    unit : ``"s"``, or ``"frame"`` where onsets are numbers of the movie's volumes, from 0
    image : (trials,) str, file name or index as written in the log
    category : (trials,) str, or None where the log has none
    split : (trials,) str in ``SPLITS``, or None where the log has none
    """

    onset: np.ndarray
    unit: str
    image: np.ndarray
    category: np.ndarray | None
    split: np.ndarray | None


def read_stimulus_log(path: str | Path) -> StimulusLog:
    """Read a Parquet, CSV or TSV log and check all that can be checked without the movie.

    Parameters
    ----------
    path : file with the columns ``onset_s`` or ``onset_frame`` and ``image``; optional ``category`` and
        ``split``; other columns are ignored

    Raises
    ------
    InputError
        Naming file, row, what was found and expected: onsets that are no numbers or do not increase, empty
        images, an image in two splits or a split that no trial has.
    """
    path = Path(path)
    table = _read_table(path)
    _check_columns(table, path)
    onset, unit = _onsets(table, path)
    image = table["image"].astype(str).str.strip().to_numpy(dtype=object)
    _refuse(
        path,
        table["image"].isna().to_numpy() | (image == ""),
        image,
        "an image's file name or index",
        "Fill in the cell or remove the row.",
    )
    category = table["category"].fillna("").astype(str).to_numpy(dtype=object) if "category" in table else None
    split = table["split"].fillna("").astype(str).to_numpy(dtype=object) if "split" in table else None
    if split is not None:
        _refuse(path, ~np.isin(split, SPLITS), split, f"a split of {', '.join(SPLITS)}", "Correct the cell.")
        _one_side(path, image, split)
        missing = [name for name in SPLITS if name not in split]
        if missing:
            remedy = "Put some images there, or remove the column: a split is then made."
            raise InputError(problem(f"{path}, column split", f"no {' and no '.join(missing)}", "all three", remedy))
    return StimulusLog(onset, unit, image, category, split)


def onsets_s(onset: np.ndarray, unit: str, frame_time_s: np.ndarray, log: str | Path) -> np.ndarray:
    """(trials,) onsets in seconds, after a check that they lie inside the recording.

    Parameters
    ----------
    onset, unit : of :class:`StimulusLog`
    frame_time_s : (frames,) times of the first plane's frames, seconds
    log : named in errors

    Raises
    ------
    InputError
        Naming the row.
    """
    log = Path(log)
    if unit == "frame":
        expected = f"a frame number from 0 to {len(frame_time_s) - 1}"
        remedy = "Frames count volumes of the movie, from 0."
        _refuse(log, (onset < 0) | (onset >= len(frame_time_s)), onset, expected, remedy)
        return frame_time_s[onset.astype(int)]
    _refuse(
        log,
        (onset < frame_time_s[0]) | (onset > frame_time_s[-1]),
        onset,
        f"onsets within the recording, {frame_time_s[0]:.3f} to {frame_time_s[-1]:.3f} s",
        "Is the log on the movie's clock, and the frame rate right?",
    )
    return onset


def _check_columns(table: pd.DataFrame, path: Path) -> None:
    missing = [name for name in ("image",) if name not in table]
    if not {"onset_s", "onset_frame"} & set(table):
        missing.insert(0, "onset_s (or onset_frame)")
    if missing:
        hints = [
            f"Is {name!r} meant for {close[0]!r}?"
            for name in map(str, table)
            if name not in NEEDED and (close := difflib.get_close_matches(name, NEEDED, n=1, cutoff=0.6))
        ]
        if len(table.columns) == 1:
            hints = [f"A {path.suffix} file is separated by {_separator(path)!r}: is this one not?"]
        found = f"columns {', '.join(map(repr, map(str, table)))}"
        remedy = " ".join(hints) or "Rename the column."
        raise InputError(problem(path, found, f"also {' and '.join(missing)}", remedy))
    if table.empty:
        raise InputError(
            problem(path, "no trial", "one row a trial", "Empty the sheet's stimulus_log if nothing was shown.")
        )


def _separator(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _read_table(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise InputError(
            problem(path, "no such file", "a stimulus log", "Correct stimulus_log in the recording sheet.")
        )
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        text = {"image": str, "category": str, "split": str}
        return pd.read_csv(
            path,
            sep=_separator(path),
            dtype=text,
            keep_default_na=False,
            na_values={"onset_s": [""], "onset_frame": [""]},
        )
    except (ValueError, OSError) as error:
        raise InputError(
            problem(path, f"an unreadable table ({error})", "Parquet, CSV or TSV", "Save it again with one header row.")
        ) from error


def _onsets(table: pd.DataFrame, path: Path) -> tuple[np.ndarray, str]:
    """Onsets and their unit; seconds are preferred where a log has both."""
    import pandas as pd

    name = "onset_s" if "onset_s" in table else "onset_frame"
    onset = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
    _refuse(
        path, ~np.isfinite(onset), table[name].to_numpy(), f"a number in {name}", "Correct the cell or remove the row."
    )
    if name == "onset_frame":
        whole = "Frames count volumes of the movie, from 0."
        _refuse(path, (onset < 0) | (onset != np.floor(onset)), onset, "a whole number, 0 or more", whole)
    earlier = np.r_[False, np.diff(onset) <= 0]
    before = onset[max(0, int(np.argmax(earlier)) - 1)]
    remedy = "Sort the log by time and remove doubled rows."
    _refuse(path, earlier, onset, f"onsets that increase: more than {before:g}, the one before", remedy)
    return onset, "s" if name == "onset_s" else "frame"


def _one_side(path: Path, image: np.ndarray, split: np.ndarray) -> None:
    side: dict[str, str] = {}
    for row, (name, part) in enumerate(zip(image, split, strict=True)):
        if side.setdefault(name, part) != part:
            raise InputError(
                problem(
                    f"{path}, row {row + 2}",
                    f"image {name!r} in {part!r}",
                    f"{side[name]!r}, as in an earlier row",
                    "All repeats of an image belong to one split.",
                )
            )


def _refuse(path: Path, wrong: np.ndarray, values: np.ndarray, expected: str, remedy: str) -> None:
    """Raise for the first wrong row; rows count from 2, below the header, as spreadsheets show them."""
    if np.any(wrong):
        row = int(np.flatnonzero(wrong)[0])
        more = f" ({int(np.sum(wrong))} rows in all)" if np.sum(wrong) > 1 else ""
        value = values[row]
        found = repr(value) if isinstance(value, str) and value else "nothing" if _is_blank(value) else f"{value}"
        raise InputError(problem(f"{path}, row {row + 2}{more}", found, expected, remedy))


def _is_blank(value: object) -> bool:
    return value is None or value == "" or value != value  # NaN differs from itself
