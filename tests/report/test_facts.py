import pytest

from dina import stores
from dina.recordings.clock import UNUSUAL_RATE_ERROR
from dina.report.facts import FAR_BEYOND, LEVEL_DRIFT_SD, STRONG_DRIFT, recording_facts
from tests.report.conftest import CLOCK, LINE, write_quality, write_stores

HELD_LINE = LINE | {"longest_s": 3600.0, "at_once": 0.2, "slope_low": -0.5}
WORDS = (
    "masked frames",
    "beyond the clock events",
    "The population drifts",
    "The median neuron's",
    "2 trials had windows that reach beyond the movie",
    "overlap a neighbour's",
    "more than quartz clocks do",
)


def told(folder, **attributes):
    """Which of the cautions about trials and time a recording gets."""
    write_stores(folder, n_planes=1, length_s=800, n_test=60)
    write_quality(folder, {0: {}})
    usual = {"n_masked_trials": 0, "clock": None, "drift": {"level_change_sd": 0.0, "line": None}}
    stores.write_attributes(folder / "responses", usual | attributes)
    cautions = " ".join(recording_facts(folder).cautions)
    return [word for word in WORDS if word in cautions]


def line(share_lost, high):
    drift = {"slope_per_hour": -share_lost * HELD_LINE["at_once"], "slope_high": high}
    return {"drift": {"level_change_sd": 0.0, "line": HELD_LINE | drift}}


@pytest.mark.parametrize(
    ("attributes", "cautions"),
    [
        ({}, []),
        ({"n_masked_trials": 1}, WORDS[:1]),
        ({"clock": CLOCK | {"span_s": 1000.0, "beyond_s": 1001 * FAR_BEYOND}}, WORDS[1:2]),
        ({"clock": CLOCK | {"span_s": 1000.0, "beyond_s": 999 * FAR_BEYOND}}, []),
        ({"clock": CLOCK | {"beyond_s": 0.0, "rate_error_ppm": -1.1e6 * UNUSUAL_RATE_ERROR}}, WORDS[6:7]),
        ({"clock": CLOCK | {"beyond_s": 0.0, "rate_error_ppm": 0.9e6 * UNUSUAL_RATE_ERROR}}, []),
        ({"n_outside_trials": 2}, WORDS[4:5]),
        ({"overlapping_share": 0.01}, WORDS[5:6]),
        ({"n_outside_trials": 0, "overlapping_share": 0.0}, []),
        (line(1.01 * STRONG_DRIFT, high=-0.01), WORDS[2:3]),
        (line(0.99 * STRONG_DRIFT, high=-0.01), []),
        (line(2 * STRONG_DRIFT, high=0.01), []),
        ({"drift": {"level_change_sd": 1.01 * LEVEL_DRIFT_SD, "line": None}}, WORDS[3:4]),
        ({"drift": {"level_change_sd": -0.99 * LEVEL_DRIFT_SD, "line": None}}, []),
    ],
)
def test_cautions_keep_to_their_thresholds(tmp_path, attributes, cautions):
    assert told(tmp_path, **attributes) == list(cautions)


@pytest.mark.parametrize("n_images", [95, 10])
def test_a_closed_set_is_told(tmp_path, n_images):
    write_stores(tmp_path, n_planes=1, length_s=800, n_test=60, n_images=n_images)
    write_quality(tmp_path, {0: {}})
    told = " ".join(recording_facts(tmp_path).cautions)
    assert ("A closed set" in told) == (n_images < 95)
    assert ("is the one trial again" in told) == (n_images == 95)  # a trial an image: no test image was shown twice


def test_lost_frames_are_told(tmp_path):
    write_stores(tmp_path, n_planes=1, length_s=800, n_test=60)
    write_quality(tmp_path, {0: {}})
    for n_gaps in (0, 2):
        stores.write_attributes(tmp_path / "session", {"n_gaps": n_gaps, "longest_gap_s": 1.25})
        lost = [caution for caution in recording_facts(tmp_path).cautions if caution.startswith("Frames were lost")]
        assert len(lost) == bool(n_gaps)
    assert "in 2 gaps, the longest of 1.25 s" in lost[0]


def test_responses_that_were_imported_have_no_clock(tmp_path):
    assert told(tmp_path, clock=None, n_masked_trials=None) == []
    assert "clock" not in recording_facts(tmp_path).line


def test_frames_left_out_at_the_end_are_no_question(tmp_path):
    write_stores(tmp_path, n_planes=2, length_s=800, n_test=0)
    write_quality(tmp_path, {0: {}})
    (told_of,) = (caution for caution in recording_facts(tmp_path).cautions if "at the movie's end" in caution)
    assert told_of == "1 frame at the movie's end made no whole volume of all planes and channels and were left out."
