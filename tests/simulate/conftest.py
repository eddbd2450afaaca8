"""Small photographs and a tiny recording that the simulation's tests share."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from dina.settings import SimulationSettings
from dina.simulate.recording import simulate_recording


def write_photographs(folder, n=4, side=240):
    """Photographs of random structure at several scales."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    for k in range(n):
        noise = sum(scale * gaussian_filter(rng.standard_normal((side, side)), scale) for scale in (1, 3, 9))
        levels = np.clip(128 + 50 * noise / noise.std(), 0, 255)
        Image.fromarray(levels.astype(np.uint8)).save(folder / f"scene-{k}.png")
    return folder


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    return write_photographs(tmp_path_factory.mktemp("photographs"))


def tiny_settings(photographs, **changes):
    """Two planes of six cells, some forty trials."""
    values = {
        "scenes": {
            "photographs": str(photographs),
            "n_train": 16,
            "n_validation": 4,
            "n_test": 4,
            "size_px": 16,
            "crop_px": (24, 40),
        },
        "protocol": {"duration_s": 0.4, "gap_s": 0.2, "lead_s": 1.0},
        "optics": {"height_px": 64, "width_px": 72, "n_neurons_per_plane": 6, "n_vessels": 1, "drift_um": 1.5},
        "acquisition": {"n_planes": 2, "volume_rate_hz": 5.0},
    }
    for section, fields in changes.items():
        values[section] = values.get(section, {}) | fields if isinstance(fields, dict) else fields
    return SimulationSettings(**values)


@pytest.fixture(scope="session")
def recording(tmp_path_factory, photographs):
    """Settings and the folder that holds ``raw`` and ``truth``."""
    folder = tmp_path_factory.mktemp("recording")
    settings = tiny_settings(photographs)
    simulate_recording(folder / "raw", folder / "truth", settings)
    return settings, folder
