import numpy as np
import torch

from dina.models.features import fit_feature_space, restore_feature_space
from dina.settings import GaborSettings

GABOR = GaborSettings(frequencies_cpi=(2.0, 4.0), n_orientations=2, grid=4)
IMAGES = np.random.default_rng(0).random((30, 32, 32), np.float32)


def test_components_of_training_images_are_white_and_complete():
    space, scores = fit_feature_space(GABOR, IMAGES, 100, torch.device("cpu"))
    np.testing.assert_allclose(space.components(IMAGES), scores, atol=1e-2 * scores.std())
    np.testing.assert_allclose(np.cov(space.whitened(IMAGES).T, bias=True), np.eye(scores.shape[1]), atol=0.02)
    np.testing.assert_allclose(space.loadings @ space.loadings.T, np.eye(scores.shape[1]), atol=1e-3)
    assert scores.shape[1] == 29
    rebuilt = torch.from_numpy(scores) @ space.loadings
    torch.testing.assert_close(rebuilt, space.maps(IMAGES), atol=0.02, rtol=0.02)


def test_a_restored_space_gives_the_same_components():
    space, _ = fit_feature_space(GABOR, IMAGES, 10, torch.device("cpu"))
    again = restore_feature_space(GABOR, (32, 32), space.tensors())
    np.testing.assert_array_equal(again.whitened(IMAGES), space.whitened(IMAGES))


def test_where_nothing_is_shown_counts_for_nothing():
    """Grey bars above and below: what little varies there must not be blown up to what photographs do."""
    rng = np.random.default_rng(0)
    images = np.full((60, 64, 64), 0.5, np.float32)
    images[:, 16:48] += 0.2 * rng.standard_normal((60, 32, 64)).astype(np.float32)
    settings = GaborSettings(frequencies_cpi=(6.0, 12.0), n_orientations=4)
    space, _ = fit_feature_space(settings, images, 40, torch.device("cpu"))
    weight = space.loadings.square().sum(0).reshape(-1, 8, 8).sum(0)
    assert weight[[0, 7]].mean() < 0.3 * weight[3:5].mean()
