"""Small stores as the stages write them, with a truth where one exists."""

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.imaging.rois import Footprints
from dina.recordings.trials import TrialResponses, describe_neurons, write_trials

SIZE, RADIUS, FRAMES, RATE_HZ = 48, 4, 600, 5.0
CENTRES = np.array([[10, 10], [10, 34], [30, 12], [34, 36]])


def discs(centres):
    """Footprints of round cells."""
    y, x = np.mgrid[:SIZE, :SIZE]
    pixels = [np.flatnonzero(np.hypot(y - cy, x - cx).ravel() <= RADIUS).astype(np.int32) for cy, cx in centres]
    indptr = np.r_[0, np.cumsum([len(pixel) for pixel in pixels])].astype(np.int64)
    return Footprints(indptr, np.concatenate(pixels), np.ones(indptr[-1], np.float32))


@pytest.fixture(scope="session")
def imaging(tmp_path_factory):
    """Session, registered planes and truth: two planes of three ROIs on four neurons, the last of which is missed."""
    folder, rng = tmp_path_factory.mktemp("imaging"), np.random.default_rng(0)
    motion = rng.normal(0, 1.5, (2, FRAMES, 2))
    found = discs(CENTRES[:3])
    table = pd.DataFrame(
        {
            "neuron": np.arange(6),
            "plane": np.repeat([0, 1], 3),
            "roi": np.tile(np.arange(3), 2),
            "y_px": np.tile(CENTRES[:3, 0], 2).astype(float),
            "x_px": np.tile(CENTRES[:3, 1], 2).astype(float),
            "skewness": rng.uniform(0.5, 5, 6),
        }
    )
    spikes = rng.random((8, FRAMES)) < 0.05
    neuron, frame = np.nonzero(spikes)
    events = np.concatenate([spikes[:3], spikes[4:7]]).astype(np.float32)
    with stores.new_store(folder / "session") as store:
        stores.write_array(store, "deconvolved", events * rng.uniform(1, 9, events.shape))
        stores.write_array(store, "dff", events + rng.normal(0, 0.1, events.shape))
        times = (np.arange(FRAMES) + np.array([[0], [0.5]])) / RATE_HZ
        stores.write_array(store, "frame_time_s", times, unit="s")
        stores.write_array(store, "mean_image", rng.gamma(5, 20, (2, SIZE, SIZE)))
        Footprints.join([found, found]).write(store)
        stores.write_table(store, "neurons", table)
        stores.write_table(store, "rois", table.assign(rejected=""))
        stores.write_attributes(store, {"planes": [0, 1], "volume_rate_hz": RATE_HZ, "pixel_size_um": 2.0})
    for plane in (0, 1):
        with stores.new_store(folder / f"registered-{plane}") as store:
            stores.write_array(store, "rigid_offsets_px", np.round(motion[plane] - (2, -1)).astype(np.int16))
            stores.write_attributes(store, {"crispness_raw": 0.05, "crispness": 0.08, "residual_motion_px": 0.1})
    with stores.new_store(folder / "truth") as store:
        true = discs(CENTRES - (2, -1))
        both = Footprints.join([true, true])
        for name in ("indptr", "pixel", "weight"):
            stores.write_array(store, f"footprint_{name}", getattr(both, name))
        stores.write_array(store, "center_px", np.tile(CENTRES - (2, -1), (2, 1)).astype(float))
        stores.write_array(store, "plane", np.repeat([0, 1], 4))
        stores.write_array(store, "motion_px", motion)
        stores.write_array(store, "spike_time_s", frame / RATE_HZ, unit="s")
        stores.write_array(store, "spike_neuron", neuron.astype(np.int32))
        stores.write_attributes(store, {"height_px": SIZE, "width_px": SIZE, "soma_diameter_px": 2 * RADIUS})
    return folder


def write_responses(path, *, repeats):
    """A store of trial responses; ``repeats`` showings of each image."""
    rng = np.random.default_rng(1)
    n_images, n_neurons = 60, 25
    image = np.tile(np.arange(n_images), repeats).astype(np.int32)
    repeat = np.repeat(np.arange(repeats), n_images).astype(np.int16)
    split = np.repeat([0, 1, 2], [40, 5, 15]).astype(np.uint8)[image]
    tuned = rng.gamma(1, 2, (n_images, n_neurons))
    responses = (tuned[image] + rng.gamma(1, 2, (len(image), n_neurons))).astype(np.float32)
    trials = TrialResponses(
        responses=responses,
        image_index=image,
        repeat=repeat,
        onset_s=np.arange(len(image)) * 0.8,
        split=split,
        images=rng.random((n_images, 16, 16), np.float32),
        category=(np.arange(n_images) % 3).astype(np.int16),
        category_names=("a", "b", "c"),
        degrees_per_pixel=2.5,
        **describe_neurons(responses, image, repeat, split),
    )
    variance = rng.beta(1, 4, n_neurons) if repeats > 1 else np.full(n_neurons, np.nan)
    with stores.new_store(path) as store:
        write_trials(store, trials)
        stores.write_array(store, "signal_variance", variance)
    return path
