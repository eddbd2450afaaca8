"""OME-TIFFs: pages in the order of time whatever the order in the file, one file or several."""

import numpy as np
import pytest
import tifffile

from dina.errors import InputError
from dina.imaging.movies import Movie
from dina.imaging.readers.ome import OmePages
from dina.imaging.readers.opening import open_pages, read_header
from dina.settings import AcquisitionInfo

TIMES, SLICES, CHANNELS = 5, 3, 2
RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (TIMES, SLICES, CHANNELS, 40, 48)).astype(np.uint16)
IN_ORDER = STACK.reshape(-1, 40, 48)
STATED = {"PhysicalSizeX": 1.25, "PhysicalSizeXUnit": "µm", "TimeIncrement": 200, "TimeIncrementUnit": "ms"}


@pytest.mark.parametrize("axes", ["TZCYX", "TCZYX", "ZTCYX", "CZTYX"])
def test_pages_come_in_order_of_time(tmp_path, axes):
    order = ["TZCYX".index(axis) for axis in axes]
    metadata = STATED | {"axes": axes}
    tifffile.imwrite(
        tmp_path / "movie.ome.tif", STACK.transpose(order), ome=True, metadata=metadata, photometric="minisblack"
    )
    pages = open_pages(tmp_path / "movie.ome.tif", AcquisitionInfo())
    assert isinstance(pages, OmePages)
    assert (pages.n_pages, pages.height, pages.width, pages.dtype) == (30, 40, 48, np.uint16)
    np.testing.assert_array_equal(pages.read(range(30)), IN_ORDER)
    np.testing.assert_array_equal(pages.read(range(1, 30, 4)), IN_ORDER[1::4])
    pages.close()
    header = read_header(tmp_path / "movie.ome.tif")
    assert (header.n_planes, header.n_channels, header.pixel_size_um) == (SLICES, CHANNELS, 1.25)
    assert header.volume_rate_hz == pytest.approx(5)
    assert pages.times_s(range(30)) is None


@pytest.mark.parametrize("axes", ["ZYX", "CYX"])
def test_depth_or_channels_without_time_are_time(tmp_path, axes):
    frames = IN_ORDER[:12]
    tifffile.imwrite(
        tmp_path / "z.ome.tif", frames, ome=True, metadata={"axes": axes}, photometric="minisblack", compression="zlib"
    )
    header = read_header(tmp_path / "z.ome.tif")
    assert header.n_planes is None and header.n_channels in (None, 1)
    np.testing.assert_array_equal(open_pages(tmp_path / "z.ome.tif", AcquisitionInfo()).read(range(12)), frames)


def test_times_of_the_images_are_read(tmp_path):
    delta = [0.1 * k + 0.003 * (k % 2) for k in range(30)]
    metadata = {"axes": "TZCYX", "Plane": {"DeltaT": delta, "DeltaTUnit": ["s"] * 30}}
    tifffile.imwrite(tmp_path / "t.ome.tif", STACK, ome=True, metadata=metadata, photometric="minisblack")
    pages = open_pages(tmp_path / "t.ome.tif", AcquisitionInfo())
    np.testing.assert_allclose(pages.times_s(range(2, 30, 6)), delta[2::6])


def write_set(folder, n_files=2):
    """An OME-TIFF of two files, each of which describes both: tifffile writes no sets, so the first is rewritten."""
    frames = RNG.integers(0, 60000, (40, 40, 48)).astype(np.uint16)
    half = len(frames) // n_files
    names = [f"part_{k}.ome.tif" for k in range(n_files)]
    data = "".join(
        f'<TiffData IFD="0" FirstT="{k * half}" FirstZ="0" FirstC="0" PlaneCount="{half}">'
        f'<UUID FileName="{name}">urn:uuid:0000000{k}-0000-0000-0000-000000000000</UUID></TiffData>'
        for k, name in enumerate(names)
    )
    for k, name in enumerate(names):
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:0000000{k}-0000-0000-0000-000000000000"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            f'DimensionOrder="XYCZT" Type="uint16" SizeX="48" SizeY="40" SizeC="1" SizeZ="1" SizeT="{len(frames)}">'
            f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
        )
        with tifffile.TiffWriter(folder / name) as tif:
            for number, frame in enumerate(frames[k * half : (k + 1) * half]):
                tif.write(frame, metadata=None, description=xml if number == 0 else None)
    return [folder / name for name in names], frames


