"""From fluorescence to dF/F and deconvolved activity: neuropil, baseline, and suite2p's OASIS."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina import stores
from dina.errors import StoreError, problem
from dina.imaging.indicators import tau_s
from dina.imaging.rois import CARRIED
from dina.settings import DeconvolutionSettings

BATCH_ROIS = 500


def deconvolve_traces(
    traces: Path, output: Path, settings: DeconvolutionSettings, indicator: str | None = None
) -> None:
    """Correct, normalise and deconvolve the traces of one plane, and write the ``activity`` store.

    With the neuropil-corrected trace ``Fc = F - c (Fneu - median Fneu)`` and its maximin baseline ``F0``,
    dF/F is ``(Fc - F0) / F0`` and the deconvolved activity is OASIS (Friedrich et al. 2017, PLoS Comput.
    Biol. 13:e1005423) of the undivided ``Fc - F0``.

    The store holds ``dff`` (rois, frames), 1 = 100 %; ``deconvolved`` (rois, frames), in stored values; per ROI
    ``noise_level`` in % per square root of Hz, and ``usable``: false where F0 is not above 0 throughout, since dF/F
    has no meaning there; such rows are 0 in ``dff`` and in ``noise_level``.

    Parameters
    ----------
    traces, output : Path
    settings : DeconvolutionSettings
    indicator : str, optional
        Sets the decay where the settings leave it open.

    Raises
    ------
    StoreError
        If a trace is not finite.
    """
    attributes = stores.read_attributes(traces)
    rate_hz = attributes["volume_rate_hz"]
    corrected = neuropil_corrected(
        stores.read_array(traces, "fluorescence"),
        stores.read_array(traces, "neuropil"),
        settings.neuropil_coefficient,
    )
    if not np.isfinite(corrected).all():
        row = int(np.argmin(np.isfinite(corrected).all(1)))
        raise StoreError(problem(f"{traces}, ROI {row}", "NaN or infinity", "finite traces", "Rerun extraction."))
    baseline = maximin_baseline(corrected, settings.baseline_window_s * rate_hz, settings.baseline_sigma_s * rate_hz)
    usable = baseline.min(1) > 0
    raised = corrected - baseline
    dff = np.divide(raised, baseline, out=np.zeros_like(raised), where=usable[:, None])
    tau = settings.tau_s or tau_s(indicator)
    with stores.new_store(output) as store:
        stores.write_array(store, "dff", dff, unit="1")
        stores.write_array(store, "deconvolved", _oasis(raised, tau, rate_hz), unit="stored value")
        stores.write_array(store, "noise_level", noise_level(dff, rate_hz), unit="% / sqrt(Hz)")
        stores.write_array(store, "usable", usable)
        stores.write_attributes(store, {key: attributes[key] for key in (*CARRIED, "diameter_px")} | {"tau_s": tau})


def neuropil_corrected(fluorescence: np.ndarray, neuropil: np.ndarray, coefficient: float) -> np.ndarray:
    """``F - c (Fneu - median Fneu)``, (rois, frames): the neuropil's fluctuations go, the level of F stays."""
    return fluorescence - coefficient * (neuropil - np.median(neuropil, axis=1, keepdims=True))


def maximin_baseline(traces: np.ndarray, window_frames: float, sigma_frames: float) -> np.ndarray:
    """suite2p's baseline in linear time: smooth, then a running minimum, then a running maximum.

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
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d

    window = max(1, int(window_frames)) // 2 * 2 + 1
    radius = round(3 * sigma_frames)
    smooth = gaussian_filter1d(traces.astype(np.float32), sigma_frames, axis=1, mode="nearest", radius=radius)
    lowest = minimum_filter1d(smooth, window, axis=1, mode="nearest")
    return maximum_filter1d(lowest, window, axis=1, mode="nearest")


def noise_level(dff: np.ndarray, rate_hz: float) -> np.ndarray:
    """(rois,) float32 median step between frames over the root of the rate, % per square root of Hz.

    References
    ----------
    Rupprecht et al. 2021, Nat. Neurosci. 24:1324.
    """
    return (100 * np.median(np.abs(np.diff(dff, axis=1)), axis=1) / np.sqrt(rate_hz)).astype(np.float32)


def _oasis(traces: np.ndarray, tau: float, rate_hz: float) -> np.ndarray:
    from dina.imaging import suite2p

    suite2p.load()
    from suite2p.extraction.dcnv import oasis

    return oasis(traces.astype(np.float32), batch_size=BATCH_ROIS, tau=tau, fs=rate_hz)
