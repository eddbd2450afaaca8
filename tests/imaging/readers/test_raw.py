"""Raw int16 files."""

import numpy as np
import pytest

from dina.errors import InputError
from dina.imaging.readers.opening import open_pages
from dina.settings import AcquisitionInfo

FRAMES = np.random.default_rng(0).integers(-300, 30000, (12, 40, 48)).astype("<i2")


def test_reads_what_was_written(tmp_path):
    FRAMES.tofile(tmp_path / "data.bin")
    pages = open_pages(tmp_path / "data.bin", AcquisitionInfo(height_px=40, width_px=48))
    assert (pages.n_pages, pages.dtype) == (12, np.int16)
    np.testing.assert_array_equal(pages.read(range(1, 12, 3)), FRAMES[1::3])


def test_refuses_what_cannot_be_frames(tmp_path):
    FRAMES.tofile(tmp_path / "data.bin")
    with pytest.raises(InputError, match=r"data\.bin, size of a frame: found height_px None, width_px 48"):
        open_pages(tmp_path / "data.bin", AcquisitionInfo(width_px=48))
    (tmp_path / "cut.bin").write_bytes(FRAMES.tobytes()[:-100])
    with pytest.raises(InputError, match=r"cut\.bin: found 45980 bytes; expected a multiple of 3840"):
        open_pages(tmp_path / "cut.bin", AcquisitionInfo(height_px=40, width_px=48))
