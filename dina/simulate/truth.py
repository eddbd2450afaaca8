"""The truth of a simulation, as a store holds it: what evaluation may read and analysis may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dina.settings import SimulationSettings
from dina.simulate.crops import SPLITS
from dina.simulate.population import BATCH_NEURONS, receptive_fields
from dina.simulate.responses import SimulatedTrials
from dina.stores import create_array, write_array, write_attributes


def write_population_truth(store: Path, trials: SimulatedTrials, settings: SimulationSettings) -> None:
    """Write cells, receptive fields, expected counts and trials into an open store.

    A trial's spike count in ``[onset + latency_s, onset + latency_s + duration_s)`` is Poisson with mean
    ``shared · private · expected_count[image] + spontaneous_count``; both gains are log-normal with mean
    1, ``exp(σ z − σ²/2)``, the shared one per trial, the private one per trial and neuron. ``receptive_field`` is
    written for Gabor cells alone.
    """
    cells, protocol = trials.population, trials.protocol
    write_array(store, "expected_count", trials.expected_count, unit="spikes")
    write_array(store, "spontaneous_count", trials.spontaneous_count, unit="spikes")
    write_array(store, "center_deg", cells.center_deg, unit="deg")
    write_array(store, "center_px", cells.center_px, unit="px")
    write_array(store, "plane", cells.plane)
    write_array(store, "responsive", cells.responsive.astype(np.uint8))
    write_array(store, "is_complex", cells.is_complex.astype(np.uint8))
    write_array(store, "spatial_frequency", cells.frequency_cpd, unit="cycles/deg")
    write_array(store, "orientation", cells.orientation_rad, unit="rad")
    write_array(store, "sigma_deg", cells.sigma_deg, unit="deg")
    write_array(store, "trial_image", protocol.image)
    write_array(store, "trial_onset_s", protocol.onset_s, unit="s")
    write_array(store, "shared_gain", trials.shared_gain)
    write_array(store, "image_category", trials.scenes.category)
    write_array(store, "image_split", trials.scenes.split)
    write_array(store, "crop_box", trials.scenes.boxes, unit="px")
    if settings.population.cells == "gabor":  # a network's units have no linear field
        _write_receptive_fields(store, trials, settings)
    write_attributes(
        store,
        {
            "shared_gain_log_sd": settings.population.shared_gain_log_sd,
            "private_gain_log_sd": settings.population.private_gain_log_sd,
            "latency_s": settings.population.latency_s,
            "duration_s": protocol.duration_s,
            "total_s": protocol.total_s,
            "degrees_per_pixel": trials.scenes.degrees_per_pixel,
            "category_names": trials.scenes.names,
            "split_names": SPLITS,
        },
    )


def _write_receptive_fields(store: Path, trials: SimulatedTrials, settings: SimulationSettings) -> None:
    """Write (neurons, size, size) filters in batches; a complex cell's is one of its quadrature pair."""
    size, n = settings.scenes.size_px, len(trials.population)
    array = create_array(
        store, "receptive_field", (n, size, size), unit="per unit contrast", chunks=(min(n, 64), size, size)
    )
    for start in range(0, n, BATCH_NEURONS):
        cells = slice(start, min(start + BATCH_NEURONS, n))
        array[cells] = receptive_fields(trials.population, cells, size, settings.scenes.width_deg)
