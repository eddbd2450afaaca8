"""Scanbox files and the folders of Prairie View and ThorImage, on fixtures made here: read in order, or refused."""

import sys
import warnings

import numpy as np
import pytest
import tifffile
from scipy.io import savemat

from dina.errors import InputError
from dina.imaging.frame_times import frame_times_s
from dina.imaging.movies import Movie
from dina.imaging.readers.opening import open_pages, read_header
from dina.imaging.readers.pages import Header
from dina.recordings.sheet import movie_files
from dina.settings import AcquisitionInfo

RNG = np.random.default_rng(0)
MOVIE = RNG.integers(0, 60000, (36, 3, 2, 32, 40)).astype(np.uint16)  # volumes, planes, channels, rows, columns
STATED = AcquisitionInfo()


def planes_of(path, stated=STATED):
    """All frames of every plane and channel, (volumes, planes, channels, rows, columns)."""
    movie = Movie(movie_files(str(path), 0), stated)
    known = movie.acquisition
    planes = [
        [np.concatenate([block for _, block in movie.plane(p, c).blocks()]) for c in range(known.n_channels)]
        for p in range(known.n_planes)
    ]
    return np.array(planes).transpose(2, 0, 1, 3, 4)


# --- Scanbox ----------------------------------------------------------------------------------


def write_scanbox(folder, frames, **info):
    """``frames`` (frames, channels, rows, columns) as Scanbox 2 writes them: inverted, a pixel's channels together."""
    said = {
        "sz": np.array(frames.shape[2:], float),
        "channels": 3 - frames.shape[1],
        "scanmode": 0,
        "resfreq": 7930.0,
        "config": {"lines": 512.0},
        "recordsPerBuffer": frames.shape[2] // 2,
        "bytesPerBuffer": 2 * frames[0].size,
        "scanbox_version": 2,
        "volscan": 0,
        "otwave": np.array([]),
    }
    said = {name: value for name, value in (said | info).items() if value is not None}
    savemat(folder / "m_000_001.mat", {"info": said}, oned_as="row")
    (65535 - frames).astype("<u2").transpose(0, 2, 3, 1).tofile(folder / "m_000_001.sbx")
    return folder / "m_000_001.sbx"


def test_scanbox_planes_and_channels(tmp_path):
    frames = MOVIE.reshape(-1, 2, 32, 40)
    path = write_scanbox(tmp_path, frames, volscan=1, otwave=np.array([0.0, 10.0, 20.0]))
    assert movie_files(str(tmp_path), 0) == [path]
    np.testing.assert_array_equal(planes_of(path), MOVIE)
    pages = open_pages(path, STATED)
    assert (pages.n_pages, pages.dtype, pages.files) == (216, np.uint16, {path, path.with_suffix(".mat")})
    np.testing.assert_array_equal(pages.read(range(5, 200, 7)), frames.reshape(-1, 32, 40)[5:200:7])
    movie = Movie([path], STATED)
    assert movie.acquisition.volume_rate_hz == pytest.approx(2 * 7930 / 512 / 3)
    np.testing.assert_allclose(frame_times_s(movie, 2)[0][0], 2 * 512 / (2 * 7930))


@pytest.mark.parametrize(
    ("info", "planes", "channels", "rate_hz"),
    [
        ({}, 1, 2, 30.977),
        ({"scanmode": 1}, 1, 2, 15.488),
        ({"volscan": None}, 1, 2, 30.977),
        ({"channels": None, "chan": {"nchan": 2}, "scanbox_version": 3}, 1, 2, 30.977),
        ({"volscan": 1, "otwave": np.arange(4.0)}, 4, 2, 30.977),
        ({"volscan": 0, "otwave": np.arange(4.0)}, 1, 2, 30.977),
        ({"volscan": 1, "etl_table": np.ones((5, 2))}, 5, 2, 30.977),
        ({"volscan": 1, "etl_table": np.ones((1, 2))}, 1, 2, 30.977),
    ],
    ids=["two-way", "one-way", "old", "version 3", "lens", "lens at rest", "lens table", "table of one"],
)
def test_scanbox_header(tmp_path, info, planes, channels, rate_hz):
    path = write_scanbox(tmp_path, MOVIE[:, 0], **info)
    header = Header(n_planes=planes, n_channels=channels, frame_rate_hz=pytest.approx(rate_hz, abs=1e-3))
    assert read_header(path) == open_pages(path, STATED).header == header


