"""Neuron curves of a decoder in which one neuron in ten matters, and the stage on a small recording."""

import numpy as np
import pytest

from dina import stores
from dina.ablation.needed import goals
from dina.ablation.neurons import ablate_neurons, top1_curve
from dina.probing.queries import Queries, single_trials, top1_by_image
from dina.recordings.trials import TEST
from dina.settings import AblationSettings, NeuronAblationSettings
from tests.ablation.conftest import DINA

N_NEURONS, N_IMAGES, N_USED = 100, 40, 10
SETTINGS = AblationSettings(
    n_bootstrap=100,
    neurons=NeuronAblationSettings(
        shares=(0.05, 0.1, 0.2, 0.5), n_random_orders=2, retrained_shares=(0.2, 0.5), n_shuffles=2
    ),
)


class Planted:
    """Reads the image's number off the first tenth of the neurons; the others are noise that it ignores."""

    def compare(self, z, represented):
        return z[:, :N_USED] @ represented[:, :N_USED].T


@pytest.fixture
def planted():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((N_IMAGES, N_USED)).astype(np.float32)
    z = rng.standard_normal((N_IMAGES, N_NEURONS)).astype(np.float32)
    z[:, :N_USED] = 3 * codes / np.linalg.norm(codes, axis=1, keepdims=True)
    gallery = (codes / np.linalg.norm(codes, axis=1, keepdims=True))[:, None, :]
    return Planted(), Queries(z, np.arange(N_IMAGES)), gallery[:, 0]


def test_ten_neurons_of_a_hundred_are_enough(planted):
    counts = np.array([1, 5, 10, 50, 100])
    curve = top1_curve(*planted, np.arange(N_NEURONS), counts).mean(1)
    assert curve[0] < 0.3 < curve[1] < 1
    np.testing.assert_array_equal(curve[2:], 1)


def test_in_the_wrong_order_they_come_last(planted):
    curve = top1_curve(*planted, np.arange(N_NEURONS)[::-1], np.array([50, 90, 100])).mean(1)
    np.testing.assert_array_equal(curve, [0, 0, 1])  # silent neurons leave all images equal: no image comes first


def test_batches_change_nothing(planted, monkeypatch):
    counts = np.arange(1, 12)
    whole = top1_curve(*planted, np.arange(N_NEURONS), counts)
    monkeypatch.setattr("dina.ablation.neurons.BATCH_QUERIES", 2 * N_IMAGES)
    np.testing.assert_array_equal(top1_curve(*planted, np.arange(N_NEURONS), counts), whole)


def test_a_tie_for_the_first_place_counts_half():
    scores = np.array([[1.0, 1, 0], [0, 2, 1], [1, 1, 1]])
    np.testing.assert_array_equal(top1_by_image(scores, np.array([0, 1, 2])), [0.5, 1, 0])


@pytest.fixture(scope="module")
def ablated(recording, small_gabor):
    decoders = [recording / f"dina/seed-{seed}" for seed in (0, 1)]
    decoders += [recording / f"{name}/seed-0" for name in ("ridge", "convolutional")]
    ablate_neurons(
        recording / "responses",
        decoders,
        recording / "ablated",
        SETTINGS,
        DINA,
        small_gabor,
        detail="quick",
        device="cpu",
    )
    return stores.checked(recording / "ablated", verify=True)


def test_curves_end_at_the_unablated_score_in_every_order(ablated, recording, gabor_trials):
    from dina.decoders.base import load_decoder

    curves = stores.read_table(ablated, "curves")
    queries, gallery = single_trials(gabor_trials), gabor_trials.images[gabor_trials.image_ids(TEST)]
    ridge = load_decoder(recording / "ridge/seed-0").scores(queries.z, gallery)
    whole = curves[(curves["decoder"] == "ridge") & (curves["share"] == 1)]
    assert set(whole["order"]) == {"strongest", "random"}
    np.testing.assert_allclose(whole["value"], top1_by_image(ridge, queries.true).mean())
    of_dina = curves[(curves["decoder"] == "dina") & (curves["removal"] == "mean")]
    assert of_dina.loc[of_dina["share"] == 1, "value"].nunique() == 1 and of_dina["order"].nunique() == 6
    strongest = of_dina[of_dina["order"] == "strongest"]["value"].to_numpy()
    assert strongest[0] < strongest[-1] - 0.2


def test_shares_needed_are_shares_of_the_curve(ablated):
    needed, curves = (stores.read_table(ablated, name) for name in ("needed", "curves"))
    assert len(needed) == 3 * (6 + 3 + 2 * 2) and (needed["n"] == 30).all()
    own = needed[(needed["metric"] == "neurons_for_90pct") & needed["value"].notna()]
    assert {"dina", "ridge"} <= set(own["decoder"])  # the convolutional decoder cannot be told from chance here
    assert own["value"].isin(curves["share"]).all()
    assert (own["ci_low"] <= own["value"]).all()
    assert (own["value"] <= own["ci_high"].fillna(np.inf)).all()  # no bound: some resamples never get there
    same = needed[(needed["decoder"] == "convolutional") & (needed["order"] == "strongest")]
    same = same[same["metric"] != "neurons_for_50pct"]
    assert same["value"].nunique(dropna=False) == 1  # for the reference itself both goals are one


def test_half_the_score_needs_no_more_than_most_of_it(ablated):
    needed = stores.read_table(ablated, "needed")
    needed = needed.set_index(["decoder", "order", "removal", "metric"])["value"].unstack("metric").dropna()
    assert (needed["neurons_for_50pct"] <= needed["neurons_for_90pct"]).all()


def test_all_neurons_retrained_are_one_fit_for_every_order(ablated):
    curves = stores.read_table(ablated, "curves")
    retrained = curves[curves["removal"] == "retrained"]
    assert set(retrained["order"]) == {"strongest", "attribution", "matched"}
    assert set(retrained["decoder"]) == {"dina"} and retrained.loc[retrained["share"] == 1, "value"].nunique() == 1
    assert retrained["value"].min() > 2 * retrained["chance"].iloc[0]


def test_orders_compared_and_noise_correlations_have_their_rows(ablated):
    compared, noise = (stores.read_table(ablated, name) for name in ("comparisons", "noise_correlations"))
    pairs = set(zip(compared["order"], compared["over"], compared["removal"], strict=True))
    assert {("attribution", over, "mean") for over in ("strongest", "matched", "random")} <= pairs
    assert {("attribution", over, "retrained") for over in ("strongest", "matched")} <= pairs
    assert set(noise["test"]) == {"shuffled", "diagonal"} and (noise["n_shuffles"] == 2).all()
    assert stores.read_attributes(ablated)["no_noise_correlations"] == ""
    assert stores.read_array(ablated, "orders").shape == (4, 60)


def test_a_decoder_at_chance_needs_no_share_of_neurons():
    rng = np.random.default_rng(0)
    lucky = (rng.random((200, 12)) < 0.05).astype(float)
    assert np.isnan(goals(lucky, 1 / 20, 0.9)).all()
    assert np.isfinite(goals(lucky + 0.3, 1 / 20, 0.9)).all()
