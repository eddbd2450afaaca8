"""Responses to natural images from the Sensorium competition of 2022, and other data in its layout.

A folder or zip ``static{animal}-{session}-{scan}-GrayImageNet-…``, with one file a trial, as neuralpredictors reads it.

References
----------
Willeke et al. 2022, arXiv:2206.08666.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.importers.pictures import WHOLE, from_8_bit, shown_of, width_in_window, window_of
from dina.recordings.importers.population import Population
from dina.recordings.importers.trial_files import TrialFiles, refuse_withheld
from dina.recordings.stimuli import Shown

if TYPE_CHECKING:
    import pandas as pd

    from dina.recordings.sheet import Recording

SIDES = {"train": "train", "validation": "validation", "test": "test", "final_test": "test"}  # of each tier
BEHAVIOUR = {"behavior": ("pupil_size", "pupil_change", "running_speed"), "pupil_center": ("pupil_x", "pupil_y")}
TRIALS_AT_ONCE = 256
REMEDY = "The competition's own two recordings cannot be tested: import one of the other five."


def read_shown(row: Recording, size_px: int) -> Shown:
    """The images shown, each once however often it was shown, and the tiers as splits.

    Images are one where their pixels are, since their numbers are hidden in some recordings. Every file of images is
    read once, and then again once an image.

    Parameters
    ----------
    row : with ``data``; perhaps ``image_window`` and ``image_width_deg``, the angle of a whole image

    Raises
    ------
    InputError
        If responses of a tier are withheld, or the layout is another one.
    """
    files = TrialFiles(Path(row.data), "images")
    order = files.in_time()
    side = _sides(files)[order]
    for start in range(0, len(order), TRIALS_AT_ONCE):
        some = order[start : start + TRIALS_AT_ONCE]
        refuse_withheld(files, some, _responses(files, some), REMEDY)
    first, image = _images(files, order)
    shape = _picture(files, order[0]).shape
    window = window_of(row.image_window, WHOLE, shape, f"{files.path}, image_window")

    def pictures(numbers: np.ndarray) -> Iterator[np.ndarray]:
        for number in numbers:
            trial = order[first[number]]
            where = f"{files.path}, data/images/{files.numbers[trial]}.npy"
            yield from_8_bit(_picture(files, trial)[window], where)

    return shown_of(
        image,
        pictures,
        size_px,
        files.path,
        width_deg=width_in_window(row.image_width_deg, window, shape[1]),
        behaviour=_behaviour(files, order),
        split=side,
    )


def read_population(row: Recording) -> Population:
    """The neurons' deconvolved responses, read a few hundred trials at a time.

    Parameters
    ----------
    row : with ``data``

    Raises
    ------
    InputError
        If the layout is another one.
    """
    files = TrialFiles(Path(row.data), "images")
    order = files.in_time()
    n_neurons = len(files.trial("responses", files.numbers[0]).ravel())

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, len(order), TRIALS_AT_ONCE):
            yield _responses(files, order[start : start + TRIALS_AT_ONCE])

    return Population(
        n_trials=len(order),
        n_neurons=n_neurons,
        blocks=blocks,
        neurons=neurons_of(files, n_neurons),
        unit="deconvolved activity",
        responses_are="deconvolved activity, one number a trial, as the competition gives it",
        where=str(files.path),
    )


def neurons_of(files: TrialFiles, n_neurons: int) -> pd.DataFrame:
    """The table of neurons; of planes the data set says nothing, so that all are of plane 0."""
    import pandas as pd

    number = np.arange(n_neurons, dtype=np.int32)
    table = pd.DataFrame({"neuron": number, "plane": np.int16(0), "roi": number})
    for name, values in files.neurons().items():
        if len(values) != n_neurons:
            found = f"{len(values)} values of {name}"
            raise InputError(
                problem(f"{files.path}, meta/neurons", found, f"{n_neurons}, as responses", "Is it whole?")
            )
        table[name] = values
    return table


def _sides(files: TrialFiles) -> np.ndarray:
    unknown = sorted(set(files.tiers.tolist()) - set(SIDES))
    missing = sorted(set(SIDES.values()) - {SIDES.get(tier) for tier in files.tiers.tolist()})
    if unknown or missing:
        found = f"tiers {', '.join(sorted(set(files.tiers.tolist())))}"
        remedy = "Is it a recording of images? Those of videos are of source sensorium2023."
        raise InputError(problem(f"{files.path}, meta/trials/tiers", found, "train, validation and test", remedy))
    return np.array([SIDES[tier] for tier in files.tiers.tolist()], object)


def _responses(files: TrialFiles, trials: np.ndarray) -> np.ndarray:
    rows = [files.trial("responses", files.numbers[trial]).ravel() for trial in trials]
    if len({len(row) for row in rows}) > 1:
        found = f"{sorted({len(row) for row in rows})} neurons"
        raise InputError(problem(f"{files.path}, data/responses", found, "one number of neurons", "Is it whole?"))
    return np.stack(rows).astype(np.float32)


def _picture(files: TrialFiles, trial: int) -> np.ndarray:
    """(height, width) of any type."""
    pixels = files.trial("images", files.numbers[trial])
    if pixels.ndim == 3 and len(pixels) == 1:
        pixels = pixels[0]
    if pixels.ndim != 2:
        where = f"{files.path}, data/images/{files.numbers[trial]}.npy"
        expected = "(1, height, width), grey"
        raise InputError(problem(where, f"shape {pixels.shape}", expected, "Images in colour have no importer."))
    return pixels


def _images(files: TrialFiles, order: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Where each image is shown first, and (trials,) which image each trial shows, both counted in time."""
    number: dict[bytes, int] = {}
    first, image = [], np.empty(len(order), np.int64)
    for k, trial in enumerate(order):
        digest = hashlib.sha256(np.ascontiguousarray(_picture(files, trial))).digest()
        image[k] = number.setdefault(digest, len(number))
        if image[k] == len(first):
            first.append(k)
    return first, image


def _behaviour(files: TrialFiles, order: np.ndarray) -> pd.DataFrame:
    """Pupil and running in each trial, where the data set has them."""
    import pandas as pd

    columns = {}
    for kind, names in BEHAVIOUR.items():
        if kind in files.kinds:
            values = np.stack([files.trial(kind, files.numbers[trial]).ravel()[: len(names)] for trial in order])
            columns |= dict(zip(names, values.T.astype(np.float64), strict=True))
    return pd.DataFrame(columns, index=range(len(order)))
