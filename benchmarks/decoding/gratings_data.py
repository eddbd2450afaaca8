"""Sessions of drifting gratings, and the gratings as clips.

Sessions are ``*.mat`` of two-photon responses of mouse visual cortex (surlab/Park_et_al): ``D.neuronK``, trials of
samples, and ``TE.direction``. DINA sees a direction as a clip. What the files leave open is assumed: a full-field
sinusoid of full contrast, three cycles across the picture (0.04 cycles per degree over 75 degrees), drifting at 2 Hz,
in two frames a quarter of a temporal cycle (0.125 s) apart. In any one frame, opposite directions are one picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

N_DIRECTIONS = 8
CYCLES_PER_IMAGE, N_FRAMES, SIZE_PX = 3.0, 2, 32


@dataclass(frozen=True)
class Session:
    """Trials in order of time.

    Attributes
    ----------
    name : str
    traces : (trials, neurons, samples)
    time_s : (samples,) from onset
    direction : (trials,) 0 to 7, in steps of 45 degrees
    cycle : (trials,) which showing of its direction
    """

    name: str
    traces: np.ndarray
    time_s: np.ndarray
    direction: np.ndarray
    cycle: np.ndarray

    def mean(self, window_s: tuple[float, float]) -> np.ndarray:
        """(trials, neurons) in a window from onset, its end left out."""
        return self.traces[:, :, (self.time_s >= window_s[0]) & (self.time_s < window_s[1])].mean(2)


def read_session(path: Path) -> Session:
    """Read a ``.mat`` of numbers; nothing in it is run."""
    from scipy.io import loadmat

    from dina.recordings.stimuli import count_repeats

    held = loadmat(path, squeeze_me=True, struct_as_record=False, variable_names=["D", "TE", "t"])
    numbers = [int(name.removeprefix("neuron")) for name in held["D"]._fieldnames if name.startswith("neuron")]
    traces = np.stack([np.stack(getattr(held["D"], f"neuron{k}")) for k in sorted(numbers)], axis=1)
    direction = np.round(np.asarray(held["TE"].direction) / (360 / N_DIRECTIONS)).astype(np.int32)
    return Session(path.stem, traces.astype(np.float32), held["t"], direction, count_repeats(direction))


def draw_clip(degrees: float, n_frames: int = N_FRAMES) -> np.ndarray:
    """(frames, height, width) of a grating that drifts this way, 0 black to 1 white."""
    from dina.models.gabor import FRAME_STEP

    axis = (np.arange(SIZE_PX) + 0.5) / SIZE_PX - 0.5
    along = axis * np.cos(np.deg2rad(degrees)) + axis[:, None] * np.sin(np.deg2rad(degrees))
    turns = CYCLES_PER_IMAGE * along - FRAME_STEP * np.arange(n_frames)[:, None, None]
    return (0.5 + 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)


def all_clips(n_frames: int = N_FRAMES) -> np.ndarray:
    """(directions, frames, height, width)."""
    return np.stack([draw_clip(degrees, n_frames) for degrees in np.arange(N_DIRECTIONS) * 360 / N_DIRECTIONS])
