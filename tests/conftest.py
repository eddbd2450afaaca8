"""What the tests of several folders share: one thread, and a small population whose decoding is known to work."""

import numpy as np
import pytest

from dina.recordings.trials import TrialResponses, describe_neurons
from dina.settings import GaborSettings

SMALL_GABOR = GaborSettings(frequencies_cpi=(2.0, 4.0), n_orientations=4, grid=4)
COUNTS = {"train": 160, "validation": 30, "test": 30}


LONGEST = "workflow"  # its tests take as long as half of all others


def folder_of(nodeid: str) -> str:
    """The folder of a test under ``tests``, or its file."""
    return nodeid.split("::")[0].split("/")[1]


def pytest_collection_modifyitems(items):
    """What takes longest begins first, beside all others."""
    items.sort(key=lambda item: folder_of(item.nodeid) != LONGEST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of one folder share fixtures, such as the tiny road: they stay in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return folder_of(nodeid)

    return ByFolder(config, log)


@pytest.fixture(scope="session")
def small_gabor() -> GaborSettings:
    return SMALL_GABOR


@pytest.fixture(scope="session")
def gabor_trials() -> TrialResponses:
    """60 noisy neurons, each following one map of the bank at one place; test and some training images shown twice."""
    import torch

    from dina.models.features import bank_maps
    from dina.models.gabor import GaborBank

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    n_images, n_neurons = sum(COUNTS.values()), 60
    images = rng.random((n_images, 8, 8)).repeat(4, 1).repeat(4, 2).astype(np.float32)
    maps = bank_maps(GaborBank(SMALL_GABOR, (32, 32)), images).flatten(1).numpy()
    signal = maps[:, rng.choice(maps.shape[1], n_neurons, replace=False)]
    signal = (signal - signal.mean(0)) / signal.std(0)
    split_of_image = np.repeat([0, 1, 2], list(COUNTS.values()))
    shown = np.concatenate([np.arange(n_images), np.arange(60), np.flatnonzero(split_of_image == 2)])
    repeat = np.concatenate([np.zeros(n_images), np.ones(len(shown) - n_images)]).astype(np.int16)
    noise = rng.uniform(0.2, 2, n_neurons)
    responses = (signal[shown] + noise * rng.normal(size=(len(shown), n_neurons))).astype(np.float32)
    split = split_of_image[shown].astype(np.uint8)
    image_index = shown.astype(np.int32)
    return TrialResponses(
        responses=responses,
        image_index=image_index,
        repeat=repeat,
        onset_s=np.arange(len(shown)) * 0.8,
        split=split,
        images=images,
        category=(np.arange(n_images) % 3).astype(np.int16),
        category_names=("a", "b", "c"),
        degrees_per_pixel=1.0,
        **describe_neurons(responses, image_index, repeat, split),
    )
