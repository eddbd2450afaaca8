"""Deconvolved activity against spikes that were recorded electrically at the same time.

``make bench-deconvolution`` reads the recordings of ``../shared/data``, or of the folder named by ``--folder`` or by
DINA_SPIKES: ``spikes-gcamp6f-v1`` (mouse V1; CASCADE's set DS10, from Huang et al. 2021) and ``spikes-gcamp6s-v1``
(DS16, from Theis et al. 2016), both as collected by Rupprecht et al. 2021, Nat. Neurosci. 24:1324.

dF/F is brought to frames of 7.5 and of 30 Hz in two ways. ``averaged``: the mean over each frame, beside the spikes
within it. ``sampled``: the value at the frame's time, as by a microscope whose beam passes a cell for milliseconds of
each frame, beside the spikes since the frame before, which is what deconvolved activity stands for in
``dina.recordings.responses``. It goes through dina's baseline and OASIS with default settings and the preset of its
indicator, through the network, and through both for their average. It and the true counts per frame are smoothed with
a Gaussian of 0.2 s. Sweeps are never joined before that; within a recording, Pearson's r is that of all its sweeps'
frames together. The table holds medians over recordings, as they come (lag 0) and at each recording's best lag within
0.3 s. Nothing is tuned to these files: decays and lags are those of ``dina.imaging.indicators``, the same for every
laboratory, and the network was trained on simulated traces.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat
from scipy.ndimage import gaussian_filter1d

from dina.imaging.deconvolution import (
    average,
    deconvolved,
    earlier,
    interpolated,
    maximin_baseline,
    missing_frames,
    network_events,
)
from dina.imaging.indicators import PRESETS
from dina.settings import Settings

FOLDER = Path(__file__).parents[2] / "shared" / "data"
SETS = {"GCaMP6f": "spikes-gcamp6f-v1", "GCaMP6s": "spikes-gcamp6s-v1"}
RESULTS = Path(__file__).parent / "results" / "deconvolution_truth.csv"
RATES_HZ = (7.5, 30.0)
SMOOTHING_S = 0.2
LAGS_S = np.arange(-15, 16) * 0.02
EVENT_UNITS_PER_S = 1e4
WAYS = ("averaged", "sampled")
METHODS = ("dF/F", "OASIS", "OASIS, lag corrected", "network", "average")


@dataclass(frozen=True)
class Sweep:
    """One uninterrupted stretch: dF/F ``fluorescence`` at ``time_s`` (samples,), and ``spike_s`` (spikes,)."""

    time_s: np.ndarray
    fluorescence: np.ndarray
    spike_s: np.ndarray


@dataclass(frozen=True)
class Frames:
    """A sweep at a frame rate: ``time_s`` of centres, ``dff``, true ``counts``, ``measured``, all (frames,)."""

    time_s: np.ndarray
    dff: np.ndarray
    counts: np.ndarray
    measured: np.ndarray

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        return 1 / (self.time_s[1] - self.time_s[0])


def main() -> None:
    """Correlate, print a table and write it beside this script."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("DINA_SPIKES", FOLDER)))
    folder = parser.parse_args().folder
    rows = []
    for indicator, name in SETS.items():
        recordings = [read_sweeps(path) for path in sorted((folder / name).glob("*.mat"))]
        if not recordings:
            print(f"{folder / name}: no recordings there, {indicator} is left out. Name their folder in DINA_SPIKES.")
        else:
            rows += [
                row for way in WAYS for rate_hz in RATES_HZ for row in compare(recordings, indicator, rate_hz, way)
            ]
    if rows:
        table = pd.DataFrame(rows).round(4)
        print(table.to_string(index=False))
        RESULTS.parent.mkdir(exist_ok=True)
        table.to_csv(RESULTS, index=False)


def read_sweeps(path: Path) -> list[Sweep]:
    """The sweeps of one recording, without samples that are NaN."""
    sweeps = []
    for cell in loadmat(path)["CAttached"].ravel():
        fields = cell[0, 0] if cell.shape == (1, 1) else cell
        time_s, dff, events = (
            np.asarray(fields[key], float).ravel() for key in ("fluo_time", "fluo_mean", "events_AP")
        )
        there = np.isfinite(time_s) & np.isfinite(dff)
        sweeps.append(Sweep(time_s[there], dff[there], events[np.isfinite(events)] / EVENT_UNITS_PER_S))
    return sweeps


