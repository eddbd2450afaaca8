"""Trial responses: deconvolved activity in a window after each image, neuron by neuron."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import InputError, problem
from dina.imaging.indicators import lag_s
from dina.recordings.reliability import FEWEST_PAIRS, repeat_pairs, signal_variance
from dina.recordings.stimuli import read_stimuli
from dina.recordings.stimulus_log import onsets_s
from dina.recordings.trials import TrialResponses, describe_neurons, write_trials
from dina.settings import ResponsesSettings


def measure_responses(
    session: Path, stimuli: Path, output: Path, settings: ResponsesSettings, *, indicator: str | None = None
) -> None:
    """Align trials with images and write the ``responses`` store; memory is that of the session's activity.

    Besides what :class:`~dina.recordings.trials.TrialResponses` describes, the store holds for every neuron
    ``signal_variance`` (over all repeats; for reporting only) and the session's table ``neurons`` with reliability.

    Raises
    ------
    InputError
        If a trial does not lie inside the recording, naming the log's row.
    """
    frame_time_s = stores.read_array(session, "frame_time_s")
    neurons = stores.read_table(session, "neurons")
    shown = read_stimuli(stimuli)
    onset_s = onsets_s(shown.onset, shown.unit, frame_time_s[0], shown.log)
    lag = settings.lag_s if settings.lag_s is not None else lag_s(indicator)
    _inside(onset_s, settings, lag, frame_time_s, shown.log)
    deconvolved = stores.read_array(session, "deconvolved")
    responses = np.empty((len(onset_s), len(neurons)), np.float32)
    for plane in range(len(frame_time_s)):
        member = np.flatnonzero(neurons["plane"].to_numpy() == plane)
        responses[:, member] = _window_sums(deconvolved[member], frame_time_s[plane], onset_s + lag, settings)
    trials = TrialResponses(
        responses=responses,
        image_index=shown.image_index,
        repeat=shown.repeat,
        onset_s=onset_s,
        split=shown.split,
        images=shown.images,
        category=shown.category,
        category_names=shown.category_names,
        degrees_per_pixel=shown.degrees_per_pixel,
        **describe_neurons(responses, shown.image_index, shown.repeat, shown.split),
    )
    first, second = repeat_pairs(shown.image_index, shown.repeat, np.arange(len(shown.repeat)))
    variance = (
        signal_variance(responses[first], responses[second])
        if len(first) >= FEWEST_PAIRS
        else np.full(len(neurons), np.nan, np.float32)
    )
    with stores.new_store(output) as store:
        write_trials(store, trials)
        stores.write_array(store, "signal_variance", variance)
        stores.write_table(store, "neurons", neurons.assign(reliability=trials.reliability, signal_variance=variance))
        stores.write_attributes(store, {"n_repeated_images": len(first), "lag_s": lag, "window_s": settings.window_s})


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


def _inside(onset_s: np.ndarray, settings: ResponsesSettings, lag: float, frame_time_s: np.ndarray, log: str) -> None:
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
