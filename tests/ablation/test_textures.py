"""Textures have their images' statistics and nothing of their arrangement."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from dina import stores
from dina.ablation.textures import n_scales_of, read_textures, synthesise_textures, textures_of, workable_size
from dina.recordings.trials import TEST
from dina.settings import TextureSettings

CPU = torch.device("cpu")
SIZE = 32


@pytest.fixture(scope="module")
def blobs():
    """Noise of three grains: what a texture keeps; where its blobs lie: what it does not."""
    noise = np.random.default_rng(5).standard_normal((3, SIZE, SIZE))
    grains = np.stack([gaussian_filter(of, sd, mode="wrap") for of, sd in zip(noise, (0.6, 1.0, 1.6), strict=True)])
    return (0.5 + 0.15 * grains / grains.std((1, 2), keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def made(blobs):
    return textures_of(blobs, np.arange(3), n_steps=40, seed=0, device=CPU)


def test_statistics_are_matched_and_places_are_not(blobs, made):
    textures, error = made
    assert (error < 0.02).all()
    steps = [np.abs(np.diff(of)).mean((1, 2)) / of.std((1, 2)) for of in (textures, blobs)]
    np.testing.assert_allclose(*steps, rtol=0.25)
    assert max(abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in zip(textures, blobs, strict=True)) < 0.4


def test_images_of_a_batch_do_not_influence_each_other(blobs, made):
    alone = textures_of(blobs[1:2], np.array([1]), n_steps=40, seed=0, device=CPU)[0]
    assert np.abs(alone - made[0][1:2]).mean() < 0.02 * blobs.std()  # but for rounding, which steps amplify
    again = textures_of(blobs, np.arange(3), n_steps=40, seed=0, device=CPU)[0]
    np.testing.assert_array_equal(again, made[0])


def test_a_band_without_variance_is_not_asked_for():
    x = np.arange(SIZE) / SIZE
    grating = np.tile(0.5 + 0.2 * np.sin(2 * np.pi * 8 * x), (1, SIZE, 1)).astype(np.float32)
    textures, error = textures_of(
        np.concatenate([grating, np.full_like(grating, 0.5)]), np.arange(2), n_steps=3, seed=0, device=CPU
    )
    assert np.isfinite(textures).all() and np.isfinite(error).all()


def test_as_many_scales_as_the_size_allows():
    assert [n_scales_of((size, size)) for size in (8, 16, 32, 64, 128, 256)] == [1, 1, 2, 3, 4, 4]
    assert workable_size(32, (64, 64)) == (32, 32)
    assert workable_size(36, (36, 64)) == (36, 64)
    assert workable_size(34, (68, 70)) == (32, 36)


def test_the_store_holds_some_test_images_or_all(recording, gabor_trials, tmp_path):
    few = TextureSettings(n_images=5, n_steps=2)
    synthesise_textures(recording / "responses", tmp_path / "few", few, detail="quick", device="cpu")
    filtered, rows = read_textures(stores.checked(tmp_path / "few", verify=True), gabor_trials.images)
    assert len(rows) == 5 and np.isin(rows, gabor_trials.image_ids(TEST)).all()
    np.testing.assert_allclose(filtered.images.std((1, 2)), gabor_trials.images[rows].std((1, 2)), rtol=1e-3)
    every = TextureSettings(n_steps=1, size_px=16)
    synthesise_textures(recording / "responses", tmp_path / "every", every, detail="full", device="cpu")
    assert stores.read_array(tmp_path / "every", "textures").shape == gabor_trials.images.shape
    assert stores.read_attributes(tmp_path / "every") == {"size_px": [16, 16], "n_scales": 1, "n_steps": 1}
