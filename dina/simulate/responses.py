"""Trials of a simulated population: scenes, protocol, cells and the spikes that images evoke."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dina.settings import SimulationSettings
from dina.simulate.population import Population, draw_population
from dina.simulate.protocol import Protocol, draw_protocol
from dina.simulate.scenes import Scenes, make_scenes
from dina.simulate.seeds import generator
from dina.simulate.tuning import evoked_counts
from dina.simulate.variability import draw_evoked_spikes, draw_spontaneous_spikes, shared_gain


@dataclass(frozen=True)
class SimulatedTrials:
    """What was shown, to which cells, and how they answered.

    Attributes
    ----------
    expected_count : (images, neurons) float32, spikes that an image evokes in the response window at unit
        gain; spontaneous ones come on top
    spontaneous_count : (neurons,) float32, expected spontaneous spikes in the response window
    shared_gain : (trials,) float32, mean 1
    evoked_spikes : (trials, neurons) uint16, spikes evoked on each trial
    """

    scenes: Scenes
    protocol: Protocol
    population: Population
    expected_count: np.ndarray
    spontaneous_count: np.ndarray
    shared_gain: np.ndarray
    evoked_spikes: np.ndarray

    def spike_counts(self, seed: int) -> np.ndarray:
        """(trials, neurons) uint16 spikes in the response window, evoked and spontaneous."""
        return self.evoked_spikes + draw_spontaneous_spikes(self.spontaneous_count, len(self.protocol), seed)


def simulate_trials(settings: SimulationSettings, center_px: np.ndarray, plane: np.ndarray) -> SimulatedTrials:
    """Show images to cells at given places; memory is some (images + trials) × neurons × 4 bytes.

    The response window of a trial is ``[onset + latency, onset + latency + duration)``.

    Parameters
    ----------
    center_px : (neurons, 2) positions in the field of view, y, x
    plane : (neurons,)

    Raises
    ------
    InputError
        If the photographs cannot be used.
    """
    seed, duration_s = settings.seed, settings.protocol.duration_s
    scenes = make_scenes(settings.scenes, seed)
    protocol = draw_protocol(settings.protocol, scenes.split, seed)
    population = draw_population(
        settings.population,
        center_px,
        plane,
        field_px=(settings.optics.height_px, settings.optics.width_px),
        pixel_size_um=settings.optics.pixel_size_um,
        image_width_deg=settings.scenes.width_deg,
        seed=seed,
    )
    expected = evoked_counts(
        settings.population,
        population,
        scenes.images,
        width_deg=settings.scenes.width_deg,
        duration_s=duration_s,
        seed=seed,
    )
    gain = shared_gain(settings.population, protocol.onset_s, seed)
    return SimulatedTrials(
        scenes=scenes,
        protocol=protocol,
        population=population,
        expected_count=expected,
        spontaneous_count=population.spontaneous_rate_hz * np.float32(duration_s),
        shared_gain=gain,
        evoked_spikes=draw_evoked_spikes(settings.population, expected, protocol.image, gain, seed),
    )


def scatter_cells(settings: SimulationSettings, n_neurons: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (neurons, 2) y, x px and planes (neurons,) of cells that are never imaged: anywhere, evenly."""
    optics, n_planes = settings.optics, settings.acquisition.n_planes
    center_px = generator(settings.seed, "positions").uniform(0, [optics.height_px, optics.width_px], (n_neurons, 2))
    return center_px, np.arange(n_neurons) * n_planes // n_neurons
