"""Responses of a simulated population, without a movie: recordings of any size for experiments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from dina.recordings.trials import TrialResponses, describe_neurons, write_trials
from dina.settings import SimulationSettings
from dina.simulate.responses import scatter_cells, simulate_trials
from dina.simulate.truth import write_population_truth
from dina.stores import new_store


def import_simulated_responses(
    settings: SimulationSettings, output: Path, *, n_neurons: int | None = None, truth: Path | None = None
) -> None:
    """Simulate trials and write their true spike counts as a ``responses`` store.

    Parameters
    ----------
    settings : SimulationSettings
        Calcium and acquisition are not used, and of the optics only the size of the field of view.
    output : Path
        The ``responses`` store; its unit is spikes in the window from latency to latency + duration.
    n_neurons : int, optional
        Cells; by default those of all planes. 10,000 cells and 2,800 images shown twice need about 2 GB.
    truth : Path, optional
        Also write the truth: :func:`dina.simulate.truth.write_population_truth`.

    Raises
    ------
    InputError
        If the photographs cannot be read or hold too few crops.
    """
    n_neurons = n_neurons or settings.optics.n_neurons_per_plane * settings.acquisition.n_planes
    with threadpool_limits(1):  # a matrix product may round otherwise when it is split between threads
        simulated = simulate_trials(settings, *scatter_cells(settings, n_neurons))
    scenes, protocol = simulated.scenes, simulated.protocol
    responses = simulated.spike_counts(settings.seed).astype(np.float32)
    split = scenes.split[protocol.image]
    trials = TrialResponses(
        responses=responses,
        image_index=protocol.image,
        repeat=protocol.repeat,
        onset_s=protocol.onset_s,
        split=split,
        images=scenes.images.astype(np.float32) / 255,
        category=scenes.category,
        category_names=scenes.names,
        degrees_per_pixel=scenes.degrees_per_pixel,
        **describe_neurons(responses, protocol.image, protocol.repeat, split),
    )
    with new_store(output) as store:
        write_trials(store, trials)
    if truth is not None:
        with new_store(truth) as store:
            write_population_truth(store, simulated, settings)
