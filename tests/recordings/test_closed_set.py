"""A closed set, few images shown often, split by presentation cycle: from the log to every consumer's assumptions."""

import numpy as np
import pandas as pd
import pytest
import torch

from dina import stores
from dina.decoders.convolutional import linear_pictures
from dina.decoders.dina import DinaDecoder
from dina.decoders.encoding import fit_encoding
from dina.decoders.ridge import fit_ridge
from dina.errors import InputError
from dina.models.features import fit_feature_space
from dina.probing.identification import probe_identification
from dina.probing.queries import averaged_trials, single_trials, top1_by_image
from dina.recordings.splits import split_cycles
from dina.recordings.stimuli import count_repeats, prepare_stimuli, read_stimuli
from dina.recordings.trials import TEST, TRAIN, VALIDATION, TrialResponses, describe_neurons, write_trials
from dina.settings import (
    DinaModelSettings,
    DinaSettings,
    DinaTrainingSettings,
    ProbingSettings,
    RidgeSettings,
    StimuliSettings,
)
from dina.training.local_encoding import fit_local_encoding
from dina.training.train import fit_dina

N_IMAGES, N_CYCLES, N_NEURONS = 6, 12, 40
DEVICE = torch.device("cpu")


@pytest.fixture(scope="module")
def closed_set():
    """Tuned neurons, a third of them noise alone: 6 images in 12 cycles, each in an order of its own."""
    rng = np.random.default_rng(0)
    images = rng.random((N_IMAGES, 8, 8)).repeat(4, 1).repeat(4, 2).astype(np.float32)
    image_index = np.concatenate([rng.permutation(N_IMAGES) for _ in range(N_CYCLES)]).astype(np.int32)
    tuning = rng.normal(size=(N_IMAGES, N_NEURONS)) * (np.arange(N_NEURONS) % 3 > 0)
    responses = (tuning[image_index] + rng.normal(size=(len(image_index), N_NEURONS))).astype(np.float32)
    repeat = count_repeats(image_index)
    split = split_cycles(image_index, repeat, 0.1, 0.25)
    return TrialResponses(
        responses=responses,
        image_index=image_index,
        repeat=repeat,
        onset_s=np.arange(len(image_index), dtype=float),
        split=split,
        images=images,
        category=np.full(N_IMAGES, -1, np.int16),
        category_names=(),
        degrees_per_pixel=None,
        **describe_neurons(responses, image_index, repeat, split, stabilised=False),
    )


def test_every_image_is_on_every_side_by_whole_cycles_in_order_of_time(closed_set):
    assert closed_set.is_closed_set
    for side, cycles in ((TRAIN, range(8)), (VALIDATION, range(8, 9)), (TEST, range(9, 12))):
        np.testing.assert_array_equal(closed_set.image_ids(side), np.arange(N_IMAGES))
        assert set(closed_set.repeat[closed_set.trials(side)]) == set(cycles)
    last = [closed_set.onset_s[closed_set.trials(side)].max() for side in (TRAIN, VALIDATION, TEST)]
    assert last == sorted(last)


def test_images_shown_unequally_often_keep_their_shares():
    image_index = np.repeat([0, 1, 2], [4, 10, 40])
    split = split_cycles(image_index, count_repeats(image_index), 0.1, 0.2)
    counts = [np.bincount(split[image_index == image]).tolist() for image in range(3)]
    assert counts == [[2, 1, 1], [7, 1, 2], [28, 4, 8]]


def test_too_few_showings_are_refused_by_the_row_of_the_first():
    image_index = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 2])
    with pytest.raises(InputError, match=r"log.csv, row 3: found an image shown 3 times, 1 of 3 images.*four times"):
        split_cycles(image_index, count_repeats(image_index), 0.1, 0.1, "log.csv")
    with pytest.raises(InputError, match="lower the shares"):
        split_cycles(np.tile(np.arange(4), 4), np.repeat(np.arange(4), 4), 0.4, 0.4)


def test_a_log_of_few_images_becomes_a_closed_set_on_request(tmp_path):
    np.save(tmp_path / "images.npy", (np.random.default_rng(0).random((8, 32, 32)) * 255).astype(np.uint8))
    pd.DataFrame({"onset_s": np.arange(80.0), "image": np.tile(np.arange(8), 10)}).to_csv(
        tmp_path / "log.csv", index=False
    )
    where = tmp_path / "log.csv", tmp_path / "images.npy", tmp_path / "stimuli"
    with pytest.raises(InputError, match="8 that are not near-duplicates"):
        prepare_stimuli(*where, StimuliSettings(image_size_px=32))
    prepare_stimuli(*where, StimuliSettings(image_size_px=32, split_by="cycles"))
    shown = read_stimuli(tmp_path / "stimuli")
    np.testing.assert_array_equal(shown.split.reshape(10, 8), np.repeat([0] * 8 + [1, 2], 8).reshape(10, 8))