def test_scanbox_agrees_with_roiextractors_on_one_plane(tmp_path):
    roiextractors = pytest.importorskip("roiextractors")
    path = write_scanbox(tmp_path, MOVIE[:, 0, :1])
    theirs = roiextractors.SbxImagingExtractor(path).get_series(0, 36)
    np.testing.assert_array_equal(open_pages(path, STATED).read(range(36)), theirs)
    np.testing.assert_array_equal(theirs, MOVIE[:, 0, 0])


@pytest.mark.parametrize("n_bytes", [0, 3, 5119, 100_000])
def test_a_truncated_scanbox_file_is_refused(tmp_path, n_bytes):
    path = write_scanbox(tmp_path, MOVIE[:, 0])
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(InputError, match=rf"001\.sbx: found {n_bytes} bytes; expected a multiple of 5120"):
        open_pages(path, STATED)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.8, 0.95])
def test_a_truncated_mat_file_is_refused(tmp_path, share):
    path = write_scanbox(tmp_path, MOVIE[:, 0])
    mat = path.with_suffix(".mat")
    mat.write_bytes(mat.read_bytes()[: int(share * mat.stat().st_size)])
    for read in (read_header, lambda path: open_pages(path, STATED)):
        with pytest.raises(
            InputError, match=r"001\.mat: found a file without what is needed .*; expected info with sz"
        ):
            read(path)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"sz": None}, r"001\.mat: found .*KeyError: 'sz'"),
        ({"config": {"lines": 0.0}}, r"001\.mat: found .*ZeroDivisionError"),
        ({"channels": 7}, r"001\.mat: found .*KeyError: 7"),
        ({"fold_lines": 64}, r"001\.mat: found frames folded to 64 lines; expected whole frames"),
        ({"sz": np.array([0.0, 40.0])}, r"info\.sz: found 0 × 40 px"),
    ],
)
def test_scanbox_descriptions_that_cannot_be_used(tmp_path, info, message):
    with pytest.raises(InputError, match=message):
        read_header(write_scanbox(tmp_path, MOVIE[:, 0], **info))


def test_a_scanbox_file_without_its_description(tmp_path):
    path = write_scanbox(tmp_path, MOVIE[:, 0])
    path.with_suffix(".mat").unlink()
    with pytest.raises(InputError, match=r"001\.sbx: found no m_000_001\.mat beside it; .* under the same name"):
        read_header(path)


# --- Bruker -----------------------------------------------------------------------------------

PLANE_TIMES_S = np.array([0, 0.03, 0.07])  # of a volume of 0.1 s: uneven, as a piezo moves


