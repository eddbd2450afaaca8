"""Trial responses: activity in a window after each image, neuron by neuron."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina import stores
from dina.errors import InputError, ShapeError, problem
from dina.imaging.frame_times import in_gaps
from dina.recordings.clock import fit_clock
from dina.recordings.drift import measure_drift
from dina.recordings.reliability import (
    explainable_variance,
    is_measurable,
    repeat_pairs,
    repeating_variance,
    signal_and_noise_variance,
)
from dina.recordings.stimuli import Stimuli, count_repeats, read_stimuli
from dina.recordings.stimulus_log import onsets_s
from dina.recordings.temporal import bin_edges, refuse_short_bins, running_responses, temporal_weights
from dina.recordings.trials import (
    LEFT_OUT,
    TRAIN,
    TrialResponses,
    by_neurons,
    describe_neurons,
    refuse_small_splits,
    write_trials,
)
from dina.settings import ResponsesSettings

if TYPE_CHECKING:
    import pandas as pd

LEAST_OVERLAP_S = 1e-3  # logs are written to the millisecond: less is rounding
UNITS = {"deconvolved": "deconvolved activity", "dff": "dF/F"}
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def measure_responses(session: Path, stimuli: Path, output: Path, settings: ResponsesSettings) -> None:
    """Align trials with images and write the ``responses`` store; memory is that of the session's activity.

    With ``settings.n_bins`` above 1, the response window is cut into equal bins: the store also holds ``binned``
    (trials, bins, neurons), ``temporal_weights`` (bins, neurons) and, in its attributes, ``bin_edges_s`` after onset;
    ``responses``, which decoders read, are the bins' sum under these weights
    (:func:`~dina.recordings.temporal.temporal_weights`). The store grows by ``4 × trials × bins × neurons`` bytes
    before compression; memory does not, since bins are written and read in parts.

    Besides what :class:`~dina.recordings.trials.TrialResponses` describes and :func:`write_repeats` adds, the store
    holds the log's table ``behaviour``, one row a trial; where ``settings.measure`` is both, ``responses_dff``
    (trials, neurons), NaN for neurons without dF/F; and, in its attributes, the line between the clocks of log and
    movie, if they differ. Trials whose response or baseline window overlaps a masked frame of any plane, or an interval
    between its frames in which some were lost, are left out and counted in the attribute ``n_masked_trials``; those
    with a window beyond the movie in ``n_outside_trials``; those that the split leaves out in ``n_left_out_trials``
    alone. Repeats count the trials that are left. Of these, ``overlapping_share`` have a response window that overlaps
    a neighbour's.

    Raises
    ------
    InputError
        If an image was not shown during the recording, or a clock event does not fit, naming the row; if what is
        left out leaves a split fewer than two images; if dF/F is to be decoded and a neuron has none; if bins are
        shorter than a frame.
    """
    frame_time_s, volume_time_s = (stores.read_array(session, name) for name in ("frame_time_s", "volume_time_s"))
    refuse_short_bins(settings, float(np.median(np.diff(frame_time_s))), session)
    neurons = stores.read_table(session, "neurons")
    shown = read_stimuli(stimuli)
    clock = None if shown.clock_events is None else fit_clock(shown.clock_events, volume_time_s)
    onset = shown.onset if clock is None else clock.movie_s(shown.onset)
    onset_s = onsets_s(onset, shown.unit, volume_time_s, shown.log)
    lag = settings.lag_s if settings.lag_s is not None else stores.read_attributes(session)["lag_s"]
    measures = ("deconvolved", "dff") if settings.measure == "both" else (settings.measure,)
    inside = _inside(onset_s + lag, settings, frame_time_s)
    seen = inside.copy()
    seen[inside] = ~_masked(session, frame_time_s, onset_s[inside] + lag, settings, "dff" in measures)
    wanted = shown.split != LEFT_OUT
    kept = np.flatnonzero(seen & wanted)
    n_outside, n_masked = int(np.sum(~inside & wanted)), int(np.sum(inside & ~seen & wanted))
    overlapping_share = float(_overlapping(onset_s, settings)[kept].mean()) if len(kept) else 0.0
    _tell(int(wanted.sum()), n_outside, n_masked, overlapping_share)
    if len(kept) < wanted.sum():
        where = f"{shown.log}, {len(kept)} trials inside the movie and outside masked frames and gaps"
        remedy = "Mask fewer frames of the session, or shorten responses.window_s."
        refuse_small_splits(shown.image_index[kept], shown.split[kept], where, remedy)
    windows = Windows(
        stores.read_attributes(session)["planes"], neurons["plane"].to_numpy(), frame_time_s, onset_s[kept] + lag
    )
    with stores.new_store(output) as store:
        name = measures[0]
        activity = _read_activity(session, name, settings)
        if settings.n_bins == 1:
            responses = windows.measure(activity, slice(None), name, settings)
        else:
            train = np.flatnonzero(shown.split[kept] == TRAIN)
            responses = _measure_bins(store, windows, activity, name, settings, shown.image_index[kept], train)
        del activity
        trials = _trials(responses, shown, kept, onset_s[kept], settings.stabilise)
        write_trials(store, trials, unit=UNITS[name])
        write_repeats(store, trials, neurons)
        stores.write_table(store, "behaviour", shown.behaviour.iloc[kept])
        if settings.measure == "both":
            dff = windows.measure(_read_activity(session, "dff", settings), slice(None), "dff", settings)
            stores.write_array(store, "responses_dff", dff, unit=UNITS["dff"])
        stores.write_attributes(
            store,
            {
                "measure": settings.measure,
                "lag_s": lag,
                "window_s": settings.window_s,
                "baseline_s": settings.baseline_s,
                "n_masked_trials": n_masked,
                "n_outside_trials": n_outside,
                "n_left_out_trials": int(np.sum(~wanted)),
                "overlapping_share": overlapping_share,
                "clock": None if clock is None else clock.describe(onset_s),
            },
        )


def write_repeats(store: Path, trials: TrialResponses, neurons: pd.DataFrame) -> None:
    """Write into an open store what repeats tell of neurons, over all splits: for reporting only.

    That is ``signal_variance`` (neurons,); the table ``neurons`` with reliability, signal variance,
    ``explainable_variance`` and ``snr`` (see :func:`~dina.recordings.reliability.explainable_variance`) and the mean
    response in the ``first_quarter`` and ``last_quarter`` of trials; the table ``drift`` and the attribute of that
    name (see :class:`~dina.recordings.drift.Drift`). Responses may be a Zarr array, and are then read in parts.

    Parameters
    ----------
    neurons : table, one row a neuron in the order of the responses
    """
    n_repeated = len(repeat_pairs(trials.image_index, trials.repeat, np.arange(len(trials.repeat)))[0])
    variance = explainable = snr = np.full(trials.n_neurons, np.nan, np.float32)
    if is_measurable(trials.image_index):
        variance, explainable, snr = by_neurons(
            lambda block: (
                repeating_variance(block, trials.image_index, trials.repeat),
                *explainable_variance(*signal_and_noise_variance(block, trials.image_index)),
            ),
            trials.responses,
        )
    drift = measure_drift(trials)
    stores.write_array(store, "signal_variance", variance)
    stores.write_table(
        store,
        "neurons",
        neurons.assign(
            reliability=trials.reliability,
            signal_variance=variance,
            explainable_variance=explainable,
            snr=snr,
            first_quarter=drift.first_quarter,
            last_quarter=drift.last_quarter,
        ),
    )
    stores.write_table(store, "drift", drift.bins)
    summary = {"level_change_sd": drift.level_change_sd, "line": drift.line}
    stores.write_attributes(store, {"n_repeated_images": n_repeated, "drift": summary})


def write_temporal_read_in(
    store: Path, image_index: np.ndarray, train: np.ndarray, edges_s: np.ndarray, *, is_sum: bool = True
) -> np.ndarray:
    """Fit the temporal read-in to ``binned`` of an open store, and write ``temporal_weights`` and ``bin_edges_s``.

    Parameters
    ----------
    store : holds the array ``binned`` (trials, bins, neurons), also where it was imported
    image_index : (trials,)
    train : indices of the training trials
    edges_s : (bins + 1,) seconds after onset, increasing
    is_sum : whether uniform weights add bins up, as counts are, or take their mean, as of dF/F

    Returns
    -------
    (trials, neurons) float32, the responses to be decoded

    Raises
    ------
    ShapeError
        If trials or bins differ in number from ``image_index`` and ``edges_s``.
    """
    binned = stores.open_array(store, "binned")
    expected = (len(image_index), len(edges_s) - 1)
    if binned.ndim != 3 or binned.shape[:2] != expected or np.any(np.diff(edges_s) <= 0):
        found = f"{binned.shape} and edges {np.asarray(edges_s).tolist()} s"
        raise ShapeError(f"binned: found {found}; expected {(*expected, 'neurons')} and edges that increase.")
    weights = temporal_weights(binned, image_index, train, block=binned.chunks[2])
    if not is_sum:
        weights /= binned.shape[1]
    stores.write_array(store, "temporal_weights", weights)
    stores.write_attributes(store, {"bin_edges_s": edges_s})
    return deque(running_responses(binned, weights), maxlen=1)[0]


def valid_frames(session: Path) -> np.ndarray:
    """(planes, frames) bool, False where a frame is masked: its traces are interpolated and stand for nothing.

    A session without the array has no masked frames.
    """
    if stores.holds(session, "valid_frames"):
        return stores.read_array(session, "valid_frames")
    return np.ones(stores.open_array(session, "frame_time_s").shape, bool)


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


def window_means(trace: np.ndarray, frame_time_s: np.ndarray, start_s: np.ndarray, stop_s: np.ndarray) -> np.ndarray:
    """Mean of a trace between ``start_s`` and ``stop_s`` of every trial, over the straight lines between frames.

    Fluorescence of a frame is a sample at the frame's time, unlike deconvolved activity: see :func:`window_sums`.

    Parameters
    ----------
    trace : (neurons, frames)
    frame_time_s : (frames,) increasing
    start_s, stop_s : (trials,) inside the recording

    Returns
    -------
    (trials, neurons) float32, in units of ``trace``.
    """
    step_s = np.diff(frame_time_s)
    area = np.zeros(trace.shape, np.float64)
    np.cumsum((trace[:, 1:] + trace[:, :-1]) * (step_s / 2), axis=1, out=area[:, 1:])

    def until(time_s: np.ndarray) -> np.ndarray:
        before = np.clip(np.searchsorted(frame_time_s, time_s, side="right") - 1, 0, len(step_s) - 1)
        since_s = time_s - frame_time_s[before]
        slope = (trace[:, before + 1] - trace[:, before]) / step_s[before]
        return area[:, before] + since_s * (trace[:, before] + slope * since_s / 2)

    return ((until(stop_s) - until(start_s)) / (stop_s - start_s)).T.astype(np.float32)


def _read_activity(session: Path, name: str, settings: ResponsesSettings) -> np.ndarray:
    """(neurons, frames) activity by one measure, refused if it is to be decoded and a neuron has none."""
    activity = stores.read_array(session, name)
    undefined = np.flatnonzero(np.isnan(activity).any(1))
    if len(undefined) and name == settings.measure:  # beside deconvolved activity, dF/F may lack
        found = f"{len(undefined)} neurons without {UNITS[name]}, the first is {undefined[0]}"
        remedy = "Set session.require_dff to true, or responses.measure to deconvolved or both."
        raise InputError(problem(session, found, "all neurons to have it", remedy))
    return activity


@dataclass(frozen=True)
class Windows:
    """Where the windows of all trials lie among the frames of each plane.

    Attributes
    ----------
    planes : numbers of the planes
    plane : (neurons,) number of each neuron's
    frame_time_s : (planes, frames)
    onset_s : (trials,) with the lag
    """

    planes: list[int]
    plane: np.ndarray
    frame_time_s: np.ndarray
    onset_s: np.ndarray

    def measure(self, activity: np.ndarray, neurons: slice, name: str, settings: ResponsesSettings) -> np.ndarray:
        """(trials, some neurons) responses by one measure, each plane at its own frame times."""
        measure = {"deconvolved": window_sums, "dff": window_means}[name]
        plane, activity = self.plane[neurons], activity[neurons]
        responses = np.empty((len(self.onset_s), len(plane)), np.float32)
        for number, times in zip(self.planes, self.frame_time_s, strict=True):
            member = np.flatnonzero(plane == number)
            responses[:, member] = _in_windows(measure, activity[member], times, self.onset_s, settings)
        return responses


def _measure_bins(
    store: Path,
    windows: Windows,
    activity: np.ndarray,
    name: str,
    settings: ResponsesSettings,
    image_index: np.ndarray,
    train: np.ndarray,
) -> np.ndarray:
    """Write ``binned`` and the temporal read-in into an open store; returns the (trials, neurons) responses."""
    edges_s = bin_edges(settings.window_s, settings.n_bins)
    n_trials, n_neurons = len(image_index), len(activity)
    chunks = stores.chunks_of((n_trials, n_neurons), np.float32)  # by bin, as bins are read
    shape = (n_trials, settings.n_bins, n_neurons)
    binned = stores.create_array(store, "binned", shape, unit=UNITS[name], chunks=(chunks[0], 1, chunks[1]))
    for start in range(0, n_neurons, chunks[1]):
        here = slice(start, start + chunks[1])
        for number, window_s in enumerate(pairwise(edges_s.tolist())):
            of_bin = settings.model_copy(update={"window_s": window_s})
            binned[:, number, here] = windows.measure(activity, here, name, of_bin)
    return write_temporal_read_in(store, image_index, train, edges_s, is_sum=name == "deconvolved")


def _in_windows(
    measure: Measure, activity: np.ndarray, frame_time_s: np.ndarray, onset_s: np.ndarray, settings: ResponsesSettings
) -> np.ndarray:
    start, stop = settings.window_s
    response = measure(activity, frame_time_s, onset_s + start, onset_s + stop)
    if settings.baseline_s is None:
        return response
    before, until = settings.baseline_s
    # a sum grows with its window, a mean does not
    scale = (stop - start) / (until - before) if measure is window_sums else 1.0
    return response - scale * measure(activity, frame_time_s, onset_s + before, onset_s + until)


def _trials(
    responses: np.ndarray, shown: Stimuli, kept: np.ndarray, onset_s: np.ndarray, stabilised: bool
) -> TrialResponses:
    image_index, split = shown.image_index[kept], shown.split[kept]
    repeat = count_repeats(image_index)
    return TrialResponses(
        responses=responses,
        image_index=image_index,
        repeat=repeat,
        onset_s=onset_s,
        split=split,
        images=shown.images,
        category=shown.category,
        category_names=shown.category_names,
        degrees_per_pixel=shown.degrees_per_pixel,
        **describe_neurons(responses, image_index, repeat, split, stabilised=stabilised),
    )


def _windows(settings: ResponsesSettings) -> list[tuple[float, float]]:
    return [settings.window_s] + ([settings.baseline_s] if settings.baseline_s else [])


def _masked(
    session: Path, frame_time_s: np.ndarray, onset_s: np.ndarray, settings: ResponsesSettings, with_dff: bool
) -> np.ndarray:
    """(trials,) whether a masked frame of any plane, or a gap between its frames, has a share in a trial's window.

    Deconvolved activity of frame k covers the time since frame k - 1; the lines between samples of dF/F start one
    frame earlier. In a gap nothing was seen, and what is interpolated across it is no response.
    """
    masked = np.zeros(len(onset_s), bool)
    for valid, times in zip(valid_frames(session), frame_time_s, strict=True):
        n_masked = np.r_[0, np.cumsum(~valid)]
        n_gaps = np.r_[0, 0, np.cumsum(in_gaps(times))]
        for start, stop in _windows(settings):
            first = np.searchsorted(times, onset_s + start, side="right")
            last = np.searchsorted(times, onset_s + stop, side="left")
            masked |= (n_masked[last + 1] > n_masked[first - with_dff]) | (n_gaps[last + 1] > n_gaps[first])
    return masked


def _inside(onset_s: np.ndarray, settings: ResponsesSettings, frame_time_s: np.ndarray) -> np.ndarray:
    """(trials,) whether all planes were seen throughout all windows of the trial."""
    windows = _windows(settings)
    first, last = frame_time_s[:, 0].max(), frame_time_s[:, -1].min()
    return (onset_s + min(w[0] for w in windows) >= first) & (onset_s + max(w[1] for w in windows) <= last)


def _overlapping(onset_s: np.ndarray, settings: ResponsesSettings) -> np.ndarray:
    """(trials,) whether the response window has a part in common with that of the trial before or after."""
    close = np.diff(onset_s) < settings.window_s[1] - settings.window_s[0] - LEAST_OVERLAP_S
    return np.r_[False, close] | np.r_[close, False]


def _tell(n_trials: int, n_outside: int, n_masked: int, overlapping_share: float) -> None:
    """Warn of trials that are left out, and of those that share their window."""
    if n_outside:
        told = f"{n_outside} of {n_trials} trials have windows that reach beyond the movie and are left out."
        warnings.warn(told, stacklevel=3)
    if n_masked:
        warnings.warn(f"{n_masked} of {n_trials} trials overlap masked frames or gaps and are left out.", stacklevel=3)
    if overlapping_share:
        warnings.warn(
            f"The response windows of {overlapping_share:.0%} of trials overlap a neighbour's: both hold the same "
            "activity, and neurons seem more reliable where the order of images is fixed. Shorten responses.window_s.",
            stacklevel=3,
        )
