import warnings

import numpy as np
import pandas as pd
import pytest

from dina.errors import InputError
from dina.recordings.clock import (
    LARGEST_RATE_ERROR,
    LARGEST_RESIDUAL_S,
    UNUSUAL_RATE_ERROR,
    fit_clock,
    read_clock_events,
)

RATE, OFFSET_S, JITTER_S = 1 + 73e-6, -12.25, 0.004
LOG_S = np.linspace(20, 3600, 120)
FRAME_TIME_S = np.cumsum(np.random.default_rng(3).uniform(0.12, 0.15, 30_000))


def test_another_separator_is_suspected(tmp_path):
    (tmp_path / "events.csv").write_text("log_s;movie_s\n1;2\n3;4\n")
    with pytest.raises(InputError, match=r"found columns 'log_s;movie_s'; .*separated by ','"):
        read_clock_events(tmp_path / "events.csv")


def events(tmp_path, suffix="csv", **columns):
    table = pd.DataFrame(columns)
    path = tmp_path / f"events.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if suffix == "tsv" else ",", index=False)
    return read_clock_events(path)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_jittered_events_bring_onsets_back_to_the_millisecond(tmp_path, suffix):
    jitter = np.random.default_rng(0).normal(0, JITTER_S, len(LOG_S))
    clock = fit_clock(events(tmp_path, suffix, log_s=LOG_S, movie_s=OFFSET_S + RATE * LOG_S + jitter))
    onset_s = np.linspace(15, 3660, 500)  # a little beyond the events on both sides
    np.testing.assert_allclose(clock.movie_s(onset_s), OFFSET_S + RATE * onset_s, atol=1e-3, rtol=0)
    said = clock.describe(clock.movie_s(onset_s))
    assert said["rate_error_ppm"] == pytest.approx(73, abs=1) and said["offset_s"] == pytest.approx(OFFSET_S, abs=1e-3)
    assert said["worst_residual_s"] == pytest.approx(np.abs(jitter).max(), abs=1e-3) and said["n_events"] == 120
    assert said["beyond_s"] == pytest.approx(60, abs=0.1) and said["span_s"] == pytest.approx(3580, abs=1)


def test_frames_of_uneven_length(tmp_path):
    frame = np.arange(100, 29_000, 250) + 0.25
    movie_s = np.interp(frame, np.arange(len(FRAME_TIME_S)), FRAME_TIME_S)
    clock = fit_clock(events(tmp_path, log_s=(movie_s - OFFSET_S) / RATE, movie_frame=frame), FRAME_TIME_S)
    assert clock.rate == pytest.approx(RATE, abs=1e-9) and clock.offset_s == pytest.approx(OFFSET_S, abs=1e-6)


def test_whole_frames_are_forgiven_half_a_frame(tmp_path):
    """Events anywhere within a frame of 0.14 s are told to no better than that."""
    movie_s = np.linspace(50, 3500, 400)
    frame = np.searchsorted(FRAME_TIME_S, movie_s, side="right") - 1
    clock = fit_clock(events(tmp_path, log_s=movie_s, movie_frame=frame), FRAME_TIME_S)
    assert LARGEST_RESIDUAL_S < clock.worst_residual_s < 0.1


def test_two_events_make_a_line(tmp_path):
    clock = fit_clock(events(tmp_path, log_s=[0.0, 100.0], movie_s=[5.0, 105.01]))
    np.testing.assert_allclose(clock.movie_s(np.array([50.0, 110.0])), [55.005, 115.011])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"log_s": [1.0], "movie_s": [2.0]}, "events.csv: found 1 events; expected at least 2"),
        (
            {"log_s": [1.0, 3.0, 2.0], "movie_s": [1.0, 2.0, 3.0]},
            "row 4: found 2.0; expected values of log_s that incr",
        ),
        ({"log_s": [1.0, 2.0, 3.0], "movie_frame": [1, 1, 3]}, "row 3: found 1.0; expected values of movie_frame that"),
        ({"log_s": [1.0, None, 3.0], "movie_s": [1.0, 2.0, 3.0]}, "row 3: found nothing; expected a number in log_s"),
        ({"log_s": [1.0, 2.0], "movie_s": ["x", "2"]}, "row 2: found 'x'; expected a number in movie_s"),
        (
            {"log_s": [1.0, 2.0], "movie": [1.0, 2.0]},
            "columns 'log_s', 'movie'; expected log_s, and movie_s or movie_frame",
        ),
    ],
)
def test_mistakes_name_the_row(tmp_path, columns, message):
    with pytest.raises(InputError, match=message):
        events(tmp_path, **columns)


@pytest.mark.parametrize("row", [0, 7, 19])
def test_an_event_off_the_line_is_refused_by_its_row(tmp_path, row):
    log_s = np.arange(20) * 30.0
    movie_s = log_s + 2
    movie_s[row] += 0.2
    with pytest.raises(InputError, match=rf"events.csv, row {row + 2}: found an event 0.200 s off the line"):
        fit_clock(events(tmp_path, log_s=log_s, movie_s=movie_s))


@pytest.mark.parametrize("log_s", [LOG_S, LOG_S[[0, -1]]])
def test_rates_that_differ_by_a_thousandth_are_refused(tmp_path, log_s):
    for error, refused in ((0.9 * LARGEST_RATE_ERROR, False), (1.1 * LARGEST_RATE_ERROR, True), (999, True)):
        shared = events(tmp_path, log_s=log_s, movie_s=(1 + error) * log_s)
        if refused:
            with pytest.raises(InputError, match=rf"events.csv: found {1 + error:.4f} s of the movie for each second"):
                fit_clock(shared)
        else:
            with pytest.warns(UserWarning, match="clocks differ"):
                assert fit_clock(shared).rate == pytest.approx(1 + error)


@pytest.mark.parametrize(("share", "told"), [(0.9, 0), (-0.9, 0), (1.1, 1), (-1.1, 1)])
def test_rates_that_no_two_quartz_clocks_have_are_told(tmp_path, share, told):
    shared = events(tmp_path, log_s=LOG_S, movie_s=(1 + share * UNUSUAL_RATE_ERROR) * LOG_S)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_clock(shared)
    assert len(caught) == told


def test_frames_outside_the_movie_are_refused(tmp_path):
    shared = events(tmp_path, log_s=[1.0, 2.0, 9.0], movie_frame=[0, 7, 100])
    with pytest.raises(InputError, match=r"events.csv, row 4: found 100.0; expected a frame number from 0 to 99"):
        fit_clock(shared, np.arange(100) / 7.0)
