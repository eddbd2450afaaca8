"""The populations on which decoders are compared; fixed before any comparison, and not to be changed after.

Rates are scaled so that the mean signal variance is that of an average (0.10) or a good (0.17) recording; gains are
log-normal, so the median lies far below. No held-out crop shares a pixel with any other crop.
"""

from __future__ import annotations

from pathlib import Path

from dina.code import code_version
from dina.recordings.importers.simulated import import_simulated_responses
from dina.recordings.trials import TrialResponses, read_trials
from dina.settings import PopulationSettings, ProtocolSettings, ScenesSettings, SimulationSettings

SIZES = {"average-2000": (2000, 0.10), "good-2000": (2000, 0.17), "average-10000": (10_000, 0.10)}
OTHER_SIZES = {"average-6000": (6000, 0.10)}  # of other benchmarks; decoders are not compared on them
# Signal variance of the average population: median 0.03, 90th percentile 0.33. Rates: median 0.7 Hz, mean 0.9 Hz.
# Both showings of 300 images match each other, weighted by signal variance, for six in ten.
CELLS = {
    "gain_log_sd": 1.2,
    "share_unresponsive": 0.33,
    "spontaneous_rate_hz": 0.5,
    "spontaneous_log_sd": 0.8,
    "private_gain_log_sd": 0.6,
    "shared_gain_log_sd": 0.4,
}
FAMILIES = {
    "gabor": {"normalisation_strength": 0.0},
    "surround": {"normalisation_strength": 1.0, "surround_strength": 2.0},
    "network": {"cells": "network", "normalisation_strength": 0.0},
}
SEEDS = (1, 2, 3)
DEVELOPMENT_SEEDS = (101, 102)  # on which settings were chosen; never in the results
SCENES = ScenesSettings(n_train=2500, n_validation=300, n_test=300, max_overlap=0.0, crop_px=(32, 64))
PROTOCOL = ProtocolSettings(share_train_repeated=1.0, share_validation_repeated=1.0, test_repeats=2)


def population_names() -> list[str]:
    """Every population, as ``average-2000:gabor``."""
    return [f"{size}:{family}" for size in SIZES for family in FAMILIES]


def simulation(name: str, seed: int) -> tuple[SimulationSettings, int]:
    """Settings of a population by name, and its number of neurons."""
    size, family = name.split(":")
    n_neurons, mean_signal_variance = (SIZES | OTHER_SIZES)[size]
    cells = PopulationSettings(mean_signal_variance=mean_signal_variance, **CELLS, **FAMILIES[family])
    return SimulationSettings(seed=seed, scenes=SCENES, protocol=PROTOCOL, population=cells), n_neurons


def load(name: str, seed: int, cache: Path) -> tuple[TrialResponses, Path]:
    """A population's trials and the store of its truth; simulated where the cache lacks it for the code as it is."""
    folder = cache / f"{name.replace(':', '-')}-{seed}-{code_version(import_simulated_responses.__module__)[:8]}"
    if not (folder / "truth.json").is_file():
        settings, n_neurons = simulation(name, seed)
        import_simulated_responses(settings, folder / "responses", n_neurons=n_neurons, truth=folder / "truth")
    return read_trials(folder / "responses"), folder / "truth"
