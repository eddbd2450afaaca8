"""Latent maps, end to end: tables that hold together, and sets that test trials cannot change."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from dina import stores
from dina.attribution.effort import BY_DETAIL
from dina.attribution.latents import attribute_latents, rebuild_latents, summarise
from dina.attribution.towers import load_towers, strongest_latents
from dina.recordings.trials import TEST, read_trials
from dina.settings import AttributionSettings, LatentMapSettings

MAPS = LatentMapSettings(most_neurons=8, n_folds=3, n_surrogates=19, n_shuffles=39, n_bootstrap=100)
SETTINGS = AttributionSettings(n_latents=4, latent_maps=MAPS)
CPU = torch.device("cpu")


def run(simulated, output):
    seeds = [simulated / f"dina/seed-{seed}" for seed in (0, 1)]
    attribute_latents(simulated / "responses", seeds, output, SETTINGS, detail="quick", device="cpu")
    return stores.checked(output, verify=True)


@pytest.fixture(scope="module")
def attributed(simulated):
    return run(simulated, simulated / "latents")


@pytest.fixture(scope="module")
def table(attributed):
    return {
        name: stores.read_table(attributed, name)
        for name in ("latents", "paths", "members", "reliability", "summary", "alignment", "regions", "region_counts")
    }


def test_a_neural_value_that_is_linear_is_known_to_all_neurons(table):
    latents = table["latents"].set_index("target")
    assert (latents.loc["neural", "r2_all"] > 0.95).all() and (latents.loc["neural", "r2_test_all"] > 0.95).all()
    assert latents.loc["image", "r2_all"].between(0.3, 0.95).all()
    assert (latents["r2_random"] < latents["r2_set"]).all()


def test_sets_are_read_off_the_paths(table):
    paths = table["paths"].pivot(index=["target", "unit"], columns="n_neurons", values="r2")
    for of in table["latents"].itertuples():
        path = paths.loc[(of.target, of.unit)].to_numpy()
        enough = path >= 0.9 * of.r2_all
        assert of.reached == enough.any()
        assert of.n_members == (1 + enough.argmax() if of.reached else 8)
        assert of.r2_set == pytest.approx(path[of.n_members - 1])
        members = table["members"].query("target == @of.target and unit == @of.unit")
        np.testing.assert_array_equal(members["order"], np.arange(of.n_members))
        assert members["neuron"].is_unique


def test_members_are_reliable_neurons(table):
    silent = {name: (table[name]["reliability"] < 0.1).mean() for name in ("members", "reliability")}
    assert silent["members"] < 0.1 < 0.3 < silent["reliability"]


def test_the_towers_agree_beyond_shuffled_pairs(table, attributed):
    alignment, shuffled = table["alignment"], stores.read_array(attributed, "shuffled_r")
    n_places = len(alignment)
    assert shuffled.shape == (39, *[round(n_places**0.5)] * 2)
    assert alignment["r"].mean() > shuffled.mean((1, 2)).max() and abs(alignment["chance"].mean()) < 0.1
    aligned = table["region_counts"].set_index("rule").loc["aligned"]
    assert aligned["n_places"] == (alignment["aligned"] > 0).sum() > n_places / 2
    assert table["regions"].query("rule == 'aligned'")["match"].sum() <= alignment["match"].sum() * 1.001


@pytest.fixture(scope="module")
def rebuilt_with(simulated):
    """Tables of a decoder, from trials that a function may change first."""
    trials = read_trials(simulated / "responses")
    model = load_towers([simulated / "dina/seed-0"], CPU)[0]
    latents = strongest_latents(model, trials, 3, CPU)

    def tables(change):
        return rebuild_latents(model, change(trials), latents, MAPS, np.random.default_rng(0), CPU)

    return tables


def test_test_trials_change_no_set(rebuilt_with):
    def poisoned(trials):
        responses = trials.responses.copy()
        of_test = trials.trials(TEST)
        responses[of_test] = np.random.default_rng(1).exponential(50, (len(of_test), trials.n_neurons))
        return replace(trials, responses=responses)

    clean, bad = rebuilt_with(lambda trials: trials), rebuilt_with(poisoned)
    for name in ("paths", "members", "reliability"):
        pd.testing.assert_frame_equal(clean[name], bad[name])
    of_test = [column for column in clean["latents"] if "test" in column]
    assert len(of_test) == 3 and (bad["latents"]["r2_test_set"] != clean["latents"]["r2_test_set"]).all()
    pd.testing.assert_frame_equal(clean["latents"].drop(columns=of_test), bad["latents"].drop(columns=of_test))


def test_the_same_seed_gives_the_same_bytes(simulated, tmp_path, attributed):
    again = run(simulated, tmp_path / "latents")
    assert stores.manifest_path(again).read_bytes() == stores.manifest_path(attributed).read_bytes()


def test_the_summary_puts_numbers_to_the_claim():
    latents = pd.DataFrame(
        {
            "target": "neural",
            "n_members": [4, 10, 12, 30, 0],
            "reached": [True, True, True, False, False],
            "r2_all": [0.8, 0.8, 0.8, 0.8, 0.0],
            "r2_random": [0.75, 0.1, 0.1, 0.1, np.nan],
            "gain": [0.02, 0.04, 0.01, 0.03, np.nan],
            "gain_chance": [-0.01, -0.01, -0.02, -0.02, np.nan],
            "pairwise": [True, False, False, True, False],
        }
    )
    found = summarise(latents, MAPS.model_copy(update={"most_neurons": 30})).set_index("quantity")
    assert found.loc["share_within_10", ["value", "chance", "n"]].tolist() == [0.4, 0.2, 5]
    assert found.loc["median_size", "value"] == 12
    assert found.loc["share_pairwise", ["value", "chance"]].tolist() == [0.4, 0.05]
    assert found.loc["median_gain", ["value", "n"]].tolist() == [0.025, 4]
    assert (found["ci_low"] <= found["value"]).all() and (found["value"] <= found["ci_high"]).all()


def test_few_surrogates_follow_detail(simulated, tmp_path, monkeypatch):
    few = {"quick": 19, "full": 29}
    monkeypatch.setitem(BY_DETAIL, LatentMapSettings, {"n_surrogates": few, "n_shuffles": few})
    settings = AttributionSettings(
        n_latents=1, latent_maps=MAPS.model_copy(update={"n_surrogates": None, "n_shuffles": None})
    )
    for detail, expected in (("quick", 19), ("full", 29)):
        output = tmp_path / detail
        attribute_latents(
            simulated / "responses", [simulated / "dina/seed-0"], output, settings, detail=detail, device="cpu"
        )
        attributes = stores.read_attributes(output)
        assert (attributes["n_surrogates"], attributes["n_shuffles"]) == (expected, expected)
        assert stores.read_array(output, "shuffled_r").shape[0] == expected