def write_bruker(
    root,
    movie,
    *,
    stacks=False,
    bursts=0,
    bidirectional=False,
    restart=False,
    kind=None,
    drop_last=0,
    name="TSeries-001",
):
    """``movie`` (volumes, planes, channels, rows, columns) as Prairie View writes it, a page a file or in stacks.

    Volumes have a sequence each; single planes have one, or ``bursts`` that begin at 0 each, as volumes do if they
    ``restart``.
    """
    folder = root / name
    folder.mkdir()
    n_volumes, n_planes, n_channels = movie.shape[:3]
    kind = kind or ("TSeries ZSeries Element" if n_planes > 1 else "TSeries Timed Element")
    sequences = np.arange(n_volumes * n_planes).reshape(n_volumes if n_planes > 1 else bursts or 1, -1)
    pages, xml = {}, []
    for number, sequence in enumerate(sequences):
        xml.append(f'<Sequence type="{kind}" cycle="{number + 1}" bidirectionalZ="{bidirectional}">')
        for index, frame in enumerate(sequence[: len(sequence) - drop_last * (number == len(sequences) - 1)]):
            volume, plane = divmod(int(frame), n_planes)
            absolute = 0.1 * volume + PLANE_TIMES_S[plane] + (5.0 * number if bursts else 0)
            relative = 0.1 * index if bursts else absolute - 0.1 * volume * restart
            xml.append(f'<Frame relativeTime="{relative:.9f}" absoluteTime="{absolute + 2:.9f}" index="{index + 1}">')
            for channel in reversed(range(n_channels)):
                stem = f"{name}_Cycle{number + 1:05d}_Ch{channel + 1}"
                file = f"{stem}.ome.tif" if stacks else f"{stem}_{index + 1:06d}.ome.tif"
                pages.setdefault(file, []).append(movie[volume, plane, channel])
                label = ["Red", "Green"][channel]  # not in alphabetical order
                xml.append(f'<File channel="{channel + 1}" channelName="{label}" page="{len(pages[file])}" ')
                xml.append(f'filename="{file}" />')
            xml.append('<PVStateShard><PVStateValue key="framePeriod" value="0.2" /></PVStateShard></Frame>')
        xml.append("</Sequence>")
    state = '<PVStateValue key="micronsPerPixel"><IndexedValue index="XAxis" value="1.25" />'
    state += '<IndexedValue index="YAxis" value="1.3" /></PVStateValue>'
    text = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<PVScan version="5.7.64.300">\n<PVStateShard>{state}</PVStateShard>'
    )
    (folder / f"{name}.xml").write_text(text + "\n".join(xml) + "</PVScan>")
    (folder / f"{name}.env").write_text("<Environment />")
    (folder / f"{name}_Cycle00001_VoltageRecording_001.xml").write_text("<VRecSessionEntry />")
    for file, frames in pages.items():
        tifffile.imwrite(folder / file, np.array(frames), metadata=None, photometric="minisblack")
    return folder


@pytest.fixture
def roiextractors():
    """Skips without it; its warnings of what is untested upstream are not ours."""
    found = pytest.importorskip("roiextractors")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Multi-channel volumetric Bruker data")
        yield found


LAYOUTS = {
    "a plane": (MOVIE[:, :1, :1], {}),
    "two channels": (MOVIE[:, :1], {}),
    "planes": (MOVIE[:, :, :1], {}),
    "planes and channels": (MOVIE, {}),
    "a stack": (MOVIE[:, :1, :1], {"stacks": True}),
    "a stack a channel": (MOVIE[:, :1], {"stacks": True}),
    "a stack a volume": (MOVIE[:, :, :1], {"stacks": True}),
    "bursts": (MOVIE[:, :1], {"bursts": 2}),
    "stacks of bursts": (MOVIE[:, :1, :1], {"bursts": 2, "stacks": True}),
}


