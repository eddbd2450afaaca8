"""The stage: a simulated recording as plain files, and its truth apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from dina.settings import OpticsSettings, SimulationSettings
from dina.simulate.calcium import INDICATORS, Transients
from dina.simulate.crops import SPLITS
from dina.simulate.motion import Motion, draw_motion, margin_px, rigid_sd_px
from dina.simulate.movie import BLOCK_FRAMES, Plane, n_volumes, render_blocks, write_movie
from dina.simulate.responses import SimulatedTrials, simulate_trials
from dina.simulate.seeds import generator
from dina.simulate.somata import Somata, draw_somata, place_somata
from dina.simulate.spikes import draw_spike_times
from dina.simulate.tissue import NeuropilFluctuations, build_tissue, draw_vessels
from dina.simulate.truth import write_population_truth
from dina.stores import new_store, write_array, write_attributes

PROGRESS_S = 5.0
MOTION_SDS = 2.5  # somata keep this many standard deviations of the motion away from the edges


def simulate_recording(
    output_raw: Path, output_truth: Path, settings: SimulationSettings, *, n_threads: int = 1
) -> None:
    """Simulate a recording and write its two stores; the same settings give the same bytes.

    ``raw`` holds what a real recording has: ``movie_00001.tif`` … (int16, planes interleaved) or
    ``plane-0_00001.tif`` …, ``stimulus_log.csv`` and ``images.npy`` (images, size, size) uint8.
    ``truth`` holds what :func:`dina.simulate.truth.write_population_truth` writes, and

    - ``spike_time_s``, ``spike_neuron`` (spikes,), in order of time
    - ``footprint_indptr``, ``footprint_pixel``, ``footprint_weight``: CSR of neurons by y · width + x;
      pixels inside a soma's outline, weighted by their light, without motion
    - ``motion_px`` (planes, frames, 2): displacement of the tissue in the frame, y and x, mean over rows

    Parameters
    ----------
    n_threads : int
        Threads that render; memory grows by some tens of MB with each, bytes stay the same.

    Raises
    ------
    InputError
        If the photographs cannot be used.
    SettingsError
        If the cells do not fit into the field of view.
    """
    with threadpool_limits(1):  # a matrix product may round otherwise when it is split between threads
        _simulate(output_raw, output_truth, settings, n_threads)


def _simulate(output_raw: Path, output_truth: Path, settings: SimulationSettings, n_threads: int) -> None:
    layouts = [_lay_out(settings, plane) for plane in range(settings.acquisition.n_planes)]
    plane_of = np.repeat(np.arange(len(layouts)), [len(layout.center_px) for layout in layouts])
    trials = simulate_trials(settings, np.concatenate([layout.center_px for layout in layouts]), plane_of)
    spikes = draw_spike_times(trials, settings.population.latency_s, settings.seed)
    n_frames = n_volumes(settings, trials.protocol.total_s)
    motion = draw_motion(settings.optics, settings.acquisition, n_frames, settings.seed)
    with new_store(output_raw) as raw, new_store(output_truth) as truth:
        planes = [_build(settings, plane, layout, spikes, plane_of) for plane, layout in enumerate(layouts)]
        blocks = render_blocks(planes, motion, settings, n_threads=n_threads)
        n_blocks = -(-n_frames // BLOCK_FRAMES)
        write_movie(tqdm(blocks, "rendering the movie", n_blocks, mininterval=PROGRESS_S), raw, settings)
        _write_stimuli(raw, trials)
        write_population_truth(truth, trials, settings)
        _write_imaging_truth(truth, spikes, layouts, motion, settings)


@dataclass(frozen=True)
class _Layout:
    """Where things lie in one plane: vessels and somata in the tissue, cells' centres in the field of view."""

    vessel_distance_px: np.ndarray
    center_px: np.ndarray
    somata: Somata


