"""What noise correlations carry: on populations where they inform, and where there are none."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from attribution import planted_neurons as planted

from dina.ablation.noise_correlations import (
    COLUMNS,
    HELP,
    HURT,
    NOTHING,
    noise_correlation,
    noise_rows,
    repeated_alone,
    shuffle_repeats,
    verdict,
    why_not,
)
from dina.recordings.trials import TEST, TRAIN, VALIDATION


@pytest.fixture(scope="module")
def informed():
    return planted.population(0, "informative")


def rows_of(noise):
    return {row["test"]: row for row in noise_rows(planted.shuffles_of(noise), 500)}


def test_shared_noise_that_can_be_taken_off_helps():
    rows = rows_of("informative")
    assert set(rows["shuffled"]) == set(COLUMNS)
    for test in ("shuffled", "diagonal"):
        assert rows[test]["ci_low"] > 0.1 and rows[test]["verdict"] == HELP and rows[test]["p"] < 0.01
    assert rows["shuffled"]["left"] == 0.5  # images are shown twice


def test_independent_noise_carries_nothing():
    for row in rows_of("independent").values():
        assert row["ci_low"] <= 0 <= row["ci_high"] and row["verdict"] == NOTHING


def test_a_shuffle_keeps_every_neuron_and_breaks_what_they_share(informed):
    shuffled = shuffle_repeats(informed, np.random.default_rng(0))
    for split in (TRAIN, TEST):
        before, after = (noise_correlation(trials, split) for trials in (informed, shuffled))
        assert before["rms"] > 0.7 and after["rms"] < 2 * after["independent_rms"]
        for trials in (informed, shuffled):
            np.testing.assert_allclose(
                trials.averaged(split)[0], informed.averaged(split)[0], atol=1e-5
            )  # a neuron's mean over an image's repeats
    image = informed.image_ids(TRAIN)[3]
    shown = informed.image_index == image
    assert not np.array_equal(shuffled.responses[shown], informed.responses[shown])
    np.testing.assert_array_equal(np.sort(shuffled.responses[shown], 0), np.sort(informed.responses[shown], 0))


def test_mean_correlation_by_hand(informed):
    found = noise_correlation(informed, TEST)
    shown = informed.trials(TEST)
    z = informed.standardised(shown, weighted=False).astype(float)
    image = informed.image_index[shown]
    deviation = z - np.stack([z[image == one].mean(0) for one in image])
    r = np.corrcoef(deviation.T)[np.triu_indices(informed.n_neurons, 1)]
    assert found["mean"] == pytest.approx(r.mean(), abs=1e-6)
    assert found["rms"] == pytest.approx(np.sqrt(np.mean(r**2)), abs=1e-6)


def test_images_shown_once_are_left_out_and_too_few_repeats_are_told(informed):
    once = np.isin(informed.image_index, informed.image_ids(TEST)[:5]) & (informed.repeat == 1)
    kept = replace(
        informed,
        **{name: getattr(informed, name)[~once] for name in ("responses", "image_index", "repeat", "onset_s", "split")},
    )
    repeated = repeated_alone(kept)
    assert len(repeated.image_ids(TEST)) == planted.IMAGES["test"] - 5
    assert len(repeated.image_ids(VALIDATION)) == planted.IMAGES["validation"]  # shown once each, and never shuffled
    assert why_not(repeated) == ""
    first = informed.repeat == 0
    single = replace(
        informed,
        **{name: getattr(informed, name)[first] for name in ("responses", "image_index", "repeat", "onset_s", "split")},
    )
    assert why_not(repeated_alone(single)).startswith("0 train images are shown twice or more, and 10 are needed")


def test_verdicts():
    cases = [(0.01, 0.2, 0.01), (-0.2, -0.01, 0.01), (-0.1, 0.1, 0.01), (-0.2, -0.01, 0.07)]
    assert [verdict(*case) for case in cases] == [HELP, HURT, NOTHING, NOTHING]