@pytest.mark.parametrize(("movie", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_bruker_layouts(roiextractors, tmp_path, movie, layout):
    folder = write_bruker(tmp_path, movie, **layout)
    assert movie_files(str(folder), 0) == movie_files(str(tmp_path / "TSeries-*"), 0) == [folder]
    np.testing.assert_array_equal(planes_of(folder), movie)
    pages = open_pages(folder, STATED)
    np.testing.assert_array_equal(pages.read(range(3, 31, 4)), movie.reshape(-1, 32, 40)[3:31:4])
    assert {file.suffix for file in pages.files} == {".tif"}


def test_bruker_header_and_times(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE)
    expected = Header(n_planes=3, n_channels=2, volume_rate_hz=pytest.approx(10), pixel_size_um=1.25)
    assert read_header(folder) == open_pages(folder, STATED).header == expected
    movie = Movie([folder], STATED)
    for plane in range(3):
        times, rate_hz = frame_times_s(movie, plane)
        np.testing.assert_allclose(times, 0.1 * np.arange(36) + PLANE_TIMES_S[plane])
        assert rate_hz == pytest.approx(10)


def test_bruker_bursts_keep_their_gaps(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE[:, :1, :1], bursts=3)
    movie = Movie([folder], STATED)
    with pytest.warns(UserWarning, match="2 gaps between frames"):
        times, rate_hz = frame_times_s(movie, 0)
    np.testing.assert_allclose(times, 0.1 * np.arange(36) + np.repeat([0, 5, 10], 12))
    assert rate_hz == pytest.approx(10)


def test_bruker_volumes_whose_times_restart(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE, restart=True)
    assert read_header(folder).volume_rate_hz is None
    times, rate_hz = frame_times_s(Movie([folder], STATED), 2)
    np.testing.assert_allclose(times, 0.1 * np.arange(36) + PLANE_TIMES_S[2])
    assert rate_hz == pytest.approx(10)


@pytest.mark.parametrize(
    ("movie", "layout", "message"),
    [
        (MOVIE, {"bidirectional": True}, r"001\.xml: found volumes scanned up and down in turn"),
        (MOVIE, {"drop_last": 1}, r"001\.xml, Sequence 36: found 2 frames; .* take that Sequence out"),
        (MOVIE, {"kind": "Single"}, r"001\.xml, Sequence: found type 'Single'; expected one of TSeries ZSeries"),
        (MOVIE, {"stacks": True}, r"001\.xml: found 2 channels in stacks of several files"),
        (MOVIE[:, :1], {"stacks": True, "bursts": 2}, r"001\.xml: found 2 channels in stacks of several files"),
    ],
    ids=["bidirectional", "broken off", "a single image", "stacks of volumes", "stacks of bursts"],
)
def test_bruker_layouts_that_would_be_read_in_disorder(roiextractors, tmp_path, movie, layout, message):
    with pytest.raises(InputError, match=message):
        open_pages(write_bruker(tmp_path, movie, **layout), STATED)


def edit(path, old, new, count=1):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</PVScan>", "", "found an unreadable description .ParseError"),
        ('relativeTime="0.000000000"', "", "found an unreadable description"),
        ('type="TSeries ZSeries Element" cycle="2"', 'type="TSeries Timed Element"', "found volumes and single planes"),
        ('channelName="Green"', 'channelName="Red"', r"channels \[.1, 'Red'., .2, 'Red'.\]"),
        ('<File channel="2"', '<Gone channel="2"', r"Frame 2: found channels"),
        ("Cycle00007_Ch1_000002.ome.tif", "Cycle00007_Ch1_000001.ome.tif", r"Frame 20: found page 1 of"),
    ],
)
def test_bruker_descriptions_that_cannot_be_used(roiextractors, tmp_path, old, new, message):
    folder = write_bruker(tmp_path, MOVIE)
    edit(folder / "TSeries-001.xml", old, new, count=-1 if "Green" in old else 1)
    with pytest.raises(InputError, match=message):
        open_pages(folder, STATED)


def test_bruker_files_missing_or_cut_off_are_named(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE[:, :1, :1], stacks=True)
    file = folder / "TSeries-001_Cycle00001_Ch1.ome.tif"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 9 // 10])
    with pytest.raises(InputError, match=r"Ch1\.ome\.tif: found .* broken directory"):
        open_pages(folder, STATED)
    tifffile.imwrite(file, MOVIE[:35, 0, 0], metadata=None)
    with pytest.raises(InputError, match=r"Ch1\.ome\.tif: found 35 pages; expected 36, as described"):
        open_pages(folder, STATED)
    file.unlink()
    with pytest.raises(
        InputError, match=r"TSeries-001: found no TSeries-001_Cycle00001_Ch1\.ome\.tif \(1 files missing"
    ):
        open_pages(folder, STATED)