def test_a_set_of_files_is_read_once(tmp_path):
    paths, frames = write_set(tmp_path)
    movie = Movie(paths, AcquisitionInfo(volume_rate_hz=5))
    assert movie.n_frames == 40
    read = np.concatenate([block for _, block in movie.plane(0).blocks()])
    np.testing.assert_array_equal(read, frames)


def test_a_missing_file_of_a_set_is_an_error(tmp_path):
    paths, _ = write_set(tmp_path)
    paths[1].unlink()
    with pytest.raises(InputError, match=r"part_0\.ome\.tif, image 20: found no data"):
        Movie(paths[:1], AcquisitionInfo())


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(path, IN_ORDER, ome=True, photometric="minisblack")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"movie\.ome\.tif.*expected.*cut off"):
        open_pages(path, AcquisitionInfo()).read(range(30))


@pytest.mark.parametrize("n_bytes", [1, 400, 900])
def test_a_description_cut_off_is_no_plain_movie(tmp_path, n_bytes):
    """It lies at the end of the file; without it, channels and planes would be taken for frames of one."""
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "TZCYX"}, photometric="minisblack")
    path.write_bytes(path.read_bytes()[:-n_bytes])
    for read in (lambda: open_pages(path, AcquisitionInfo()), lambda: read_header(path)):
        with pytest.raises(InputError, match=r"movie\.ome\.tif.*description beyond the end of the file.*cut off"):
            read()


@pytest.mark.parametrize("damage", [(b"</OME>", b"</OM  "), (b"</OME>", b"      "), (b"<Pixels", b"<Pixel<")])
def test_damaged_xml_is_refused_unless_it_is_to_be_ignored(tmp_path, damage):
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "TZCYX"}, photometric="minisblack")
    path.write_bytes(path.read_bytes().replace(*damage))
    for read in (lambda: open_pages(path, AcquisitionInfo()), lambda: read_header(path)):
        with pytest.raises(InputError, match=r"movie\.ome\.tif: found unreadable XML"):
            read()
    np.testing.assert_array_equal(open_pages(path, AcquisitionInfo(header="ignore")).read(range(30)), IN_ORDER)


def test_xml_of_another_kind_says_nothing(tmp_path):
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, IN_ORDER, description="<?xml version='1.0'?><MetaData/>", metadata=None)
    assert not isinstance(open_pages(path, AcquisitionInfo()), OmePages)
    assert read_header(path).n_channels is None


def test_a_header_that_is_ignored_does_not_order_pages(tmp_path):
    in_file = STACK.transpose(2, 0, 1, 3, 4)  # channel by channel
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(path, in_file, ome=True, metadata={"axes": "CTZYX"}, photometric="minisblack")
    pages = open_pages(path, AcquisitionInfo(header="ignore"))
    np.testing.assert_array_equal(pages.read(range(30)), in_file.reshape(-1, 40, 48))


def test_several_images_in_a_file_are_refused(tmp_path):
    path = tmp_path / "movie.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for part in (IN_ORDER[:12], IN_ORDER[12:]):
            tif.write(part, metadata={"axes": "TYX"}, photometric="minisblack")
    for read in (lambda: open_pages(path, AcquisitionInfo()), lambda: read_header(path)):
        with pytest.raises(InputError, match="found 2 images in its OME-XML; expected one.*header to ignore"):
            read()


def test_pages_that_the_xml_does_not_know_are_refused(tmp_path):
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(path, IN_ORDER, ome=True, metadata={"axes": "TYX"}, photometric="minisblack")
    path.write_bytes(path.read_bytes().replace(b'SizeT="30"', b'SizeT="20"'))
    with pytest.raises(InputError, match="found 30 frames; expected 20, as its header says"):
        open_pages(path, AcquisitionInfo())


@pytest.mark.parametrize(
    "stated",
    [
        {"TimeIncrement": 0.2, "TimeIncrementUnit": "d", "PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel"},
        {"TimeIncrement": 0, "PhysicalSizeX": 0},
    ],
)
def test_unknown_units_and_zeros_say_nothing(tmp_path, stated):
    path = tmp_path / "movie.ome.tif"
    plane = {"DeltaT": [0.0] * 30, "DeltaTUnit": ["s"] * 30}
    metadata = stated | {"axes": "TYX", "Plane": plane}
    tifffile.imwrite(path, IN_ORDER, ome=True, metadata=metadata, photometric="minisblack")
    header = read_header(path)
    assert header.volume_rate_hz is None and header.pixel_size_um is None
    assert open_pages(path, AcquisitionInfo()).times_s(range(30)) is None
