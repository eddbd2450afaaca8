"""Movies into int16: values kept where they fit, never wrapped, never read whole, masked where the user says."""

import tracemalloc

import numpy as np
import pytest
import tifffile

from dina.errors import InputError
from dina.imaging.conversion import import_frames
from dina.imaging.frames import FrameFile
from dina.imaging.movies import Movie
from dina.settings import AcquisitionInfo

NOISE = np.random.default_rng(0).normal(size=(40, 32, 32))


def imported(folder, frames, bad=None):
    tifffile.imwrite(folder / "movie.tif", frames)
    movie = Movie([folder / "movie.tif"], AcquisitionInfo()).plane(0)
    file = FrameFile(folder / "frames", 32, 32, create=True)
    return import_frames(movie, file, bad), file


@pytest.mark.parametrize(
    ("frames", "scale"),
    [
        (np.clip(500 + 100 * NOISE, 0, None).astype(np.uint16), 1),
        (np.clip(40000 + 6000 * NOISE, 0, 65535).astype(np.uint16), 0.5),
        ((300 * NOISE - 200).astype(np.int16), 1),
        (np.clip(100 + 20 * NOISE, 0, 255).astype(np.uint8), 1),
        (np.clip(1e6 + 1e5 * NOISE, 0, None).astype(np.int32), 2.0**-6),
        ((0.5 + 0.1 * NOISE).astype(np.float32), 2.0**13),
        ((1e5 * NOISE).astype(np.float64), 2.0**-6),
    ],
    ids=["uint16", "bright uint16", "int16", "uint8", "int32", "float in [0, 1]", "large float"],
)
def test_values_keep_their_order_and_scale(tmp_path, frames, scale):
    result, file = imported(tmp_path, frames)
    stored = file[:].astype(np.float64)
    assert result.pixel_scale == scale
    assert np.abs(stored).max() > 80
    rounding = 0.5 if frames.dtype.kind == "f" else 1 - scale  # integers lose their lowest bits
    np.testing.assert_allclose(stored, frames * scale, atol=rounding + 1e-6 * np.abs(frames * scale).max())
    np.testing.assert_allclose(
        result.mean_image, (frames * scale).mean(0), rtol=1e-5, atol=0.6
    )  # stored values are rounded


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_names_the_frame_that_is_not_finite(tmp_path, value):
    frames = NOISE.astype(np.float32)
    frames[17, 3, 4] = value
    with pytest.raises(InputError, match=r"movie\.tif, page 17: found NaN or infinity"):
        imported(tmp_path, frames)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_names_the_frame_without_a_picture(tmp_path, dtype):
    frames = (500 + 100 * NOISE).astype(dtype)
    frames[23] = 7
    with pytest.raises(InputError, match=r"movie\.tif, page 23: found 7 in every pixel.*bad_frames"):
        imported(tmp_path, frames)


@pytest.mark.parametrize("brighter", [3, 40])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_a_later_bright_frame_rescales_what_was_written(tmp_path, dtype, brighter, monkeypatch):
    monkeypatch.setattr("dina.imaging.movies.BLOCK_BYTES", 5 * 32 * 32 * 4)
    frames = np.abs(1500 + 100 * NOISE)
    frames[20:] *= brighter
    frames = frames.astype(dtype)
    result, file = imported(tmp_path, frames)
    stored = file[:] / result.pixel_scale
    assert np.log2(result.pixel_scale) % 1 == 0
    assert file[:].max() > 32767 / 8 if brighter > 3 or dtype == np.float32 else result.pixel_scale == 1
    np.testing.assert_allclose(stored, frames, atol=1.01 / result.pixel_scale)
    np.testing.assert_allclose(result.frame_mean / result.pixel_scale, frames.mean((1, 2)), atol=1 / result.pixel_scale)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_masked_frames_are_carried_over_whatever_they_hold(tmp_path, dtype, monkeypatch):
    monkeypatch.setattr("dina.imaging.movies.BLOCK_BYTES", 7 * 32 * 32 * np.dtype(dtype).itemsize)
    frames = (500 + 100 * NOISE).astype(dtype)
    good, file = imported(tmp_path, frames)
    wanted = file[:]
    (tmp_path / "frames").unlink()
    bad = np.zeros(40, bool)
    bad[[0, 1, 12, 13, 14, 15, 39]] = True
    frames[bad] = np.nan if dtype == np.float32 else 9
    masked, file = imported(tmp_path, frames, bad)
    assert masked.pixel_scale == good.pixel_scale
    np.testing.assert_array_equal(file[:], wanted[[2, 2, *range(2, 12), *[11] * 4, *range(16, 39), 38]])


def test_memory_does_not_grow_with_length(tmp_path):
    peaks = []
    for n_frames in (2000, 8000):
        with tifffile.TiffWriter(tmp_path / "movie.tif") as tif:
            for t in range(n_frames):
                tif.write(np.arange(4096).reshape(64, 64).astype(np.uint16) + t % 50, contiguous=True)
        movie = Movie([tmp_path / "movie.tif"], AcquisitionInfo()).plane(0)
        file = FrameFile(tmp_path / f"frames-{n_frames}", 64, 64, create=True)
        tracemalloc.start()
        import_frames(movie, file)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] < 60e6


@pytest.mark.parametrize(("dtype", "usual"), [(np.float32, 10.0), (np.int32, 300), (np.uint32, 300)])
def test_a_hot_pixel_does_not_cost_the_movie(tmp_path, dtype, usual):
    frames = np.abs(usual * (1 + 0.2 * NOISE)).astype(dtype)
    frames[21, 5, 6] = 10**6
    with pytest.raises(InputError, match=r"movie\.tif, page 21: found values up to 1e\+06 where frames usually end"):
        imported(tmp_path, frames)
    (tmp_path / "frames").unlink()
    bad = np.arange(40) == 21
    result, file = imported(tmp_path, frames, bad)
    np.testing.assert_allclose(file[:][~bad] / result.pixel_scale, frames[~bad], atol=1.01 / result.pixel_scale)


def test_half_precision_is_not_lost(tmp_path):
    frames = (0.05 + 0.01 * np.abs(NOISE)).astype(np.float16)
    result, file = imported(tmp_path, frames)
    np.testing.assert_allclose(file[:] / result.pixel_scale, frames, atol=1 / result.pixel_scale)
    assert len(np.unique(file[:])) > 100


def test_clipped_pixels_and_repeated_frames_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("dina.imaging.movies.BLOCK_BYTES", 7 * 32 * 32 * 2)
    frames = np.clip(40000 + 10000 * NOISE, 0, 60000).astype(np.uint16)
    frames[7] = frames[6]
    frames[30:32] = frames[29]
    result, _ = imported(tmp_path, frames)
    assert result.clipped_share == np.mean(frames == 60000) > 0.01
    assert result.repeated_share == 3 / 40
    (tmp_path / "frames").unlink()
    clean, _ = imported(tmp_path, (1000 + 300 * NOISE).astype(np.int16))
    assert clean.clipped_share < 1e-3 and clean.repeated_share == 0
