"""Attribution to neurons, end to end, against a simulation's truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dina import stores
from dina.attribution.importance import neurons_for_half
from dina.attribution.neuron_deletion import check_neurons
from dina.attribution.neurons import attribute_neurons
from dina.attribution.shares import shares_of_match
from dina.attribution.towers import load_towers
from dina.errors import InputError
from dina.recordings.trials import read_trials, write_trials
from dina.settings import AttributionSettings, InteractionSettings, ReceptiveFieldSettings
from dina.training.train import train_dina
from tests.attribution.conftest import DINA, GABOR

SETTINGS = AttributionSettings(
    n_latents=5,
    n_images=6,
    n_steps=4,
    n_examples=4,
    receptive_fields=ReceptiveFieldSettings(n_probes=8),
    interactions=InteractionSettings(n_neurons=5),
)


def run(simulated, output, truth=True, seeds=None):
    seeds = seeds or [simulated / f"dina/seed-{seed}" for seed in (0, 1)]
    known = simulated / "truth" if truth else None
    attribute_neurons(simulated / "responses", seeds, output, SETTINGS, detail="quick", device="cpu", truth=known)
    return stores.checked(output, verify=True)


@pytest.fixture(scope="module")
def attributed(simulated):
    return run(simulated, simulated / "neurons")


def test_dina_alone_recovers_where_neurons_look(attributed):
    agreement = stores.read_table(attributed, "agreement").set_index(["method", "axis"])
    assert agreement["r"]["dina"].min() > 0.85
    assert agreement["median_distance_deg"]["dina", "x"] < 4  # of an image of 40
    assert agreement["n"]["dina", "x"] > 30
    assert agreement["r"]["linear_pixels"].min() > 0.4 and agreement["r"]["linear_contrast"].min() > 0.4


def test_shuffled_neurons_are_not_recovered(attributed, simulated):
    fields = stores.read_table(attributed, "receptive_fields")
    dina = fields[(fields["method"] == "dina") & (fields["signal_variance"] > 0.1)]
    order = np.random.default_rng(0).permutation(len(dina))
    assert abs(np.corrcoef(dina["x_deg"], dina["true_x_deg"].to_numpy()[order])[0, 1]) < 0.4


def test_importances_are_shares(attributed):
    latent, match = (stores.read_array(attributed, f"{name}_importance") for name in ("latent", "match"))
    assert latent.shape == (5, 60) and match.shape == (60,)
    assert (latent >= 0).all()
    np.testing.assert_allclose(latent.sum(1), 1, rtol=1e-4)
    assert np.abs(match).sum() <= 1 + 1e-4
    assert shares_of_match(match).sum() == pytest.approx(1, rel=1e-4)
    latents = stores.read_table(attributed, "latents")
    np.testing.assert_array_equal(latents["neurons_for_half"], neurons_for_half(latent))
    assert latents["agreement"].is_monotonic_decreasing


def test_pairs_and_the_order_of_neurons_are_judged(attributed):
    pairs = stores.read_table(attributed, "interactions")
    assert len(pairs) == 3 * 10 and (pairs["neuron_i"] < pairs["neuron_j"]).all()
    assert pairs[["signal_correlation", "noise_correlation"]].abs().max().max() <= 1
    assert (pairs["significant"] == (pairs["q"] < SETTINGS.interactions.false_discovery_rate)).all()
    checks = stores.read_table(attributed, "faithfulness").set_index(["method", "check"])
    assert checks["passed"]["integrated_gradients", "deletion, random"]


def test_reliable_neurons_carry_the_match(attributed):
    fields = stores.read_table(attributed, "receptive_fields")
    variance = fields[fields["method"] == "dina"]["signal_variance"].to_numpy()
    match = shares_of_match(stores.read_array(attributed, "match_importance"))
    assert match[variance > 0.1].sum() > 0.85 and np.mean(variance > 0.1) < 0.75


def test_the_linear_part_of_a_simple_cell_resembles_its_filter(attributed, simulated):
    is_complex = stores.read_array(simulated / "truth", "is_complex").astype(bool)
    examples = stores.read_array(attributed, "example_neuron")
    found, true = (stores.read_array(attributed, f"example_{name}field") for name in ("", "true_"))
    simple = np.flatnonzero(~is_complex[examples])
    assert len(simple)
    assert max(np.corrcoef(found[k].ravel(), true[k].ravel())[0, 1] for k in simple) > 0.5


def test_without_truth_there_are_centres_but_no_agreement(simulated, tmp_path, attributed):
    store = run(simulated, tmp_path / "neurons", truth=False)
    assert stores.read_table(store, "agreement").empty
    fields, known = (stores.read_table(where, "receptive_fields") for where in (store, attributed))
    assert "true_x_deg" not in fields
    np.testing.assert_array_equal(fields["x_deg"], known["x_deg"])  # truth enters no estimate


def test_a_recording_without_responsive_neurons(simulated, tmp_path, monkeypatch):
    monkeypatch.setattr("dina.attribution.neurons.MIN_SIGNAL_VARIANCE", 2.0)
    monkeypatch.setattr("dina.attribution.agreement.MIN_SIGNAL_VARIANCE", 2.0)
    store = run(simulated, tmp_path / "neurons")
    assert stores.read_array(store, "example_field").shape == (0, 32, 32)
    assert stores.read_array(store, "example_true_field").shape == (0, 32, 32)
    assert (stores.read_table(store, "agreement")["n"] == 0).all()


def test_fewest_neurons_that_hold_half():
    shares = np.array([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4], [0.25, 0.25, 0.5]])
    np.testing.assert_array_equal(neurons_for_half(shares), [1, 2, 1])


def test_ridge_has_no_towers(simulated, tmp_path):
    from dina.decoders.fitting import fit_decoder
    from dina.settings import DecodersSettings, GaborSettings

    settings = DecodersSettings.model_validate({"ridge": {"size_px": 16}})
    fit_decoder(simulated / "responses", tmp_path / "ridge", "ridge", settings, GaborSettings(), seed=0, device="cpu")
    with pytest.raises(InputError, match="'ridge'.*expected DINA"):
        attribute_neurons(
            simulated / "responses", [tmp_path / "ridge"], tmp_path / "out", SETTINGS, detail="quick", device="cpu"
        )


def test_a_single_neuron_has_no_pairs(simulated, tmp_path):
    trials = read_trials(simulated / "responses").of_neurons(np.array([3]))
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, trials)
    train_dina(tmp_path / "responses", tmp_path / "model", DINA, GABOR, seed=0, device="cpu")
    attribute_neurons(
        tmp_path / "responses", [tmp_path / "model"], tmp_path / "out", SETTINGS, detail="quick", device="cpu"
    )
    assert stores.read_table(tmp_path / "out", "interactions").empty


def test_reliability_that_is_not_known_is_no_rival(simulated):
    trials = read_trials(simulated / "responses")
    trials = replace(trials, reliability=np.ones_like(trials.reliability))
    model = load_towers([simulated / "dina/seed-0"], torch.device("cpu"))[0]
    importance = np.arange(trials.n_neurons, dtype=np.float32)
    checks, curves = check_neurons(model, trials, importance, 4, 0, torch.device("cpu"))
    assert set(checks["check"]) == {"deletion, random", "insertion, random"}
    assert set(curves["method"]) == {"integrated_gradients", "random"}
