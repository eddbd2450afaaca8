from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from dina.decoders.dina import DinaDecoder
from dina.errors import InputError
from dina.recordings.leaks import give_away
from dina.recordings.trials import TEST, TRAIN, VALIDATION, write_trials
from dina.settings import DinaModelSettings, DinaSettings, PretrainingSettings
from dina.stores import checked, new_store, read_table
from dina.training.pretraining import fit_tower, pretrain_tower
from dina.training.shared import SharedTower, read_shared
from dina.training.train import fit_dina, train_dina
from dina.training.unlabelled import unlabelled_pictures
from tests.simulate.conftest import write_photographs
from tests.training.test_train import SHORT

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return write_photographs(tmp_path_factory.mktemp("unlabelled"), n=3, side=160)


def settings_of(*sources, **changes):
    pretraining = {"n_crops": 150, "crop_px": (32, 64), "epochs": 6, "batch_trials": 16, "learning_rate": 5e-3}
    return DinaSettings(
        model=DinaModelSettings(image_tower="learned", channels=8, n_components=20),
        training=SHORT,
        pretraining=pretraining | {"photographs": tuple(map(str, sources))} | changes,
    )


def collect(trials, settings):
    return unlabelled_pictures(trials, settings.pretraining, seed=0, device="cpu")


def test_pictures_have_size_mean_and_contrast_of_the_training_images(gabor_trials, photographs):
    pictures, left_out = collect(gabor_trials, settings_of(photographs))
    own = gabor_trials.images[gabor_trials.image_ids(TRAIN)]
    assert pictures.shape[1:] == own.shape[1:] and pictures.dtype == np.float32 and not left_out
    assert 100 < len(pictures) <= 151
    assert pictures.mean() == pytest.approx(own.mean(), abs=0.02)
    assert pictures.std((1, 2)).mean() == pytest.approx(own.std((1, 2)).mean(), rel=0.1)


def test_own_training_images_are_taken_and_no_others(gabor_trials):
    pictures, _ = collect(gabor_trials, settings_of("recording"))
    np.testing.assert_array_equal(pictures, gabor_trials.images[gabor_trials.image_ids(TRAIN)])
    also, _ = collect(gabor_trials, settings_of("recording", "installed"))
    np.testing.assert_array_equal(also[: len(pictures)], pictures)
    assert len(also) > len(pictures) + 100


@pytest.mark.parametrize("side", [VALIDATION, TEST])
@pytest.mark.parametrize("shift", [0, 12])
def test_a_photograph_that_was_shown_is_left_out_whole(gabor_trials, photographs, tmp_path, side, shift):
    """A held-out image is cut from it, as it is or mirrored and off the crops by a third."""
    grey = np.asarray(Image.open(photographs / "scene-1.png"), np.float32) / 255
    images = gabor_trials.images.copy()
    shown = grey[40 : 40 + 32, 50 + shift : 82 + shift]
    images[gabor_trials.image_ids(side)[3]] = shown[:, ::-1] if shift else shown
    settings = settings_of(photographs, crop_px=(32, 32), n_crops=900)
    with pytest.warns(UserWarning, match="scene-1 are left out, since they show validation or test images"):
        pictures, left_out = collect(replace(gabor_trials, images=images), settings)
    assert left_out == ["scene-1"]
    others, _ = collect(gabor_trials, settings)
    assert 0.5 * len(others) < len(pictures) < 0.75 * len(others)


def test_a_photograph_is_left_out_for_what_it_shows_at_another_scale(gabor_trials, photographs):
    """No crop is like it: the image is half of the photograph, the crops are fifths."""
    images = gabor_trials.images.copy()
    shown = Image.open(photographs / "scene-2.png").resize((32, 32), Image.Resampling.LANCZOS, box=(40, 40, 120, 120))
    images[gabor_trials.image_ids(TEST)[3]] = np.asarray(shown, np.float32) / 255
    with pytest.warns(UserWarning, match="scene-2 are left out"):
        _, left_out = collect(replace(gabor_trials, images=images), settings_of(photographs, crop_px=(32, 32)))
    assert left_out == ["scene-2"]


def test_what_gives_a_held_out_image_away(gabor_trials):
    images = gabor_trials.images[:20]
    held_out = np.stack([images[7], images[11][:, ::-1]])
    assert np.flatnonzero(give_away(images, held_out[:1], "cpu")).tolist() == [7]
    assert give_away(images, np.clip(held_out + 0.01, 0, 1), "cpu")[7]


