"""Planes and channels told apart across files, and movies that cannot be used refused."""

import h5py
import numpy as np
import pytest
import tifffile

from dina.errors import InputError
from dina.imaging.movies import Movie
from dina.settings import AcquisitionInfo

FRAMES = np.arange(200, dtype=np.uint16)[:, None, None] + np.zeros((200, 32, 40), np.uint16)


def collect(movie: Movie, plane: int = 0, channel: int | None = None) -> np.ndarray:
    return np.concatenate([block for _, block in movie.plane(plane, channel).blocks()])


def write_series(folder, lengths, frames=FRAMES):
    paths, start = [], 0
    for number, length in enumerate(lengths):
        paths.append(folder / f"movie_{number}.tif")
        tifffile.imwrite(paths[-1], frames[start : start + length])
        start += length
    return paths


@pytest.mark.parametrize("plane", [0, 1])
@pytest.mark.parametrize("channel", [0, 1])
def test_interleaving_runs_on_across_files(tmp_path, plane, channel, monkeypatch):
    monkeypatch.setattr("dina.imaging.movies.BLOCK_BYTES", 7 * 32 * 40 * 2)
    paths = write_series(tmp_path, [67, 1, 132])
    movie = Movie(paths, AcquisitionInfo(n_planes=2, n_channels=2, functional_channel=channel))
    assert movie.n_frames == 50
    np.testing.assert_array_equal(collect(movie, plane)[:, 0, 0], np.arange(200)[2 * plane + channel :: 4])
    np.testing.assert_array_equal(collect(movie, plane, 0)[:, 0, 0], np.arange(200)[2 * plane :: 4])
    view = movie.plane(plane)
    starts = [start for start, _ in view.blocks()]
    assert starts[0] == 0 and len(starts) >= 8
    assert view.locate(20) == f"{paths[2]}, page {20 * 4 + 2 * plane + channel - 68}"


def test_an_incomplete_last_volume_is_dropped_with_a_warning(tmp_path):
    paths = write_series(tmp_path, [199])
    with pytest.warns(UserWarning, match="199 pages.*last 1 are dropped"):
        movie = Movie(paths, AcquisitionInfo(n_planes=2))
    assert [len(collect(movie, plane)) for plane in range(2)] == [99, 99]
    assert movie.n_dropped_pages == 1


def test_flyback_frames_belong_to_no_plane(tmp_path):
    """Volumes of three planes and a flyback frame, two channels; the last volume ends before its flyback."""
    pages = np.arange(318, dtype=np.uint16)[:, None, None] + np.zeros((318, 32, 40), np.uint16)
    paths = write_series(tmp_path, [90, 100, 128], pages)
    acquisition = AcquisitionInfo(n_planes=3, n_flyback=1, n_channels=2, structural_channel=1)
    movie = Movie(paths, acquisition)
    assert (movie.n_frames, movie.n_dropped_pages) == (40, 0)
    for plane in range(3):
        for channel in range(2):
            expected = np.arange(318)[2 * plane + channel :: 8]
            np.testing.assert_array_equal(collect(movie, plane, channel)[:, 0, 0], expected)


def test_channels_must_divide_the_pages(tmp_path):
    with pytest.raises(
        InputError, match=r"movie_0\.tif: found 199 pages; expected a multiple of 2 channels.*n_channels"
    ):
        Movie(write_series(tmp_path, [199]), AcquisitionInfo(n_channels=2))


def test_separate_files_hold_one_plane_each(tmp_path):
    movie = Movie(write_series(tmp_path, [200]), AcquisitionInfo(n_planes=2, separate_files=True))
    assert movie.n_frames == 200
    assert len(collect(movie, 1)) == 200


def test_refuses_what_is_no_movie(tmp_path):
    with pytest.raises(InputError, match="29 frames a plane; expected at least 30"):
        Movie(write_series(tmp_path, [29]), AcquisitionInfo())
    with pytest.raises(InputError, match="plane: found 2; expected 0 to 1"):
        Movie(write_series(tmp_path, [200]), AcquisitionInfo(n_planes=2)).plane(2)
    with pytest.raises(InputError, match="channel: found 1; expected 0 to 0"):
        Movie(write_series(tmp_path, [200]), AcquisitionInfo(n_planes=2)).plane(0, 1)
    with pytest.raises(InputError, match="no such file"):
        Movie([tmp_path / "absent.tif"], AcquisitionInfo())
    with pytest.raises(InputError, match="no file"):
        Movie([], AcquisitionInfo())
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(InputError, match="found a folder that no microscope wrote"):
        Movie([tmp_path / "folder.tif"], AcquisitionInfo())
    (tmp_path / "movie.avi").touch()
    with pytest.raises(InputError, match=r"'\.avi'"):
        Movie([tmp_path / "movie.avi"], AcquisitionInfo())
    with pytest.raises(InputError, match="8 × 40 px; expected at least 32 px"):
        Movie(write_series(tmp_path, [200], FRAMES[:, :8]), AcquisitionInfo())


