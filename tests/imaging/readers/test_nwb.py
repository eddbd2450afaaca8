"""NWB movies: frames, planes and times as pynwb wrote them, wherever they lie; every contradiction refused."""

import warnings
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
import tifffile
from pynwb import NWBHDF5IO, H5DataIO
from pynwb.ophys import TwoPhotonSeries
from pynwb.testing.mock.file import mock_NWBFile
from pynwb.testing.mock.ophys import mock_ImagingPlane

from dina.errors import InputError
from dina.imaging.frame_times import frame_times_s
from dina.imaging.movies import Movie
from dina.imaging.readers.opening import open_pages, read_header
from dina.imaging.readers.pages import Header
from dina.settings import AcquisitionInfo

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 60000, (60, 40, 48)).astype(np.uint16)  # time, rows, columns
VOLUMES = RNG.integers(0, 60000, (40, 3, 32, 36)).astype(np.uint16)  # time, planes, rows, columns
TXY = FRAMES.transpose(0, 2, 1)
TXYZ = VOLUMES.transpose(0, 3, 2, 1)
STATED = AcquisitionInfo(pixel_size_um=1.5)


def write_nwb(path, *series, spacing=(1.5, 1.5), unit="micrometers"):
    """A file with a TwoPhotonSeries for each dictionary of its arguments."""
    file = mock_NWBFile(session_start_time=datetime(2020, 1, 1, tzinfo=UTC))
    plane = mock_ImagingPlane(nwbfile=file, grid_spacing=list(spacing), grid_spacing_unit=unit)
    made = {}
    for number, values in enumerate(series):
        values = {"name": f"Movie{number}", "imaging_plane": plane, "unit": "n.a."} | values
        if isinstance(values.get("timestamps"), str):
            values["timestamps"] = made[values["timestamps"]]
        made[values["name"]] = TwoPhotonSeries(**values)
        file.add_acquisition(made[values["name"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with NWBHDF5IO(path, "w") as io:
            io.write(file)
    return path


def write_external(folder, frames=FRAMES, cut=25, **values):
    """Two TIFFs in a folder of their own, and a file beside it that points at them."""
    (folder / "tiffs").mkdir()
    names = ["tiffs/a.tif", "tiffs/b.tif"]
    for name, part in zip(names, (frames[:cut], frames[cut:]), strict=True):
        tifffile.imwrite(folder / name, part)
    pointing = {"external_file": names, "starting_frame": [0, cut], "format": "external", "rate": 10.0}
    pointing |= {"starting_time": 4.0, "dimension": [48, 40], "num_samples": len(frames)}
    return write_nwb(folder / "session.nwb", pointing | values)


@pytest.mark.parametrize("pages", [range(60), range(7, 31, 4), range(3, 4)], ids=str)
@pytest.mark.parametrize(("data", "axes"), [(TXY, "txy"), (FRAMES, "tyx")], ids=["schema", "rows first"])
def test_reads_frames_as_rows_and_columns(tmp_path, data, axes, pages):
    packed = H5DataIO(data, compression="gzip", chunks=(7, 16, 16))
    path = write_nwb(tmp_path / "a.nwb", {"data": packed, "rate": 10.0})
    movie = open_pages(path, AcquisitionInfo(axes=axes))
    assert (movie.n_pages, movie.height, movie.width, movie.dtype, movie.files) == (60, 40, 48, np.uint16, {path})
    np.testing.assert_array_equal(movie.read(pages), FRAMES[pages.start : pages.stop : pages.step])
    movie.close()
    np.testing.assert_array_equal(movie.read(range(2)), FRAMES[:2])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">u2", np.int32, np.float32])
def test_keeps_the_type_in_native_order(tmp_path, dtype):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXY, "rate": 10.0})
    with h5py.File(path, "a") as file:  # pynwb itself writes native order alone
        del file["acquisition/Movie0/data"]
        file["acquisition/Movie0/data"] = (TXY // 300).astype(dtype)
    movie = open_pages(path, STATED)
    read = movie.read(range(60))
    assert movie.dtype == read.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(read, FRAMES // 300)


@pytest.mark.parametrize(("data", "axes"), [(TXYZ, "txy"), (TXYZ.swapaxes(1, 2), "tyx")], ids=["schema", "rows first"])
def test_planes_of_a_volume_become_pages(tmp_path, data, axes):
    path = write_nwb(tmp_path / "a.nwb", {"data": data, "rate": 5.0, "starting_time": 2.0})
    movie = Movie([path], AcquisitionInfo(axes=axes))
    assert (movie.acquisition.n_planes, movie.acquisition.volume_rate_hz, movie.n_frames) == (3, 5.0, 40)
    for plane in range(3):
        frames = np.concatenate([block for _, block in movie.plane(plane).blocks()])
        np.testing.assert_array_equal(frames, VOLUMES[:, plane])
        times, rate_hz = frame_times_s(movie, plane)
        np.testing.assert_allclose(times, 2 + np.arange(40) / 5 + plane / 15)
        assert rate_hz == pytest.approx(5)
    pages = open_pages(path, AcquisitionInfo(axes=axes)).read(range(2, 11))  # across volumes
    np.testing.assert_array_equal(pages, VOLUMES.reshape(-1, 32, 36)[2:11])


def test_planes_in_turn_are_what_the_sheet_says(tmp_path):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXY, "rate": 10.0, "starting_time": 1.0})
    movie = Movie([path], AcquisitionInfo(n_planes=2))
    assert movie.acquisition.volume_rate_hz == 5.0
    np.testing.assert_array_equal(next(movie.plane(1).blocks())[1], FRAMES[1::2])
    np.testing.assert_allclose(frame_times_s(movie, 1)[0], 1.1 + np.arange(30) / 5)


