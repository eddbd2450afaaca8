"""A small recording on disk, with DINA trained twice and ridge as its rival."""

import pytest

from dina.decoders.fitting import fit_decoder
from dina.recordings.trials import write_trials
from dina.settings import DecodersSettings, DinaModelSettings, DinaSettings, DinaTrainingSettings
from dina.stores import new_store
from dina.training.train import train_dina

DINA = DinaSettings(
    model=DinaModelSettings(
        n_image_components=80, channels=16, n_components=40, core={"channels": 8, "size_px": 16, "epochs": 4}
    ),
    training=DinaTrainingSettings(epochs=2, batch_trials=64),
)
RIVALS = DecodersSettings.model_validate({"ridge": {"size_px": 16}, "convolutional": {"channels": 4, "epochs": 2}})


@pytest.fixture(scope="session")
def recording(gabor_trials, small_gabor, tmp_path_factory):
    """Folder with ``responses``, ``dina/seed-0``, ``dina/seed-1``, ``ridge/seed-0`` and ``convolutional/seed-0``."""
    folder = tmp_path_factory.mktemp("recording")
    with new_store(folder / "responses") as store:
        write_trials(store, gabor_trials)
    for seed in (0, 1):
        train_dina(folder / "responses", folder / f"dina/seed-{seed}", DINA, small_gabor, seed=seed, device="cpu")
    for name in ("ridge", "convolutional"):
        store = folder / name / "seed-0"
        fit_decoder(folder / "responses", store, name, RIVALS, small_gabor, seed=0, device="cpu")
    return folder