def test_bruker_frames_of_another_size_are_named(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE[:, :1, :1])
    file = folder / "TSeries-001_Cycle00001_Ch1_000007.ome.tif"
    tifffile.imwrite(file, MOVIE[0, 0, 0, :-1], metadata=None)
    with pytest.raises(InputError, match=r"000007\.ome\.tif: found pages of another size or type"):
        open_pages(folder, STATED)


def test_damaged_frames_are_told_when_they_are_read(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE[:, :1, :1])
    file = folder / "TSeries-001_Cycle00001_Ch1_000007.ome.tif"
    tifffile.imwrite(file, MOVIE[6, 0, 0], metadata=None, compression="zlib")
    with tifffile.TiffFile(file) as tif:
        offset = tif.pages[0].dataoffsets[0]
    content = bytearray(file.read_bytes())
    content[offset : offset + 50] = bytes(50)
    file.write_bytes(content)
    pages = open_pages(folder, STATED)
    with pytest.raises(InputError, match="TSeries-001, channel 0, volumes 4 to 9: found unreadable data"):
        pages.read(range(4, 10))


def test_a_renamed_bruker_folder_is_told(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE[:, :1]).rename(tmp_path / "mouse")
    assert movie_files(str(folder), 0) == [folder]
    with pytest.raises(
        InputError, match=r"mouse: found a description TSeries-001\.xml; .*Rename the folder to TSeries"
    ):
        open_pages(folder, STATED)


def test_irregular_bruker_times_are_refused_with_a_way_out(roiextractors, tmp_path):
    folder = write_bruker(tmp_path, MOVIE[:, :1, :1])
    edit(folder / "TSeries-001.xml", 'relativeTime="0.500000000"', 'relativeTime="0.510000000"')
    with pytest.raises(
        InputError, match=r"refused \(ValueError: Could not determine sampling frequency.*Name its TIFFs themselves"
    ):
        open_pages(folder, STATED)


# --- Thorlabs ---------------------------------------------------------------------------------


def write_thorlabs(
    root, movie, *, one_file=False, delta=None, wavelengths=("ChanA", "ChanB"), lsm="", fast_z=None, on=1
):
    """``movie`` (volumes, planes, channels, rows, columns) as ThorImage exports it, a page a file or all in one."""
    folder = root / "thor"
    folder.mkdir()
    n_times, n_planes, n_channels, height, width = movie.shape
    names, parts, planes = [], [], []
    for t, z, c in np.ndindex(movie.shape[:3]):
        names.append("ChanA_001.tif" if one_file else f"Chan{'AB'[c]}_001_001_{z + 1:03d}_{t + 1:03d}.tif")
        ifd = len(parts) if one_file else 0
        place = f'FirstC="{c}" FirstZ="{z}" FirstT="{t}" IFD="{ifd}" PlaneCount="1"'
        parts.append(f'<TiffData {place}><UUID FileName="{names[-1]}">urn:uuid:1</UUID></TiffData>')
        if delta is not None:
            planes.append(f'<Plane TheC="{c}" TheZ="{z}" TheT="{t}" DeltaT="{delta * t}" />')
    channels = "".join(f'<Channel ID="Channel:0:{c}" SamplesPerPixel="1" />' for c in range(n_channels))
    ome = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2010-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYCZT" Type="uint16" SizeX="{width}" SizeY="{height}" SizeC="{n_channels}" '
        f'SizeZ="{n_planes}" SizeT="{n_times}" TimeIncrement="0" PhysicalSizeX="9">'
        f"{channels}{''.join(parts)}{''.join(planes)}</Pixels></Image></OME>"
    )
    pages = movie.reshape(-1, height, width)
    if one_file:
        tifffile.imwrite(folder / names[0], pages, description=ome, metadata=None, photometric="minisblack")
    else:
        for name, page in zip(names, pages, strict=True):
            tifffile.imwrite(folder / name, page, description=ome, metadata=None, photometric="minisblack")
    tifffile.imwrite(folder / "ChanA_Preview.tif", np.zeros((8, 8), np.uint16))
    fast_z = n_planes > 1 if fast_z is None else fast_z
    waves = "".join(f'<Wavelength name="{name}" />' for name in wavelengths)
    (folder / "Experiment.xml").write_text(
        f'<ThorImageExperiment><Wavelengths>{waves}</Wavelengths><ZStage steps="{n_planes}" />'
        f'<LSM frameRate="40.0" pixelX="{width}" pixelY="{height}" widthUM="{1.5 * width}" pixelSizeUM="2.9" {lsm}/>'
        f'<Streaming enable="{on}" zFastEnable="{int(fast_z)}" flybackFrames="1" frames="9" /></ThorImageExperiment>'
    )
    return folder


