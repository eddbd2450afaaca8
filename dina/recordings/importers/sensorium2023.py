"""Responses to natural videos from the Sensorium competition of 2023, as far as a decoder of still images can use them.

A folder or zip ``dynamic{animal}-{session}-{scan}-Video-…``, one file a trial. Videos are cut into snippets of half a
second: the image of a snippet is the mean of its frames, the response the sum of activity meanwhile. All snippets of a
video stand on the side of its tier.

References
----------
Turishcheva et al. 2023, arXiv:2305.19654.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem
from dina.recordings.importers.pictures import WHOLE, from_8_bit, shown_of, width_in_window, window_of
from dina.recordings.importers.population import Population
from dina.recordings.importers.sensorium2022 import neurons_of
from dina.recordings.importers.trial_files import TrialFiles, refuse_withheld
from dina.recordings.stimuli import Shown

if TYPE_CHECKING:
    import pandas as pd

    from dina.recordings.sheet import Recording

SIDES = {"train": "train", "oracle": "validation", "live_test_main": "test", "final_test_main": "test"}
OTHER_TIERS = {"live_test_bonus", "final_test_bonus", "none"}  # artificial stimuli, and trials that none may use
SNIPPET_FRAMES = 15  # half a second at 30 Hz: about what a natural image is shown for elsewhere
SKIPPED_FRAMES, COUNTED_FRAMES = 50, 300  # the competition scores neither the first frames nor what follows the last
BEHAVIOUR = {"behavior": ("pupil_size", "running_speed"), "pupil_center": ("pupil_x", "pupil_y")}
REMEDY = "Recordings whose test is withheld cannot be decoded: import one that has responses in all tiers."


@dataclass(frozen=True)
class _Snippets:
    """Every snippet of the videos in use, in order of time.

    Attributes
    ----------
    trial : (snippets,) index of the trial
    start : (snippets,) first frame
    image : (snippets,) number, equal where the same frames were shown
    first : for each image, the snippet that shows it first
    """

    trial: np.ndarray
    start: np.ndarray
    image: np.ndarray
    first: np.ndarray


def read_shown(row: Recording, size_px: int) -> Shown:
    """The mean image of every snippet, and the videos' tiers as splits.

    Parameters
    ----------
    row : with ``data``; perhaps ``image_window`` and ``image_width_deg``, the angle of a whole frame

    Raises
    ------
    InputError
        If responses of a tier are withheld, or the layout is another one.
    """
    files = TrialFiles(Path(row.data), "videos")
    side = _sides(files)
    snippets = _snippets(files)
    for trial in np.unique(snippets.trial):
        responses = files.trial("responses", files.numbers[trial])
        refuse_withheld(files, np.array([trial]), responses.reshape(1, -1), REMEDY)
    shape = _video(files, snippets.trial[0]).shape[:2]
    window = window_of(row.image_window, WHOLE, shape, f"{files.path}, image_window")

    def pictures(numbers: np.ndarray) -> Iterator[np.ndarray]:
        trial, video = -1, None
        for snippet in snippets.first[numbers]:
            if snippets.trial[snippet] != trial:
                trial = snippets.trial[snippet]
                video = _video(files, trial)
            frames = video[(*window, slice(snippets.start[snippet], snippets.start[snippet] + SNIPPET_FRAMES))]
            yield from_8_bit(frames.mean(-1), f"{files.path}, data/videos/{files.numbers[trial]}.npy")

    return shown_of(
        snippets.image,
        pictures,
        size_px,
        files.path,
        width_deg=width_in_window(row.image_width_deg, window, shape[1]),
        behaviour=_behaviour(files, snippets),
        split=side[snippets.trial],
    )


def read_population(row: Recording) -> Population:
    """The neurons' activity summed over each snippet, read a video at a time.

    Parameters
    ----------
    row : with ``data``

    Raises
    ------
    InputError
        If the layout is another one.
    """
    files = TrialFiles(Path(row.data), "videos")
    _sides(files)
    snippets = _snippets(files)
    n_neurons = len(files.trial("responses", files.numbers[0]))

    def blocks() -> Iterator[np.ndarray]:
        for trial in dict.fromkeys(snippets.trial.tolist()):
            responses = files.trial("responses", files.numbers[trial])
            starts = snippets.start[snippets.trial == trial]
            yield np.stack([responses[:, start : start + SNIPPET_FRAMES].sum(1) for start in starts])

    return Population(
        n_trials=len(snippets.trial),
        n_neurons=n_neurons,
        blocks=blocks,
        neurons=neurons_of(files, n_neurons),
        unit="deconvolved activity",
        responses_are=f"deconvolved activity, summed over snippets of {SNIPPET_FRAMES} frames of a video",
        where=str(files.path),
    )


def _sides(files: TrialFiles) -> np.ndarray:
    """(trials,) str, the split of each trial's tier, empty where none may use it."""
    there = set(files.tiers.tolist())
    if there - set(SIDES) - OTHER_TIERS or not set(SIDES.values()) <= {SIDES.get(tier) for tier in there}:
        expected = "train, oracle, and live_test_main or final_test_main"
        remedy = "Only recordings with a test on natural videos can be decoded."
        found = f"tiers {', '.join(sorted(there))}"
        raise InputError(problem(f"{files.path}, meta/trials/tiers", found, expected, remedy))
    return np.array([SIDES.get(tier, "") for tier in files.tiers.tolist()], object)


