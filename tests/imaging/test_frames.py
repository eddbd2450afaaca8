"""A raw file of frames that reads and writes like an array."""

import numpy as np
import pytest

from dina.errors import ShapeError
from dina.imaging.frames import FrameFile

NOISE = np.random.default_rng(0).normal(size=(40, 32, 32))


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
    window = file.window(slice(5, 30))
    assert window.shape == (25, 32, 32)
    np.testing.assert_array_equal(window[20:99], reference[25:30])
    window[0:2] = reference[:2]
    reference[5:7] = reference[:2]
    np.testing.assert_array_equal(file[:], reference)
    with pytest.raises(ShapeError):
        file[38:] = reference[:3]
