"""Frozen image ablation on a small recording."""

from dataclasses import replace

import numpy as np
import pytest

from dina import stores
from dina.ablation.images import ablate_images
from dina.decoders.base import load_decoder
from dina.errors import SettingsError
from dina.probing.queries import averaged_trials, single_trials, top1_by_image
from dina.recordings.trials import TEST, write_trials
from dina.settings import AblationSettings

SETTINGS = AblationSettings(cutoffs_cpd=(0.05, 0.3, 0.45), n_bootstrap=100)  # 32 px at 1 degree: Nyquist 0.5


@pytest.fixture(scope="module")
def ablated(recording):
    seeds = [recording / f"dina/seed-{seed}" for seed in (0, 1)]
    ablate_images(recording / "responses", seeds, recording / "images", SETTINGS, device="cpu")
    return stores.checked(recording / "images", verify=True)


def row(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize(("mode", "queries_of"), [("single", single_trials), ("averaged", averaged_trials)])
def test_without_a_filter_the_score_is_the_unablated_one(ablated, recording, gabor_trials, mode, queries_of):
    queries, gallery = queries_of(gabor_trials), gabor_trials.images[gabor_trials.image_ids(TEST)]
    decoders = [load_decoder(recording / f"dina/seed-{seed}") for seed in (0, 1)]
    expected = np.mean([top1_by_image(d.scores(queries.z, gallery), queries.true).mean() for d in decoders])
    found = row(stores.read_table(ablated, "scores"), ablation="none", trial_mode=mode)
    assert found.value == pytest.approx(expected)
    assert found.n == 30 and found.chance == pytest.approx(1 / 30) and found.condition == "frozen"
    assert found.ci_low <= found.value <= found.ci_high


def test_what_the_towers_use_cannot_be_taken_away(ablated):
    scores = stores.read_table(ablated, "scores")
    whole = row(scores, trial_mode="averaged", ablation="none").value
    blurred, fine = (
        row(scores, trial_mode="averaged", ablation="low_pass", cutoff=cutoff).value for cutoff in (0.05, 0.3)
    )
    assert blurred < whole - 0.2 and fine > blurred + 0.1  # the bank sees 2 and 4 cycles in 32 degrees


def test_conditions_and_examples_agree(ablated, gabor_trials):
    about, examples = stores.read_attributes(ablated), stores.read_array(ablated, "examples")
    assert about["dropped_cutoffs"] == [0.45] and about["cutoff_unit"] == "cycles/deg"
    assert [c["ablation"] for c in about["conditions"]] == ["none", *["low_pass"] * 2, *["high_pass"] * 2]
    np.testing.assert_array_equal(examples[0], gabor_trials.images[gabor_trials.image_ids(TEST)][:3])
    np.testing.assert_allclose(examples.std((2, 3)), np.tile(examples[0].std((1, 2)), (5, 1)), rtol=0.01)


def test_images_of_unknown_width_are_cut_in_cycles_per_image(recording, gabor_trials, tmp_path):
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, replace(gabor_trials, degrees_per_pixel=None))
    settings = AblationSettings(cutoffs_cpi=(3.0,), n_bootstrap=100)
    ablate_images(tmp_path / "responses", [recording / "dina/seed-0"], tmp_path / "out", settings, device="cpu")
    scores = stores.read_table(tmp_path / "out", "scores")
    assert set(scores["cutoff_unit"]) == {"cycles/image"} and scores["cutoff"].max() == 3.0


def test_cutoffs_that_are_all_too_high_are_refused_by_name(recording, tmp_path):
    with pytest.raises(SettingsError, match="cutoffs_cpd"):
        settings = AblationSettings(cutoffs_cpd=(0.45,))
        ablate_images(recording / "responses", [recording / "dina/seed-0"], tmp_path / "x", settings, device="cpu")
    assert not (tmp_path / "x").exists()
