"""Hiding a place loses what only that place told."""

import numpy as np

from dina.ablation.occlusion import occlude, occlusion_map, steps_of
from dina.probing.queries import Queries


class LooksAtOneCorner:
    """A decoder that compares the upper left quarter of the images with the response, as they are."""

    model = None

    def represent(self, images):
        corner = images[:, :8, :8].reshape(len(images), -1)
        corner = corner - corner.mean(1, keepdims=True)
        return corner / np.maximum(np.linalg.norm(corner, axis=1, keepdims=True), 1e-9)

    def embed(self, z):
        return z


def test_only_the_place_that_is_looked_at_matters(monkeypatch):
    images = np.random.default_rng(0).random((12, 16, 16), np.float32)
    decoder = LooksAtOneCorner()
    monkeypatch.setattr(
        "dina.ablation.occlusion.represent_together", lambda seeds, of: [s.represent(of) for s in seeds]
    )
    queries = Queries(decoder.represent(images), np.arange(12))
    found = occlusion_map([decoder, decoder], images, queries, window=0.5, steps=2)
    np.testing.assert_allclose(found.top1, [[1 - 1 / 12, 0], [0, 0]], atol=0.1)
    np.testing.assert_allclose(found.similarity, [[1, 0], [0, 0]], atol=1e-5)


def test_windows_reach_the_edges_and_are_the_images_grey():
    images = np.random.default_rng(1).random((3, 20, 30), np.float32)
    hidden = list(occlude(images, 0.3, 3))
    assert len(hidden) == 9
    changed = [(of != images).all(0) for of in hidden]
    assert changed[0][:6, :9].all() and changed[0].sum() == 54 and changed[8][14:, 21:].all()
    np.testing.assert_allclose(hidden[4][:, 10, 15], images.mean((1, 2)), rtol=1e-5)


def test_detail_says_how_finely():
    assert steps_of(None, "quick") < steps_of(None, "full") and steps_of(5, "full") == 5
