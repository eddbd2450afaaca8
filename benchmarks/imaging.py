"""dina's imaging chain against suite2p's ``run_s2p`` on one simulated movie: time, memory, and the same ROIs.

``make bench-imaging`` writes ``benchmarks/results/imaging.csv``: name, ours, peer, ratio (ours / peer, below 1 is
better), unit. Figures are medians over repetitions, the two sides in turn.

Each chain runs in a fresh process, from the TIFF files to deconvolved activity, with the same number of threads and
equal values of every setting that changes ROIs or traces; both may use every frame to find ROIs. Wall time counts
from the start of the process to its end, imports included; ``…_without_imports`` leaves out the interpreter's start
and exit and the imports (in the workflow each stage is a process and imports suite2p again).

- ``chain_*``: batch size and registration metrics are suite2p's defaults on its side (100 frames, metrics on), and
  dina's on its own (no such metrics, its own batch size, freed memory kept).
- ``chain_wall_equal_batches``: batches of 100, no metrics, freed memory kept, on both sides.
- ``chain_wall_one_thread``: as ``chain_wall``, with one thread, which is dina's default. Processor time,
  ``chain_cpu``, tells what other processes on the machine do not change.
- ``rois_equal_share``: ROIs whose partner has an intersection over union of at least 0.95. suite2p cuts as much from
  either side of the field of view as the largest shift, dina only what was out of sight; in all rows but
  ``rois_equal_share_own_cut``, dina is made to cut as suite2p does.
- ``peak_after_*``: the peak of resident memory when a stage ends shows in which it arises.
- ``planes_side_by_side``: "ours" is two chains of dina at once with one thread each, "peer" is one alone.
- ``baseline``, ``baseline_and_oasis``: 2,000 ROIs × 20,000 frames of transients in noise, with one thread, in
  processor time, which is wall time where nothing else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from dina import stores
from dina.imaging.indicators import tau_s
from dina.imaging.readers.tiff import TiffPages
from dina.imaging.registration import block_size_px
from dina.imaging.rois import Footprints, frames_per_bin, spatial_scale
from dina.settings import Settings, SimulationSettings
from dina.stage import LARGEST_REUSED_BYTES
from dina.threads import VARIABLES, limit_threads

RESULTS = Path(__file__).parent / "results" / "imaging.csv"
CHAINS = Path(__file__).with_name("chains.py")
PARTS = ("chain", "equal-batches", "one-thread", "side-by-side", "baseline")
STAGES = ("registration", "detection", "extraction", "deconvolution")
SUITE2P_BATCH_FRAMES = 100  # its default
EQUAL_IOU = 0.95
N_THREADS = 2
BASELINE_ROIS, BASELINE_FRAMES, BASELINE_SPIKES_HZ = 2000, 20000, 0.2
SHOWINGS_PER_TRAIN_IMAGE, HELD_OUT_SHOWINGS = 1.4, 30  # of the simulated protocol


@dataclass(frozen=True)
class Run:
    """What a chain's process took; ``stages`` has seconds and the peak so far after each stage."""

    wall_s: float
    cpu_s: float
    memory_mb: float
    stages: dict[str, dict[str, float]]

    @property
    def without_imports_s(self) -> float:
        """Seconds from the first stage's start to the last one's end."""
        return sum(self.stages[stage]["seconds"] for stage in STAGES)


