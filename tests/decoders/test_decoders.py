from dataclasses import replace

import numpy as np
import pytest
import torch

from dina.decoders.base import load_decoder
from dina.decoders.dina import DinaDecoder
from dina.decoders.fitting import RIVALS, fit_decoder, fit_rival
from dina.errors import SettingsError, StoreError
from dina.models.ranking import rivals_ahead
from dina.recordings.trials import TEST, TRAIN, write_trials
from dina.settings import DecodersSettings, DinaModelSettings, DinaSettings, DinaTrainingSettings
from dina.stores import new_store
from dina.training.checkpoints import save_checkpoint
from dina.training.train import describe_dina, fit_dina

CPU = torch.device("cpu")
RIVALS = tuple(name for name in RIVALS if name != "cebra")  # optional: test_cebra.py
NAMES = (*RIVALS, "dina")
SETTINGS = DecodersSettings.model_validate(
    {
        "ridge": {"n_components": 40, "n_encoding_components": 80, "size_px": 16},
        "cca": {"n_components": 60, "n_pairs": 40},
        "core_readout": {"channels": 8, "epochs": 8, "size_px": 16, "batch_trials": 16, "learning_rate": 1e-2},
        "convolutional": {"channels": 16, "epochs": 8, "size_px": 16, "batch_trials": 16, "learning_rate": 3e-3},
    }
)
DINA = DinaSettings(
    model=DinaModelSettings(
        n_image_components=80, channels=16, n_components=40, core={"channels": 8, "size_px": 16, "epochs": 4}
    ),
    training=DinaTrainingSettings(epochs=2, batch_trials=64),
)


def fit(name, trials, gabor, seed=0):
    if name == "dina":
        model, _ = fit_dina(trials, DINA, gabor, seed=seed, device=CPU)
        return DinaDecoder(model, describe_dina(model, trials, DINA, gabor, seed))
    return fit_rival(trials, name, SETTINGS, gabor, seed=seed, device=CPU)


def top1(decoder, trials):
    ids, chosen = trials.image_ids(TEST), trials.trials(TEST)
    scores = decoder.scores(trials.standardised(chosen), trials.images[ids])
    return np.mean(rivals_ahead(scores, np.searchsorted(ids, trials.image_index[chosen])) == 0)


def permuted(trials, split):
    responses, chosen = trials.responses.copy(), trials.trials(split)
    responses[chosen] = responses[np.random.default_rng(0).permutation(chosen)]
    return replace(trials, responses=responses)


def same_tensors(one, two):
    first, second = one.tensors(), two.tensors()
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.fixture(scope="module")
def fitted(gabor_trials, small_gabor):
    return {name: fit(name, gabor_trials, small_gabor) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_contract(name, fitted, gabor_trials):
    decoder, z, images = fitted[name], gabor_trials.standardised(np.arange(5)), gabor_trials.images[:7]
    assert decoder.name == name
    scores = decoder.scores(z, images)
    assert scores.shape == (5, 7)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(decoder.scores(z[1:3], images[::-1]), scores[1:3, ::-1], rtol=1e-3, atol=1e-3)
    pictures, features = decoder.reconstruct(z), decoder.features(z)
    assert (pictures is None) == (name not in ("ridge", "convolutional"))
    assert pictures is None or pictures.shape == (5, 16, 16)
    assert (features is None) == (name in ("encoding", "core_readout"))
    assert features is None or (features.ndim, len(features)) == (2, 5)


@pytest.mark.parametrize("name", NAMES)
def test_identifies_unseen_images_above_chance(name, fitted, gabor_trials):
    least = {"ridge": 0.1, "convolutional": 0.1}.get(name, 0.3)  # chance is 1/30
    assert top1(fitted[name], gabor_trials) > least


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_decoder_scores_as_before(name, fitted, gabor_trials, tmp_path):
    fitted[name].save(tmp_path)
    again = load_decoder(tmp_path)
    z, images = gabor_trials.standardised(np.arange(5)), gabor_trials.images[:7]
    np.testing.assert_allclose(again.scores(z, images), fitted[name].scores(z, images), rtol=1e-4, atol=1e-6)
    assert same_tensors(again, fitted[name])


@pytest.mark.parametrize("name", RIVALS)
def test_test_responses_leave_no_trace_in_the_weights(name, fitted, gabor_trials, small_gabor):
    assert same_tensors(fit(name, permuted(gabor_trials, TEST), small_gabor), fitted[name])


@pytest.mark.parametrize("name", RIVALS)
def test_shuffled_training_pairs_teach_nothing(name, gabor_trials, small_gabor):
    assert top1(fit(name, permuted(gabor_trials, TRAIN), small_gabor), gabor_trials) < 0.15


def test_the_stage_writes_what_load_decoder_reads(gabor_trials, small_gabor, tmp_path):
    with new_store(tmp_path / "responses") as store:
        write_trials(store, gabor_trials)
    for name in ("one", "two"):
        fit_decoder(
            tmp_path / "responses", tmp_path / name, "convolutional", SETTINGS, small_gabor, seed=1, device="cpu"
        )
    assert load_decoder(tmp_path / "one").name == "convolutional"
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_one_neuron_suffices(name, gabor_trials, small_gabor):
    first = gabor_trials.of_neurons(np.array([0]))
    assert np.isfinite(fit(name, first, small_gabor).scores(first.standardised(np.arange(3)), first.images[:4])).all()


def test_more_channels_than_the_bank_has_are_those_of_the_bank(gabor_trials, small_gabor, tmp_path):
    settings = DINA.model_copy(update={"model": DINA.model.model_copy(update={"channels": 500})})
    model, _ = fit_dina(gabor_trials, settings, small_gabor, seed=0, device=CPU)
    assert model.neural_tower.layout == (model.image_tower.bank.channels, small_gabor.grid, small_gabor.grid)
    about = describe_dina(model, gabor_trials, settings, small_gabor, 0)
    assert same_tensors(DinaDecoder.restore(about, model.state_dict()), DinaDecoder(model, about))


def test_unknown_names_are_refused(gabor_trials, small_gabor, tmp_path):
    with pytest.raises(SettingsError, match="ridge"):
        fit_rival(gabor_trials, "rigde", SETTINGS, small_gabor, seed=0, device=CPU)
    save_checkpoint(tmp_path, {"x": torch.zeros(1)}, {"decoder": "oracle"})
    with pytest.raises(StoreError, match="oracle"):
        load_decoder(tmp_path)


def test_the_start_is_what_no_training_leaves(gabor_trials, small_gabor, fitted):
    untrained = DINA.model_copy(update={"training": DINA.training.model_copy(update={"learning_rate": 1e-12})})
    model, _ = fit_dina(gabor_trials, untrained, small_gabor, seed=0, device=CPU)
    z, images = gabor_trials.standardised(gabor_trials.trials(TEST)), gabor_trials.images[:9]
    start = fitted["dina"].before_training()
    np.testing.assert_allclose(
        start.scores(z, images), DinaDecoder(model, fitted["dina"].about).scores(z, images), atol=1e-5
    )
    assert not np.allclose(start.scores(z, images), fitted["dina"].scores(z, images), atol=1e-3)


def test_a_tower_learned_from_scratch_has_no_such_start(gabor_trials, small_gabor):
    learned = DINA.model_copy(update={"model": DINA.model.model_copy(update={"image_tower": "learned"})})
    model, _ = fit_dina(gabor_trials, learned, small_gabor, seed=0, device=CPU)
    assert DinaDecoder(model, {}).before_training() is None
