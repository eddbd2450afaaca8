"""How good the imaging of every plane is: motion, brightness, noise and signal, each beside its limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina import stores
from dina.recordings.limits import flags, limits
from dina.settings import QualitySettings

if TYPE_CHECKING:
    import pandas as pd

BATCH_NEURONS = 256
MEDIAN_TO_SD = 1 / 0.6745  # of a Gaussian: its standard deviation over the median of its absolute value
SIGNAL_PERCENTILE = 99
OF_NEURONS = ("noise_level", "signal_to_noise", "continuity")
OF_REGISTRATION = (
    "clipped_share", "repeated_share", "dark_share", "bidirectional_offset_px", "persistence", "neighbour_likeness",
)  # fmt: skip
END_SHARE = 0.1  # of the frames at either end, between which brightness is compared
MIN_WINDOW_FRAMES = 11  # fewer follow the jumps that they are to be compared with


def assess_quality(session: Path, registered: list[Path], output: Path, settings: QualitySettings) -> None:
    """Measure the quality of every plane, flag what is beyond its limit, and write the ``quality`` store.

    The store holds the table ``planes``, one row a plane; the table ``thresholds``, one row a measure that has a limit
    (see :mod:`dina.recordings.limits`); the table ``neurons`` with ``noise_level``, ``signal_to_noise`` and
    ``continuity`` of each;
    ``brightness`` (planes, frames), the mean of each frame over that of the first tenth, NaN where that is not above
    0; and ``jumps`` (planes, frames), where it jumps. Columns of ``planes``:

    - ``plane``, ``n_frames``, and ``flags``: what is beyond its limit, with value and limit, empty where nothing is;
    - ``displacement_median_px`` and ``displacement_p95_px``: rigid displacement from its own median, and
      ``largest_step_px`` between neighbouring frames, all of unmasked frames; ``masked_share``;
    - ``crispness_raw``, ``crispness`` and ``crispness_ratio``; ``residual_motion_px`` (median) and
      ``residual_motion_p95_px`` of short averages of the registered movie;
    - ``intensity_change`` from the first to the last tenth of the recording, a share; ``jump_share`` of unmasked
      frames;
    - what registration found: see :func:`~dina.imaging.registration.register_plane`;
    - ``n_rois``, ``n_neurons``, and the neurons' median ``noise_level`` (% per square root of Hz) and
      ``signal_to_noise`` and ``continuity``; NaN in a plane without neurons.

    Brightness is that of the stored values: a detector's offset in them hides a part of the change.

    Parameters
    ----------
    session : store of :func:`~dina.recordings.session.assemble_session`
    registered : one store a plane, in the session's order
    output : Path
    settings : QualitySettings
    """
    import pandas as pd

    attributes = stores.read_attributes(session)
    valid = stores.read_array(session, "valid_frames")
    found = stores.read_table(session, "rois")["plane"].to_numpy()
    neurons = stores.read_table(session, "neurons")[["neuron", "plane", "roi", "noise_level"]]
    for measure in (signal_to_noise, continuity):
        of_plane = (neurons["plane"].to_numpy(), attributes["planes"], valid)
        neurons[measure.__name__] = _of_traces(measure, session, *of_plane)
    rows, brightness, jumps = [], [], []
    for plane, store, here in zip(attributes["planes"], registered, valid, strict=True):
        mean = stores.read_array(store, "frame_mean")[: len(here)].astype(np.float64)
        jumped = brightness_jumps(mean, here, attributes["volume_rate_hz"], settings)
        steady = here & ~jumped
        rows.append(
            {"plane": plane, "n_frames": len(here)}
            | _motion(store, here)
            | {"intensity_change": intensity_change(mean, steady), "jump_share": _share(jumped, here)}
            | _population(neurons[neurons["plane"] == plane], int((found == plane).sum()))
        )
        brightness.append(mean / _reference(mean, steady))
        jumps.append(jumped)
    planes = pd.DataFrame(rows)
    thresholds = limits(settings, attributes["diameter_px"])
    with stores.new_store(output) as store:
        stores.write_table(store, "planes", planes.assign(flags=flags(planes, thresholds)))
        stores.write_table(store, "thresholds", thresholds)
        stores.write_table(store, "neurons", neurons)
        stores.write_array(store, "brightness", np.stack(brightness), unit="1")
        stores.write_array(store, "jumps", np.stack(jumps))
        stores.write_attributes(store, {"planes": attributes["planes"]})


def displacement_px(offsets: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the brain stood from its usual place, and how far it moved from frame to frame.

    Parameters
    ----------
    offsets : (frames, 2), pixels
    valid : (frames,) bool

    Returns
    -------
    (valid frames,) distance from the median offset, and (steps,) distance between neighbours that are both valid.
    """
    offsets = offsets.astype(np.float64)
    kept = offsets[valid]
    centre = np.median(kept, axis=0) if len(kept) else np.zeros(2)
    steps = np.diff(offsets, axis=0)[valid[1:] & valid[:-1]]
    return np.hypot(*(kept - centre).T), np.hypot(*steps.T)