def test_training_images_that_show_a_test_image_leave_one_by_one(gabor_trials):
    images, train = gabor_trials.images.copy(), gabor_trials.image_ids(TRAIN)
    images[gabor_trials.image_ids(TEST)[0]] = images[train[5]]
    pictures, _ = collect(replace(gabor_trials, images=images), settings_of("recording"))
    np.testing.assert_array_equal(pictures, images[np.delete(train, 5)])


def test_nothing_left_is_an_error(gabor_trials, photographs):
    images = gabor_trials.images.copy()
    for which, image in enumerate(gabor_trials.image_ids(TEST)[:3]):
        grey = np.asarray(Image.open(photographs / f"scene-{which}.png"), np.float32) / 255
        images[image] = grey[40:72, 50:82]
    leaky = replace(gabor_trials, images=images)
    with (
        pytest.warns(UserWarning, match="scene-0, scene-1, scene-2"),
        pytest.raises(InputError, match=r"pretraining\.photographs: found 0 pictures .* at least 32"),
    ):
        collect(leaky, settings_of(photographs, crop_px=(32, 32), n_crops=900))


def test_unusable_sources_are_named(gabor_trials, photographs, tmp_path):
    with pytest.raises(InputError, match=r"no such folder.*dina\.pretraining\.photographs"):
        collect(gabor_trials, settings_of(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"160 × 160 pixels.*dina\.pretraining\.crop_px"):
        collect(gabor_trials, settings_of(photographs, crop_px=(200, 256)))
    clips = replace(gabor_trials, images=np.repeat(gabor_trials.images[:, None], 2, 1))
    with pytest.raises(InputError, match="a recording of clips"):
        collect(clips, settings_of("recording"))


def test_settings_that_do_not_agree_are_refused():
    with pytest.raises(ValidationError, match="beside a Gabor tower"):
        DinaSettings(pretraining={"photographs": ["recording"]})
    with pytest.raises(ValidationError, match="a tower starts from one of them"):
        DinaSettings(model={"image_tower": "learned"}, cohort=["b"], pretraining={"photographs": ["recording"]})
    with pytest.raises(ValidationError, match="smallest first"):
        PretrainingSettings(crop_px=(64, 32))


def test_the_tower_learns_what_the_bank_says(gabor_trials, photographs, small_gabor):
    settings = settings_of(photographs, n_crops=400, epochs=15)
    pictures, _ = collect(gabor_trials, settings)
    _, history = fit_tower(pictures, settings, small_gabor, seed=0, device=CPU)
    best = [row for row in history if row["is_best"]][-1]
    assert best["validation_loss"] < 0.5  # share of variance; 1 is the mean's
    assert best["validation_top1"] > 0.8


def test_training_starts_from_the_pretrained_tower(gabor_trials, small_gabor):
    settings = settings_of("recording")
    state = fit_tower(gabor_trials.images[:200], settings, small_gabor, seed=0, device=CPU)[0].state_dict()
    still = settings.model_copy(update={"training": SHORT.model_copy(update={"learning_rate": 1e-12})})
    for frozen, trained in ((False, settings), (False, still), (True, settings)):
        model, _ = fit_dina(gabor_trials, trained, small_gabor, seed=0, device=CPU, shared=SharedTower(state, frozen))
        same = [torch.allclose(value, state[name], atol=1e-6) for name, value in model.image_tower.state_dict().items()]
        assert all(same) == (frozen or trained is still)


def test_the_stages_hand_on_what_was_learned(gabor_trials, photographs, small_gabor, tmp_path):
    settings = settings_of("recording", photographs)
    with new_store(tmp_path / "responses") as store:
        write_trials(store, gabor_trials)
    for name in ("one", "two"):
        pretrain_tower(tmp_path / "responses", tmp_path / name, settings, small_gabor, seed=0, device="cpu")
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()
    pretrain_tower(tmp_path / "responses", tmp_path / "three", settings, small_gabor, seed=1, device="cpu")
    assert (tmp_path / "three.json").read_text() != (tmp_path / "one.json").read_text()
    assert len(read_table(checked(tmp_path / "one"), "pretraining")) > 2
    shared = read_shared(tmp_path / "one", CPU)
    assert not shared.is_frozen
    of_dina = {"seed": 0, "device": "cpu", "shared": tmp_path / "one"}
    train_dina(tmp_path / "responses", tmp_path / "dina", settings, small_gabor, **of_dina)
    stored = DinaDecoder.load(tmp_path / "dina").model.state_dict()
    again, _ = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU, shared=shared)
    scratch, _ = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU)
    assert all(torch.equal(value, stored[name]) for name, value in again.state_dict().items())
    assert not all(torch.equal(value, stored[name]) for name, value in scratch.state_dict().items())
