from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from dina.errors import InputError
from dina.models.ranking import mean_reciprocal_rank
from dina.recordings.trials import TEST, TRAIN, VALIDATION, describe_neurons, write_trials
from dina.settings import DinaModelSettings
from dina.stores import new_store
from dina.training.cohort import fit_cohort, fit_neuron_prior, train_shared_tower, without_held_out
from dina.training.shared import SharedTower, read_shared
from dina.training.train import fit_dina, train_dina
from tests.training.test_train import LEARNED, SETTINGS, SHORT

CPU = torch.device("cpu")


def mouse(trials, neurons, training_images=None):
    """Some neurons of a population, and the trials of some training images, as a recording of its own."""
    ids = trials.image_ids(TRAIN)[:training_images]
    kept = (trials.split != TRAIN) | np.isin(trials.image_index, ids)
    of_trials = {name: getattr(trials, name)[kept] for name in ("image_index", "repeat", "onset_s", "split")}
    responses = trials.responses[kept][:, neurons]
    described = describe_neurons(responses, of_trials["image_index"], of_trials["repeat"], of_trials["split"])
    return replace(trials, responses=responses, **of_trials, **described)


@pytest.fixture(scope="module")
def few(gabor_trials):
    return mouse(gabor_trials, slice(30, 60), 25)


@pytest.fixture(scope="module")
def others(gabor_trials):
    return [mouse(gabor_trials, slice(0, 15)), mouse(gabor_trials, slice(15, 30))]


def quality(model, trials):
    chosen, ids = trials.trials(TEST), trials.image_ids(TEST)
    with torch.no_grad():
        scores = model(torch.from_numpy(trials.standardised(chosen)), torch.from_numpy(trials.images[ids])).numpy()
    return mean_reciprocal_rank(scores, np.searchsorted(ids, trials.image_index[chosen]))


def test_few_images_suffice_where_others_taught_what_neurons_see(few, others, small_gabor):
    alone, _ = fit_dina(few, SETTINGS, small_gabor, seed=0, device=CPU)
    prior = fit_neuron_prior(others, SETTINGS, small_gabor, CPU)
    taught, _ = fit_dina(few, SETTINGS, small_gabor, seed=0, device=CPU, shared=prior)
    assert quality(taught, few) > 1.15 * quality(alone, few)


def test_a_shared_learned_tower_stays_as_it_is_and_helps(few, others, small_gabor):
    settings = LEARNED.model_copy(
        update={
            "model": DinaModelSettings(image_tower="learned", channels=8, n_components=20, read_in={"learning": 5.0}),
            "training": SHORT.model_copy(update={"epochs": 12, "learning_rate": 5e-3, "batch_trials": 32}),
        }
    )
    tower = train_shared_tower(others, settings, small_gabor, seed=0, device=CPU).state_dict()
    shared = SharedTower(tower, is_frozen=True)
    alone, _ = fit_dina(few, settings, small_gabor, seed=0, device=CPU)
    taught, _ = fit_dina(few, settings, small_gabor, seed=0, device=CPU, shared=shared)
    assert all(torch.equal(value, tower[name]) for name, value in taught.image_tower.state_dict().items())
    assert quality(taught, few) > quality(alone, few)


def test_held_out_images_teach_nothing(few, others):
    exchanged = others[0].split.copy()
    exchanged[np.isin(others[0].image_index, few.image_ids(VALIDATION)[:5])] = TRAIN
    exchanged[np.isin(others[0].image_index, few.image_ids(TEST)[:5])] = TRAIN
    left = without_held_out(replace(others[0], split=exchanged), few, "other")
    assert not np.isin(left.image_index, few.image_ids(TEST)).any()
    assert set(left.image_ids(TRAIN)) == set(others[0].image_ids(TRAIN))
    kept = without_held_out(others[0], few, "other")
    assert set(kept.image_ids(VALIDATION)) == set(few.image_ids(VALIDATION))


@pytest.mark.parametrize("change", [lambda crops: crops[:, :, ::-1], lambda crops: np.roll(crops, 4, axis=2)])
def test_mirrored_and_overlapping_test_images_teach_nothing(few, others, change):
    rng = np.random.default_rng(0)
    test_ids = few.image_ids(TEST)
    photographs = gaussian_filter(rng.random((len(test_ids), 32, 32)), (0, 1, 1)).astype(np.float32)
    photographs = (photographs - photographs.mean((1, 2), keepdims=True)) / photographs.std((1, 2), keepdims=True)
    mine, copies = few.images.copy(), others[0].images.copy()
    mine[test_ids] = 0.5 + 0.15 * photographs
    learned_from = others[0].image_ids(TRAIN)[: len(test_ids)]
    copies[learned_from] = change(mine[test_ids])
    left = without_held_out(replace(others[0], images=copies), replace(few, images=mine), "other")
    assert not np.isin(left.image_index, learned_from).any()


def test_what_is_left_must_suffice(few, others):
    exchanged = np.array([TEST, TRAIN, VALIDATION])[others[0].split]
    with pytest.raises(InputError, match=r"other: found 0 train images .* dina\.cohort"):
        without_held_out(replace(others[0], split=exchanged.astype(np.uint8)), few, "other")


def test_images_of_other_sizes_are_refused(few, others):
    with pytest.raises(InputError, match="images of 16 × 16 px.*32 × 32 px.*image_size_px"):
        without_held_out(replace(others[0], images=others[0].images[:, ::2, ::2]), few, "other")


@pytest.mark.parametrize("settings", [SETTINGS, LEARNED], ids=["gabor", "learned"])
def test_the_stages_hand_on_what_was_learned(few, others, small_gabor, tmp_path, settings):
    for name, trials in (("few", few), ("other", others[0])):
        with new_store(tmp_path / name) as store:
            write_trials(store, trials)
    fit_cohort(tmp_path / "few", [tmp_path / "other"], tmp_path / "cohort", settings, small_gabor, seed=0, device="cpu")
    shared = read_shared(tmp_path / "cohort", CPU)
    for name, cohort in (("alone", None), ("taught", tmp_path / "cohort")):
        train_dina(tmp_path / "few", tmp_path / name, settings, small_gabor, seed=0, device="cpu", shared=cohort)
    assert (tmp_path / "alone.json").read_text() != (tmp_path / "taught.json").read_text()
    again, _ = fit_dina(few, settings, small_gabor, seed=0, device=CPU, shared=shared)
    from dina.decoders.dina import DinaDecoder

    stored = DinaDecoder.load(tmp_path / "taught").model.state_dict()
    assert all(torch.equal(value, stored[name]) for name, value in again.state_dict().items())
