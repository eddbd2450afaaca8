"""Prediction of single neurons on recordings whose noise ceiling is known."""

import dataclasses

import numpy as np
import pytest
import torch

from dina import stores
from dina.decoders.encoding import fit_encoding
from dina.probing.prediction import CEILING, explainable_neurons, probe_prediction
from dina.recordings.trials import TEST, TRAIN, describe_neurons, write_trials
from dina.settings import GaborSettings, ProbingSettings, RidgeSettings

SETTINGS = ProbingSettings(n_bootstrap=200)


@pytest.fixture(scope="module")
def known(trials):
    """Every neuron a pixel; the first 40 repeat well (V = .7), the others hardly (V = .02)."""
    rng = np.random.default_rng(5)
    pixels = trials.images.reshape(len(trials.images), -1)
    signal = ((pixels - pixels.mean(0)) / pixels.std(0))[trials.image_index]
    v = np.where(np.arange(trials.n_neurons) < 40, 0.7, 0.02)
    responses = (np.sqrt(v) * signal + np.sqrt(1 - v) * rng.normal(size=signal.shape)).astype(np.float32)
    about = describe_neurons(responses, trials.image_index, trials.repeat, trials.split)
    return dataclasses.replace(trials, responses=responses, **about)


@pytest.fixture(scope="module")
def probed(known, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prediction")
    gabor = GaborSettings(frequencies_cpi=(1.0, 2.0), n_orientations=4, grid=4)
    decoder = fit_encoding(known, RidgeSettings(n_encoding_components=60), gabor, torch.device("cpu"))
    with stores.new_store(folder / "encoding/seed-0") as store:
        decoder.save(store)
    with stores.new_store(folder / "responses") as store:
        write_trials(store, known)
    probe_prediction(folder / "responses", [folder / "encoding/seed-0"], folder / "prediction", SETTINGS, device="cpu")
    return folder / "prediction", decoder


def test_neurons_stand_beside_their_ceilings(probed):
    neurons = stores.read_table(probed[0], "neurons")
    predictions = stores.read_table(probed[0], "predictions")
    good = neurons["explainable"].to_numpy()
    assert good[:40].all() and good[40:].mean() < 0.2
    assert neurons["ceiling_single"][:40].mean() == pytest.approx(np.sqrt(0.7), abs=0.05)
    assert neurons["ceiling_averaged"][:40].mean() == pytest.approx(np.sqrt(1.4 / 1.7), abs=0.05)
    assert set(predictions["decoder"]) == {"encoding"} and len(predictions) == len(neurons)
    ratio = predictions["correlation_averaged"] / neurons["ceiling_averaged"]
    np.testing.assert_allclose(ratio[:40], predictions["normalised_correlation"][:40], rtol=1e-4)
    assert predictions["normalised_correlation"][:40].median() > 0.7


def test_the_correlation_is_that_of_responses_and_predictions(probed, known):
    shown = known.trials(TEST)
    predicted = probed[1].predict(known.images)[known.image_index[shown]]
    z = known.standardised(shown)
    table = stores.read_table(probed[0], "predictions")
    for neuron in (0, 17):
        r = np.corrcoef(predicted[:, neuron], z[:, neuron])[0, 1]
        assert table["correlation_single"][neuron] == pytest.approx(r, abs=0.03)


def test_scores_are_means_over_explainable_neurons_with_intervals_over_images(probed):
    scores = stores.read_table(probed[0], "scores").set_index(["decoder", "metric", "trial_mode"])
    of = scores.loc["encoding"]
    assert (scores["ci_low"] <= scores["value"]).all() and (scores["value"] <= scores["ci_high"]).all()
    ceiling = scores.loc[(CEILING, "prediction_correlation", "averaged"), "value"]
    reached = of.loc[("prediction_correlation", "averaged"), "value"]
    assert of.loc[("normalised_correlation", "averaged"), "value"] == pytest.approx(reached / ceiling)
    assert 0.3 < of.loc[("feve", "single"), "value"] < 1
    assert stores.read_attributes(probed[0])["explainable_told_by"] == "train"


def test_selection_by_training_showings_leaves_the_test_ceiling_unbiased(known):
    """Neurons of V = .15 each: half are called explainable, by chance, and their test ceiling must not know of it."""
    rng = np.random.default_rng(6)
    signal = rng.normal(size=(len(known.images), 600))[known.image_index]
    responses = np.sqrt(0.15) * signal + np.sqrt(0.85) * rng.normal(size=signal.shape)
    about = describe_neurons(responses, known.image_index, known.repeat, known.split)
    trials = dataclasses.replace(known, responses=responses, **about)
    chosen, told_by = explainable_neurons(trials)
    measured, _ = explainable_neurons(dataclasses.replace(trials, split=np.where(trials.split == TRAIN, TEST, TRAIN)))
    assert told_by == "train" and 0.3 < chosen.mean() < 0.7
    assert abs(measured[chosen].mean() - measured.mean()) < 0.08


def test_without_repeats_there_is_no_ceiling(known, probed, tmp_path):
    keep = (known.repeat == 0) | (known.split != TEST)
    once = dataclasses.replace(
        known,
        **{name: getattr(known, name)[keep] for name in ("responses", "image_index", "repeat", "onset_s", "split")},
    )
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, once)
    probe_prediction(
        tmp_path / "responses", [probed[0].parent / "encoding/seed-0"], tmp_path / "prediction", SETTINGS, device="cpu"
    )
    assert stores.read_attributes(tmp_path / "prediction")["n_images"] == 0
    assert stores.read_table(tmp_path / "prediction", "scores").empty
    assert stores.read_table(tmp_path / "prediction", "neurons")["ceiling_single"].isna().all()
