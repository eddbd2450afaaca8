"""Image ablation on a small recording, by decoders as trained and fitted anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dina import stores
from dina.ablation.images import ablate_images
from dina.ablation.retraining import retrain
from dina.ablation.scoring import reduced
from dina.ablation.textures import synthesise_textures
from dina.decoders.base import load_decoder
from dina.errors import SettingsError
from dina.probing.queries import averaged_trials, single_trials, top1_by_image
from dina.recordings.trials import TEST, write_trials
from dina.settings import AblationSettings, ImageAblationSettings, TextureSettings
from tests.ablation.conftest import DINA
from tests.conftest import SMALL_GABOR


def settings_of(**images):
    return AblationSettings(images=ImageAblationSettings(**images), n_bootstrap=100)


SETTINGS = settings_of(cutoffs_cpd=(0.05, 0.3, 0.45), patch_grids=(2,), occlusion_steps=2)  # 1 degree a px: Nyquist 0.5


def ablate(recording, output, settings, responses=None, seeds=(0, 1)):
    """With the stage's other arguments as the recording has them."""
    responses = responses or recording / "responses"
    if not (recording / "textures").exists():
        few = TextureSettings(n_images=8, n_steps=2)
        synthesise_textures(recording / "responses", recording / "textures", few, detail="quick", device="cpu")
    decoders = [recording / f"dina/seed-{seed}" for seed in seeds]
    textures, rest = recording / "textures", {"detail": "quick", "device": "cpu"}
    ablate_images(responses, decoders, textures, output, settings, DINA, SMALL_GABOR, **rest)


@pytest.fixture(scope="module")
def ablated(recording):
    ablate(recording, recording / "images", SETTINGS)
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
    found = row(stores.read_table(ablated, "scores"), ablation="none", trial_mode=mode, condition="frozen", pool="test")
    assert found.value == pytest.approx(expected)
    assert found.n == 30 and found.chance == pytest.approx(1 / 30)
    assert found.ci_low <= found.value <= found.ci_high


def test_what_the_towers_use_cannot_be_taken_away(ablated):
    scores = stores.read_table(ablated, "scores")
    scores = scores[
        (scores["condition"] == "frozen") & (scores["trial_mode"] == "averaged") & (scores["pool"] == "test")
    ]
    whole = row(scores, ablation="none").value
    blurred, fine = (row(scores, ablation="low_pass", cutoff=cutoff).value for cutoff in (0.05, 0.3))
    assert blurred < whole - 0.2 and fine > blurred + 0.1  # the bank sees 2 and 4 cycles in 32 degrees
    assert row(scores, ablation="patch_shuffled", grid=2).value < whole - 0.2
    assert row(scores, ablation="phase_scrambled").value < whole - 0.2


def test_fitted_anew_it_is_the_closed_form_of_the_ablated_recording(ablated, gabor_trials):
    scores = stores.read_table(ablated, "scores")
    found = row(scores, ablation="none", condition="retrained", trial_mode="averaged", pool="test")
    decoder = retrain(gabor_trials, DINA, SMALL_GABOR, detail="quick", seed=0, device=torch.device("cpu"))
    queries, gallery = averaged_trials(gabor_trials), gabor_trials.images[gabor_trials.image_ids(TEST)]
    assert found.value == pytest.approx(top1_by_image(decoder.scores(queries.z, gallery), queries.true).mean())
    assert set(scores.loc[scores["condition"] == "retrained", "ablation"]) == {"none", "low_pass", "high_pass"}


def test_all_that_is_held_against_textures_has_their_pool(ablated):
    scores = stores.read_table(ablated, "scores")
    textured = scores[scores["pool"] == "textured"]
    kinds = {"none", "phase_scrambled", "line_drawing", "patch_shuffled", "texture"}
    assert set(textured["ablation"]) == kinds and set(textured["pool_size"]) == {8}
    assert (scores.loc[scores["pool"] == "test", "ablation"] != "texture").all()
    assert stores.read_attributes(ablated)["textures"]["n_test_images"] == 8


def test_every_question_that_can_be_asked_has_a_verdict(ablated):
    verdicts = stores.read_table(ablated, "verdicts")
    asked = set(zip(verdicts["question"], verdicts["condition"], strict=True))
    assert asked == {
        ("coarse or fine", "frozen"),
        ("coarse or fine", "retrained"),
        ("shape or texture", "frozen"),
        ("structure or category", "frozen"),
        ("structure or category", "retrained"),
    }
    assert not verdicts.duplicated(["question", "condition", "trial_mode"]).any()
    categories = stores.read_table(ablated, "categories")
    assert set(categories["pool_size"]) == {10} and set(categories["chance"].round(6)) == {0.1}
    assert stores.read_array(ablated, "occlusion").shape == (2, 2)


def test_conditions_and_examples_agree(ablated, gabor_trials):
    about, examples = stores.read_attributes(ablated), stores.read_array(ablated, "examples")
    assert about["dropped_cutoffs"] == [0.45] and about["cutoff_unit"] == "cycles/deg"
    kinds = ["none", *["low_pass"] * 2, *["high_pass"] * 2, "band_pass", "phase_scrambled", "line_drawing"]
    assert [c["ablation"] for c in about["conditions"]] == [*kinds, "patch_shuffled", "texture"]
    shown = stores.read_array(ablated.parent / "textures", "image")[:3]
    np.testing.assert_array_equal(examples[0], gabor_trials.images[shown])
    drawn = np.arange(len(examples)) != kinds.index("line_drawing")  # noise has no outline to draw
    np.testing.assert_allclose(examples[drawn].std((2, 3)), np.tile(examples[0].std((1, 2)), (9, 1)), rtol=0.01)


def test_a_quick_refit_sees_no_more_pixels_than_its_filters_need(gabor_trials):
    small = reduced(gabor_trials, 4.0)
    assert small.images.shape[1:] == (16, 16) and small.degrees_per_pixel == 2 * gabor_trials.degrees_per_pixel
    np.testing.assert_allclose(small.images.mean((1, 2)), gabor_trials.images.mean((1, 2)), rtol=1e-5)
    assert reduced(gabor_trials, 10.0) is gabor_trials


def test_images_of_unknown_width_are_cut_in_cycles_per_image(recording, gabor_trials, tmp_path):
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, replace(gabor_trials, degrees_per_pixel=None))
    settings = settings_of(cutoffs_cpi=(3.0,), patch_grids=(), retrain=(), occlusion_steps=2)
    ablate(recording, tmp_path / "out", settings, tmp_path / "responses", seeds=(0,))
    scores = stores.read_table(tmp_path / "out", "scores")
    assert set(scores["cutoff_unit"]) == {"cycles/image"} and scores["cutoff"].max() == 3.0


def test_cutoffs_that_are_all_too_high_are_refused_by_name(recording, tmp_path):
    with pytest.raises(SettingsError, match="cutoffs_cpd"):
        ablate(recording, tmp_path / "x", settings_of(cutoffs_cpd=(0.45,)))
    assert not (tmp_path / "x").exists()


def test_without_categories_their_table_is_empty_but_has_its_columns(recording, gabor_trials, tmp_path, capsys):
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, replace(gabor_trials, category=np.full_like(gabor_trials.category, -1)))
    settings = settings_of(cutoffs_cpd=(0.3,), patch_grids=(), retrain=("texture",))
    ablate(recording, tmp_path / "out", settings, tmp_path / "responses", seeds=(0,))
    categories = stores.read_table(tmp_path / "out", "categories")
    assert categories.empty and "candidates" in categories and "ci_low" in categories
    assert "not fitted anew to textures" in capsys.readouterr().out
