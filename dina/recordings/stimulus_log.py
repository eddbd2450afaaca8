"""The stimulus log: which image was shown when, checked row by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.trials import SPLITS
from dina.settings import nearest

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("onset_s", "onset_frame", "image", "duration_s", "category", "repeat", "split")


@dataclass(frozen=True)
class StimulusLog:
    """Trials in order of time.

    Attributes
    ----------
    onset_s : (trials,) float64, seconds from the start of the recording
    image : (trials,) str, file name or index as written in the log
    category : (trials,) str, or None where the log has none
    split : (trials,) str in ``SPLITS``, or None where the log has none
    """

    onset_s: np.ndarray
    image: np.ndarray
    category: np.ndarray | None
    split: np.ndarray | None


def read_stimulus_log(path: str | Path, frame_time_s: np.ndarray) -> StimulusLog:
    """Read a Parquet, CSV or TSV log and check it against the recording.

    Parameters
    ----------
    path : file with the columns ``onset_s`` or ``onset_frame`` and ``image``; optional ``duration_s``,
        ``category``, ``repeat``, ``split``; other columns are ignored
    frame_time_s : (frames,) times of the first plane's frames, seconds

    Raises
    ------
    InputError
        Naming file, row, what was found and expected: onsets that are no numbers, do not increase or lie
        outside the recording, empty images, an image in two splits.
    """
    path = Path(path)
    table = _read_table(path)
    if "image" not in table or not {"onset_s", "onset_frame"} & set(table):
        found = [f"{name!r} ({nearest(str(name), list(COLUMNS))})" for name in table if name not in COLUMNS]
        raise InputError(
            problem(
                path,
                f"columns {', '.join(found) or list(table)}",
                "onset_s (or onset_frame) and image",
                "Rename the columns.",
            )
        )
    if table.empty:
        raise InputError(
            problem(path, "no trial", "one row a trial", "Empty the sheet's stimulus_log if nothing was shown.")
        )
    onset_s = _onsets(table, path, frame_time_s)
    image = table["image"].astype(str).to_numpy(dtype=object)
    _refuse(
        path,
        table["image"].isna().to_numpy() | (image == ""),
        image,
        "an image's file name or index",
        "Fill in the cell or remove the row.",
    )
    category = table["category"].astype(str).to_numpy(dtype=object) if "category" in table else None
    split = table["split"].astype(str).to_numpy(dtype=object) if "split" in table else None
    if split is not None:
        _refuse(path, ~np.isin(split, SPLITS), split, f"a split of {', '.join(SPLITS)}", "Correct the cell.")
        _one_side(path, image, split)
    return StimulusLog(onset_s, image, category, split)


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
            sep="\t" if path.suffix == ".tsv" else ",",
            dtype=text,
            keep_default_na=False,
            na_values={"onset_s": [""], "onset_frame": [""]},
        )
    except (ValueError, OSError) as error:
        raise InputError(
            problem(path, f"an unreadable table ({error})", "Parquet, CSV or TSV", "Save it again with one header row.")
        ) from error


def _onsets(table: pd.DataFrame, path: Path, frame_time_s: np.ndarray) -> np.ndarray:
    import pandas as pd

    name = "onset_s" if "onset_s" in table else "onset_frame"
    onset = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
    _refuse(
        path, ~np.isfinite(onset), table[name].to_numpy(), f"a number in {name}", "Correct the cell or remove the row."
    )
    if name == "onset_frame":
        outside = (onset < 0) | (onset >= len(frame_time_s)) | (onset != np.floor(onset))
        _refuse(
            path,
            outside,
            onset,
            f"a whole frame number from 0 to {len(frame_time_s) - 1}",
            "Frames count volumes of the movie, from 0.",
        )
        onset = frame_time_s[onset.astype(int)]
    _refuse(
        path,
        np.r_[False, np.diff(onset) <= 0],
        onset,
        "onsets that increase",
        "Sort the log by time and remove doubled rows.",
    )
    outside = (onset < frame_time_s[0]) | (onset > frame_time_s[-1])
    _refuse(
        path,
        outside,
        onset,
        f"onsets within the recording, {frame_time_s[0]:.3f} to {frame_time_s[-1]:.3f} s",
        "Is the log on the movie's clock, and the frame rate right?",
    )
    return onset


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
        raise InputError(problem(f"{path}, row {row + 2}{more}", repr(values[row]), expected, remedy))
