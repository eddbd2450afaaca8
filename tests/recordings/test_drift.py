from dataclasses import replace

import numpy as np
import pytest

from dina.recordings.drift import BIN_COLUMNS, HOUR_S, LEAST_SPREAD, measure_drift, showing_pairs
from dina.recordings.trials import TrialResponses, describe_neurons

N_IMAGES, N_NEURONS, SIGNAL, HOURS = 150, 300, 0.4, 1.5


def simulate(time_constant_h=None, *, seed=0, repeats=3, level=0.0):
    """Responses of neurons with a signal variance of 0.4, whose tuning decays with a time constant, if it does.

    Showings in random order; the tuning to each image is a stationary first-order process, so that two showings
    of an image correlate by ``0.4 · exp(−time / constant)``.
    """
    rng = np.random.default_rng(seed)
    image = rng.permutation(np.repeat(np.arange(N_IMAGES), repeats)).astype(np.int32)
    onset_s = np.sort(rng.uniform(0, HOURS * HOUR_S, len(image)))
    tuning, seen_s = rng.normal(size=(N_IMAGES, N_NEURONS)), np.zeros(N_IMAGES)
    signal, repeat, count = np.empty((len(image), N_NEURONS)), np.zeros(len(image), np.int16), np.zeros(N_IMAGES, int)
    for trial, (number, time_s) in enumerate(zip(image, onset_s, strict=True)):
        if time_constant_h:
            kept = np.exp(-(time_s - seen_s[number]) / HOUR_S / time_constant_h)
            tuning[number] = kept * tuning[number] + np.sqrt(1 - kept**2) * rng.normal(size=N_NEURONS)
        signal[trial], seen_s[number], repeat[trial] = tuning[number], time_s, count[number]
        count[number] += 1
    responses = np.sqrt(SIGNAL) * signal + np.sqrt(1 - SIGNAL) * rng.normal(size=signal.shape)
    responses += level * onset_s[:, None] / onset_s[-1]
    responses = (responses * rng.gamma(2, 5, N_NEURONS)).astype(np.float32)
    split = np.where(np.arange(N_IMAGES) < 100, 0, 2).astype(np.uint8)[image]
    return TrialResponses(
        responses=responses,
        image_index=image,
        repeat=repeat,
        onset_s=onset_s,
        split=split,
        images=np.zeros((N_IMAGES, 2, 2), np.float32),
        category=np.full(N_IMAGES, -1, np.int16),
        category_names=(),
        degrees_per_pixel=None,
        **describe_neurons(responses, image, repeat, split),
    )


def test_simulated_drift_is_recovered():
    trials = simulate(time_constant_h=2.0)
    drift = measure_drift(trials)
    _, between_s, _ = showing_pairs(trials)
    hours = between_s / HOUR_S
    slope, at_once = np.polyfit(hours, SIGNAL * np.exp(-hours / 2.0), 1)  # what a line through the truth has
    assert drift.line["slope_per_hour"] == pytest.approx(slope, abs=0.015)
    assert drift.line["at_once"] == pytest.approx(at_once, abs=0.015)
    assert drift.line["slope_low"] < slope < drift.line["slope_high"] < 0
    truth = SIGNAL * np.exp(-drift.bins["between_s"] / HOUR_S / 2.0)
    np.testing.assert_allclose(drift.bins["correlation"], truth, atol=0.02)
    assert (drift.bins["ci_low"] < drift.bins["correlation"]).all()
    assert drift.bins["n_pairs"].sum() == drift.line["n_pairs"] == 3 * N_IMAGES
    assert np.ptp(drift.bins["n_pairs"]) <= 1 and drift.line["longest_s"] == between_s.max()


def test_where_nothing_drifts_the_interval_holds_0_as_often_as_it_says():
    covers = []
    for seed in range(40):
        line = measure_drift(simulate(seed=seed, repeats=2)).line
        covers.append(line["slope_low"] <= 0 <= line["slope_high"])
        assert abs(line["slope_per_hour"]) < 0.06
    assert sum(covers) >= 34  # 95 % of 40 draws is 38; fewer than 34 has a chance of 1 in 70


