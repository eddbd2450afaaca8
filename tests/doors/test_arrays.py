"""Damaged arrays and pictures are refused by name, or read in the shape and range that they should have."""

from types import SimpleNamespace

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
import tifffile

from dina.errors import DinaError
from dina.pictures import read_grey
from dina.recordings.images import read_images
from dina.recordings.session import curated
from tests.doors.damage import damage
from tests.doors.guards import guarded, is_clear

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 24, 20)).astype(np.uint8)
N_ROIS = 12


def look_at_images(path):
    squares, index, width_px = read_images(path, np.array(["0", "2"]), "log.csv", 16)
    assert squares.shape == (2, 16, 16) and index.tolist() == [0, 1] and 0 < width_px <= 16
    assert squares.min() >= 0 and squares.max() <= 1


def look_at_curation(path):
    plane = SimpleNamespace(table=pd.DataFrame(index=range(N_ROIS)), rois=path.parent)
    reasons = curated(path, plane, np.full(N_ROIS, "", object))
    assert reasons.shape == (N_ROIS,) and set(reasons) <= {"", "by curation"}


def look_at_picture(path):
    pixels = read_grey(path)
    assert pixels.ndim == 2 and pixels.dtype == np.float32 and pixels.min() >= 0 and pixels.max() <= 1


def write_images(folder):
    np.save(folder / "images.npy", PICTURES)
    return folder / "images.npy", look_at_images


def write_curation(folder):
    np.save(folder / "iscell.npy", np.c_[np.arange(N_ROIS) % 2, np.full(N_ROIS, 0.5)])
    return folder / "iscell.npy", look_at_curation


def write_png(folder):
    iio.imwrite(folder / "picture.png", PICTURES[0])
    return folder / "picture.png", look_at_picture


def write_jpeg(folder):
    iio.imwrite(folder / "picture.jpg", PICTURES[0])
    return folder / "picture.jpg", look_at_picture


def write_tiff(folder):
    tifffile.imwrite(folder / "picture.tif", PICTURES[0])
    return folder / "picture.tif", look_at_picture


WRITERS = {
    write.__name__.removeprefix("write_"): write
    for write in (write_images, write_curation, write_png, write_jpeg, write_tiff)
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_damaged_arrays_and_pictures(tmp_path, write, n_cases):
    path, look = write(tmp_path)
    look(path)
    content = path.read_bytes()
    refused = 0
    for seed in range(n_cases):
        path.write_bytes(damage(content, seed))
        try:
            with guarded():
                look(path)
        except DinaError as error:
            refused += 1
            assert is_clear(error, path.name), (seed, error)
        except BaseException as error:
            error.add_note(f"{write.__name__}, seed {seed}")
            raise
    assert refused > n_cases / 20