def brightness_jumps(mean: np.ndarray, valid: np.ndarray, rate_hz: float, settings: QualitySettings) -> np.ndarray:
    """(frames,) bool, valid frames whose mean deviates from a running median of the valid ones: flashes, light leaks.

    The deviation is compared with its own robust standard deviation over the recording, ``1.48 MAD``.
    Light at every image, in a good part of all frames, is the rule then and no jump.
    """
    from scipy.ndimage import median_filter

    kept = np.flatnonzero(valid & np.isfinite(mean))
    jumped = np.zeros(len(mean), bool)
    if len(kept):
        window = max(MIN_WINDOW_FRAMES, round(settings.jump_window_s * rate_hz)) // 2 * 2 + 1
        deviation = np.abs(mean[kept] - median_filter(mean[kept], size=window, mode="nearest"))
        jumped[kept] = deviation > settings.jump_sd * MEDIAN_TO_SD * np.median(deviation)
    return jumped


def intensity_change(mean: np.ndarray, steady: np.ndarray) -> float:
    """Median of the steady frames' last tenth over that of the first, less 1; NaN where the first is not above 0."""
    values = mean[steady & np.isfinite(mean)]
    return float(np.median(values[-_n_at_ends(values) :]) / _reference(mean, steady) - 1) if len(values) else np.nan


def signal_to_noise(dff: np.ndarray) -> np.ndarray:
    """How far a neuron's transients stand out of its noise; Gaussian noise alone gives 2.3.

    ``(99th percentile - median of dF/F) / sd``, where ``sd = median |step between frames| / (0.6745 sqrt 2)`` is that
    of the noise: calcium changes little from frame to frame, so steps are noise, and their median leaves out the onsets
    of transients. At rates at which transients last few frames the noise is overrated.

    Parameters
    ----------
    dff : (neurons, frames)

    Returns
    -------
    (neurons,) float32, NaN where there is no noise or only one frame.

    References
    ----------
    von Neumann et al. 1941, Ann. Math. Stat. 12:153 (noise from steps); Rupprecht et al. 2021, Nat. Neurosci. 24:1324
    (their median, of dF/F).
    """
    if dff.shape[1] < 2:
        return np.full(len(dff), np.nan, np.float32)
    noise = MEDIAN_TO_SD / np.sqrt(2) * np.median(np.abs(np.diff(dff, axis=1)), axis=1)
    high, middle = np.percentile(dff, [SIGNAL_PERCENTILE, 50], axis=1)
    return np.divide(high - middle, noise, out=np.full(len(dff), np.nan), where=noise > 0).astype(np.float32)


def continuity(dff: np.ndarray) -> np.ndarray:
    """Correlation of dF/F with itself one frame later: calcium lasts, and noise, or frames out of order, do not.

    Parameters
    ----------
    dff : (neurons, frames)

    Returns
    -------
    (neurons,) float32, NaN where a trace never changes.
    """
    if dff.shape[1] < 2:
        return np.full(len(dff), np.nan, np.float32)
    centred = dff - dff.mean(1, keepdims=True)
    variance = (centred**2).sum(1)
    covariance = (centred[:, 1:] * centred[:, :-1]).sum(1)
    return np.divide(covariance, variance, out=np.full(len(dff), np.nan), where=variance > 0).astype(np.float32)


def _of_traces(
    measure: Callable[[np.ndarray], np.ndarray],
    session: Path,
    plane_of: np.ndarray,
    planes: list[int],
    valid: np.ndarray,
) -> np.ndarray:
    """(neurons,) a measure of dF/F, in batches: that of a large recording fills the memory."""
    dff = stores.open_array(session, "dff")
    result = np.full(len(plane_of), np.nan, np.float32)
    for place, plane in enumerate(planes):
        here = np.flatnonzero(plane_of == plane)
        for batch in np.split(here, range(BATCH_NEURONS, len(here), BATCH_NEURONS)):
            if len(batch):
                result[batch] = measure(dff[batch[0] : batch[-1] + 1][:, valid[place]])
    return result


def _motion(registered: Path, valid: np.ndarray) -> dict[str, float]:
    attributes = stores.read_attributes(registered)
    distance, steps = displacement_px(stores.read_array(registered, "rigid_offsets_px")[: len(valid)], valid)
    residual = stores.read_array(registered, "residual_motion_px")
    before, after = attributes["crispness_raw"], attributes["crispness"]
    return {key: attributes[key] for key in OF_REGISTRATION} | {
        "displacement_median_px": _percentile(distance, 50),
        "displacement_p95_px": _percentile(distance, 95),
        "largest_step_px": _percentile(steps, 100),
        "masked_share": 1 - float(np.mean(valid)),
        "crispness_raw": before,
        "crispness": after,
        "crispness_ratio": after / before if before > 0 else np.nan,
        "residual_motion_px": _percentile(residual, 50),
        "residual_motion_p95_px": _percentile(residual, 95),
    }


def _population(neurons: pd.DataFrame, n_rois: int) -> dict[str, Any]:
    medians = {name: _percentile(neurons[name].to_numpy(), 50) for name in OF_NEURONS}
    return {"n_rois": n_rois, "n_neurons": len(neurons)} | medians


def _reference(mean: np.ndarray, steady: np.ndarray) -> float:
    """Median of the first tenth of the steady frames, NaN where it is not above 0."""
    values = mean[steady & np.isfinite(mean)]
    first = np.median(values[: _n_at_ends(values)]) if len(values) else np.nan
    return float(first) if first > 0 else np.nan


def _n_at_ends(values: np.ndarray) -> int:
    return max(1, int(END_SHARE * len(values)))


def _share(chosen: np.ndarray, among: np.ndarray) -> float:
    return float(chosen.sum() / among.sum()) if among.any() else np.nan


def _percentile(values: np.ndarray, q: float) -> float:
    """Of the finite values; NaN where there are none."""
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, q)) if len(finite) else np.nan