def test_times_stay_on_the_files_clock(tmp_path):
    times = 7.0 + np.arange(60) / 10
    times[30:] += 0.02
    path = write_nwb(
        tmp_path / "a.nwb",
        {"data": TXY, "timestamps": times},
        {"data": TXY[:, ::-1], "timestamps": "Movie0"},  # written as a link
        {"data": TXYZ, "timestamps": times[:40]},
        {"data": TXY, "rate": 10.0, "starting_time": 7.0},
    )
    for name in ("Movie0", "Movie1"):
        movie = open_pages(path, AcquisitionInfo(dataset=name))
        np.testing.assert_array_equal(movie.times_s(range(5, 50, 3)), times[5:50:3])
        assert movie.header.frame_rate_hz == pytest.approx(10)
    volumes = open_pages(path, AcquisitionInfo(dataset="Movie2"))
    np.testing.assert_allclose(volumes.times_s(range(1, 120, 3)), times[:40] + 1 / 30)
    regular = open_pages(path, AcquisitionInfo(dataset="Movie3"))
    np.testing.assert_allclose(regular.times_s(range(60)), 7 + np.arange(60) / 10)


def test_times_that_go_back_are_told(tmp_path):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXY, "timestamps": np.arange(60.0)[::-1]})
    with pytest.raises(InputError, match=r"a\.nwb, frame times of plane 0, frame 1: found 58 s"):
        frame_times_s(Movie([path], STATED), 0)


@pytest.mark.parametrize(
    ("spacing", "unit", "size_um"),
    [
        ((1.2, 1.3), "micrometers", 1.2),
        ((1.2e-6, 1.2e-6), "meters", 1.2),
        ((1.2, 1.2), "meters", None),  # metres in name alone
        ((1.2, 1.2), "furlongs", None),
    ],
)
def test_header_says_rate_and_pixel_size(tmp_path, spacing, unit, size_um):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXY, "rate": 10.0}, spacing=spacing, unit=unit)
    expected = Header(frame_rate_hz=10.0, pixel_size_um=pytest.approx(size_um))
    assert read_header(path) == open_pages(path, STATED).header == expected


def test_the_sheet_names_one_of_several(tmp_path):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXYZ, "rate": 5.0}, {"data": TXY, "rate": 10.0, "name": "Other"})
    for name in ("Other", "acquisition/Other", "/acquisition/Other"):
        assert open_pages(path, AcquisitionInfo(dataset=name)).n_pages == 60
        assert read_header(path, name).frame_rate_hz == 10.0
    listed = r"acquisition/Movie0 \(40, 36, 32, 3\); acquisition/Other \(60, 48, 40\)"
    with pytest.raises(InputError, match=rf"a\.nwb: found 2 TwoPhotonSeries \({listed}\); expected one. Name one"):
        open_pages(path, STATED)
    with pytest.raises(InputError, match=rf"series 'Ohter': found no TwoPhotonSeries; expected one of: {listed}"):
        read_header(path, "Ohter")


def test_reads_files_that_it_points_at(tmp_path):
    path = write_external(tmp_path)
    movie = open_pages(path, STATED)
    assert (movie.n_pages, movie.height, movie.width, movie.dtype) == (60, 40, 48, np.uint16)
    assert movie.files == {path, tmp_path / "tiffs/a.tif", tmp_path / "tiffs/b.tif"}
    for pages in (range(60), range(2, 59, 3), range(40, 50), range(0, 25, 5), range(24, 26)):
        np.testing.assert_array_equal(movie.read(pages), FRAMES[pages.start : pages.stop : pages.step])
    movie.close()
    np.testing.assert_allclose(movie.times_s(range(1, 60)), 4 + np.arange(1, 60) / 10)
    assert read_header(path).frame_rate_hz == movie.header.frame_rate_hz == 10.0


