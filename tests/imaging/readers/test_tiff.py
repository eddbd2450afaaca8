"""TIFF pages: every flavour round, every damage refused."""

import numpy as np
import pytest
import tifffile

from dina.errors import InputError
from dina.imaging.readers.opening import read_header
from dina.imaging.readers.tiff import TiffPages, page_directories

FRAMES = np.random.default_rng(0).integers(0, 60000, (12, 40, 48)).astype(np.uint16)


def write_page_by_page(path, frames):
    with tifffile.TiffWriter(path) as tif:
        for frame in frames:
            tif.write(frame, metadata=None)


def write_contiguous(path, frames):
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for frame in frames:
            tif.write(frame, contiguous=True)


WRITERS = {
    "plain": tifffile.imwrite,
    "big-endian": lambda path, frames: tifffile.imwrite(path, frames, byteorder=">"),
    "BigTIFF": lambda path, frames: tifffile.imwrite(path, frames, bigtiff=True),
    "ImageJ": lambda path, frames: tifffile.imwrite(path, frames, imagej=True),
    "compressed": lambda path, frames: tifffile.imwrite(path, frames, compression="zlib"),
    "page by page": write_page_by_page,
    "contiguous": write_contiguous,
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_reads_what_was_written(tmp_path, writer):
    writer(tmp_path / "movie.tif", FRAMES)
    pages = TiffPages(tmp_path / "movie.tif")
    assert (pages.n_pages, pages.height, pages.width, pages.dtype) == (12, 40, 48, np.uint16)
    np.testing.assert_array_equal(pages.read(range(1, 12, 3)), FRAMES[1::3])
    pages.close()
    np.testing.assert_array_equal(pages.read(range(2)), FRAMES[:2])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_keeps_the_type(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "movie.tif", (FRAMES // 300).astype(dtype))
    pages = TiffPages(tmp_path / "movie.tif")
    assert pages.dtype == dtype
    np.testing.assert_array_equal(pages.read(range(12)), (FRAMES // 300).astype(dtype))


@pytest.mark.parametrize("share", [0.999, 0.7, 0.2])
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_refuses_a_truncated_file(tmp_path, writer, share):
    path = tmp_path / "movie.tif"
    writer(path, FRAMES)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"movie\.tif.*expected.*cut off"):
        TiffPages(path).read(range(12))


def test_reads_an_imagej_stack_behind_one_directory(tmp_path):
    """ImageJ writes stacks beyond 4 GB so; here a small one, its other directories unlinked."""
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, FRAMES, imagej=True)
    content = bytearray(path.read_bytes())
    order = "little" if content[:2] == b"II" else "big"
    first = int.from_bytes(content[4:8], order)
    n_tags = int.from_bytes(content[first : first + 2], order)
    content[first + 2 + 12 * n_tags : first + 6 + 12 * n_tags] = bytes(4)
    path.write_bytes(content)
    assert len(page_directories(path)) == 1
    np.testing.assert_array_equal(TiffPages(path).read(range(12)), FRAMES)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="frames; expected 12, as its header says"):
        TiffPages(path)


def test_names_the_page_that_differs_in_size(tmp_path):
    with tifffile.TiffWriter(tmp_path / "movie.tif") as tif:
        for frame in (FRAMES[0], FRAMES[1], FRAMES[2, :20]):
            tif.write(frame)
    with pytest.raises(InputError, match=r"page 2: found 20 × 48 px.*expected 40 × 48 px"):
        TiffPages(tmp_path / "movie.tif")


def test_refuses_colour_and_other_files(tmp_path):
    tifffile.imwrite(tmp_path / "colour.tif", np.zeros((5, 40, 48, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match="3 samples a pixel"):
        TiffPages(tmp_path / "colour.tif")
    (tmp_path / "text.tif").write_text("not a movie at all")
    with pytest.raises(InputError, match="expected a TIFF"):
        TiffPages(tmp_path / "text.tif")


def test_a_page_of_another_type_is_named(tmp_path):
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as writer:
        for kind in (np.int16, np.int16, np.float32):
            writer.write(np.zeros((40, 50), kind), metadata=None)
    with pytest.raises(
        InputError, match=r"mixed.tif, page 2: found 40 × 50 px, 1 samples a pixel, 32 bits of format 3"
    ):
        TiffPages(tmp_path / "mixed.tif")


def test_a_chain_that_loops_ends(tmp_path):
    tifffile.imwrite(tmp_path / "loop.tif", np.zeros((3, 40, 50), np.uint8), metadata=None, photometric="minisblack")
    content = bytearray((tmp_path / "loop.tif").read_bytes())
    first = int.from_bytes(content[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(content[first : first + 2], "little")
    content[end : end + 4] = content[4:8]
    (tmp_path / "loop.tif").write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"loop.tif: found 1 pages, then a broken directory"):
        TiffPages(tmp_path / "loop.tif")


UNLIKE = {
    "compression": lambda late: {"compression": "zlib" if late else None},
    "predictor": lambda late: {"compression": "zlib", "predictor": late},
    "rows": lambda late: {"rowsperstrip": 10 if late else 40},
    "tiles": lambda late: {"tile": (32, 32) if late else (16, 16)},
    "photometric": lambda late: {"photometric": "miniswhite" if late else "minisblack"},
}


@pytest.mark.parametrize("options", UNLIKE.values(), ids=UNLIKE)
def test_pages_written_in_different_ways_are_refused(tmp_path, options):
    """tifffile would unpack the later ones as it does the first."""
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as writer:
        for number, frame in enumerate(FRAMES):
            writer.write(frame, metadata=None, contiguous=False, **options(number >= 6))
    with pytest.raises(InputError, match=r"mixed\.tif, page 6: found .* expected .* as on page 0"):
        TiffPages(tmp_path / "mixed.tif")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"photometric": "miniswhite"}, "values that fall with brightness"),
        ({"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}, "numbers of colours in a table"),
    ],
)
def test_values_that_are_no_brightness_are_refused(tmp_path, options, found):
    tifffile.imwrite(tmp_path / "movie.tif", (FRAMES // 300).astype(np.uint8), metadata=None, **options)
    with pytest.raises(InputError, match=f"found {found}; expected values that rise"):
        TiffPages(tmp_path / "movie.tif")


@pytest.mark.parametrize(
    ("metadata", "rate_hz"),
    [
        ({"finterval": 0.2, "fps": 7.0}, 5),
        ({"finterval": 200, "tunit": "ms"}, 5),
        ({"finterval": 0.2, "tunit": "sec"}, 5),
        ({"finterval": 0.005, "tunit": "min"}, 10 / 3),
        ({"finterval": 0.2, "tunit": "fortnights", "fps": 7.0}, None),
        ({"fps": 7.0}, 7),
    ],
)
def test_the_interval_in_its_unit_says_more_than_the_speed_of_display(tmp_path, metadata, rate_hz):
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES, imagej=True, metadata=metadata | {"axes": "TYX"})
    assert read_header(tmp_path / "movie.tif").volume_rate_hz == (rate_hz and pytest.approx(rate_hz))


def test_more_channels_than_any_microscope_has_are_time(tmp_path):
    """tifffile calls the frames of a stack without axes channels."""
    tifffile.imwrite(tmp_path / "movie.tif", FRAMES, imagej=True)
    with tifffile.TiffFile(tmp_path / "movie.tif") as tif:
        assert tif.imagej_metadata["channels"] == 12
    assert read_header(tmp_path / "movie.tif").n_channels is None