def _video(files: TrialFiles, trial: int) -> np.ndarray:
    """(height, width, frames) without the NaN that fill a video up to the length of the longest."""
    video = files.trial("videos", files.numbers[trial])
    if video.ndim != 3:
        where = f"{files.path}, data/videos/{files.numbers[trial]}.npy"
        expected = "(height, width, frames)"
        raise InputError(problem(where, f"shape {video.shape}", expected, "Is it a recording of this data set?"))
    missing = np.flatnonzero(np.isnan(video[0, 0]))
    return video[:, :, : missing[0]] if len(missing) else video


def _snippets(files: TrialFiles) -> _Snippets:
    """Cut every video in use; two trials show one video where all its pixels are equal."""
    numbers: dict[tuple[bytes, int], int] = {}
    rows, first = [], []
    for trial in files.in_time():
        if files.tiers[trial] not in SIDES:
            continue
        video = _video(files, trial)
        digest = hashlib.sha256(np.ascontiguousarray(video)).digest()
        last = min(video.shape[2], COUNTED_FRAMES) - SNIPPET_FRAMES
        for start in range(SKIPPED_FRAMES, last + 1, SNIPPET_FRAMES):
            image = numbers.setdefault((digest, start), len(numbers))
            if image == len(first):
                first.append(len(rows))
            rows.append((trial, start, image))
    if not rows:
        expected = f"some of at least {SKIPPED_FRAMES + SNIPPET_FRAMES} frames"
        raise InputError(problem(f"{files.path}, data/videos", "no video", expected, "Is the folder whole?"))
    trial, start, image = np.array(rows).T
    return _Snippets(trial, start, image, np.array(first))


def _behaviour(files: TrialFiles, snippets: _Snippets) -> pd.DataFrame:
    """Mean pupil and running in each snippet, where the data set has them."""
    import pandas as pd

    columns: dict[str, np.ndarray] = {}
    for kind, names in BEHAVIOUR.items():
        if kind not in files.kinds:
            continue
        of_trial = {trial: files.trial(kind, files.numbers[trial]) for trial in np.unique(snippets.trial)}
        means = [
            of_trial[trial][: len(names), start : start + SNIPPET_FRAMES].mean(1)
            for trial, start in zip(snippets.trial, snippets.start, strict=True)
        ]
        columns |= dict(zip(names, np.stack(means).T.astype(np.float64), strict=True))
    return pd.DataFrame(columns, index=range(len(snippets.trial)))