def in_frames(sweep: Sweep, rate_hz: float) -> Frames:
    """Average dF/F and count spikes in frames of a rate; frames without a sample are bridged and marked."""
    start_s = sweep.time_s[0]
    n_frames = int((sweep.time_s[-1] - start_s) * rate_hz)
    edges = start_s + np.arange(n_frames + 1) / rate_hz
    n_samples = np.histogram(sweep.time_s, edges)[0]
    total = np.histogram(sweep.time_s, edges, weights=sweep.fluorescence)[0]
    dff = np.divide(total, n_samples, out=np.full(n_frames, np.nan), where=n_samples > 0)[None]
    missing = missing_frames(dff, np.zeros_like(dff), None, "sweep")
    counts = np.histogram(sweep.spike_s, edges)[0].astype(float)
    return Frames((edges[1:] + edges[:-1]) / 2, interpolated(dff, missing)[0], counts, ~missing[0])


def sampled(sweep: Sweep, rate_hz: float) -> Frames:
    """dF/F at the time of each frame, and the spikes since the frame before."""
    n_frames = int((sweep.time_s[-1] - sweep.time_s[0]) * rate_hz)
    edges = sweep.time_s[0] + np.arange(n_frames + 1) / rate_hz
    dff = np.interp(edges[1:], sweep.time_s, sweep.fluorescence)
    nearest = np.abs(sweep.time_s[np.searchsorted(sweep.time_s, edges[1:]).clip(max=len(sweep.time_s) - 1)] - edges[1:])
    counts = np.histogram(sweep.spike_s, edges)[0].astype(float)
    return Frames(edges[1:], dff, counts, nearest < 1 / rate_hz)


def compare(recordings: list[list[Sweep]], indicator: str, rate_hz: float, way: str) -> list[dict]:
    """One row a method."""
    frames = {"averaged": in_frames, "sampled": sampled}[way]
    correlations = [correlate([frames(sweep, rate_hz) for sweep in sweeps], indicator) for sweeps in recordings]
    return [
        {
            "indicator": indicator,
            "rate_hz": rate_hz,
            "frames": way,
            "method": method,
            "r_lag_0": np.median([r[method][len(LAGS_S) // 2] for r in correlations]),
            "r_best_lag": np.median([r[method].max() for r in correlations]),
            "best_lag_s": np.median([LAGS_S[r[method].argmax()] for r in correlations]),
            "recordings": len(recordings),
        }
        for method in METHODS
    ]


def correlate(sweeps: list[Frames], indicator: str) -> dict[str, np.ndarray]:
    """Of each method, (lags,) Pearson's r over all frames of a recording."""
    preset_s = PRESETS[indicator].lag_s
    events = [activity(sweep, indicator) for sweep in sweeps]
    inferred = [network_events(sweep.dff[None], ~sweep.measured[None], sweep.rate_hz)[0] for sweep in sweeps]
    both = [
        average(earlier(first[None], preset_s * sweep.rate_hz), second[None])[0]
        for sweep, first, second in zip(sweeps, events, inferred, strict=True)
    ]
    traces = {
        "dF/F": ([sweep.dff for sweep in sweeps], 0.0),
        "OASIS": (events, 0.0),
        "OASIS, lag corrected": (events, preset_s),
        "network": (inferred, 0.0),
        "average": (both, 0.0),
    }
    return {
        method: np.array([correlation(sweeps, values, lag_s + method_lag_s) for lag_s in LAGS_S])
        for method, (values, method_lag_s) in traces.items()
    }


def activity(sweep: Frames, indicator: str) -> np.ndarray:
    """(frames,) dina's baseline and OASIS of a sweep."""
    settings, rate_hz = Settings().deconvolution, sweep.rate_hz
    dff = sweep.dff[None]
    baseline = maximin_baseline(dff, settings.baseline_window_s * rate_hz, settings.baseline_sigma_frames)
    return deconvolved(dff - baseline, PRESETS[indicator].tau_s, rate_hz)[0]


def correlation(sweeps: list[Frames], inferred: list[np.ndarray], lag_s: float) -> float:
    """Pearson's r of smoothed counts and of what was inferred ``lag_s`` later; 0 where nothing was inferred."""
    pairs = []
    for sweep, trace in zip(sweeps, inferred, strict=True):
        sigma_frames = SMOOTHING_S * sweep.rate_hz
        truth, smooth = (gaussian_filter1d(values.astype(float), sigma_frames) for values in (sweep.counts, trace))
        pairs.append(np.stack([truth, np.interp(sweep.time_s + lag_s, sweep.time_s, smooth)])[:, sweep.measured])
    truth, smooth = np.concatenate(pairs, axis=1)
    return float(np.corrcoef(truth, smooth)[0, 1]) if smooth.std() > 0 and truth.std() > 0 else 0.0


if __name__ == "__main__":
    main()
