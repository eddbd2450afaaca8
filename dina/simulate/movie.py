"""The movie: frames of all planes rendered block by block and written as multi-page TIFFs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dina.settings import SimulationSettings
from dina.simulate.calcium import Transients
from dina.simulate.motion import Motion, margin_px
from dina.simulate.optics import expose, glow, scan
from dina.simulate.seeds import generator
from dina.simulate.tissue import NeuropilFluctuations, Tissue

BLOCK_FRAMES = 20  # rendered at once, with a generator of their own: 4 MB a plane at 192 × 192, which stays in cache
CLASSIC_TIFF_BYTES = 2**32 - 2**25  # a larger file needs 64-bit offsets; some of the 4 GB go to the page headers


@dataclass(frozen=True)
class Plane:
    """One plane, ready to be imaged: its tissue and the streams of what changes in it."""

    tissue: Tissue
    transients: Transients
    fluctuations: NeuropilFluctuations


def n_volumes(settings: SimulationSettings, total_s: float) -> int:
    """Volumes scanned in a recording of this length."""
    return int(total_s * settings.acquisition.volume_rate_hz)


def frame_times_s(settings: SimulationSettings, plane: int, frames: np.ndarray) -> np.ndarray:
    """When frames of a plane are scanned: plane p of P comes p/(P · volume rate) after plane 0."""
    acquisition = settings.acquisition
    return (frames + plane / acquisition.n_planes) / acquisition.volume_rate_hz


def render_blocks(
    planes: list[Plane], motion: Motion, settings: SimulationSettings, *, n_threads: int = 1
) -> Iterator[np.ndarray]:
    """Frames of all planes in order of time: (frames, planes, height, width) int16, block by block.

    The values depend neither on the number of threads nor on what is done with earlier blocks; as
    many blocks are in memory as there are threads, plus one.
    """
    n_frames = motion.rigid_px.shape[1]
    waiting: deque = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for block, start in enumerate(range(0, n_frames, BLOCK_FRAMES)):
            frames = slice(start, min(start + BLOCK_FRAMES, n_frames))
            courses = [_advance(plane, settings, p, frames) for p, plane in enumerate(planes)]
            waiting.append(pool.submit(_render_block, planes, courses, motion, settings, block, frames))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write_movie(blocks: Iterator[np.ndarray], folder: Path, settings: SimulationSettings) -> None:
    """Write blocks of (frames, planes, height, width) as TIFFs: planes interleaved, or each in its own files."""
    if not settings.acquisition.separate_files:
        with _TiffSeries(folder, "movie", settings) as series:
            for block in blocks:
                series.append(block.reshape(-1, *block.shape[2:]))
        return
    with ExitStack() as stack:
        all_series = [
            stack.enter_context(_TiffSeries(folder, f"plane-{p}", settings))
            for p in range(settings.acquisition.n_planes)
        ]
        for block in blocks:
            for series, frames in zip(all_series, block.swapaxes(0, 1), strict=True):
                series.append(frames)


def _advance(plane: Plane, settings: SimulationSettings, p: int, frames: slice) -> tuple[np.ndarray, np.ndarray]:
    """The next frames' dF/F of the cells and fluctuations of the neuropil: cheap, and in order of time."""
    dff = plane.transients.advance(frame_times_s(settings, p, np.arange(frames.start, frames.stop)))
    return dff, plane.fluctuations.advance(dff)


def _render_block(
    planes: list[Plane],
    courses: list[tuple[np.ndarray, np.ndarray]],
    motion: Motion,
    settings: SimulationSettings,
    block: int,
    frames: slice,
) -> np.ndarray:
    height, width = settings.optics.height_px, settings.optics.width_px
    margin = margin_px(settings.optics)
    photons = np.empty((frames.stop - frames.start, height, width), np.float32)
    images = np.empty((len(photons), len(planes), height, width), np.int16)
    for p, (plane, (dff, fluctuations)) in enumerate(zip(planes, courses, strict=True)):
        light = glow(plane.tissue, dff, fluctuations)
        rows_px = motion.rows_px(p, frames, height)
        for k in range(len(photons)):  # frame by frame, which stays in cache
            photons[k] = scan(light[k], rows_px[k], margin, width)
        images[:, p] = expose(photons, settings.optics, generator(settings.seed, "noise", p, block))
    return images


class _TiffSeries:
    """Numbered multi-page TIFFs, the next begun when one is full."""

    def __init__(self, folder: Path, stem: str, settings: SimulationSettings):
        self._folder, self._stem = folder, stem
        self._frames_per_file = settings.acquisition.frames_per_file
        frame_bytes = 2 * settings.optics.height_px * settings.optics.width_px
        self._big = self._frames_per_file * frame_bytes > CLASSIC_TIFF_BYTES
        self._writer = None
        self._n_files = self._n_frames = 0

    def __enter__(self) -> _TiffSeries:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def append(self, frames: np.ndarray) -> None:
        """Append (frames, height, width)."""
        while len(frames):
            if self._writer is None:
                self._open_next()
            room = self._frames_per_file - self._n_frames
            self._writer.write(frames[:room], photometric="minisblack", metadata=None)  # one page a frame
            self._n_frames += len(frames[:room])
            frames = frames[room:]
            if self._n_frames == self._frames_per_file:
                self.close()

    def close(self) -> None:
        """Finish the current file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open_next(self) -> None:
        import tifffile

        self._n_files += 1
        self._n_frames = 0
        path = self._folder / f"{self._stem}_{self._n_files:05d}.tif"
        self._writer = tifffile.TiffWriter(os.fspath(path), bigtiff=self._big)
