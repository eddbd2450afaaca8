"""Damaged movies are refused by name, or read as frames of the size that they announce."""

import numpy as np
import pytest

from dina.errors import DinaError
from dina.imaging.frame_times import frame_times_s
from dina.imaging.movies import Movie
from dina.imaging.readers.formats import with_files_beside
from dina.imaging.readers.opening import read_header
from dina.settings import AcquisitionInfo
from tests.doors.damage import damage
from tests.doors.guards import guarded, is_clear
from tests.doors.movies import FRAMES, WRITERS, damaged_file

STATED = AcquisitionInfo(volume_rate_hz=7.5, pixel_size_um=1.2)
UNSTATED = AcquisitionInfo(header="ignore", volume_rate_hz=7.5)


def look(path, stated):
    """All that the road asks of a movie: its files, its header, its times and every frame of its first plane."""
    with_files_beside([path])
    read_header(path)
    movie = Movie([path], stated)
    frames = np.concatenate([block for _, block in movie.plane(0).blocks()])
    assert frames.shape == (movie.n_frames, movie.height, movie.width)
    assert frames.dtype == movie.dtype and frames.dtype.kind in "iuf"
    time_s, rate_hz = frame_times_s(movie, 0)
    assert len(time_s) == movie.n_frames and np.isfinite(time_s).all() and np.isfinite(rate_hz) and rate_hz > 0
    return frames


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_damaged_movies(tmp_path, write, n_cases):
    path = write(tmp_path)
    frames = look(path, STATED)  # what is to be imported is, before cases are timed
    assert np.array_equal(65535 - frames if "scanbox" in write.__name__ else frames, FRAMES)
    file = damaged_file(path)
    content = file.read_bytes()
    refused = 0
    for seed in range(n_cases):
        file.write_bytes(damage(content, seed))
        try:
            with guarded():
                look(path, (STATED, UNSTATED)[seed % 2])
        except DinaError as error:
            refused += 1
            assert is_clear(error, str(tmp_path)), (seed, error)
        except BaseException as error:
            error.add_note(f"{write.__name__}, seed {seed}")
            raise
    assert refused > n_cases / 10
