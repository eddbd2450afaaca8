"""Data sets that hold one small array for each trial, in folders or zips: Sensorium's layout."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath
from tokenize import TokenError  # of headers that NumPy takes for those of Python 2

import numpy as np

from dina.errors import InputError, ShapeError, problem, reading

TIERS = "meta/trials/tiers.npy"


class TrialFiles:
    """A folder ``data/…``, ``meta/…``, or the zip that holds it; nothing is unpacked.

    Attributes
    ----------
    path : Path, for errors
    numbers : (trials,) int, of the files, ascending
    tiers : (trials,) str

    Raises
    ------
    InputError
        If the layout is another one.
    ShapeError
        If trials differ in number between the parts.
    """

    def __init__(self, path: Path, kind: str):
        self.path = path
        self._archive = None
        if path.is_dir():
            names = [file.relative_to(path).as_posix() for file in path.rglob("*.npy")]
        else:
            with reading(path, "a folder, or a zip", "Download it again.", also=(zipfile.BadZipFile,)):
                self._archive = zipfile.ZipFile(path)
            names = self._archive.namelist()
        roots = sorted(name.removesuffix(TIERS) for name in names if PurePosixPath(name).match(TIERS))
        if len(roots) != 1:
            found = f"{len(roots)} folders with {TIERS}"
            remedy = "Name the folder of one recording, or its zip, as downloaded."
            raise InputError(problem(path, found, "one", remedy))
        self._root = roots[0]
        self._names = {name.removeprefix(self._root) for name in names if name.startswith(self._root)}
        self.numbers = self._trials(kind)
        self.tiers = self.of_trials("tiers")
        for other in ("responses", "behavior", "pupil_center"):
            if other in self.kinds and not np.array_equal(self._trials(other), self.numbers):
                found = f"{len(self._trials(other))} of {other}"
                expected = f"{len(self.numbers)}, as of {kind}"
                raise ShapeError(problem(f"{path}, data", found, expected, "Is the folder whole?"))

    @property
    def kinds(self) -> set[str]:
        """What is there of each trial: ``responses``, ``images`` …"""
        return {name.split("/")[1] for name in self._names if name.startswith("data/")}

    def holds(self, name: str) -> bool:
        """Whether there is such a file, such as ``meta/neurons/unit_ids.npy``."""
        return name in self._names

    def read(self, name: str) -> np.ndarray:
        """An array; pickled objects are refused.

        Raises
        ------
        InputError
            If it is not there, or unreadable.
        """
        where = f"{self.path}, {name}"
        if not self.holds(name):
            raise InputError(problem(where, "no such file", "one", "Is the folder whole?"))
        also = (zipfile.BadZipFile, TokenError)
        with reading(where, "a NumPy file without objects", "Download it again.", also=also):
            if self._archive is None:
                return np.load(self.path / self._root / name, allow_pickle=False)
            return np.load(io.BytesIO(self._archive.read(self._root + name)), allow_pickle=False)

    def trial(self, kind: str, number: int) -> np.ndarray:
        """What one trial's file holds."""
        return self.read(f"data/{kind}/{number}.npy")

    def of_trials(self, name: str) -> np.ndarray:
        """(trials,) of a file under ``meta/trials``."""
        values = self.read(f"meta/trials/{name}.npy").ravel()
        if len(values) <= self.numbers.max():
            found, expected = f"{len(values)} values", f"{self.numbers.max() + 1}, one a trial"
            raise ShapeError(problem(f"{self.path}, meta/trials/{name}", found, expected, "Is the folder whole?"))
        return values[self.numbers]

    def in_time(self) -> np.ndarray:
        """Indices of trials in order of time, where the data set tells it; else as their files are numbered."""
        if self.holds("meta/trials/trial_idx.npy"):
            index = self.of_trials("trial_idx")
            if index.dtype.kind in "iuf" and len(np.unique(index)) == len(index):
                return np.argsort(index)
        return np.arange(len(self.numbers))

    def neurons(self) -> dict[str, np.ndarray]:
        """Columns of the table of neurons that are there: places in micrometres, and the unit's number."""
        columns = {}
        if self.holds("meta/neurons/cell_motor_coordinates.npy"):
            places = self.read("meta/neurons/cell_motor_coordinates.npy")
            columns = {f"{axis}_um": places[:, k].astype(np.float32) for k, axis in enumerate("xyz")}
        if self.holds("meta/neurons/unit_ids.npy"):
            columns["unit_id"] = self.read("meta/neurons/unit_ids.npy").ravel()
        return columns

    def _trials(self, kind: str) -> np.ndarray:
        folder = PurePosixPath("data", kind)
        numbers = [PurePosixPath(name).stem for name in self._names if PurePosixPath(name).parent == folder]
        if not numbers or not all(number.isdecimal() for number in numbers):
            found, expected = f"{len(numbers)} files", "files named 0.npy, 1.npy …"
            raise InputError(problem(f"{self.path}, {folder}", found, expected, "Is it a recording of this data set?"))
        return np.sort(np.array(numbers, int))


def refuse_withheld(files: TrialFiles, trials: np.ndarray, responses: np.ndarray, remedy: str) -> None:
    """Raise for the first trial whose responses are 0, or no numbers, in all neurons: they were not given away.

    Parameters
    ----------
    trials : indices
    responses : (trials, neurons)

    Raises
    ------
    InputError
        Naming the trial and its tier.
    """
    withheld = np.flatnonzero(~np.nan_to_num(responses).any(1))
    if len(withheld):
        trial = trials[withheld[0]]
        where = f"{files.path}, data/responses/{files.numbers[trial]}.npy"
        found = f"a trial of tier {str(files.tiers[trial])!r} that is 0 in all neurons"
        raise InputError(problem(where, found, "responses; these are withheld", remedy))
