"""From fluorescence to dF/F and deconvolved activity: neuropil, baseline, and OASIS, a network, or both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import StoreError, problem
from dina.imaging.indicators import lag_s, tau_s
from dina.imaging.rois import CARRIED
from dina.settings import DeconvolutionSettings

FEWEST_FRAMES = 2  # measured in an ROI, for a line and for a step
BLOCK_ROIS = 8  # whose baselines are found at once, in cache
UNITS = {"oasis": "stored value", "network": "relative", "average": "stored value"}  # of deconvolved activity


def deconvolve_traces(
    traces: Path, output: Path, settings: DeconvolutionSettings, indicator: str | None = None
) -> None:
    """Correct, normalise and deconvolve the traces of one plane, and write the ``activity`` store.

    With the neuropil-corrected trace ``Fc = F - c (Fneu - median Fneu)`` and its maximin baseline ``F0``,
    dF/F is ``(Fc - F0) / F0``. The deconvolved activity comes from undivided traces, by ``settings.method``: OASIS
    (Friedrich et al. 2017, PLoS Comput. Biol. 13:e1005423) of ``Fc - F0``, the network of :mod:`dina.imaging.network`
    with a baseline of its own, or :func:`average` of both.

    Frames that were not measured, NaN or false in ``valid_frames`` (frames,) of the ``traces`` store, are first
    replaced by a straight line between their neighbours in time.

    The store holds ``dff`` (rois, frames), 1 = 100 %; ``deconvolved`` (rois, frames), in stored values, or in relative
    numbers from the network; ``valid_frames`` (frames,), false where any ROI was interpolated; per ROI ``noise_level``
    in % per square root of Hz, over measured frames, and ``usable``: false where F0 is not above 0 throughout, since
    dF/F has no meaning there. Such rows are 0 in ``dff`` and in ``noise_level``; their deconvolved activity, which is
    not divided by F0, is as good as any. Attributes name the method, ``deconvolution``, and by how much its events
    trail the spikes, ``lag_s``.

    Parameters
    ----------
    traces, output : Path
    settings : DeconvolutionSettings
    indicator : str, optional
        Sets the decay where the settings leave it open, and the lag of OASIS.

    Raises
    ------
    StoreError
        If a trace holds infinity, or was measured in fewer than two frames.
    """
    attributes = stores.read_attributes(traces)
    fluorescence, neuropil = (stores.read_array(traces, name) for name in ("fluorescence", "neuropil"))
    missing = missing_frames(fluorescence, neuropil, stores.read_array(traces, "valid_frames"), traces)
    found = activity_of(fluorescence, neuropil, missing, attributes["volume_rate_hz"], settings, indicator)
    with stores.new_store(output) as store:
        stores.write_array(store, "dff", found.dff, unit="1")
        stores.write_array(store, "deconvolved", found.events, unit=UNITS[settings.method])
        stores.write_array(store, "valid_frames", ~missing.any(0))
        stores.write_array(store, "noise_level", found.noise_level, unit="% / sqrt(Hz)")
        stores.write_array(store, "usable", found.usable)
        stores.write_attributes(
            store,
            {key: attributes[key] for key in (*CARRIED, "diameter_px")}
            | {"deconvolution": settings.method, "tau_s": found.tau_s, "lag_s": found.lag_s},
        )


@dataclass(frozen=True)
class Activity:
    """What was computed from the traces of one plane; see :func:`deconvolve_traces`.

    Attributes
    ----------
    dff, events : (rois, frames) float32
    usable : (rois,) bool
    noise_level : (rois,) float32, % per square root of Hz
    tau_s, lag_s : decay that was assumed, and by how much events trail the spikes, seconds
    """

    dff: np.ndarray
    events: np.ndarray
    usable: np.ndarray
    noise_level: np.ndarray
    tau_s: float
    lag_s: float


def activity_of(
    fluorescence: np.ndarray,
    neuropil: np.ndarray,
    missing: np.ndarray,
    rate_hz: float,
    settings: DeconvolutionSettings,
    indicator: str | None = None,
) -> Activity:
    """DF/F and events of traces, (rois, frames) each, of which those frames count that are not ``missing``.

    Memory is about eight times that of the fluorescence.
    """
    corrected = neuropil_corrected(
        interpolated(fluorescence, missing), interpolated(neuropil, missing), settings.neuropil_coefficient
    )
    baseline = maximin_baseline(corrected, settings.baseline_window_s * rate_hz, settings.baseline_sigma_frames)
    usable = baseline.min(1) > 0
    raised = corrected - baseline
    dff = np.divide(raised, baseline, out=np.zeros_like(raised), where=usable[:, None])
    tau, lag = settings.tau_s or tau_s(indicator), lag_s(indicator)
    if settings.method == "oasis":
        events = deconvolved(raised, tau, rate_hz)
    else:
        events = network_events(corrected, missing, rate_hz)
        if settings.method == "average":
            events = average(earlier(deconvolved(raised, tau, rate_hz), lag * rate_hz), events)
        lag = 0.0
    return Activity(dff, events, usable, noise_level(dff, rate_hz, missing), tau, lag)


def missing_frames(
    fluorescence: np.ndarray, neuropil: np.ndarray, valid_frames: np.ndarray | None, where: Path | str
) -> np.ndarray:
    """(rois, frames) which frames of each ROI were not measured: NaN in either, or false in ``valid_frames`` (frames,).

    Raises
    ------
    StoreError
        Naming ``where`` and the first ROI that holds infinity in a valid frame, or has fewer than two measured ones.
    """
    missing = np.isnan(fluorescence) | np.isnan(neuropil)
    if valid_frames is not None:
        missing |= ~valid_frames
    infinite = ((np.isinf(fluorescence) | np.isinf(neuropil)) & ~missing).any(1)
    if infinite.any():
        found, expected = "infinity", "finite traces"
        raise StoreError(problem(f"{where}, ROI {int(infinite.argmax())}", found, expected, "Rerun extraction."))
    n_measured = (~missing).sum(1)
    if (n_measured < FEWEST_FRAMES).any():
        row = int(n_measured.argmin())
        found, expected = f"{n_measured[row]} measured frames", f"at least {FEWEST_FRAMES}"
        remedy = "Correct which frames count as valid, or leave this ROI out."
        raise StoreError(problem(f"{where}, ROI {row}", found, expected, remedy))
    return missing


def interpolated(traces: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Traces (rois, frames) with straight lines over the missing frames; before the first and after the last, level."""
    filled = traces.copy()
    frames = np.arange(traces.shape[1])
    for row in np.flatnonzero(missing.any(1)):
        gone = missing[row]
        filled[row, gone] = np.interp(frames[gone], frames[~gone], traces[row, ~gone])
    return filled


