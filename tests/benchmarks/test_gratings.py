"""The benchmark of gratings, on sessions whose tuning is known."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.io import savemat

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from decoding import gratings, gratings_data

from dina.models.features import bank_maps
from dina.models.gabor import GaborBank
from dina.recordings.trials import TEST, TRAIN, VALIDATION
from dina.settings import GaborSettings

N_CYCLES, N_NEURONS = 6, 24
GABOR = GaborSettings(frequencies_cpi=(3.0,), grid=2)
TIME_S = np.arange(-1, 2.01, 0.25)


def tuned(period, noise=0.7, seed=0):
    """(trials, neurons, samples) and directions: von Mises tuning of this period in directions, silent before onset."""
    rng = np.random.default_rng(seed)
    direction = np.tile(np.arange(8), N_CYCLES)
    preferred = rng.uniform(0, period, N_NEURONS)
    rate = 4 * np.exp(2 * np.cos(2 * np.pi * (direction[:, None] - preferred) / period) - 2)
    traces = rate[:, :, None] * (TIME_S > 0) + noise * rng.normal(size=(len(direction), N_NEURONS, len(TIME_S)))
    return traces, direction


def write_session(path, traces, direction):
    """As the sessions are kept: one variable a neuron, an array of samples for every trial."""

    def cell(values):
        held = np.empty(len(values), object)
        held[:] = list(values)
        return held

    neurons = {f"neuron{k + 1}": cell(traces[:, k]) for k in range(traces.shape[1])}
    savemat(path, {"D": {**neurons, "speed": cell(traces[:, 0])}, "TE": {"direction": 45.0 * direction}, "t": TIME_S})


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def apart(pictures):
    """(n, n) largest difference of any value between two pictures, in units of the largest of all."""
    flat = np.reshape(pictures, (len(pictures), -1))
    return np.abs(flat[:, None] - flat[None]).max(2) / np.abs(flat).max()


def test_eight_clips_are_eight_stimuli_and_their_first_frames_are_four():
    clips, others = gratings_data.all_clips(), ~np.eye(8, dtype=bool)
    assert clips.shape[1] >= 2 and clips.min() >= 0 and clips.max() <= 1
    assert apart(clips)[others].min() > 0.3
    opposite = np.arange(8), (np.arange(8) + 4) % 8
    np.testing.assert_allclose(apart(clips[:, 0])[opposite], 0, atol=1e-5)
    still = np.repeat(clips[:, :1], clips.shape[1], axis=1)
    moving_maps, still_maps = (bank_maps(GaborBank(GABOR, of.shape[1:]), of).numpy() for of in (clips, still))
    assert apart(moving_maps)[others].min() > 0.3
    np.testing.assert_allclose(apart(still_maps)[opposite], 0, atol=1e-4)


def test_without_a_folder_nothing_is_done_and_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("DINA_GRATINGS", raising=False)
    for arguments in ([], [str(tmp_path / "nowhere")]):
        monkeypatch.setattr(sys, "argv", ["gratings.py", *arguments, "--table", str(tmp_path / "table.csv")])
        gratings.main()
        assert "skipped: no *.mat sessions in" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_from_files_to_table_and_figure(tmp_path, monkeypatch):
    traces, direction = tuned(period=8)
    write_session(tmp_path / "a_mouse_1.mat", traces, direction)
    session = gratings_data.read_session(tmp_path / "a_mouse_1.mat")
    np.testing.assert_allclose(session.traces, traces, rtol=1e-6)
    np.testing.assert_array_equal(session.cycle, np.repeat(np.arange(N_CYCLES), 8))
    monkeypatch.setenv("DINA_GRATINGS", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["gratings.py", "--permutations", "1", "--table", str(tmp_path / "out/table.csv")])
    gratings.main()
    assert (tmp_path / "out/table.png").stat().st_size > 10_000
    table = pd.read_csv(tmp_path / "out/table.csv").set_index(["activity", "target", "decoder"])
    assert len(table) == 3 * 2 * 3 and (table["ci_low"] <= table["accuracy"]).all()
    assert set(table["chance"]) == {0.125, 0.25} and (table["n_cycles"] == N_CYCLES).all()
    response, before = table.loc["response"], table.loc["before onset"]
    assert (response.loc["direction", "accuracy"] > 0.8).all() and (response["p_value"] == 0.5).all()
    assert (response.loc["orientation", "accuracy"] > 0.8).all()
    assert (table.loc["response less history"].loc["direction", "accuracy"] > 0.8).all()
    assert (np.abs(before["accuracy"] - before["chance"]) < 0.2).all()


def test_neurons_blind_to_direction_give_orientation_alone():
    traces, direction = tuned(period=4, noise=0.5)
    cycle = np.repeat(np.arange(N_CYCLES), 8)
    found = gratings.score(traces[:, :, TIME_S > 0].mean(2).astype(np.float32), direction.astype(np.int32), cycle)
    for decoder in ("dina", "dina_start", "ridge"):
        assert found[decoder, "orientation"].mean() > 0.9
        assert found[decoder, "direction"].mean() < 0.7


def test_history_is_removed_where_it_is_all_there_is():
    """A fixed order: what is left of the grating before tells the next, until its trace is taken off."""
    traces, direction = tuned(period=8, noise=0.3)
    cycle = np.repeat(np.arange(N_CYCLES), 8)
    before = np.roll(traces, 1, axis=0)[:, :, TIME_S > 0].mean(2)
    left = 0.5 * before + 0.5 * np.random.default_rng(1).normal(size=before.shape)
    told = [
        gratings.tell_by_ridge(of, direction, cycle, 3)["ridge"]["direction"] == direction[:8]
        for of in (left, gratings.less_predicted(left, before, cycle != 3))
    ]
    assert told[0].mean() > 0.8 > 0.5 > told[1].mean()


def test_no_cycle_is_on_two_sides_and_the_parts_validate_all_others():
    direction, cycle = np.tile(np.arange(8), N_CYCLES).astype(np.int32), np.repeat(np.arange(N_CYCLES), 8)
    responses = np.random.default_rng(0).normal(size=(len(cycle), 3)).astype(np.float32)
    validated = set()
    for part in range(gratings.N_MODELS):
        trials = gratings.as_trials(responses, direction, cycle, 4, part)
        sides = [set(cycle[trials.trials(side)]) for side in (TRAIN, VALIDATION, TEST)]
        assert sides[2] == {4} and not sides[0] & sides[1] and len(sides[0]) >= 3 and trials.is_closed_set
        assert not validated & sides[1]
        validated |= sides[1]
    assert validated == set(range(N_CYCLES)) - {4}


def test_labels_are_permuted_within_cycles_each_by_itself():
    direction, cycle = np.tile(np.arange(8), 50), np.repeat(np.arange(50), 8)
    permuted = gratings.permuted_within(direction, cycle, np.random.default_rng(0)).reshape(50, 8)
    np.testing.assert_array_equal(np.sort(permuted, axis=1), np.tile(np.arange(8), (50, 1)))
    assert len(np.unique(permuted, axis=0)) > 45
