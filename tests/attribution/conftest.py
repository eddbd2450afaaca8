"""A small simulated recording with truth, and DINA trained twice on it."""

import pytest

from dina.recordings.importers.simulated import import_simulated_responses
from dina.settings import (
    DinaModelSettings,
    DinaSettings,
    DinaTrainingSettings,
    GaborSettings,
    PopulationSettings,
    ProtocolSettings,
    ScenesSettings,
    SimulationSettings,
)
from dina.training.train import train_dina

SIMULATION = SimulationSettings(
    scenes=ScenesSettings(n_train=240, n_validation=30, n_test=30, size_px=32),
    population=PopulationSettings(share_unresponsive=0.35, mean_evoked_spikes=4.0, gain_log_sd=0.3),
    protocol=ProtocolSettings(share_train_repeated=0.5),
)
DINA = DinaSettings(
    model=DinaModelSettings(
        n_image_components=150, channels=16, n_components=40, core={"channels": 8, "size_px": 16, "epochs": 4}
    ),
    training=DinaTrainingSettings(epochs=2),
)
GABOR = GaborSettings(frequencies_cpi=(1.5, 3.0, 6.0), n_orientations=6)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """Folder with ``responses`` of 60 neurons, some silent, their ``truth``, ``dina/seed-0`` and ``dina/seed-1``."""
    folder = tmp_path_factory.mktemp("simulated")
    import_simulated_responses(SIMULATION, folder / "responses", n_neurons=60, truth=folder / "truth")
    for seed in (0, 1):
        train_dina(folder / "responses", folder / f"dina/seed-{seed}", DINA, GABOR, seed=seed, device="cpu")
    return folder