def _lay_out(settings: SimulationSettings, plane: int) -> _Layout:
    optics = settings.optics
    rng = generator(settings.seed, "layout", plane)
    margin = margin_px(optics)
    shape = (optics.height_px + 2 * margin, optics.width_px + 2 * margin)
    vessels = draw_vessels(optics, shape, rng)
    in_view = vessels[margin:-margin, margin:-margin]
    centers = place_somata(optics, in_view, MOTION_SDS * rigid_sd_px(optics), rng)
    return _Layout(vessels, centers, draw_somata(optics, centers + margin, shape, rng))


def _build(
    settings: SimulationSettings,
    plane: int,
    layout: _Layout,
    spikes: tuple[np.ndarray, np.ndarray],
    plane_of: np.ndarray,
) -> Plane:
    """Make one plane ready to be imaged."""
    rng = generator(settings.seed, "tissue", plane)
    tissue = build_tissue(settings.optics, layout.somata, layout.vessel_distance_px, rng)
    kinetics = INDICATORS[settings.calcium.indicator]
    n = len(layout.center_px)
    amplitude = kinetics.amplitude * np.exp(settings.calcium.amplitude_log_sd * rng.standard_normal(n))
    time_s, neuron = spikes
    here = plane_of[neuron] == plane
    first = np.flatnonzero(plane_of == plane)[0]
    interval_s = 1 / settings.acquisition.volume_rate_hz
    return Plane(
        tissue,
        Transients(kinetics, time_s[here], neuron[here] - first, amplitude, interval_s),
        NeuropilFluctuations(settings.optics, tissue.mixing, interval_s, rng),
    )


def _write_stimuli(store: Path, trials: SimulatedTrials) -> None:
    """Write ``stimulus_log.csv`` and ``images.npy`` as an experimenter would."""
    import pandas as pd

    scenes, protocol = trials.scenes, trials.protocol
    log = pd.DataFrame(
        {
            "onset_s": np.round(protocol.onset_s, 6),
            "duration_s": protocol.duration_s,
            "image": protocol.image,
            "category": [scenes.names[k] for k in scenes.category[protocol.image]],
            "split": [SPLITS[k] for k in scenes.split[protocol.image]],
        }
    )
    log.to_csv(store / "stimulus_log.csv", index=False, lineterminator="\n")
    np.save(store / "images.npy", scenes.images)


def _write_imaging_truth(
    store: Path,
    spikes: tuple[np.ndarray, np.ndarray],
    layouts: list[_Layout],
    motion: Motion,
    settings: SimulationSettings,
) -> None:
    """Write spikes, footprints and motion."""
    optics = settings.optics
    write_array(store, "spike_time_s", spikes[0], unit="s")
    write_array(store, "spike_neuron", spikes[1])
    sizes, pixels, weights = zip(*(_footprints(layout.somata, optics) for layout in layouts), strict=True)
    write_array(store, "footprint_indptr", np.r_[0, np.cumsum(np.concatenate(sizes))].astype(np.int64))
    write_array(store, "footprint_pixel", np.concatenate(pixels).astype(np.int32))
    write_array(store, "footprint_weight", np.concatenate(weights))
    write_array(store, "motion_px", motion.rigid_px, unit="px")
    write_attributes(
        store,
        {
            "height_px": optics.height_px,
            "width_px": optics.width_px,
            "pixel_size_um": optics.pixel_size_um,
            "soma_diameter_px": optics.soma_diameter_um / optics.pixel_size_um,
            "indicator": settings.calcium.indicator,
            "n_planes": settings.acquisition.n_planes,
            "volume_rate_hz": settings.acquisition.volume_rate_hz,
        },
    )


def _footprints(somata: Somata, optics: OpticsSettings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes (cells,), pixels and weights of the somata's outlines, in the field of view."""
    margin = margin_px(optics)
    cell = np.repeat(np.arange(somata.light.shape[0]), np.diff(somata.light.indptr))
    y, x = np.divmod(somata.light.indices[somata.inside], optics.width_px + 2 * margin)
    sizes = np.bincount(cell[somata.inside], minlength=somata.light.shape[0])
    return sizes, (y - margin) * optics.width_px + x - margin, somata.light.data[somata.inside]
