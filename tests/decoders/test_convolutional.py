import numpy as np
import torch

from dina.decoders.convolutional import N_FOLDS, fit_convolutional, linear_pictures
from dina.recordings.trials import TRAIN, VALIDATION
from dina.settings import ConvolutionalSettings

CPU = torch.device("cpu")


def blocks(trials, rng):
    return rng.standard_normal((len(trials.images), 16)).astype(np.float32)


def test_no_training_picture_has_seen_its_own_image(gabor_trials):
    target = blocks(gabor_trials, np.random.default_rng(0))
    image = gabor_trials.image_index[gabor_trials.trials(TRAIN)]
    before = linear_pictures(gabor_trials, target, 1.0)
    own = gabor_trials.image_ids(TRAIN)[7]
    changed = target.copy()
    changed[own] += 5
    after = linear_pictures(gabor_trials, changed, 1.0)
    fold = np.searchsorted(gabor_trials.image_ids(TRAIN), image) % N_FOLDS
    same_fold = fold == fold[image == own][0]
    np.testing.assert_array_equal(after[same_fold], before[same_fold])
    assert np.all(np.abs(after[~same_fold] - before[~same_fold]).max(1) > 1e-4)


def test_the_network_makes_better_pictures_than_its_read_in(gabor_trials):
    settings = ConvolutionalSettings(channels=8, epochs=8, size_px=16, batch_trials=16, learning_rate=3e-3)
    fitted = fit_convolutional(gabor_trials, settings, seed=0, device=CPU)
    chosen = gabor_trials.trials(VALIDATION)
    z, images = gabor_trials.standardised(chosen), gabor_trials.images[gabor_trials.image_index[chosen]]
    shown = fitted.represent(images)
    linear = fitted.sd * (z @ fitted.coefficients + fitted.intercept)
    assert np.mean((fitted.features(z) - fitted.mean - shown) ** 2) < 0.99 * np.mean((linear - shown) ** 2)