@pytest.mark.parametrize("one_file", [True, False], ids=["one file", "a file a page"])
@pytest.mark.parametrize(
    "movie", [MOVIE[:, :1, :1], MOVIE[:, :1], MOVIE[:, :, :1], MOVIE], ids=["a plane", "channels", "planes", "both"]
)
def test_thorlabs_layouts(roiextractors, tmp_path, movie, one_file):
    folder = write_thorlabs(tmp_path, movie, one_file=one_file)
    assert movie_files(str(folder), 0) == [folder]
    np.testing.assert_array_equal(planes_of(folder), movie)
    pages = open_pages(folder, STATED)
    np.testing.assert_array_equal(pages.read(range(3, 31, 4)), movie.reshape(-1, 32, 40)[3:31:4])
    assert len(pages.files) == (1 if one_file else movie[..., 0, 0].size)


@pytest.mark.parametrize(
    ("movie", "options", "frame_rate_hz", "rate_hz"),
    [
        (MOVIE[:, :1], {}, 40, 40),
        (MOVIE[:, :1], {"lsm": 'averageMode="1" averageNum="4" '}, 10, 10),
        (MOVIE[:, :1], {"lsm": 'averageMode="0" averageNum="4" '}, 40, 40),
        (MOVIE, {}, 40, 10),  # three planes and a frame of flyback
        (MOVIE, {"fast_z": False}, None, None),  # a stage that stops for each plane
        (MOVIE[:, :1], {"on": 0}, None, None),
    ],
    ids=["a plane", "averaged", "not averaged", "fast z", "slow z", "time lapse"],
)
def test_thorlabs_header(roiextractors, tmp_path, movie, options, frame_rate_hz, rate_hz):
    folder = write_thorlabs(tmp_path, movie, **options)
    rates = {"frame_rate_hz": frame_rate_hz, "volume_rate_hz": rate_hz}
    expected = Header(n_planes=movie.shape[1], n_channels=2, pixel_size_um=1.5, **rates)
    assert read_header(folder) == open_pages(folder, STATED).header == expected


@pytest.mark.parametrize(
    ("options", "third_plane_s"),
    [
        ({"delta": 0.11}, 0.11 * np.arange(36) + 2 / 40),
        ({"delta": 0.11, "fast_z": False}, 0.11 * np.arange(36) + 0.22 / 3),
        ({"delta": 0}, np.arange(36) / 10 + 2 / 40),  # nought means nothing
        ({}, np.arange(36) / 10 + 2 / 40),
    ],
    ids=["stated", "slow z", "nought", "from the rate"],
)
def test_thorlabs_times(roiextractors, tmp_path, options, third_plane_s):
    pages = open_pages(write_thorlabs(tmp_path, MOVIE, **options), STATED)
    np.testing.assert_allclose(pages.times_s(range(5, 216, 6)), third_plane_s)


def test_thorlabs_times_that_nothing_states(roiextractors, tmp_path):
    assert open_pages(write_thorlabs(tmp_path, MOVIE, fast_z=False), STATED).times_s(range(6)) is None


def test_thorlabs_lists_channels_that_were_off(roiextractors, tmp_path):
    names = ("ChanA", "ChanB", "ChanC", "ChanD")
    np.testing.assert_array_equal(planes_of(write_thorlabs(tmp_path, MOVIE, wavelengths=names)), MOVIE)


