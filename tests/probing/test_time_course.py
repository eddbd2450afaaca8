"""Where in time the image is: bins whose signal is known."""

import dataclasses

import numpy as np
import pytest

from dina import stores
from dina.decoders.fitting import fit_decoder
from dina.probing.identification import probe_identification
from dina.probing.time_course import probe_time_course
from dina.recordings.responses import write_temporal_read_in
from dina.recordings.trials import TRAIN, describe_neurons, write_trials
from dina.settings import DecodersSettings, GaborSettings, ProbingSettings

SETTINGS = ProbingSettings(n_bootstrap=100, pool_sizes=(5,))
EDGES_S = np.array([-0.2, 0.0, 0.2, 0.4, 0.6])
ARRIVES = [2, 3]  # bins with signal; before, there is noise alone


@pytest.fixture(scope="module")
def probed(trials, tmp_path_factory):
    folder = tmp_path_factory.mktemp("time")
    rng = np.random.default_rng(0)
    signal = np.zeros((len(trials.split), 4, trials.n_neurons), np.float32)
    signal[:, ARRIVES] = (trials.responses / 2)[:, None]
    binned = signal + rng.gamma(4, 0.04, signal.shape).astype(np.float32)
    with stores.new_store(folder / "responses") as store:
        stores.write_array(store, "binned", binned)
        responses = write_temporal_read_in(store, trials.image_index, trials.trials(TRAIN), EDGES_S)
        described = describe_neurons(responses, trials.image_index, trials.repeat, trials.split)
        write_trials(store, dataclasses.replace(trials, responses=responses, **described))
    decoders = [folder / name / "seed-0" for name in ("ridge", "gabor_ridge")]
    for decoder in decoders:
        name, settings = decoder.parent.name, DecodersSettings(ridge={"size_px": 8})
        fit_decoder(folder / "responses", decoder, name, settings, GaborSettings(), seed=0, device="cpu")
    probe_time_course(folder / "responses", decoders, folder / "time_course", SETTINGS, device="cpu")
    probe_identification(folder / "responses", decoders, folder / "identification", SETTINGS, device="cpu")
    return folder


def curve(folder, **where):
    table = stores.read_table(folder / "time_course", "time_course")
    for key, value in where.items():
        table = table[table[key] == value]
    assert table["bin"].tolist() == [0, 1, 2, 3]
    return table


def test_weights_find_the_bins(probed):
    weights = stores.read_array(probed / "responses", "temporal_weights")
    assert weights[ARRIVES].sum() > 0.95 * weights.sum()


@pytest.mark.parametrize("decoder", ["ridge", "gabor_ridge", "template"])
def test_the_curve_rises_where_the_signal_arrives(probed, decoder):
    alone = curve(probed, decoder=decoder, bins="alone", trial_mode="single")
    assert alone["chance"].unique() == pytest.approx([1 / 30])
    assert (alone["value"].iloc[:2] < 4 / 30).all() and (alone["ci_low"].iloc[2:] > 4 / 30).all()
    so_far = curve(probed, decoder=decoder, bins="so_far", trial_mode="single")
    assert (so_far["value"].iloc[:2] < 4 / 30).all()
    assert so_far["value"].iloc[3] > so_far["value"].iloc[2] > 0.3
    assert (so_far["ci_low"] <= so_far["value"]).all() and (so_far["value"] <= so_far["ci_high"]).all()
    np.testing.assert_allclose(alone["start_s"], EDGES_S[:-1], atol=1e-9)
    np.testing.assert_allclose(so_far["start_s"], EDGES_S[0])
    np.testing.assert_allclose(so_far["stop_s"], EDGES_S[1:], atol=1e-9)


@pytest.mark.parametrize("mode", ["single", "averaged"])
@pytest.mark.parametrize("decoder", ["ridge", "gabor_ridge"])
def test_the_last_point_is_the_score_of_the_whole_response(probed, decoder, mode):
    scores = stores.read_table(probed / "identification", "scores")
    of = (scores["decoder"] == decoder) & (scores["trial_mode"] == mode) & (scores["metric"] == "top1")
    whole = scores[of & (scores["pool_size"] == 30)].iloc[0]
    last = curve(probed, decoder=decoder, bins="so_far", trial_mode=mode).iloc[-1]
    assert (last["value"], last["ci_low"], last["ci_high"]) == (whole["value"], whole["ci_low"], whole["ci_high"])


def test_test_trials_teach_a_part_nothing(trials):
    """Every part is standardised by its training trials."""
    part = trials.with_responses(trials.responses * 3 + 1)
    np.testing.assert_allclose(part.standardised(np.arange(9)), trials.standardised(np.arange(9)), atol=0.1)
    changed = trials.responses.copy()
    changed[trials.split != TRAIN] += 7
    for name in ("mean", "sd", "event_size"):
        np.testing.assert_array_equal(getattr(trials.with_responses(changed), name), getattr(trials, name))
