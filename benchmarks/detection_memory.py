"""Peak memory of ROI detection by the length of the movie, up to an hour of 512 × 512 pixels at 30 Hz.

A short simulated movie is shown over and over, so that no disk holds 57 GB; detection reads it as it reads any
other. Each length runs in a process of its own. ``python benchmarks/detection_memory.py --help``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from dina import stores
from dina.imaging import rois
from dina.imaging.frames import FRAMES, FrameFile
from dina.settings import DetectionSettings, Settings
from dina.threads import limit_threads

LENGTHS = (3000, 12000, 36000, 108000)
RATE_HZ = 30.0
DIAMETER_UM, PIXEL_SIZE_UM = 12.0, 1.2
N_CELLS = 300
SHOWN_FRAMES = 1500
RESULTS = Path(__file__).parent / "results" / "detection_memory.csv"


class Repeated(FrameFile):
    """A frame file that says it is longer than it is, and begins again at its end."""

    n_frames = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width), as pretended."""
        return (self.n_frames, *self._size)

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        frames = np.arange(*key.indices(self.n_frames)) if isinstance(key, slice) else np.asarray(key)
        return super().__getitem__(frames % SHOWN_FRAMES)


def main() -> None:
    """Measure every length, print a table and write it beside this script."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("lengths", nargs="*", type=int, default=LENGTHS, help="frames")
    parser.add_argument("--side", type=int, default=512, help="height and width, pixels")
    parser.add_argument("--max-memory-mb", type=float, default=Settings().detection.max_memory_mb)
    arguments = parser.parse_args()
    rows = []
    with TemporaryDirectory() as temporary:
        for n_frames in arguments.lengths:
            write_registered(Path(temporary) / "registered", arguments.side, n_frames)
            context = multiprocessing.get_context("spawn")
            with context.Pool(1) as pool:
                rows.append(pool.apply(measure, (temporary, n_frames, arguments.max_memory_mb)))
            print(rows[-1], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


def write_registered(store: Path, side: int, n_frames: int) -> None:
    """A registered plane of flickering discs on noise: enough to keep detection busy."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    centres = rng.uniform(10, side - 10, (N_CELLS, 2))
    radius = DIAMETER_UM / PIXEL_SIZE_UM / 2
    discs = [np.flatnonzero(np.hypot(y - cy, x - cx).ravel() <= radius) for cy, cx in centres]
    calcium = np.zeros((N_CELLS, SHOWN_FRAMES), np.float32)
    for t in range(1, SHOWN_FRAMES):
        calcium[:, t] = calcium[:, t - 1] * np.exp(-1 / (0.7 * RATE_HZ)) + (rng.random(N_CELLS) < 0.01)
    with stores.new_store(store) as folder:
        frames = FrameFile(folder / FRAMES, side, side, create=True)
        for t in range(SHOWN_FRAMES):
            frame = rng.normal(1000, 120, side * side).astype(np.float32)
            for disc, level in zip(discs, calcium[:, t], strict=True):
                frame[disc] += 400 * level
            frames.append(frame.reshape(1, side, side))
        stores.write_array(folder, "mean_image", frames[:100].mean(0))
        stores.write_array(folder, "valid_frames", np.ones(n_frames, bool))
        stores.write_attributes(
            folder,
            {
                "n_frames": n_frames,
                "height_px": side,
                "width_px": side,
                "volume_rate_hz": RATE_HZ,
                "pixel_size_um": PIXEL_SIZE_UM,
                "plane": 0,
                "pixel_scale": 1.0,
                "visible_rows": [0, side],
                "visible_columns": [0, side],
            },
        )


def measure(folder: str, n_frames: int, max_memory_mb: float) -> dict[str, float]:
    """Detect in a movie of this length; seconds and peak memory of this process."""
    limit_threads(1)
    registered = Path(folder) / "registered"
    attributes = stores.read_attributes(registered)
    frames = Repeated(registered / FRAMES, attributes["height_px"], attributes["width_px"])
    frames.n_frames = n_frames
    rois.open_frames = lambda store: frames
    settings = DetectionSettings(max_memory_mb=max_memory_mb)
    started = time.monotonic()
    rois.detect_rois(registered, Path(folder) / f"rois-{n_frames}", settings, DIAMETER_UM, "GCaMP6f")
    return {
        "frames": n_frames,
        "bin_frames": rois.frames_per_bin(attributes, settings, "GCaMP6f"),
        "rois": len(rois.Footprints.read(Path(folder) / f"rois-{n_frames}")),
        "seconds": round(time.monotonic() - started, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
