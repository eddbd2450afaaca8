"""Frames in a raw file: values kept where they fit, never wrapped, never read whole."""

import tracemalloc

import numpy as np
import pytest
import tifffile

from dina.errors import InputError, ShapeError
from dina.imaging.frames import FrameFile, import_frames
from dina.imaging.movies import Movie
from dina.settings import AcquisitionInfo

NOISE = np.random.default_rng(0).normal(size=(40, 32, 32))


def imported(folder, frames):
    tifffile.imwrite(folder / "movie.tif", frames)
    movie = Movie([folder / "movie.tif"], 0, AcquisitionInfo())
    file = FrameFile(folder / "frames", 32, 32, create=True)
    return import_frames(movie, file), file


def test_reads_and_writes_like_an_array(tmp_path):
    reference = (1000 * NOISE).astype(np.int16)
    file = FrameFile(tmp_path / "frames", 32, 32, create=True)
    file.append(reference[:25])
    file.append(reference[25:])
    assert file.shape == reference.shape and len(file) == 40
    for key in (slice(3, 9), slice(-5, None), slice(38, 99), slice(5, 5), slice(0, 40, 7), np.array([7, 3, 39])):
        np.testing.assert_array_equal(file[key], reference[key])
    file[10:12] = reference[:2]
    reference[10:12] = reference[:2]
    np.testing.assert_array_equal(file[:], reference)
    np.testing.assert_array_equal(np.concatenate([file[b] for b in file.blocks(7)]), reference)
    with pytest.raises(ShapeError):
        file[38:] = reference[:3]


@pytest.mark.parametrize(
    ("frames", "scale"),
    [
        (np.clip(500 + 100 * NOISE, 0, None).astype(np.uint16), 1),
        (np.clip(40000 + 6000 * NOISE, 0, 65535).astype(np.uint16), 0.5),
        ((300 * NOISE - 200).astype(np.int16), 1),
        (np.clip(100 + 20 * NOISE, 0, 255).astype(np.uint8), 1),
        (np.clip(1e6 + 1e5 * NOISE, 0, None).astype(np.int32), 2.0**-6),
        ((0.5 + 0.1 * NOISE).astype(np.float32), 2.0**15),
        ((1e5 * NOISE).astype(np.float64), 2.0**-4),
    ],
    ids=["uint16", "bright uint16", "int16", "uint8", "int32", "float in [0, 1]", "large float"],
)
def test_values_keep_their_order_and_scale(tmp_path, frames, scale):
    result, file = imported(tmp_path, frames)
    stored = file[:].astype(np.float64)
    assert result.pixel_scale == scale
    assert np.abs(stored).max() > 80
    np.testing.assert_allclose(stored, frames * scale, atol=0.5 + 1e-6 * np.abs(frames * scale).max())
    np.testing.assert_allclose(
        result.mean_image, (frames * scale).mean(0), rtol=1e-5, atol=0.3
    )  # stored values are rounded


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_names_the_frame_that_is_not_finite(tmp_path, value):
    frames = NOISE.astype(np.float32)
    frames[17, 3, 4] = value
    with pytest.raises(InputError, match=r"movie\.tif, page 17: found NaN or infinity"):
        imported(tmp_path, frames)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_refuses_a_movie_that_never_changes(tmp_path, dtype):
    with pytest.raises(InputError, match="7.*in every pixel"):
        imported(tmp_path, np.full((40, 32, 32), 7, dtype))


def test_memory_does_not_grow_with_length(tmp_path):
    peaks = []
    for n_frames in (2000, 8000):
        with tifffile.TiffWriter(tmp_path / "movie.tif") as tif:
            for t in range(n_frames):
                tif.write(np.full((64, 64), t % 50, np.uint16), contiguous=True)
        movie = Movie([tmp_path / "movie.tif"], 0, AcquisitionInfo())
        file = FrameFile(tmp_path / f"frames-{n_frames}", 64, 64, create=True)
        tracemalloc.start()
        import_frames(movie, file)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] < 60e6
