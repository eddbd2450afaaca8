"""A recording whose answers are known: every neuron is one pixel of the image, plus noise."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dina.recordings.trials import TEST, TRAIN, VALIDATION, TrialResponses, describe_neurons

SIZE = 8


@pytest.fixture(scope="session")
def trials():
    rng = np.random.default_rng(0)
    n = np.array([120, 20, 30])
    category = (np.arange(n.sum()) % 3).astype(np.int16)
    images = gaussian_filter(rng.normal(size=(n.sum(), SIZE, SIZE)), (0, 1, 1)) * 0.3 + 0.5
    images += category[:, None, None] * np.linspace(-0.05, 0.05, SIZE)
    images = np.clip(images, 0, 1).astype(np.float32)
    side = np.repeat([TRAIN, VALIDATION, TEST], n).astype(np.uint8)
    index = np.tile(np.arange(n.sum()), 2).astype(np.int32)
    repeat = np.repeat([0, 1], n.sum()).astype(np.int16)
    signal = images.reshape(len(images), -1)[index]
    responses = (signal + 0.05 * rng.normal(size=signal.shape)).astype(np.float32)
    return TrialResponses(
        responses=responses,
        image_index=index,
        repeat=repeat,
        onset_s=np.arange(len(index), dtype=float),
        split=side[index],
        images=images,
        category=category,
        category_names=("a", "b", "c"),
        degrees_per_pixel=1.0,
        **describe_neurons(responses, index, repeat, side[index]),
    )
