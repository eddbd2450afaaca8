"""Brain motion: slow drift, fast jitter, and deformation while a frame is scanned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from dina.settings import AcquisitionSettings, OpticsSettings
from dina.simulate.seeds import generator

DRIFT_TIME_CONSTANT_S = 200.0  # the brain settles and swells over minutes
JITTER_TIME_CONSTANT_S = 0.3  # breathing and licking, a few per second
LIMIT_SDS = 4.0  # displacements are clipped there, so that the tissue needs a known margin
MODES = 2  # half-waves of the deformation down a frame: what moves within one scan is slow


@dataclass(frozen=True)
class Motion:
    """Where the tissue lies in each frame.

    A point of the tissue at (y, x) appears in the frame at (y, x) plus the displacement of its row.

    Attributes
    ----------
    rigid_px : (planes, frames, 2) float32, displacement y, x, mean over rows; median 0 in each plane
    modes_px : (planes, frames, MODES, 2) float32, amplitudes of the cosines down the rows
    """

    rigid_px: np.ndarray
    modes_px: np.ndarray

    def rows_px(self, plane: int, frames: slice, n_rows: int) -> np.ndarray:
        """(frames, rows, 2) float32 displacement of every row, y and x."""
        waves = np.cos(np.pi * np.outer(np.arange(1, MODES + 1), (np.arange(n_rows) + 0.5) / n_rows))
        bent = np.einsum("fmk,mr->frk", self.modes_px[plane, frames], waves.astype(np.float32))
        return self.rigid_px[plane, frames, None] + bent


def margin_px(settings: OpticsSettings) -> int:
    """Tissue needed around the field of view, pixels: no row is displaced further, interpolation included."""
    return int(np.ceil(LIMIT_SDS * (rigid_sd_px(settings) + MODES * _mode_sd_px(settings)))) + 3


def rigid_sd_px(settings: OpticsSettings) -> float:
    """Standard deviation of the rigid motion in each direction, pixels."""
    return float(np.hypot(settings.drift_um, settings.jitter_um)) / settings.pixel_size_um


def draw_motion(settings: OpticsSettings, acquisition: AcquisitionSettings, n_frames: int, seed: int) -> Motion:
    """Draw the motion of all frames; planes share one brain, sampled when each is scanned."""
    rng = generator(seed, "motion")
    n_planes = acquisition.n_planes
    interval_s = 1 / (n_planes * acquisition.volume_rate_hz)
    rigid = sum(
        sd_um / settings.pixel_size_um * _wander(n_planes * n_frames, interval_s / tau_s, rng)
        for sd_um, tau_s in (
            (settings.drift_um, DRIFT_TIME_CONSTANT_S),
            (settings.jitter_um, JITTER_TIME_CONSTANT_S),
        )
    )
    rigid = rigid.reshape(n_frames, n_planes, 2).transpose(1, 0, 2)
    rigid -= np.median(rigid, axis=1, keepdims=True)
    limit = LIMIT_SDS * rigid_sd_px(settings)
    modes = np.clip(rng.standard_normal((n_planes, n_frames, MODES, 2), np.float32), -LIMIT_SDS, LIMIT_SDS)
    return Motion(
        rigid_px=np.clip(rigid, -limit, limit).astype(np.float32),
        modes_px=modes * np.float32(_mode_sd_px(settings)),
    )


def _mode_sd_px(settings: OpticsSettings) -> float:
    """Each mode's share of the deformation, pixels; a cosine of half-waves has a mean square of 1/2 over the rows."""
    return settings.non_rigid_um / settings.pixel_size_um * np.sqrt(2 / MODES)


def _wander(n: int, step: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) Ornstein–Uhlenbeck process of unit variance; ``step`` is the interval in time constants."""
    fade = np.exp(-step)
    noise = rng.standard_normal((n, 2)) * np.sqrt(1 - fade**2)
    noise[0] /= np.sqrt(1 - fade**2)  # starts in its stationary state
    return lfilter([1], [1, -fade], noise, axis=0)
