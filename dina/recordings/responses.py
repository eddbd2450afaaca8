"""Trial responses: deconvolved activity in a window after each image, neuron by neuron."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import InputError, problem
from dina.imaging.indicators import lag_s
from dina.recordings.images import read_images
from dina.recordings.reliability import repeat_pairs, signal_variance
from dina.recordings.splits import near_duplicates, split_images
from dina.recordings.stimulus_log import read_stimulus_log
from dina.recordings.trials import SPLITS, TrialResponses, describe_neurons, write_trials
from dina.settings import ResponsesSettings


def measure_responses(
    session: Path,
    stimulus_log: Path,
    images: Path,
    output: Path,
    settings: ResponsesSettings,
    *,
    indicator: str | None = None,
    image_width_deg: float | None = None,
) -> None:
    """Align trials with images and write the ``responses`` store; memory is that of the session's activity.

    Besides what :class:`~dina.recordings.trials.TrialResponses` describes, the store holds for every neuron
    ``signal_variance`` (over all repeats; for reporting only) and the session's table ``neurons`` with reliability.

    Raises
    ------
    InputError
        If log, images and session do not fit together, naming file and row.
    """
    frame_time_s = stores.read_array(session, "frame_time_s")
    neurons = stores.read_table(session, "neurons")
    log = read_stimulus_log(stimulus_log, frame_time_s[0])
    lag = settings.lag_s if settings.lag_s is not None else lag_s(indicator)
    _inside(log.onset_s, settings, lag, frame_time_s, stimulus_log)
    pictures, image_index, shrink = read_images(images, log.image, stimulus_log, settings.image_size_px)
    source_width_px = shrink * settings.image_size_px
    split, n_duplicates = _splits(log.split, image_index, pictures, settings)
    deconvolved = stores.read_array(session, "deconvolved")
    responses = np.empty((len(log.onset_s), len(neurons)), np.float32)
    for plane in range(len(frame_time_s)):
        member = np.flatnonzero(neurons["plane"].to_numpy() == plane)
        responses[:, member] = _window_sums(deconvolved[member], frame_time_s[plane], log.onset_s + lag, settings)
    repeat = _count_repeats(image_index)
    category, category_names = _categories(log.category, image_index, len(pictures))
    trials = TrialResponses(
        responses=responses,
        image_index=image_index,
        repeat=repeat,
        onset_s=log.onset_s,
        split=split,
        images=pictures,
        category=category,
        category_names=category_names,
        degrees_per_pixel=None if image_width_deg is None else image_width_deg / source_width_px * shrink,
        **describe_neurons(responses, image_index, repeat, split),
    )
    first, second = repeat_pairs(image_index, repeat, np.arange(len(repeat)))
    variance = (
        signal_variance(responses[first], responses[second])
        if len(first) >= 10
        else np.full(len(neurons), np.nan, np.float32)
    )
    with stores.new_store(output) as store:
        write_trials(store, trials)
        stores.write_array(store, "signal_variance", variance)
        stores.write_table(store, "neurons", neurons.assign(reliability=trials.reliability, signal_variance=variance))
        stores.write_attributes(
            store,
            {
                "n_repeated_images": len(first),
                "n_near_duplicates_across_splits": n_duplicates,
                "lag_s": lag,
                "window_s": settings.window_s,
            },
        )


def window_sums(activity: np.ndarray, frame_time_s: np.ndarray, start_s: np.ndarray, stop_s: np.ndarray) -> np.ndarray:
    """Activity between ``start_s`` and ``stop_s`` of every trial, frames counted by the share that lies inside.

    Deconvolved activity of a frame stands for spikes since the frame before it, so frame k covers the time from
    frame k - 1 to frame k. Sums are differences of the cumulative activity, interpolated linearly.

    Parameters
    ----------
    activity : (neurons, frames)
    frame_time_s : (frames,) increasing
    start_s, stop_s : (trials,) inside the recording

    Returns
    -------
    (trials, neurons) float32, in units of ``activity``.
    """
    cumulative = np.cumsum(activity, axis=1, dtype=np.float64)

    def until(time_s: np.ndarray) -> np.ndarray:
        after = np.clip(np.searchsorted(frame_time_s, time_s), 1, len(frame_time_s) - 1)
        share = np.clip((time_s - frame_time_s[after - 1]) / (frame_time_s[after] - frame_time_s[after - 1]), 0, 1)
        return cumulative[:, after - 1] + share * (cumulative[:, after] - cumulative[:, after - 1])

    return (until(stop_s) - until(start_s)).T.astype(np.float32)


def _window_sums(
    activity: np.ndarray, frame_time_s: np.ndarray, onset_s: np.ndarray, settings: ResponsesSettings
) -> np.ndarray:
    start, stop = settings.window_s
    response = window_sums(activity, frame_time_s, onset_s + start, onset_s + stop)
    if settings.baseline_s is None:
        return response
    before, until = settings.baseline_s
    return response - window_sums(activity, frame_time_s, onset_s + before, onset_s + until) * (
        (stop - start) / (until - before)
    )


def _inside(onset_s: np.ndarray, settings: ResponsesSettings, lag: float, frame_time_s: np.ndarray, log: Path) -> None:
    windows = [settings.window_s] + ([settings.baseline_s] if settings.baseline_s else [])
    first, last = frame_time_s[:, 0].max(), frame_time_s[:, -1].min()
    start, stop = (onset_s + lag + min(w[0] for w in windows), onset_s + lag + max(w[1] for w in windows))
    wrong = np.flatnonzero((start < first) | (stop > last))
    if len(wrong):
        row = wrong[0]
        raise InputError(
            problem(
                f"{log}, row {row + 2}",
                f"a response window of {start[row]:.3f} to {stop[row]:.3f} s",
                f"one inside the recording, {first:.3f} to {last:.3f} s",
                "Remove the trial, or shorten responses.window_s.",
            )
        )


def _splits(
    given: np.ndarray | None, image_index: np.ndarray, images: np.ndarray, settings: ResponsesSettings
) -> tuple[np.ndarray, int]:
    """(trials,) side of each trial, and how many images have a near-duplicate on another side."""
    group = near_duplicates(images)
    if given is None:
        side = split_images(
            np.bincount(image_index, minlength=len(images)),
            group,
            settings.validation_share,
            settings.test_share,
            settings.split_seed,
        )
    else:
        side = np.zeros(len(images), np.uint8)
        side[image_index] = [SPLITS.index(name) for name in given]
    lowest, highest = np.full(group.max() + 1, 255), np.zeros(group.max() + 1, int)
    np.minimum.at(lowest, group, side)
    np.maximum.at(highest, group, side)
    across = int(np.sum(lowest[group] != highest[group]))
    if across:
        warnings.warn(
            f"{across} images have a near-duplicate on another side of the log's split; scores flatter.", stacklevel=2
        )
    return side[image_index], across


def _count_repeats(image_index: np.ndarray) -> np.ndarray:
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
    names = tuple(sorted(set(category) - {"", "nan"}))
    code = {name: number for number, name in enumerate(names)}
    per_image[image_index] = [code.get(name, -1) for name in category]
    return per_image, names