def test_a_change_of_level_is_told_by_the_quarters():
    still, rising = (measure_drift(simulate(level=level)) for level in (0.0, 2.0))
    trials = simulate(level=2.0)
    assert abs(still.level_change_sd) < 0.05
    spread = np.sqrt(1 + 4 / 12)  # of a neuron's own variance 1 and the ramp of height 2
    assert rising.level_change_sd == pytest.approx(0.75 * 2 / spread, abs=0.05)
    quarter = len(trials.responses) // 4
    np.testing.assert_allclose(rising.first_quarter, trials.responses[:quarter].mean(0), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(rising.last_quarter, trials.responses[-quarter:].mean(0), rtol=1e-4, atol=1e-3)


def test_without_repeats_nothing_is_measured():
    drift = measure_drift(simulate(repeats=1))
    assert drift.line is None and drift.bins.empty and list(drift.bins) == list(BIN_COLUMNS)
    assert np.isfinite(drift.level_change_sd)


def test_with_a_dozen_images_the_interval_is_no_narrower_than_it_says():
    """Of 400 recordings without drift, 5 % are 20; 33 or more have a chance of 1 in 250."""
    wrong, still = 0, simulate(repeats=1)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        image = rng.permutation(np.repeat(np.arange(12), 5)).astype(np.int32)
        responses = (rng.normal(size=(12, 40))[image] + rng.normal(size=(60, 40))).astype(np.float32)
        trials = replace(
            still,
            responses=responses,
            image_index=image,
            onset_s=np.arange(60.0),
            split=np.zeros(60, np.uint8),
            event_size=np.zeros(40, np.float32),
            mean=responses.mean(0),
            sd=responses.std(0),
        )
        line = measure_drift(trials).line
        wrong += not line["slope_low"] <= 0 <= line["slope_high"]
    assert wrong < 33


@pytest.fixture(scope="module")
def twice():
    """A sequence shown twice at a regular pace, for any pace and jitter of the second showing."""
    trials = simulate(repeats=2)
    order = np.argsort(trials.repeat, kind="stable")
    image = np.tile(np.arange(N_IMAGES), 2).astype(np.int32)

    def shown(pace_s, jitter_s=0.0):
        onset_s = 5 + np.arange(2 * N_IMAGES) * pace_s
        onset_s[N_IMAGES:] += np.sort(np.random.default_rng(0).normal(0, jitter_s, N_IMAGES))
        return replace(trials, image_index=image, repeat=trials.repeat[order], onset_s=onset_s)

    return shown


@pytest.mark.parametrize("pace_s", [0.3, 0.7, 0.8, 1.0, 1.1, 1.3, 2.1])  # most have no exact binary form
def test_a_sequence_shown_twice_makes_no_line(twice, pace_s):
    drift = measure_drift(twice(pace_s))
    assert drift.line is None and drift.bins.empty


@pytest.mark.parametrize(("share", "measured"), [(0.9, False), (1.3, True)])
def test_times_must_spread_by_a_share_of_their_mean(twice, share, measured):
    drift = measure_drift(twice(1.0, share * LEAST_SPREAD * N_IMAGES))
    assert (drift.line is not None) == (not drift.bins.empty) == measured


def test_a_slope_that_hangs_on_one_image_is_none(twice):
    trials = twice(1.0)
    onset_s = trials.onset_s.copy()
    onset_s[-1] += 1e4
    drift = measure_drift(replace(trials, onset_s=onset_s))
    assert drift.line is None and drift.bins.empty


def test_pairs_are_those_of_an_image():
    trials = simulate(repeats=3)
    image, between_s, correlation = showing_pairs(trials)
    assert np.bincount(image).tolist() == [3] * N_IMAGES
    one, two, three = np.flatnonzero(trials.image_index == 4)
    z = trials.standardised(np.arange(len(trials.responses)), weighted=False)
    pairs = ((one, two), (one, three), (two, three))
    expected = [np.corrcoef(z[a], z[b])[0, 1] for a, b in pairs]
    np.testing.assert_allclose(correlation[image == 4], expected, atol=1e-5)
    assert between_s[image == 4].tolist() == [trials.onset_s[b] - trials.onset_s[a] for a, b in pairs]
