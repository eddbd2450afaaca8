"""A tiny two-photon movie whose cells, spikes and motion are known."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dina.imaging.registration import register_plane
from dina.imaging.rois import detect_rois
from dina.imaging.traces import extract_traces
from dina.settings import AcquisitionInfo, DetectionSettings, ExtractionSettings, RegistrationSettings

SIDE = 96
DIAMETER_PX = 8
RATE_HZ = 10.0
TAU_S = 0.7


@dataclass(frozen=True)
class TinyMovie:
    """uint16 ``frames``; true ``centres`` (cells, 2), ``spikes`` (cells, frames) and ``motion_px`` (frames, 2)."""

    frames: np.ndarray
    centres: np.ndarray
    spikes: np.ndarray
    motion_px: np.ndarray


def make_movie(n_frames: int = 400, seed: int = 0) -> TinyMovie:
    """Nine disc-shaped cells on a textured, noisy background, displaced by whole pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    centres = np.array([(row, column) for row in (22, 46, 70) for column in (24, 48, 72)]) + rng.integers(-3, 4, (9, 2))
    discs = np.array([np.hypot(y - cy, x - cx) <= DIAMETER_PX / 2 for cy, cx in centres], float)
    spikes = rng.poisson(0.03, (len(centres), n_frames))
    calcium = np.zeros(spikes.shape)
    decay = np.exp(-1 / (RATE_HZ * TAU_S))
    for t in range(n_frames):
        calcium[:, t] = decay * calcium[:, t - 1] + spikes[:, t] if t else spikes[:, t]
    background = 400 + 60 * gaussian_filter(rng.normal(size=(SIDE, SIDE)), 1.5) / 0.2
    motion = np.rint(gaussian_filter(rng.normal(0, 8, (n_frames, 2)), (5, 0))).clip(-4, 4).astype(int)
    frames = np.empty((n_frames, SIDE, SIDE), np.uint16)
    for t in range(n_frames):
        still = background + np.tensordot(80 + 250 * calcium[:, t], discs, 1)
        frames[t] = np.clip(np.roll(still, motion[t], (0, 1)) + rng.normal(0, 25, (SIDE, SIDE)), 0, 65535)
    return TinyMovie(frames, centres, spikes, motion)


@pytest.fixture(scope="session")
def tiny_movie() -> TinyMovie:
    return make_movie()


@pytest.fixture(scope="session")
def plane(tiny_movie, tmp_path_factory):
    """A folder with the stores ``registered``, ``rois`` and ``traces`` of the tiny movie."""
    import tifffile

    folder = tmp_path_factory.mktemp("plane")
    tifffile.imwrite(folder / "movie.tif", tiny_movie.frames)
    acquisition = AcquisitionInfo(volume_rate_hz=RATE_HZ, pixel_size_um=1.5)
    register_plane([folder / "movie.tif"], folder / "registered", 0, acquisition, RegistrationSettings())
    detect_rois(folder / "registered", folder / "rois", DetectionSettings(), 1.5 * DIAMETER_PX, "GCaMP6f")
    extract_traces(folder / "registered", folder / "rois", folder / "traces", ExtractionSettings())
    return folder
