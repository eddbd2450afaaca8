"""ScanImage headers: planes, channels, flyback, rates, field of view and the times of pages."""

import numpy as np
import pytest
import tifffile

from dina.errors import InputError
from dina.imaging.frame_times import frame_times_s
from dina.imaging.movies import Movie
from dina.imaging.readers.opening import read_header
from dina.settings import AcquisitionInfo

N_VOLUMES, N_SLICES, N_FLYBACK, N_CHANNELS = 35, 3, 1, 2
FRAME_RATE_HZ = 30.03
HEADER = {
    "SI.VERSION_MAJOR": "2020",
    "SI.hChannels.channelSave": "[1;2]",
    "SI.hRoiManager.scanFrameRate": FRAME_RATE_HZ,
    "SI.hRoiManager.scanVolumeRate": FRAME_RATE_HZ / 4,
    "SI.hRoiManager.imagingFovUm": "[-300 -300;300 -300;300 300;-300 300]",
    "SI.hRoiManager.pixelsPerLine": 400,
    "SI.hStackManager.enable": "true",
    "SI.hStackManager.numSlices": N_SLICES,
    "SI.hStackManager.framesPerSlice": 1,
    "SI.hStackManager.numFramesPerVolume": N_SLICES,
    "SI.hStackManager.numFramesPerVolumeWithFlyback": N_SLICES + N_FLYBACK,
}


def write_scanimage(folder, header=HEADER, lengths=(150, 130), start_s=0.5):
    """A series of classic TIFFs; the value of a page is its number, and each says when it was scanned."""
    text = "\n".join(f"{key} = {value}" for key, value in header.items())
    paths, page = [], 0
    for number, length in enumerate(lengths, 1):
        paths.append(folder / f"run_{number:05d}.tif")
        with tifffile.TiffWriter(paths[-1]) as tif:
            for _ in range(length):
                time_s = start_s + page // N_CHANNELS / FRAME_RATE_HZ
                description = f"frameNumbers = {page // N_CHANNELS + 1}\nframeTimestamps_sec = {time_s:.9f}\n"
                frame = np.full((32, 40), page, np.int16)
                tif.write(frame, metadata=None, software=text, description=description)
                page += 1
    return paths


def test_the_header_says_how_pages_lie(tmp_path):
    header = read_header(write_scanimage(tmp_path)[0])
    assert (header.n_planes, header.n_channels, header.n_flyback) == (N_SLICES, N_CHANNELS, N_FLYBACK)
    assert header.volume_rate_hz == pytest.approx(FRAME_RATE_HZ / 4)
    assert header.pixel_size_um == pytest.approx(1.5)


def test_planes_channels_and_times_are_exact(tmp_path):
    """Three planes, flyback, two channels over two files; the last volume ends before its flyback."""
    paths = write_scanimage(tmp_path, lengths=(150, 128))
    movie = Movie(paths, AcquisitionInfo())
    assert (movie.n_frames, movie.n_dropped_pages) == (N_VOLUMES, 0)
    cycle = (N_SLICES + N_FLYBACK) * N_CHANNELS
    for plane in range(N_SLICES):
        for channel in range(N_CHANNELS):
            read = np.concatenate([block for _, block in movie.plane(plane, channel).blocks()])
            np.testing.assert_array_equal(read[:, 0, 0], np.arange(278)[plane * N_CHANNELS + channel :: cycle])
        time_s, rate_hz = frame_times_s(movie, plane)
        expected = 0.5 + (np.arange(N_VOLUMES) * (N_SLICES + N_FLYBACK) + plane) / FRAME_RATE_HZ
        np.testing.assert_allclose(time_s, expected, atol=1e-8)
        assert rate_hz == pytest.approx(FRAME_RATE_HZ / 4)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"n_planes": 2}, r"n_planes: found 2 in the sheet; expected 3 as in the header.*header to ignore"),
        ({"n_channels": 1}, "n_channels: found 1 in the sheet; expected 2"),
        ({"n_flyback": 0}, "n_flyback: found 0 in the sheet; expected 1"),
        ({"volume_rate_hz": 30.0}, r"volume_rate_hz: found 30 Hz in the sheet; expected 7\.5"),
    ],
)
def test_a_sheet_that_contradicts_the_header_is_refused(tmp_path, stated, message):
    paths = write_scanimage(tmp_path)
    with pytest.raises(InputError, match=message):
        Movie(paths, AcquisitionInfo(**stated))
    ignoring = Movie(paths, AcquisitionInfo(**stated, header="ignore")).acquisition
    assert all(getattr(ignoring, key) == value for key, value in stated.items())