@pytest.mark.parametrize(
    ("odd", "message"),
    [(FRAMES[:, :36, :36], r"frames of \(32, 36\); expected \(32, 40\)"), (FRAMES.astype(np.int16), "values of int16")],
)
def test_names_the_file_that_differs(tmp_path, odd, message):
    paths = write_series(tmp_path, [100])
    tifffile.imwrite(tmp_path / "odd.tif", odd)
    with pytest.raises(InputError, match=rf"odd\.tif: found {message}"):
        Movie([*paths, tmp_path / "odd.tif"], AcquisitionInfo())


def test_reads_the_only_movie_of_an_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "movie.h5", "w") as file:
        file["data/image"] = FRAMES
        file["data/behavior"] = np.zeros((200, 3))
    movie = Movie([tmp_path / "movie.h5"], AcquisitionInfo(n_planes=2))
    np.testing.assert_array_equal(collect(movie, 1), FRAMES[1::2])


def test_several_data_sets_in_hdf5_need_a_name(tmp_path):
    with h5py.File(tmp_path / "movie.h5", "w") as file:
        file["green"] = FRAMES
        file["red"] = FRAMES[:, ::-1]
    paths = [tmp_path / "movie.h5"]
    with pytest.raises(InputError, match=r"2 data sets.*green \(200, 32, 40\) uint16; red"):
        Movie(paths, AcquisitionInfo())
    np.testing.assert_array_equal(collect(Movie(paths, AcquisitionInfo(dataset="/red"))), FRAMES[:, ::-1])
    with pytest.raises(InputError, match="'blue'.*one of: green"):
        Movie(paths, AcquisitionInfo(dataset="blue"))


def test_refuses_an_unreadable_hdf5_file(tmp_path):
    (tmp_path / "movie.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="unreadable"):
        Movie([tmp_path / "movie.h5"], AcquisitionInfo())


@pytest.mark.parametrize(
    ("first", "other", "message"),
    [
        (
            {"frames": 50, "channels": 2},
            {"frames": 25, "channels": 4},
            "n_channels: found 4 in its header; expected 2 as",
        ),
        ({"frames": 50, "slices": 2}, {"frames": 25, "slices": 4}, "n_planes: found 4 in its header; expected 2 as"),
        ({"finterval": 0.2}, {"finterval": 0.25}, "frame_rate_hz: found 4 in its header; expected 5 as"),
    ],
)
def test_headers_of_a_series_must_agree(tmp_path, first, other, message):
    paths = [tmp_path / "first.tif", tmp_path / "other.tif"]
    for path, said in zip(paths, (first, other), strict=True):
        text = "\n".join(["ImageJ=1.54f", "images=100", *(f"{key}={value}" for key, value in said.items()), ""])
        tifffile.imwrite(path, FRAMES[:100], description=text, metadata=None, photometric="minisblack")
    with pytest.raises(InputError, match=rf"other\.tif, {message} in first\.tif"):
        Movie(paths, AcquisitionInfo())
    assert Movie(paths, AcquisitionInfo(header="ignore")).n_frames == 200
    assert Movie([paths[0], *write_series(tmp_path, [100])], AcquisitionInfo()).acquisition.n_planes == first.get(
        "slices", 1
    )


def replace(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("change", [replace, lambda path: path.unlink()], ids=["shrinks", "vanishes"])
@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".bin", ".h5"])
def test_a_file_that_changes_midway_is_told(tmp_path, suffix, change):
    path = tmp_path / f"movie{suffix}"
    if suffix == ".bin":
        FRAMES.astype("<i2").tofile(path)
    elif suffix == ".h5":
        h5py.File(path, "w")["movie"] = FRAMES
    else:
        tifffile.imwrite(path, FRAMES, photometric="minisblack", ome=suffix == ".ome.tif")
    plane = Movie([path], AcquisitionInfo(height_px=32, width_px=40)).plane(0)
    change(path)
    with pytest.raises(InputError, match=rf"movie\{suffix}"):
        list(plane.blocks())
