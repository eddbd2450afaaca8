"""HDF5 movies: what is missing in them must not be read as darkness."""

import h5py
import numpy as np
import pytest

from dina.errors import InputError
from dina.imaging.readers.opening import open_pages
from dina.settings import AcquisitionInfo

FRAMES = np.random.default_rng(0).integers(1, 60000, (60, 40, 48)).astype(np.uint16)


def write(path, frames=FRAMES, n_written=60, **options):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("movie", frames.shape, frames.dtype, **options)
        if n_written:
            data[:n_written] = frames[:n_written]
    return path


def write_virtual(path, rows=40):
    """Upper and lower halves of the frames in files of their own, ``rows`` of which are mapped."""
    layout = h5py.VirtualLayout((60, 40, 48), np.uint16)
    for name, start in (("upper.h5", 0), ("lower.h5", 20)):
        part = FRAMES[:, start : start + 20]
        write(path.parent / name, part)
        stop = min(start + 20, rows)
        layout[:, start:stop] = h5py.VirtualSource(name, "movie", part.shape)[:, : stop - start]
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("movie", layout)
    return path


@pytest.mark.parametrize("options", [{}, {"chunks": (7, 16, 48)}, {"chunks": (1, 40, 48), "compression": "gzip"}])
def test_reads_whole_data_sets(tmp_path, options):
    pages = open_pages(write(tmp_path / "movie.h5", **options), AcquisitionInfo())
    np.testing.assert_array_equal(pages.read(range(60)), FRAMES)


def test_reads_frames_that_lie_in_other_files(tmp_path, monkeypatch):
    path = write_virtual(tmp_path / "movie.h5")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(open_pages(path, AcquisitionInfo()).read(range(60)), FRAMES)
    (tmp_path / "lower.h5").unlink()
    with pytest.raises(InputError, match=r"'/movie': found no file '.*lower\.h5'"):
        open_pages(path, AcquisitionInfo())


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"chunks": (1, 40, 48), "n_written": 30}, "30 chunks; expected 60"),
        ({"chunks": (7, 20, 48), "n_written": 30}, "10 chunks; expected 18"),
        ({"n_written": 0}, "0 bytes; expected 230400"),
    ],
)
def test_frames_that_were_never_written_are_refused(tmp_path, options, found):
    path = write(tmp_path / "movie.h5", **options)
    with pytest.raises(InputError, match=f"movie.h5, data set '/movie': found {found}"):
        open_pages(path, AcquisitionInfo())


def test_frames_that_are_mapped_to_nothing_are_refused(tmp_path):
    with pytest.raises(InputError, match="found 112320 values; expected 115200"):
        open_pages(write_virtual(tmp_path / "movie.h5", rows=39), AcquisitionInfo())
