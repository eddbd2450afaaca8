"""Times of frames from tables, headers and rates."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from dina.errors import InputError
from dina.imaging.frame_times import frame_times_s
from dina.imaging.inspection import inspect_movie
from dina.imaging.movies import Movie
from dina.settings import AcquisitionInfo
from dina.stores import checked, read_array, read_attributes

IRREGULAR = np.cumsum(np.random.default_rng(0).uniform(0.03, 0.04, 120))


@pytest.fixture
def movie(tmp_path):
    pages = np.random.default_rng(1).integers(0, 99, (120, 32, 40)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "movie.tif", pages)
    return tmp_path / "movie.tif"


def table(folder, time_s, name="times.csv"):
    pd.DataFrame({"time_s": time_s}).to_csv(folder / name, index=False)
    return str(folder / name)


def test_planes_are_sampled_one_after_another(movie):
    """Also with flyback frames, which take their time as well."""
    of = Movie([movie], AcquisitionInfo(n_planes=3, n_flyback=1, volume_rate_hz=10))
    for plane in range(3):
        time_s, rate_hz = frame_times_s(of, plane)
        np.testing.assert_allclose(time_s, np.arange(30) / 10 + plane / 40)
        assert rate_hz == 10


def test_a_table_of_every_frame_or_every_volume(movie, tmp_path):
    every = AcquisitionInfo(n_planes=3, n_flyback=1, frame_times=table(tmp_path, IRREGULAR))
    for plane in range(3):
        np.testing.assert_allclose(frame_times_s(Movie([movie], every), plane)[0], IRREGULAR[plane::4])
    volumes = AcquisitionInfo(n_planes=3, n_flyback=1, frame_times=table(tmp_path, IRREGULAR[::4], "volumes.csv"))
    time_s, rate_hz = frame_times_s(Movie([movie], volumes), 2)
    interval_s = np.median(np.diff(IRREGULAR[::4]))
    np.testing.assert_allclose(time_s, IRREGULAR[::4] + interval_s / 2)
    assert rate_hz == pytest.approx(1 / interval_s)


@pytest.mark.parametrize(
    ("time_s", "message"),
    [
        (IRREGULAR[:50], r"times\.csv: found 50 rows; expected 60, one a volume, or 120, one a frame"),
        (np.r_[IRREGULAR[:31], IRREGULAR[:29]], "plane 0, frame 31: found .* s; expected more than"),
        (10 * IRREGULAR, r"volume_rate_hz: found 14\.3 Hz in the sheet; expected"),
        ([0.1, "x", *range(1, 59)], r"times\.csv, row 3: found 'x'; expected a number in time_s"),
    ],
)
def test_tables_that_do_not_fit_are_refused(movie, tmp_path, time_s, message):
    acquisition = AcquisitionInfo(n_planes=2, volume_rate_hz=14.3, frame_times=table(tmp_path, time_s))
    with pytest.raises(InputError, match=message):
        frame_times_s(Movie([movie], acquisition), 0)


def test_lost_frames_are_told(movie, tmp_path):
    lost = IRREGULAR + np.where(np.arange(120) >= 70, 0.5, 0)
    with pytest.warns(UserWarning, match="1 gaps between frames of plane 0"):
        frame_times_s(Movie([movie], AcquisitionInfo(frame_times=table(tmp_path, lost))), 0)


def test_inspection_writes_the_times_of_analysed_planes(movie, tmp_path):
    acquisition = AcquisitionInfo(n_planes=4, skip_planes=(0, 2), volume_rate_hz=5)
    inspect_movie({1: [movie]}, tmp_path / "movie", acquisition)
    store = checked(tmp_path / "movie", verify=True)
    attributes = read_attributes(store)
    assert attributes["planes"] == [1, 3] and attributes["n_frames"] == 30
    np.testing.assert_allclose(read_array(store, "frame_time_s")[:, :2], [[0.05, 0.25], [0.15, 0.35]])
    np.testing.assert_allclose(read_array(store, "volume_time_s"), np.arange(30) / 5)
    assert (attributes["n_gaps"], attributes["longest_gap_s"]) == (0, 0)


def test_a_volume_begins_with_plane_0_though_it_is_left_out(movie, tmp_path):
    every = AcquisitionInfo(n_planes=3, n_flyback=1, skip_planes=(0, 1), frame_times=table(tmp_path, IRREGULAR))
    inspect_movie({2: [movie]}, tmp_path / "movie", every)
    np.testing.assert_allclose(read_array(tmp_path / "movie", "volume_time_s"), IRREGULAR[::4])
    np.testing.assert_allclose(read_array(tmp_path / "movie", "frame_time_s"), IRREGULAR[None, 2::4])


def test_a_volume_begins_before_a_plane_in_files_of_its_own(movie, tmp_path):
    apart = AcquisitionInfo(
        n_planes=4, separate_files=True, skip_planes=(0, 1, 3), frame_times=table(tmp_path, IRREGULAR)
    )
    inspect_movie({2: [movie]}, tmp_path / "movie", apart)
    np.testing.assert_allclose(read_array(tmp_path / "movie", "volume_time_s"), IRREGULAR)


def test_inspection_counts_gaps_in_the_plane_that_has_most(movie, tmp_path):
    time_s = IRREGULAR + 0.5 * (np.arange(120) >= 41) + 0.9 * (np.arange(120) >= 80)  # from plane 0 to 1, and between
    acquisition = AcquisitionInfo(n_planes=2, frame_times=table(tmp_path, time_s))
    with pytest.warns(UserWarning, match="gaps between frames"):
        inspect_movie({0: [movie]}, tmp_path / "movie", acquisition)
    attributes = read_attributes(tmp_path / "movie")
    assert attributes["n_gaps"] == 2
    longest_s = max(np.diff(time_s[plane::2]).max() for plane in (0, 1))
    assert attributes["longest_gap_s"] == pytest.approx(longest_s)


def test_planes_in_files_of_their_own_may_differ_by_a_frame(movie, tmp_path):
    tifffile.imwrite(tmp_path / "other.tif", np.ones((119, 32, 40), np.uint16))
    tifffile.imwrite(tmp_path / "short.tif", np.ones((100, 32, 40), np.uint16))
    acquisition = AcquisitionInfo(n_planes=2, separate_files=True, volume_rate_hz=5)
    inspect_movie({0: [movie], 1: [tmp_path / "other.tif"]}, tmp_path / "movie", acquisition)
    assert read_array(tmp_path / "movie", "frame_time_s").shape == (2, 119)
    with pytest.raises(InputError, match="planes of 100 and 120 frames"):
        inspect_movie({0: [movie], 1: [tmp_path / "short.tif"]}, tmp_path / "refused", acquisition)
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize(("width", "dtype"), [(44, np.uint16), (40, np.int16)])
def test_planes_in_files_of_their_own_must_be_alike(movie, tmp_path, width, dtype):
    tifffile.imwrite(tmp_path / "other.tif", np.ones((120, 32, width), dtype))
    acquisition = AcquisitionInfo(n_planes=2, separate_files=True, volume_rate_hz=5)
    with pytest.raises(InputError, match=r"other\.tif: found frames of 32 × .* as in movie\.tif"):
        inspect_movie({0: [movie], 1: [tmp_path / "other.tif"]}, tmp_path / "movie", acquisition)


@pytest.mark.parametrize("skip", [(4,), (0, 1, 2, 3)])
def test_planes_that_cannot_be_left_out_are_refused(movie, tmp_path, skip):
    with pytest.raises(InputError, match="skip_planes: found .*; expected some of planes 0 to 3, not all"):
        Movie([movie], AcquisitionInfo(n_planes=4, skip_planes=skip, volume_rate_hz=5))


def test_the_rate_is_that_of_the_times(movie, tmp_path):
    """Sheets round: held against the times, and never taken in their place."""
    acquisition = AcquisitionInfo(volume_rate_hz=28.6, frame_times=table(tmp_path, np.arange(120) / 29))
    assert frame_times_s(Movie([movie], acquisition), 0)[1] == pytest.approx(29)


def test_times_in_milliseconds_are_refused(movie, tmp_path):
    acquisition = AcquisitionInfo(frame_times=table(tmp_path, np.arange(120) * 34.5))
    with pytest.raises(InputError, match=r"volume_rate_hz: found 0\.0289855 Hz; expected 0\.1 to 1000 Hz.*seconds"):
        frame_times_s(Movie([movie], acquisition), 0)