def test_a_single_plane_has_the_frame_rate(tmp_path):
    flat = HEADER | {"SI.hStackManager.enable": "false", "SI.hChannels.channelSave": "1"}
    movie = Movie(write_scanimage(tmp_path, flat), AcquisitionInfo())
    assert movie.acquisition.n_planes == 1 and movie.acquisition.n_flyback == 0
    assert movie.acquisition.volume_rate_hz == pytest.approx(FRAME_RATE_HZ)


def test_frames_that_are_to_be_averaged_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"4 frames a slice in volumes of 3, 1 averaged; expected 1 frame a slice"):
        Movie(write_scanimage(tmp_path, HEADER | {"SI.hStackManager.framesPerSlice": 4}), AcquisitionInfo())


@pytest.mark.parametrize("rate", ["SI.hRoiManager.scanFrameRate", "SI.hRoiManager.scanVolumeRate"])
def test_frames_averaged_while_they_were_stored_are_fewer(tmp_path, rate):
    header = {"SI.hChannels.channelSave": "1", "SI.hScan2D.logAverageFactor": 3, rate: 30.0}
    path = tmp_path / "movie.tif"
    text = "\n".join(f"{key} = {value}" for key, value in header.items())
    tifffile.imwrite(path, np.zeros((60, 32, 40), np.int16), software=text, metadata=None, photometric="minisblack")
    assert Movie([path], AcquisitionInfo()).acquisition.volume_rate_hz == 10


def test_several_regions_a_frame_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"several regions a frame \(mROI\); expected a single field of view"):
        Movie(write_scanimage(tmp_path, HEADER | {"SI.hRoiManager.mroiEnable": "true"}), AcquisitionInfo())


def test_planes_of_fast_z_need_no_stack_manager(tmp_path):
    header = HEADER | {"SI.hStackManager.enable": "false", "SI.hFastZ.enable": "true"}
    assert read_header(write_scanimage(tmp_path, header)[0]).n_planes == N_SLICES


def test_version_3_8_states_its_rate_in_the_description(tmp_path):
    text = "state.configPath = 'x'\rstate.acq.frameRate = 15.5\rstate.acq.numberOfChannelsSave = 2\r"
    tifffile.imwrite(
        tmp_path / "old.tif", np.zeros((4, 32, 40), np.int16), description=text, metadata=None, photometric="minisblack"
    )
    header = read_header(tmp_path / "old.tif")
    assert (header.frame_rate_hz, header.n_channels) == (15.5, 2)


def test_imagej_states_rate_pixel_size_and_hyperstacks(tmp_path):
    frames = np.zeros((12, 2, 3, 32, 40), np.uint16)  # time, slice, channel
    metadata = {"axes": "TZCYX", "finterval": 0.2, "unit": "um"}
    tifffile.imwrite(tmp_path / "hyper.tif", frames, imagej=True, metadata=metadata, resolution=(0.8, 0.8))
    header = read_header(tmp_path / "hyper.tif")
    assert (header.n_planes, header.n_channels) == (2, 3)
    assert header.volume_rate_hz == pytest.approx(5) and header.pixel_size_um == pytest.approx(1.25)
    tifffile.imwrite(tmp_path / "stack.tif", frames[:, 0, 0], imagej=True, metadata={"axes": "ZYX", "fps": 20})
    tifffile.imwrite(tmp_path / "more.tif", np.zeros((60, 32, 40), np.uint16))
    header = read_header(tmp_path / "stack.tif")
    assert (header.n_planes, header.frame_rate_hz) == (None, 20)
    movie = Movie([tmp_path / "stack.tif", tmp_path / "more.tif"], AcquisitionInfo(n_planes=2))
    assert movie.acquisition.volume_rate_hz == 10
