"""Responses from deconvolved activity against the simulation's true spike counts: is anything lost on the way?

``python benchmarks/responses_truth.py results/simulated`` after `make run`. Ridge to pixels is fitted on the
same neurons, trials and split, once from measured responses and once from the true counts of the matched cells;
other windows can be tried with --window and --lag on the same session.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from dina import stores
from dina.attribution.agreement import UNMATCHED, match_neurons
from dina.decoders.ideal_observer import true_spike_counts
from dina.decoders.pictures import shrink
from dina.decoders.ridge import fit_ridge
from dina.probing.reconstruction import pixel_correlation
from dina.recordings.reliability import repeat_pairs, signal_variance
from dina.recordings.responses import window_sums
from dina.recordings.trials import TEST, TrialResponses, describe_neurons, read_trials
from dina.settings import RidgeSettings
from dina.threads import limit_threads

RESULTS = Path(__file__).parent / "results" / "responses_truth.csv"


def main() -> None:
    """Compare, print a table and write it beside this script."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("recording", type=Path, help="a simulated recording's results, such as results/simulated")
    parser.add_argument("--window", nargs=2, type=float, action="append", default=[], help="another window, seconds")
    parser.add_argument("--lag", type=float, default=0.0, help="lag of the other windows, seconds")
    arguments = parser.parse_args()
    limit_threads(2)
    folder = arguments.recording
    measured = read_trials(folder / "responses")
    cell = match_neurons(folder / "responses", folder / "truth", measured.n_neurons)
    kept = cell != UNMATCHED
    counts = true_spike_counts(measured, folder / "truth")[:, cell[kept]]
    rows = [
        describe("measured responses", with_responses(measured, measured.responses[:, kept])),
        describe("true spike counts", with_responses(measured, counts.astype(np.float32))),
    ]
    for start, stop in arguments.window:
        again = windowed(folder / "session", measured, start + arguments.lag, stop + arguments.lag)[:, kept]
        rows.append(describe(f"window {start} to {stop} s, lag {arguments.lag} s", with_responses(measured, again)))
    table = pd.DataFrame(rows)
    table["share_of_true_counts"] = table["ridge_pixel_correlation"] / table["ridge_pixel_correlation"][1]
    print(f"{kept.sum()} of {len(kept)} neurons matched\n{table.round(4).to_string(index=False)}")
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False)


def with_responses(trials: TrialResponses, responses: np.ndarray) -> TrialResponses:
    """The same trials with other responses and statistics."""
    described = describe_neurons(responses, trials.image_index, trials.repeat, trials.split)
    return dataclasses.replace(trials, responses=responses, **described)


def windowed(session: Path, trials: TrialResponses, start_s: float, stop_s: float) -> np.ndarray:
    """(trials, neurons) activity in another window."""
    times, activity = stores.read_array(session, "frame_time_s"), stores.read_array(session, "deconvolved")
    plane = stores.read_table(session, "neurons")["plane"].to_numpy()
    responses = np.empty_like(trials.responses)
    for number, frame_time_s in enumerate(times):
        of = plane == number
        responses[:, of] = window_sums(activity[of], frame_time_s, trials.onset_s + start_s, trials.onset_s + stop_s)
    return responses


def describe(name: str, trials: TrialResponses) -> dict[str, float | str]:
    """Signal variance over all repeats, and ridge's pixel correlation on single test trials."""
    first, second = repeat_pairs(trials.image_index, trials.repeat, np.arange(len(trials.repeat)))
    variance = np.nan_to_num(signal_variance(trials.responses[first], trials.responses[second]))
    ridge = fit_ridge(trials, RidgeSettings())
    test = trials.trials(TEST)
    target = shrink(trials.images[trials.image_index[test]], ridge.size).reshape(-1, ridge.size, ridge.size)
    return {
        "responses": name,
        "ridge_pixel_correlation": float(
            pixel_correlation(ridge.reconstruct(trials.standardised(test)), target).mean()
        ),
        "signal_variance_mean": float(variance.mean()),
        "signal_variance_median": float(np.median(variance)),
        "share_above_0.4": float(np.mean(variance > 0.4)),
    }


if __name__ == "__main__":
    main()
