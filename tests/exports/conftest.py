"""A recording of two planes as it stands at the end of the road, of made-up stores."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dina import stores
from dina.exports.nwb_planes import PlaneStores
from dina.imaging.rois import Footprints
from dina.recordings.session import assemble_session
from dina.recordings.trials import write_trials
from dina.settings import SessionSettings

HEIGHT, WIDTH, N_FRAMES, RATE_HZ = 20, 30, 60, 5.0
STORES = ("registered", "rois", "traces", "activity")
ROW = {"recording": "m1", "subject": None, "session": "s1", "source": "movie", "indicator": "GCaMP6f"}
ROW["image_duration_s"] = 0.5


@dataclass(frozen=True)
class Recording:
    """The stores of one recording."""

    folder: Path

    @property
    def session(self):
        return self.folder / "session"

    @property
    def responses(self):
        return self.folder / "responses"

    def store(self, plane, name):
        return self.folder / f"plane-{plane}" / name

    @property
    def planes(self):
        return [PlaneStores(p, *(self.store(p, name) for name in STORES)) for p in (0, 1)]

    def suite2p(self, plane):
        """The arguments of ``export_suite2p``."""
        return *(self.store(plane, name) for name in STORES), self.session

    def assemble(self, **curation):
        paths = zip(*(plane.paths[1:] for plane in self.planes), strict=True)
        assemble_session(self.folder / "movie", *map(list, paths), self.session, SessionSettings(), **curation)


def write_plane(recording, number, n_rois, n_frames):
    """One plane's four stores; the last ROI is too small for a neuron, the first has no dF/F, frame 7 is masked."""
    rng = np.random.default_rng(number)
    about = {"n_frames": n_frames, "height_px": HEIGHT, "width_px": WIDTH, "volume_rate_hz": RATE_HZ}
    about |= {"pixel_size_um": 1.5, "plane": number, "pixel_scale": 1.0, "diameter_px": 8.0}
    seen = {"visible_rows": [2, HEIGHT - 1], "visible_columns": [1, WIDTH - 2]}
    valid = np.arange(n_frames) != 7
    mean = rng.random((HEIGHT, WIDTH)).astype(np.float32)
    n_pixels = rng.integers(20, 40, n_rois)
    pixel = np.concatenate([np.sort(rng.choice(HEIGHT * WIDTH, n, replace=False)) for n in n_pixels]).astype(np.int32)
    footprints = Footprints(np.r_[0, np.cumsum(n_pixels)], pixel, rng.random(len(pixel)).astype(np.float32) + 0.1)
    ones = np.ones(n_rois, np.float32)
    usable = np.arange(n_rois) > 0
    contents = {
        "registered": {"valid_frames": valid, "mean_image_structural": mean + 2},
        "rois": {
            "centroid_px": rng.random((n_rois, 2)) * 10,
            "n_pixels": n_pixels,
            "n_soma_pixels": np.r_[np.full(n_rois - 1, 50), 3],
            "radius_px": 3 * ones,
            "aspect_ratio": 1.1 * ones,
            "compactness": 1.05 * ones,
            "relative_size": ones,
            "contrast": 0 * ones,
            "mean_image": mean,
            "max_projection": mean + 1,
            "red_probability": np.linspace(0.5, 0.8, n_rois),
            "red": np.linspace(0.5, 0.8, n_rois) > 0.65,
        },
        "traces": {
            "fluorescence": 100 + rng.random((n_rois, n_frames)),
            "neuropil": 50 + rng.random((n_rois, n_frames)),
            "skewness": 1.5 * ones,
            "cell_probability": np.linspace(0.4, 0.9, n_rois),
        },
        "activity": {
            "dff": rng.random((n_rois, n_frames)) * usable[:, None],
            "deconvolved": rng.random((n_rois, n_frames)),
            "noise_level": ones,
            "usable": usable,
            "valid_frames": valid,
        },
    }
    for name, arrays in contents.items():
        with stores.new_store(recording.store(number, name)) as store:
            for array, values in arrays.items():
                unit = "stored value" if array in ("fluorescence", "neuropil", "deconvolved") else ""
                stores.write_array(store, array, values, unit=unit)
            more = {"registered": seen, "activity": {"deconvolution": "oasis", "lag_s": 0.04}}.get(name, {})
            stores.write_attributes(store, about | more)
            if name == "rois":
                footprints.write(store)
            if name == "registered":
                (store / "frames.int16").write_bytes(np.zeros((n_frames, HEIGHT, WIDTH), "<i2").tobytes())


def write_recording(folder, trials):
    recording = Recording(folder)
    write_plane(recording, 0, 4, N_FRAMES)
    write_plane(recording, 1, 3, N_FRAMES + 1)
    times = np.arange(N_FRAMES) / RATE_HZ + np.array([[0.0], [0.1]])
    times[1, 30:] += 0.7  # frames that were lost
    with stores.new_store(folder / "movie") as store:
        stores.write_array(store, "frame_time_s", times, unit="s")
        stores.write_array(store, "volume_time_s", times[0], unit="s")
        sizes = {"height_px": HEIGHT, "width_px": WIDTH, "volume_rate_hz": RATE_HZ, "n_gaps": 1, "longest_gap_s": 0.9}
        stores.write_attributes(store, {"planes": [0, 1], "n_frames": N_FRAMES} | sizes)
    recording.assemble()
    with stores.new_store(recording.responses) as store:
        write_trials(store, trials)
    return recording


@pytest.fixture(scope="session")
def recording(gabor_trials, tmp_path_factory):
    return write_recording(tmp_path_factory.mktemp("recording"), gabor_trials)