def neuropil_corrected(fluorescence: np.ndarray, neuropil: np.ndarray, coefficient: float) -> np.ndarray:
    """``F - c (Fneu - median Fneu)``, (rois, frames): the neuropil's fluctuations go, the level of F stays."""
    return fluorescence - coefficient * (neuropil - np.median(neuropil, axis=1, keepdims=True))


def maximin_baseline(traces: np.ndarray, window_frames: float, sigma_frames: float) -> np.ndarray:
    """suite2p's baseline in a time that depends on neither width: smooth, then a running minimum, then a maximum.

    Parameters
    ----------
    traces : (rois, frames), finite
    window_frames : float
        Width of the running extremes; rounded down, then up to an odd number.
    sigma_frames : float
        Standard deviation of the Gaussian, cut off at 3 sigma.

    Returns
    -------
    (rois, frames) float32
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    window = max(1, int(window_frames)) // 2 * 2 + 1
    baseline = np.empty(traces.shape, np.float32)
    for start in range(0, len(traces), BLOCK_ROIS):
        rois = slice(start, start + BLOCK_ROIS)
        lowest = minimum_filter1d(_smooth(traces[rois], sigma_frames), window, axis=1, mode="nearest")
        maximum_filter1d(lowest, window, axis=1, mode="nearest", output=baseline[rois])
    return baseline


def noise_level(dff: np.ndarray, rate_hz: float, missing: np.ndarray | None = None) -> np.ndarray:
    """(rois,) float32 median step between frames over the root of the rate, % per square root of Hz.

    Steps from or to a missing frame (rois, frames) do not count; where no others are, the noise is 0.

    References
    ----------
    Rupprecht et al. 2021, Nat. Neurosci. 24:1324.
    """
    steps = np.abs(np.diff(dff, axis=1))
    counted = np.ones(steps.shape, bool) if missing is None else ~(missing[:, 1:] | missing[:, :-1])
    typical = np.array([np.median(row[of]) if of.any() else 0 for row, of in zip(steps, counted, strict=True)])
    return (100 * typical / np.sqrt(rate_hz)).astype(np.float32)


def deconvolved(raised: np.ndarray, tau: float, rate_hz: float) -> np.ndarray:
    """(rois, frames) float32 OASIS of traces whose baseline was taken away; ``tau`` in seconds."""
    from dina.imaging.oasis import oasis  # numba, which is slow to import

    return oasis(raised, tau, rate_hz)


def network_events(corrected: np.ndarray, missing: np.ndarray, rate_hz: float) -> np.ndarray:
    """(rois, frames) float32 :func:`~dina.imaging.network.infer_events` of finite traces, on a baseline of its own."""
    from dina.imaging.network import BASELINE_SIGMA_S, BASELINE_WINDOW_S, infer_events

    raised = corrected - maximin_baseline(corrected, BASELINE_WINDOW_S * rate_hz, BASELINE_SIGMA_S * rate_hz)
    return infer_events(raised, noise_level(raised, rate_hz, missing), rate_hz)


def earlier(events: np.ndarray, lag_frames: float) -> np.ndarray:
    """Events (rois, frames) moved to ``lag_frames`` before, by straight lines between frames; the last one is held."""
    frames = np.arange(events.shape[1])
    return np.array([np.interp(frames + lag_frames, frames, row) for row in events], np.float32).reshape(events.shape)


def average(events: np.ndarray, inferred: np.ndarray) -> np.ndarray:
    """The mean of two (rois, frames), trace by trace, the second scaled to the first one's standard deviation.

    Up to a constant, that is the mean of their z scores, in the unit of the first; like both, it is not negative.
    """
    sd, other_sd = events.std(1, keepdims=True), inferred.std(1, keepdims=True)
    return (events + inferred * np.divide(sd, other_sd, out=np.zeros_like(sd), where=other_sd > 0)) / 2


def _smooth(traces: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Gaussian smoothing along time, cut off at 3 sigma, the ends held; by spectra, since wide kernels are slow."""
    from scipy.fft import irfft, next_fast_len, rfft

    radius = round(3 * sigma_frames)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
    padded = np.pad(traces.astype(np.float64), ((0, 0), (radius, radius)), mode="edge")
    length = next_fast_len(padded.shape[1], real=True)
    spectra = rfft(padded, length) * rfft(kernel / kernel.sum(), length)
    # the first 2 radii mix the end with the beginning
    return irfft(spectra, length)[:, 2 * radius : padded.shape[1]].astype(np.float32)