def test_a_logs_own_split_by_trial_is_refused_with_the_way_out(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((8, 32, 32), np.uint8))
    side = np.repeat(["train", "validation", "test"], [64, 8, 8])
    log = pd.DataFrame({"onset_s": np.arange(80.0), "image": np.tile(np.arange(8), 10), "split": side})
    log.to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(InputError, match="stimuli.split_by: cycles"):
        prepare_stimuli(tmp_path / "log.csv", tmp_path / "images.npy", tmp_path / "stimuli", StimuliSettings())


def test_reliability_is_measured_from_few_images_shown_often(closed_set):
    tuned = np.arange(N_NEURONS) % 3 > 0
    assert closed_set.reliability_source.startswith("signal variance over 6 training images, shown 8.0 times")
    assert closed_set.reliability[tuned].mean() > 2 * closed_set.reliability[~tuned].mean()


def test_the_closed_form_leaves_out_trials_and_is_what_refitting_without_them_gives(closed_set, small_gabor):
    settings = DinaModelSettings(penalties=(5.0,), field_widths=())
    space, scores = fit_feature_space(small_gabor, closed_set.images, 600, DEVICE)
    encoding = fit_local_encoding(closed_set, space, scores, settings)
    train = closed_set.trials(TRAIN)
    x, y = scores[closed_set.image_index[train]].astype(float), closed_set.standardised(train, weighted=False)
    # the prior of :func:`_priors` that has no place is the identity, in units of the images' mean power
    x = x / np.sqrt(np.sum(scores.astype(float) ** 2) / len(scores))
    held_out = np.empty(y.shape)
    for trial in range(len(x)):
        rest = np.delete(np.arange(len(x)), trial)
        gram = x[rest].T @ x[rest] + 5 * np.eye(x.shape[1])
        held_out[trial] = x[trial] @ np.linalg.solve(gram, x[rest].T @ y[rest])
    shown = closed_set.image_index[train]
    by_image = np.stack([held_out[shown == image].mean(0) for image in range(N_IMAGES)])
    np.testing.assert_allclose(encoding.held_out.numpy(), by_image, atol=2e-4)
    n_showings = len(train) / N_IMAGES
    np.testing.assert_allclose(encoding.error.numpy(), n_showings * np.mean((y - held_out) ** 2, axis=0), rtol=2e-3)


def test_dina_and_the_encoding_model_tell_known_images_apart(closed_set, small_gabor):
    settings = DinaSettings(
        model=DinaModelSettings(channels=8, n_components=20, field_widths=()),
        training=DinaTrainingSettings(epochs=10, batch_trials=32),
    )
    model, _ = fit_dina(closed_set, settings, small_gabor, seed=0, device=DEVICE)
    for decoder in (DinaDecoder(model, {}), fit_encoding(closed_set, RidgeSettings(), small_gabor, DEVICE)):
        for asked, least in ((single_trials(closed_set), 0.8), (averaged_trials(closed_set), 0.95)):
            scores = decoder.scores(asked.z, closed_set.images[closed_set.image_ids(TEST)])
            assert scores.shape[1] == N_IMAGES
            assert top1_by_image(scores, asked.true).mean() >= least


def test_pictures_of_training_trials_are_made_without_their_cycle(closed_set):
    pixels = closed_set.images.reshape(N_IMAGES, -1) - closed_set.images.mean(0).ravel()
    shown = closed_set.image_index[closed_set.trials(TRAIN)]
    made = linear_pictures(closed_set, pixels, 0.3)
    error = [((made - pixels[np.roll(np.arange(N_IMAGES), k)][shown]) ** 2).mean() for k in range(N_IMAGES)]
    assert np.argmin(error) == 0 and error[0] < 0.5 * np.min(error[1:])


def test_the_gallery_of_a_probe_is_the_whole_set(closed_set, tmp_path):
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, closed_set)
    with stores.new_store(tmp_path / "ridge/seed-0") as store:
        fit_ridge(closed_set, RidgeSettings(size_px=8)).save(store)
    settings = ProbingSettings(n_bootstrap=100, pool_sizes=(2,))
    probe_identification(
        tmp_path / "responses", [tmp_path / "ridge/seed-0"], tmp_path / "found", settings, device="cpu"
    )
    table = stores.read_table(tmp_path / "found", "scores")
    top1 = table[(table["metric"] == "top1") & (table["pool_size"] == N_IMAGES)].set_index(["decoder", "trial_mode"])
    assert top1.loc[("ridge", "averaged"), "value"] == 1 and (top1["chance"] == 1 / N_IMAGES).all()
    assert top1.loc[("template", "single"), "value"] > 2 / N_IMAGES