def test_thorlabs_folders_that_cannot_be_used(roiextractors, tmp_path):
    folder = write_thorlabs(tmp_path, MOVIE[:, :1], one_file=True)
    file, xml = folder / "ChanA_001.tif", folder / "Experiment.xml"
    whole, text = file.read_bytes(), xml.read_text()
    for old, new, message in (
        ('"ChanB"', '"ChanA"', r"Wavelengths: found \['ChanA', 'ChanA'\]; expected 2 names that differ"),
        ('frameRate="40.0"', "", "unreadable description"),
        ("</ThorImageExperiment>", "", "unreadable description"),
        ('zFastEnable="0"', 'zFastEnable="1"', "unreadable"),
    ):
        xml.write_text(text.replace(old, new).replace('steps="1"', 'steps="x"' if "Fast" in old else 'steps="1"'))
        with pytest.raises(InputError, match=message):
            open_pages(folder, STATED)
    xml.write_text(text.replace('zFastEnable="0"', 'zFastEnable="1"').replace('steps="1"', 'steps="3"'))
    with pytest.raises(
        InputError, match=r"Experiment\.xml: found 3 steps of fast Z; expected 1, the planes in the TIFFs"
    ):
        read_header(folder)
    xml.write_text(text)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"ChanA_001\.tif"):
        open_pages(folder, STATED)
    with tifffile.TiffFile(folder / "ChanA_Preview.tif"):
        file.unlink()
    (folder / "Image_001_001.raw").touch()
    with pytest.raises(InputError, match=r"thor: found raw data \(Image_001_001\.raw\); .*Export the movie as TIFF"):
        open_pages(folder, STATED)


def test_pages_left_over_are_refused_rather_than_mixed_in(roiextractors, tmp_path):
    """roiextractors counts them as the first volume's."""
    folder = write_thorlabs(tmp_path, MOVIE, one_file=True)
    with tifffile.TiffFile(folder / "ChanA_001.tif") as tif:
        ome, pages = tif.pages[0].description, tif.asarray(key=slice(None))
    tifffile.imwrite(folder / "ChanA_001.tif", pages[:-1], description=ome, metadata=None, photometric="minisblack")
    with pytest.raises(
        InputError, match=r"thor: found a folder refused \(UserWarning: Total IFDs \(215\) is not divisible"
    ):
        open_pages(folder, STATED)


def test_a_stack_without_time_is_no_movie(roiextractors, tmp_path):
    with pytest.raises(InputError, match="thor: found one volume of 3 planes; expected a movie"):
        open_pages(write_thorlabs(tmp_path, MOVIE[:1], fast_z=False), STATED)


def test_a_missing_thorlabs_file_is_named(roiextractors, tmp_path):
    folder = write_thorlabs(tmp_path, MOVIE[:, :1])
    (folder / "ChanB_001_001_001_009.tif").unlink()
    with pytest.raises(InputError, match=r"found no ChanB_001_001_001_009\.tif \(1 files missing\); expected 72 files"):
        open_pages(folder, STATED)


# --- all --------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_bruker, write_thorlabs])
def test_without_roiextractors_the_error_says_how_to_install_it(tmp_path, monkeypatch, write):
    folder = write(tmp_path, MOVIE)
    assert read_header(folder).n_planes == 3  # needs nothing
    monkeypatch.setitem(sys.modules, "roiextractors", None)
    message = (
        r"found a package missing \(roiextractors\); .* pip install --constraint envs/constraints.txt .*\[vendors\]"
    )
    with pytest.raises(InputError, match=message):
        open_pages(folder, STATED)


def test_an_ordinary_folder_is_none_of_theirs(tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", MOVIE[:, 0, 0])
    (tmp_path / "notes.xml").write_text("<notes />")
    assert movie_files(str(tmp_path), 0) == [tmp_path / "movie.tif"]
