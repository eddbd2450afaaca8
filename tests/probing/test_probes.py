"""The probes end to end, on a recording whose answers are known."""

import shutil

import numpy as np
import pytest

from dina import stores
from dina.decoders.fitting import fit_decoder
from dina.probing.categories import _row, balanced_accuracy, probe_categories
from dina.probing.identification import probe_identification
from dina.probing.reconstruction import pixel_correlation, probe_reconstruction
from dina.recordings.trials import write_trials
from dina.settings import DecodersSettings, DinaSettings, GaborSettings, ProbingSettings
from dina.training.train import train_dina

SETTINGS = ProbingSettings(n_bootstrap=100, pool_sizes=(5,), reconstruction_size_px=8)


@pytest.fixture(scope="session")
def fitted(trials, tmp_path_factory):
    folder = tmp_path_factory.mktemp("probes")
    with stores.new_store(folder / "responses") as store:
        write_trials(store, trials)
    settings = DecodersSettings(ridge={"size_px": 8})
    fit_decoder(folder / "responses", folder / "ridge/seed-0", "ridge", settings, GaborSettings(), seed=0, device="cpu")
    dina = DinaSettings(
        model={"n_image_components": 60, "n_components": 30, "channels": 16}, training={"epochs": 2, "batch_trials": 64}
    )
    gabor = GaborSettings(frequencies_cpi=(1.0, 2.0), n_orientations=4, grid=4)
    train_dina(folder / "responses", folder / "dina/seed-0", dina, gabor, seed=0, device="cpu")
    return folder


def score(table, **where):
    for key, value in where.items():
        table = table[table[key] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_identification_of_a_clear_code(fitted):
    probe_identification(fitted / "responses", [fitted / "ridge/seed-0"], fitted / "id", SETTINGS, device="cpu")
    table = stores.read_table(fitted / "id", "scores")
    top1 = score(table, decoder="ridge", metric="top1", trial_mode="averaged", pool_size=30)
    assert top1.value > 0.9 and top1.chance == pytest.approx(1 / 30) and top1.n == 30
    assert top1.ci_low <= top1.value <= top1.ci_high
    small = score(table, decoder="ridge", metric="top1", trial_mode="averaged", pool_size=5)
    assert small.value >= top1.value
    template = table[table["decoder"] == "template"]
    assert set(template["trial_mode"]) == {"single"} and template["pool_size"].max() == 30
    assert score(template, metric="top1", pool_size=30).value > 0.9


def test_controls_sit_at_chance_and_likeness_makes_it_hard(fitted):
    decoders = [fitted / "dina/seed-0", fitted / "ridge/seed-0"]
    probe_identification(fitted / "responses", decoders, fitted / "id", SETTINGS, device="cpu")
    table = stores.read_table(fitted / "id", "scores")

    def value(decoder, metric="top1", pool_size=30):
        return score(table, decoder=decoder, metric=metric, trial_mode="single", pool_size=pool_size).value

    assert value("dina") > 0.6
    assert value("dina_shuffled") < 4 / 30 and value("dina_untrained") < 5 / 30
    assert value("dina", "top1_hard", 10) <= value("dina", "top1_easy", 10)
    same = table[table["metric"] == "top1_same_category"]
    assert set(same["decoder"]) >= {"dina", "ridge"} and same["chance"].between(0.05, 0.2).all()
    compared = stores.read_table(fitted / "id", "comparisons").set_index(["over", "trial_mode"])
    assert set(compared.index.get_level_values(0)) == {"ridge", "dina_start"}
    assert compared["p_holm"].between(0, 1).all()


def test_every_seed_has_a_start_of_its_own(fitted, tmp_path):
    """It holds a core that the seed decides."""
    for seed in (0, 1):
        shutil.copytree(fitted / "dina/seed-0", tmp_path / f"seed-{seed}")
        shutil.copy(fitted / "dina/seed-0.json", tmp_path / f"seed-{seed}.json")
    decoders = [tmp_path / "seed-0", tmp_path / "seed-1"]
    probe_identification(fitted / "responses", decoders, tmp_path / "id", SETTINGS, device="cpu")
    table = stores.read_table(tmp_path / "id", "scores")
    assert set(table.loc[table["decoder"] == "dina_start", "seed"]) == {-1, 0, 1}


def test_shuffled_pairs_are_at_chance(trials, fitted, tmp_path):
    import dataclasses

    rng = np.random.default_rng(1)
    shuffled = dataclasses.replace(trials, responses=trials.responses[rng.permutation(len(trials.responses))])
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, shuffled)
    probe_identification(tmp_path / "responses", [fitted / "ridge/seed-0"], tmp_path / "id", SETTINGS, device="cpu")
    table = stores.read_table(tmp_path / "id", "scores")
    top1 = score(table, decoder="ridge", metric="top1", trial_mode="single", pool_size=30)
    assert top1.value < 4 / 30


def test_reconstruction_beats_the_mean_image(fitted):
    probe_reconstruction(fitted / "responses", [fitted / "ridge/seed-0"], fitted / "rec", SETTINGS, device="cpu")
    table = stores.read_table(fitted / "rec", "scores")
    ridge = score(table, decoder="ridge", metric="pixel_correlation", trial_mode="averaged")
    mean = score(table, decoder="mean_image", metric="pixel_correlation", trial_mode="averaged")
    assert ridge.value > 0.8 > mean.value
    assert stores.read_array(fitted / "rec", "examples").shape == (4, 8, 8, 8)
    scrambled = score(table, decoder="phase_scrambled", metric="pixel_correlation", trial_mode="averaged")
    assert abs(scrambled.value) < 0.3
    assert score(table, decoder="ridge", metric="field_correlation", trial_mode="averaged").value > 0.8


def test_category_probe_beside_pixels(fitted):
    probe_categories(fitted / "responses", [fitted / "ridge/seed-0"], fitted / "cat", SETTINGS, device="cpu")
    table = stores.read_table(fitted / "cat", "scores")
    assert {"pixels", "blurred_pixels"} <= set(table["decoder"])
    pixels = score(table, decoder="pixels", trial_mode="averaged")
    assert pixels.value > pixels.chance == pytest.approx(1 / 3)


def test_balanced_accuracy_weighs_classes_alike():
    true = np.array([0] * 90 + [1] * 10)
    assert balanced_accuracy(np.zeros(100, int), true) == 0.5
    assert balanced_accuracy(true, true) == 1


def test_pixel_correlation_knows_no_scale():
    pictures = np.random.default_rng(0).random((2, 6, 6))
    np.testing.assert_allclose(pixel_correlation(pictures * 3 + 1, pictures), 1)
    np.testing.assert_allclose(pixel_correlation(np.ones((1, 6, 6)), pictures[:1]), 0)


def test_trials_of_one_image_are_resampled_together():
    rng = np.random.default_rng(0)
    true, predicted, image = rng.integers(0, 3, 40), rng.integers(0, 3, (1, 40)), np.arange(40)
    once = _row(predicted, true, image, 200, {})
    twice = _row(np.tile(predicted, 2), np.tile(true, 2), np.tile(image, 2), 200, {})
    assert once == twice and once["n"] == 40