def test_planes_and_channels_of_files_that_it_points_at(tmp_path):
    """Ten times of a volume of three planes, each in two channels: a time is a volume."""
    path = write_external(tmp_path, cut=24, num_samples=10, starting_frame=[0, 4], dimension=[48, 40, 3])
    stated = AcquisitionInfo(n_channels=2)
    movie = open_pages(path, stated)
    assert movie.header.n_planes == 3
    np.testing.assert_allclose(movie.times_s(range(12)), 4 + np.repeat(np.arange(6), 2) / 30)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"starting_frame": [0, 20]}, r"starting_frame of b\.tif: found 20; expected 25, as the files before it have"),
        ({"num_samples": 59}, "found 60 pages in its files; expected 59, as num_samples says"),
        ({"num_samples": None, "rate": None, "starting_time": None, "timestamps": np.arange(59.0)}, "found 59 times"),
    ],
)
def test_refuses_other_frames_than_it_points_at(tmp_path, values, message):
    path = write_external(tmp_path, **values)
    with pytest.raises(InputError, match=message):
        open_pages(path, STATED)


def test_a_missing_external_file_is_named(tmp_path):
    path = write_external(tmp_path)
    (tmp_path / "tiffs/b.tif").unlink()
    for read in (read_header, lambda path: open_pages(path, STATED)):
        with pytest.raises(InputError, match=r"session\.nwb, /acquisition/Movie0: found no file '.*tiffs/b\.tif'"):
            read(path)


def test_external_files_that_differ_are_refused(tmp_path):
    path = write_external(tmp_path)
    tifffile.imwrite(tmp_path / "tiffs/b.tif", FRAMES[25:, :-1])
    with pytest.raises(InputError, match=r"b\.tif: found frames of \(39, 48, 'uint16'\); expected \(40, 48"):
        open_pages(path, STATED)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXY, "rate": 10.0})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    for read in (read_header, lambda path: open_pages(path, STATED)):
        with pytest.raises(
            InputError, match=r"a\.nwb: found an unreadable file .*; expected HDF5. Copy the file again"
        ):
            read(path)


def test_damaged_frames_are_told_by_number(tmp_path):
    packed = H5DataIO(TXY, compression="gzip", chunks=(10, 48, 40), fletcher32=True)
    path = write_nwb(tmp_path / "a.nwb", {"data": packed, "rate": 10.0})
    with h5py.File(path) as file:
        chunk = file["acquisition/Movie0/data"].id.get_chunk_info(3)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 100] ^= 255
    path.write_bytes(content)
    movie = open_pages(path, STATED)
    np.testing.assert_array_equal(movie.read(range(30)), FRAMES[:30])
    with pytest.raises(InputError, match=r"a\.nwb, acquisition/Movie0, samples 30 to 34: found unreadable data"):
        movie.read(range(30, 35))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("data", h5py.ExternalLink("gone.nwb", "/data"), r"Movie0/data: found a broken link"),
        ("data", np.zeros((60, 40), np.uint16), r"Movie0/data: found shape \(60, 40\); expected frames"),
        ("data", np.zeros((0, 48, 40), np.uint16), r"Movie0/data: found shape \(0, 48, 40\); expected frames"),
        ("timestamps", h5py.SoftLink("/acquisition/gone/timestamps"), r"Movie0/timestamps: found a broken link"),
        ("timestamps", np.arange(59.0), r"Movie0/timestamps: found 59 times; expected 60, one a sample"),
    ],
)
def test_series_that_lack_something_are_refused(tmp_path, name, value, message):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXY, "timestamps": np.arange(60.0)})
    with h5py.File(path, "a") as file:
        del file[f"acquisition/Movie0/{name}"]
        file[f"acquisition/Movie0/{name}"] = value
    with pytest.raises(InputError, match=message):
        open_pages(path, STATED)


def test_a_file_without_a_movie_is_refused(tmp_path):
    path = write_nwb(tmp_path / "a.nwb")
    with pytest.raises(InputError, match=r"a\.nwb: found 0 TwoPhotonSeries \(none\); expected one"):
        read_header(path)


def test_frames_that_were_never_written_are_refused(tmp_path):
    path = write_nwb(tmp_path / "a.nwb", {"data": TXY, "rate": 10.0})
    with h5py.File(path, "a") as file:
        del file["acquisition/Movie0/data"]
        file["acquisition/Movie0"].create_dataset("data", TXY.shape, TXY.dtype, chunks=(1, 48, 40))[:20] = TXY[:20]
    with pytest.raises(InputError, match="Movie0/data': found 20 chunks; expected 60"):
        open_pages(path, STATED)


def test_headers_of_the_files_pointed_at_must_agree(tmp_path):
    path = write_external(tmp_path, cut=30)
    for name, interval_s in (("a", 0.1), ("b", 0.2)):
        part = FRAMES[:30].reshape(10, 3, 40, 48)
        metadata = {"axes": "TZYX", "finterval": interval_s}
        tifffile.imwrite(tmp_path / f"tiffs/{name}.tif", part, imagej=True, metadata=metadata)
    with pytest.raises(InputError, match=r"b\.tif, volume_rate_hz: found 5 in its header; expected 10 as in a\.tif"):
        open_pages(path, STATED)
