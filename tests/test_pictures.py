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
    save(tmp_path / "white.png", np.full((4, 4, 4), 255))
    Image.new("CMYK", (4, 4), (0, 0, 0, 0)).save(tmp_path / "white.jpg")
    Image.new("P", (4, 4), 0).save(tmp_path / "black.png")
    assert read_grey(tmp_path / "red.png") == pytest.approx(np.full((4, 4), 0.2126), abs=1e-5)
    assert read_grey(tmp_path / "white.png") == pytest.approx(np.ones((4, 4)), abs=1e-5)
    assert read_grey(tmp_path / "white.jpg") == pytest.approx(np.ones((4, 4)), abs=0.02)
    assert read_grey(tmp_path / "black.png") == pytest.approx(np.zeros((4, 4)), abs=1e-5)


def test_transparent_pixels_are_refused(tmp_path):
    save(tmp_path / "clear.png", np.full((4, 4, 4), (255, 255, 255, 10)))
    with pytest.raises(InputError, match="clear.png: found transparent pixels"):
        read_grey(tmp_path / "clear.png")


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


@pytest.mark.parametrize("content", [b"", b"ab", b"no picture at all"])
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_damaged_files_are_named(tmp_path, content, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(InputError, match=f"a.{suffix}: found an unreadable file"):
        read_grey(tmp_path / f"a.{suffix}")
