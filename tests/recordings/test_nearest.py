"""How often a response is nearest to another response to the same image."""

import numpy as np
import zarr

from dina.recordings.nearest import nearest_neighbour


def test_against_a_slow_loop_in_memory_and_in_parts():
    rng = np.random.default_rng(0)
    image = np.concatenate([rng.permutation(20) for _ in range(3)] + [[20]])  # shown three times, the last once
    signal = rng.normal(0, 1, (21, 30))
    responses = (5 + signal[image] + rng.normal(0, 3, (len(image), 30))).astype(np.float32)
    centred = responses - responses.mean(0)
    correct = 0
    for k in range(20):
        shown = np.flatnonzero(image == k)
        others = [centred[np.flatnonzero(image == j)[1:]].mean(0) for j in range(20)]
        correct += np.argmax([centred[shown[:1]].mean(0) @ other for other in others]) == k
    assert 0 < correct < 20
    assert nearest_neighbour(responses, image) == correct / 20
    parts = zarr.array(responses, chunks=(8, 7))
    assert nearest_neighbour(parts, image) == correct / 20


def test_without_repeats_there_is_none():
    assert np.isnan(nearest_neighbour(np.ones((3, 2), np.float32), np.arange(3)))
