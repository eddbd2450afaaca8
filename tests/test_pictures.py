import numpy as np
import pytest
import tifffile
from PIL import Image

from dina.errors import InputError
from dina.pictures import grey, read_grey


def save(path, pixels):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def test_colour_becomes_luminance(tmp_path):
    save(tmp_path / "red.png", np.full((4, 4, 3), (255, 0, 0)))
    save(tmp_path / "white-alpha.png", np.full((4, 4, 4), (255, 255, 255, 10)))
    assert read_grey(tmp_path / "red.png") == pytest.approx(np.full((4, 4), 0.2126), abs=1e-5)
    assert read_grey(tmp_path / "white-alpha.png") == pytest.approx(np.ones((4, 4)), abs=1e-5)


def test_sixteen_bits_span_the_same_range(tmp_path):
    tifffile.imwrite(tmp_path / "deep.tif", np.full((8, 9), 65535 // 2, np.uint16))
    assert read_grey(tmp_path / "deep.tif") == pytest.approx(np.full((8, 9), 0.5), abs=1e-4)


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((4, 4), 200),  # int64: is white 255 or more?
        np.full((4, 4), 200.0),
        np.full((4, 4), np.nan),
        np.full((4, 4), -0.1),
        np.zeros((4, 4, 9)),
        np.zeros((2, 4, 4, 3)),
        np.zeros((0, 4)),
        np.full((4, 4), "a"),
    ],
)
def test_pixels_without_a_known_white_are_refused(pixels):
    with pytest.raises(InputError, match="image 7: found .* pixels of shape"):
        grey(pixels, "image 7")


def test_floats_and_bits_are_taken_as_they_are():
    assert grey(np.array([[0.25, 1.0]]), "x").tolist() == [[0.25, 1.0]]
    assert grey(np.array([[True, False]]), "x").tolist() == [[1.0, 0.0]]