def main() -> None:
    """Simulate a movie, run both chains on it in turn, compare; print a table and write it beside this script."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--side", type=int, default=256, help="height and width of the movie, pixels")
    parser.add_argument("--frames", type=int, default=3000, help="its length, about; metrics need 1,500")
    parser.add_argument("--rate", type=float, default=15.0, help="frames per second")
    parser.add_argument("--neurons", type=int, default=300)
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep movie and outputs here; a temporary folder otherwise")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}")
    simulation = simulation_settings(arguments)
    with TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        shutil.rmtree(folder / "raw", ignore_errors=True)
        apart(simulate, folder, simulation)
        bench = Bench(folder, simulation, arguments.repetitions)
        measure = {
            "chain": bench.chain,
            "equal-batches": bench.equal_batches,
            "one-thread": bench.one_thread,
            "side-by-side": bench.side_by_side,
            "baseline": lambda: apart(baselines, arguments.rate, arguments.repetitions),
        }
        rows = [row for part in PARTS if part in arguments.parts for row in measure[part]()]
    table = pd.DataFrame(rows, columns=["name", "ours", "peer", "unit"])
    table.insert(3, "ratio", table["ours"] / table["peer"])
    print(table.round(3).to_string(index=False))
    RESULTS.parent.mkdir(exist_ok=True)
    table.round(4).to_csv(RESULTS, index=False)


def simulation_settings(arguments: argparse.Namespace) -> SimulationSettings:
    """One plane, with as many images as fill the time."""
    protocol = SimulationSettings().protocol
    shown_s = arguments.frames / arguments.rate - 2 * protocol.lead_s
    n_showings = shown_s / (protocol.duration_s + protocol.gap_s)
    n_train = round((n_showings - HELD_OUT_SHOWINGS) / SHOWINGS_PER_TRAIN_IMAGE)
    return SimulationSettings.model_validate(
        {
            "scenes": {"n_train": n_train, "n_validation": 10, "n_test": 10},
            "optics": {
                "height_px": arguments.side,
                "width_px": arguments.side,
                "n_neurons_per_plane": arguments.neurons,
            },
            "acquisition": {"n_planes": 1, "volume_rate_hz": arguments.rate},
        }
    )


def apart(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a fresh process: what it loads and uses must not count for those started from here."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def simulate(folder: Path, simulation: SimulationSettings) -> None:
    """Write the movie into ``raw``."""
    from dina.simulate.recording import simulate_recording

    simulate_recording(folder / "raw", folder / "truth", simulation, n_threads=N_THREADS)


class Bench:
    """The comparisons of the two chains; each method gives rows of name, ours, peer and unit."""

    def __init__(self, folder: Path, simulation: SimulationSettings, repetitions: int):
        self._folder = folder
        self._simulation = simulation
        self._repetitions = repetitions

    def chain(self) -> list[tuple]:
        """Time and memory with the defaults of either side, and whether ROIs and traces are the same."""
        ours, theirs = self._in_turn(self.dina, lambda: self.suite2p(metrics=True))
        equal, correlation = self.likeness()
        self.dina(suite2p_cut=False)
        equal_own_cut, _ = self.likeness()
        return [
            ("chain_wall", *medians(ours, theirs, lambda run: run.wall_s), "s"),
            ("chain_wall_without_imports", *medians(ours, theirs, lambda run: run.without_imports_s), "s"),
            ("chain_cpu", *medians(ours, theirs, lambda run: run.cpu_s), "s"),
            *(
                (f"{stage}_wall", *medians(ours, theirs, lambda run, s=stage: run.stages[s]["seconds"]), "s")
                for stage in STAGES
            ),
            ("chain_memory", *medians(ours, theirs, lambda run: run.memory_mb), "MB"),
            *(
                (f"peak_after_{stage}", *medians(ours, theirs, lambda run, s=stage: run.stages[s]["peak_mb"]), "MB")
                for stage in ("imports", *STAGES)
            ),
            ("rois_equal_share", equal, 1.0, "share"),
            ("fluorescence_correlation", correlation, 1.0, "1"),
            ("rois_equal_share_own_cut", equal_own_cut, 1.0, "share"),
        ]

    def equal_batches(self) -> list[tuple]:
        """What is left where batches, metrics and allocator are equal too."""
        batch = SUITE2P_BATCH_FRAMES
        ours, theirs = self._in_turn(
            lambda: self.dina(batch_frames=batch), lambda: self.suite2p(metrics=False, keep_freed_memory=True)
        )
        return [
            ("chain_wall_equal_batches", *medians(ours, theirs, lambda run: run.wall_s), "s"),
            ("chain_memory_equal_batches", *medians(ours, theirs, lambda run: run.memory_mb), "MB"),
        ]

    def one_thread(self) -> list[tuple]:
        """As :meth:`chain`, with one thread."""
        ours, theirs = self._in_turn(lambda: self.dina(threads=1), lambda: self.suite2p(metrics=True, threads=1))
        return [
            ("chain_wall_one_thread", *medians(ours, theirs, lambda run: run.wall_s), "s"),
            ("chain_cpu_one_thread", *medians(ours, theirs, lambda run: run.cpu_s), "s"),
            ("chain_memory_one_thread", *medians(ours, theirs, lambda run: run.memory_mb), "MB"),
        ]

    def side_by_side(self) -> list[tuple]:
        """Two planes at once on two cores, against one alone."""

        def two() -> float:
            started = time.monotonic()
            for process in [self.start("dina", f"plane-{k}", threads=1) for k in range(2)]:
                finish(process)
            return time.monotonic() - started

        def one() -> float:
            return self.dina(threads=1).wall_s

        both, alone = self._in_turn(two, one)
        return [("planes_side_by_side", float(np.median(both)), float(np.median(alone)), "s")]

    def dina(self, **options: Any) -> Run:
        """Run dina's chain."""
        return self._run("dina", **options)

    def suite2p(self, **options: Any) -> Run:
        """Run suite2p's."""
        return self._run("suite2p", **options)

    def start(self, chain: str, name: str, threads: int = N_THREADS, **options: Any) -> subprocess.Popen:
        """Start a chain's process, with its output in a new folder of this name."""
        output = self._folder / name
        shutil.rmtree(output, ignore_errors=True)
        job = {"chain": chain, "movie": str(self._folder / "raw"), "output": str(output), "threads": threads}
        environment = os.environ | dict.fromkeys(VARIABLES, str(threads))
        if chain == "dina":
            job |= dina_job(self._simulation, **options)
        else:
            job["settings"] = suite2p_settings(self._simulation, self._folder / "raw", options["metrics"])
            if options.get("keep_freed_memory"):
                limit = str(LARGEST_REUSED_BYTES)
                environment |= {"MALLOC_MMAP_THRESHOLD_": limit, "MALLOC_TRIM_THRESHOLD_": limit}
        command = [sys.executable, str(CHAINS), json.dumps(job)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def likeness(self) -> tuple[float, float]:
        """Share of ROIs that are the same in the latest outputs, and the median correlation of their F."""
        ours = Footprints.read(self._folder / "dina" / "rois")
        theirs = self._folder / "suite2p" / "suite2p" / "plane0"
        stats = np.load(theirs / "stat.npy", allow_pickle=True)  # a pickle, but of this run's own making
        width = self._simulation.optics.width_px
        partner, iou = best_partners(
            [ours.pixel[ours.roi(k)] for k in range(len(ours))],
            [stat["ypix"] * width + stat["xpix"] for stat in stats],
        )
        equal = np.flatnonzero(iou >= EQUAL_IOU)
        traces = stores.read_array(self._folder / "dina" / "traces", "fluorescence")[equal]
        peers = np.load(theirs / "F.npy")[partner[equal]]
        correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(traces, peers, strict=True)]
        return len(equal) / max(len(ours), len(stats)), float(np.median(correlations))

    def _run(self, chain: str, **options: Any) -> Run:
        started = time.monotonic()
        usage = finish(self.start(chain, chain, **options))
        wall_s = time.monotonic() - started
        stages = json.loads((self._folder / chain / "measures.json").read_text())
        return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, stages)

    def _in_turn(self, ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[list, list]:
        """Results of both, A B A B …, so that a machine whose speed drifts is fair to either."""
        results = [(ours(), theirs()) for _ in range(self._repetitions)]
        return tuple(map(list, zip(*results, strict=True)))


def finish(process: subprocess.Popen) -> Any:
    """Wait for a process; returns what it used."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return usage


def medians(ours: list[Run], theirs: list[Run], figure: Callable[[Run], float]) -> tuple[float, float]:
    """Of one figure, on either side."""
    return float(np.median([figure(run) for run in ours])), float(np.median([figure(run) for run in theirs]))


def best_partners(ours: list[np.ndarray], theirs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """For each of our ROIs, (rois,) the peer's ROI with the largest intersection over union, and that."""
    from scipy.sparse import csr_array

    def masks(rois: list[np.ndarray]) -> csr_array:
        indptr = np.concatenate([[0], np.cumsum([len(roi) for roi in rois])])
        pixels = np.concatenate(rois)
        return csr_array((np.ones(len(pixels)), pixels, indptr), shape=(len(rois), n_pixels))

    n_pixels = 1 + max(roi.max() for roi in (*ours, *theirs))
    shared = (masks(ours) @ masks(theirs).T).toarray()
    sizes = (np.array([len(roi) for roi in rois]) for rois in (ours, theirs))
    iou = shared / (np.add.outer(*sizes) - shared)
    return iou.argmax(1), iou.max(1)


def dina_job(
    simulation: SimulationSettings, batch_frames: int | None = None, suite2p_cut: bool = True
) -> dict[str, Any]:
    """What the process of dina's chain needs."""
    optics = simulation.optics
    return {
        "settings": {} if batch_frames is None else {"registration": {"batch_frames": batch_frames}},
        "acquisition": {
            "volume_rate_hz": simulation.acquisition.volume_rate_hz,
            "pixel_size_um": optics.pixel_size_um,
        },
        "cell_diameter_um": optics.soma_diameter_um,
        "indicator": simulation.calcium.indicator,
        "suite2p_cut": suite2p_cut,
    }


def suite2p_settings(simulation: SimulationSettings, movie: Path, metrics: bool) -> dict[str, Any]:
    """dina's values of all that changes ROIs or traces, in suite2p's words; the rest stays as it is there.

    The reference is found in one batch on both sides: as many frames as suite2p registers at once.
    """
    settings, optics = Settings(), simulation.optics
    registration, detection, extraction = settings.registration, settings.detection, settings.extraction
    deconvolution, indicator = settings.deconvolution, simulation.calcium.indicator
    rate_hz = simulation.acquisition.volume_rate_hz
    diameter_px = optics.soma_diameter_um / optics.pixel_size_um
    plane = {
        "height_px": optics.height_px,
        "width_px": optics.width_px,
        "volume_rate_hz": rate_hz,
        "n_frames": sum(TiffPages(path).n_pages for path in sorted(movie.glob("*.tif"))),
    }
    return {
        "torch_device": "cpu",
        "tau": tau_s(indicator),
        "fs": rate_hz,
        "diameter": [diameter_px, diameter_px],
        "run": {"do_regmetrics": metrics},
        "registration": {
            "nimg_init": registration.reference_frames,
            "batch_size": SUITE2P_BATCH_FRAMES,
            "block_size": block_size_px(optics.height_px, optics.width_px, registration),
            "maxregshift": registration.max_shift_share,
            "smooth_sigma": registration.smooth_sigma_px,
        },
        "detection": {
            "bin_size": frames_per_bin(plane, detection, indicator),
            "nbins": plane["n_frames"],
            "highpass_time": detection.highpass_bins,
            "threshold_scaling": detection.threshold_scaling * spatial_scale(diameter_px),
            "max_overlap": detection.max_overlap,
            "sparsery_settings": {
                "spatial_scale": 1,
                "max_ROIs": detection.max_rois,
                "highpass_neuropil": round(detection.neuropil_diameters * diameter_px),
            },
        },
        "classification": {"use_builtin_classifier": True},
        "extraction": {
            "neuropil_coefficient": deconvolution.neuropil_coefficient,
            "inner_neuropil_radius": extraction.neuropil_inner_px,
            "min_neuropil_pixels": extraction.neuropil_min_pixels,
            "allow_overlap": extraction.allow_overlap,
        },
        "dcnv_preprocess": {
            "win_baseline": deconvolution.baseline_window_s,
            "sig_baseline": deconvolution.baseline_sigma_frames,
        },
    }


def baselines(rate_hz: float, repetitions: int) -> list[tuple]:
    """Baseline, and baseline with OASIS, of many ROIs with one thread, in turn."""
    limit_threads(1)
    from dina.imaging import suite2p
    from dina.imaging.deconvolution import deconvolved, maximin_baseline

    suite2p.load()
    import torch
    from scipy.signal import lfilter
    from suite2p.extraction import oasis, preprocess

    settings, tau = Settings().deconvolution, tau_s("GCaMP6f")
    window_s, sigma_frames = settings.baseline_window_s, settings.baseline_sigma_frames
    rng = np.random.default_rng(0)
    spikes = rng.poisson(BASELINE_SPIKES_HZ / rate_hz, (BASELINE_ROIS, BASELINE_FRAMES)).astype(np.float32)
    transients = lfilter([1], [1, -np.exp(-1 / (tau * rate_hz))], spikes, axis=1).astype(np.float32)
    traces = 200 + 60 * transients + 20 * rng.standard_normal(transients.shape, np.float32)

    deconvolved(traces[:1], tau, rate_hz)  # compiles

    def ours() -> tuple[float, float]:
        started = time.process_time()
        raised = traces - maximin_baseline(traces, window_s * rate_hz, sigma_frames)
        raised_at = time.process_time()
        deconvolved(raised, tau, rate_hz)
        return raised_at - started, time.process_time() - started

    def theirs() -> tuple[float, float]:
        started = time.process_time()
        raised = preprocess(
            traces, "maximin", window_s, sigma_frames, rate_hz, batch_size=500, device=torch.device("cpu")
        )  # 500 ROIs at once are run_s2p's default
        raised_at = time.process_time()
        oasis(raised, batch_size=500, tau=tau, fs=rate_hz)
        return raised_at - started, time.process_time() - started

    pairs = np.array([(ours(), theirs()) for _ in range(repetitions)])
    medians_s = np.median(pairs, axis=0)
    return [
        (name, float(medians_s[0, k]), float(medians_s[1, k]), "s")
        for k, name in enumerate(("baseline", "baseline_and_oasis"))
    ]


if __name__ == "__main__":
    main()
