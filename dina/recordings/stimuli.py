"""What was shown: the stimulus log and the images, checked and split before any imaging."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina import stores
from dina.errors import InputError, problem
from dina.recordings.clock import ClockEvents, fit_clock, read_clock_events
from dina.recordings.images import read_images
from dina.recordings.leaks import groups_of_alike, tell_leaks
from dina.recordings.splits import split_categories, split_cycles, split_images, split_time_blocks
from dina.recordings.stimulus_log import StimulusLog, onsets_s, read_stimulus_log
from dina.recordings.trials import SPLITS, refuse_small_splits
from dina.settings import StimuliSettings
from dina.tables import row_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Stimuli:
    """Trials in order of time, and the images that they show.

    Attributes
    ----------
    onset : (trials,) float64, in ``unit``; NaN where responses were imported without times
    unit : ``"s"`` from the start of the recording, or on the log's own clock where there are ``clock_events``;
        or ``"frame"``, a volume's number
    clock_events : events that bring onsets onto the movie's clock, or None where they are on it
    log : the log's file name, for errors
    image_index : (trials,) int32, row of ``images``
    repeat : (trials,) int16, 0 for an image's first showing
    split : (trials,) uint8, index into ``SPLITS``; all repeats of an image share it unless the set is closed
    images : (images, size, size) float32, 0 black to 1 white
    category : (images,) int16, index into ``category_names``; -1 unknown
    category_names : tuple of str
    degrees_per_pixel : float, or None where the images' width in degrees is unknown
    behaviour : table of the log's further columns of numbers, one row a trial; no decoder reads it
    """

    onset: np.ndarray
    unit: str
    clock_events: ClockEvents | None
    log: str
    image_index: np.ndarray
    repeat: np.ndarray
    split: np.ndarray
    images: np.ndarray
    category: np.ndarray
    category_names: tuple[str, ...]
    degrees_per_pixel: float | None
    behaviour: pd.DataFrame


@dataclass(frozen=True)
class Shown:
    """A recording's log and its images, not yet split.

    Attributes
    ----------
    log : StimulusLog
    images : (images, size, size) float32, 0 black to 1 white
    image_index : (trials,) int32, row of ``images``
    degrees_per_pixel : float, or None where unknown
    where : the file that says what was shown, for errors
    """

    log: StimulusLog
    images: np.ndarray
    image_index: np.ndarray
    degrees_per_pixel: float | None
    where: Path


def prepare_stimuli(
    stimulus_log: Path,
    images: Path,
    output: Path,
    settings: StimuliSettings,
    *,
    image_width_deg: float | None = None,
    stimulus_table: str | None = None,
    image_column: str | None = None,
    clock_events: str | Path | None = None,
    movie: Path | None = None,
    device: str = "auto",
) -> None:
    """Read log and images, split the images and write the ``stimuli`` store: see :class:`Stimuli`.

    No frame of the movie is needed, so that a mistake in the log is told before hours of imaging; with the store
    ``movie`` of :func:`~dina.imaging.inspection.inspect_movie`, or an imported session, also a log that is longer than
    the recording. Memory is that of the images as they are written. The other keywords are the sheet's columns of the
    same names.

    Raises
    ------
    InputError
        If log, images and clock events do not fit together, naming file and row.
    """
    log = read_stimulus_log(stimulus_log, stimulus_table=stimulus_table, image_column=image_column)
    events = None if clock_events is None else _clock_events(clock_events, log, stimulus_log)
    if movie is not None:
        _inside_movie(log, events, movie, stimulus_log)
    shown = read_shown(log, images, stimulus_log, settings.image_size_px, image_width_deg, stimulus_table)
    write_stimuli(shown, output, settings, device=device, events=events)


def read_shown(
    log: StimulusLog,
    images: str | Path,
    where: str | Path,
    size_px: int,
    image_width_deg: float | None,
    stimulus_table: str | None = None,
) -> Shown:
    """A log with the images that it names; ``where`` is the log's file.

    Raises
    ------
    InputError
        If an image is not there, naming the row, or unreadable.
    """
    pictures, image_index, width_px = read_images(images, log.image, where, size_px, stimulus_table)
    degrees_per_pixel = None if image_width_deg is None else image_width_deg / width_px
    return Shown(log, pictures, image_index, degrees_per_pixel, Path(where))


def write_stimuli(
    shown: Shown, output: Path, settings: StimuliSettings, *, device: str = "auto", events: ClockEvents | None = None
) -> None:
    """Split what was shown and write the ``stimuli`` store.

    Time grows with the images as :func:`~dina.recordings.overlaps.overlapping_crops` and
    :func:`~dina.recordings.splits.near_duplicates` say, and so does memory, beside that of the images.

    Raises
    ------
    InputError
        If the images cannot be split as asked, or a given split gives test images away.
    """
    log, pictures, image_index = shown.log, shown.images, shown.image_index
    category, category_names = _categories(log.category, image_index, len(pictures))
    split, across = _splits(log.split, image_index, pictures, category, settings, shown.where, device)
    with stores.new_store(output) as store:
        stores.write_array(store, "onset", log.onset, unit="s")  # double precision, whichever the unit
        stores.write_array(store, "image_index", image_index)
        stores.write_array(store, "repeat", count_repeats(image_index))
        stores.write_array(store, "split", split)
        stores.write_array(store, "images", pictures, unit="0 black to 1 white")
        stores.write_array(store, "category", category)
        stores.write_table(store, "behaviour", log.behaviour)
        if events is not None:
            stores.write_array(store, "event_log", events.log_s, unit="s")
            stores.write_array(store, "event_movie", events.movie, unit="s")  # as the onset
        stores.write_attributes(
            store,
            {
                "unit": log.unit,
                "log": shown.where.name,
                "event_source": None if events is None else events.source,
                "event_unit": None if events is None else events.unit,
                "split_names": SPLITS,
                "category_names": category_names,
                "degrees_per_pixel": shown.degrees_per_pixel,
            }
            | across,
        )


def read_stimuli(store: str | Path) -> Stimuli:
    """Read a ``stimuli`` store whole."""
    attributes = stores.read_attributes(store)
    names = ("onset", "image_index", "repeat", "split", "images", "category")
    arrays = {name: stores.read_array(store, name) for name in names}
    events = None
    if attributes["event_source"] is not None:
        log_s, movie = (stores.read_array(store, name) for name in ("event_log", "event_movie"))
        events = ClockEvents(log_s, movie, attributes["event_unit"], attributes["event_source"])
    return Stimuli(
        **arrays,
        unit=attributes["unit"],
        clock_events=events,
        # a table without columns keeps no rows in Parquet
        behaviour=stores.read_table(store, "behaviour").reindex(range(len(arrays["onset"]))),
        log=attributes["log"],
        category_names=tuple(attributes["category_names"]),
        degrees_per_pixel=attributes["degrees_per_pixel"],
    )


def _clock_events(path: str | Path, log: StimulusLog, stimulus_log: Path) -> ClockEvents:
    """Events, fitted at once where that needs no frame times, so that a bad one is told before any imaging."""
    if log.unit == "frame":
        remedy = "Empty the sheet's clock_events, or give onsets in seconds."
        raise InputError(
            problem(stimulus_log, "onset_frame, on the movie's clock", "onset_s beside clock_events", remedy)
        )
    events = read_clock_events(path)
    if events.unit == "s":
        fit_clock(events)
    return events


def _inside_movie(log: StimulusLog, events: ClockEvents | None, movie: Path, stimulus_log: Path) -> None:
    """Raise for the first onset that no frame of the movie covers."""
    volume_time_s = stores.read_array(movie, "volume_time_s")
    onset = log.onset if events is None else fit_clock(events, volume_time_s).movie_s(log.onset)
    onsets_s(onset, log.unit, volume_time_s, stimulus_log)


def _splits(
    given: np.ndarray | None,
    image_index: np.ndarray,
    images: np.ndarray,
    category: np.ndarray,
    settings: StimuliSettings,
    log: Path,
    device: str,
) -> tuple[np.ndarray, dict[str, int]]:
    """(trials,) side of each trial, and how many images have one on another side that gives them away, by attribute."""
    shares = settings.validation_share, settings.test_share
    by = settings.split_by if given is None else "log"
    none_across = dict.fromkeys(("n_near_duplicates_across_splits", "n_overlapping_across_splits"), 0)
    if by == "cycles":
        return split_cycles(image_index, count_repeats(image_index), *shares, log), none_across
    if by == "time_blocks":
        return split_time_blocks(image_index, groups_of_alike(images, device), *shares, f"{log}, trials"), none_across
    if by == "images":
        n_showings = np.bincount(image_index, minlength=len(images))
        group = groups_of_alike(images, device)
        return split_images(n_showings, group, *shares, settings.split_seed, f"{log}, images")[image_index], none_across
    if by == "categories":
        side = split_categories(category, *shares, settings.split_seed, f"{log}, column category")
    else:
        side = np.zeros(len(images), np.uint8)
        side[image_index] = [SPLITS.index(name) for name in given]
        _refuse_equal(images, side, image_index, log)
    refuse_small_splits(image_index, side[image_index], log, "Show more images, or change the log's columns.")
    across = tell_leaks(images, side, image_index, log, allowed=settings.allow_near_duplicates, device=device)
    return side[image_index], across


def _refuse_equal(images: np.ndarray, side: np.ndarray, image_index: np.ndarray, log: Path) -> None:
    """Raise where one picture stands on two sides under two names."""
    first: dict[bytes, int] = {}
    for k, image in enumerate(images):
        other = first.setdefault(
            hashlib.sha256(image).digest(), k
        )  # not the images themselves, of which there are many
        if side[other] != side[k]:
            found = f"the same picture in {SPLITS[side[other]]!r} and {SPLITS[side[k]]!r}, under two names"
            remedy = "Put all showings of a picture on one side, or remove the column: a split is then made."
            row, earlier = (int(np.flatnonzero(image_index == image)[0]) for image in (k, other))
            found += f" (see {row_of(log, earlier)})"
            raise InputError(problem(f"{log}, {row_of(log, row)}", found, "each picture on one side", remedy))


def count_repeats(image_index: np.ndarray) -> np.ndarray:
    """(trials,) int16: how often the image was shown before."""
    order = np.argsort(image_index, kind="stable")
    image = image_index[order]
    start = np.maximum.accumulate(np.where(np.r_[True, image[1:] != image[:-1]], np.arange(len(image)), 0))
    repeat = np.empty(len(image), np.int16)
    repeat[order] = np.arange(len(image)) - start
    return repeat


def _categories(
    category: np.ndarray | None, image_index: np.ndarray, n_images: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(images,) int16 category of each image, -1 unknown, and the names."""
    per_image = np.full(n_images, -1, np.int16)
    if category is None:
        return per_image, ()
    names = tuple(sorted(set(category) - {""}))
    code = {name: number for number, name in enumerate(names)}
    per_image[image_index] = [code.get(name, -1) for name in category]
    return per_image, names
