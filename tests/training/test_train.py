from dataclasses import replace

import numpy as np
import pytest
import torch

from dina.models.ranking import rivals_ahead
from dina.recordings.trials import TEST, TRAIN, write_trials
from dina.settings import AlignmentSettings, DinaModelSettings, DinaSettings, DinaTrainingSettings, ReadInSettings
from dina.stores import checked, new_store, read_table
from dina.training.train import fit_dina, train_dina

CPU = torch.device("cpu")
SHORT = DinaTrainingSettings(epochs=3, batch_trials=64, learning_rate=0.02)
SETTINGS = DinaSettings(
    model=DinaModelSettings(
        n_image_components=80, channels=16, n_components=40, core={"channels": 8, "size_px": 16, "epochs": 4}
    ),
    training=SHORT,
)
LEARNED = SETTINGS.model_copy(update={"model": DinaModelSettings(image_tower="learned", channels=8, n_components=20)})


def top1(model, trials):
    ids, chosen = trials.image_ids(TEST), trials.trials(TEST)
    with torch.no_grad():
        scores = model(torch.from_numpy(trials.standardised(chosen)), torch.from_numpy(trials.images[ids])).numpy()
    return np.mean(rivals_ahead(scores, np.searchsorted(ids, trials.image_index[chosen])) == 0)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def shuffled(trials, split, seed=0):
    """The responses of one split, permuted over its trials."""
    chosen = trials.trials(split)
    responses = trials.responses.copy()
    responses[chosen] = responses[np.random.default_rng(seed).permutation(chosen)]
    return replace(trials, responses=responses)


def test_identifies_unseen_images_far_above_chance(gabor_trials, small_gabor):
    model, history = fit_dina(gabor_trials, SETTINGS, small_gabor, seed=0, device=CPU)
    assert top1(model, gabor_trials) > 0.4  # chance is 1/30
    assert min(row["validation_loss"] for row in history) == next(
        row["validation_loss"] for row in reversed(history) if row["is_best"]
    )


@pytest.mark.parametrize("read_in", ["dense", "retinotopic"])
@pytest.mark.parametrize("alignment", ["map", "location"])
@pytest.mark.parametrize("loss", ["info_nce", "sigmoid"])
def test_every_way_to_align_learns(gabor_trials, small_gabor, read_in, alignment, loss):
    model = SETTINGS.model.model_copy(
        update={"read_in": ReadInSettings(kind=read_in), "alignment": AlignmentSettings(level=alignment)}
    )
    settings = DinaSettings(model=model, training=SHORT.model_copy(update={"loss": loss}))
    trained, history = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU)
    assert history[-1]["train_loss"] < history[1]["train_loss"]
    assert top1(trained, gabor_trials) > 0.3  # chance is 1/30


def test_a_penalty_on_gates_counts_in_the_loss(gabor_trials, small_gabor):
    losses = []
    for penalty in (0.0, 3.0):
        settings = SETTINGS.model_copy(update={"training": SHORT.model_copy(update={"gate_penalty": penalty})})
        _, history = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU)
        losses.append(history[1]["train_loss"])
    assert losses[1] - losses[0] == pytest.approx(3.0, abs=0.2)  # gates are nearly alike in the first epoch


def test_shuffled_training_pairs_teach_nothing(gabor_trials, small_gabor):
    model, _ = fit_dina(shuffled(gabor_trials, TRAIN), SETTINGS, small_gabor, seed=0, device=CPU)
    assert top1(model, gabor_trials) < 0.15


@pytest.mark.parametrize("settings", [SETTINGS, LEARNED], ids=["gabor", "learned"])
def test_test_trials_and_images_leave_no_trace_in_the_weights(gabor_trials, small_gabor, settings):
    altered = shuffled(gabor_trials, TEST)
    images = altered.images.copy()
    images[altered.image_ids(TEST)] = 0.5
    altered = replace(altered, images=images)
    one, _ = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU)
    two, _ = fit_dina(altered, settings, small_gabor, seed=0, device=CPU)
    assert all(torch.equal(value, weights(two)[name]) for name, value in weights(one).items())


@pytest.mark.parametrize("settings", [SETTINGS, LEARNED], ids=["gabor", "learned"])
def test_every_random_number_comes_from_the_seed(gabor_trials, small_gabor, settings):
    found = []
    for elsewhere in (1, 2):
        torch.manual_seed(elsewhere)
        model, history = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU)
        found.append((weights(model), history))
    (one, first), (two, second) = found
    assert all(torch.equal(value, two[name]) for name, value in one.items()) and first == second


def test_the_learned_tower_learns(gabor_trials, small_gabor):
    settings = LEARNED.model_copy(update={"training": SHORT.model_copy(update={"epochs": 8})})
    _, history = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU)
    assert history[-1]["train_loss"] < 0.95 * history[1]["train_loss"]


def test_the_stage_writes_the_same_store_twice(gabor_trials, small_gabor, tmp_path):
    with new_store(tmp_path / "responses") as store:
        write_trials(store, gabor_trials)
    for name in ("one", "two"):
        train_dina(tmp_path / "responses", tmp_path / name, SETTINGS, small_gabor, seed=3, device="cpu")
        checked(tmp_path / name, verify=True)
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()
    table = read_table(tmp_path / "one", "training")
    assert list(table["epoch"]) == list(range(len(table)))
    train_dina(tmp_path / "responses", tmp_path / "three", SETTINGS, small_gabor, seed=4, device="cpu")
    assert (tmp_path / "one.json").read_text() != (tmp_path / "three.json").read_text()
