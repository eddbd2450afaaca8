"""Folders that Prairie View (Bruker) and ThorImage (Thorlabs) write, read through roiextractors.

Only what roiextractors reads rightly is handed to it: it takes the layout of a folder for granted, so that a folder
of another layout would come out with planes or channels in disorder, without a word. Rates are taken from the
vendors' descriptions, since it takes Thorlabs' rate of frames for that of volumes. Checked on made-up folders alone,
not on files from these microscopes.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.readers.formats import TIFF_SUFFIXES, bruker_xml, thorlabs_xml
from dina.imaging.readers.ome import ome_header
from dina.imaging.readers.pages import Header
from dina.imaging.readers.tiff import TRUNCATED, common_size, page_directories

if TYPE_CHECKING:
    from collections.abc import Callable

    from roiextractors import ImagingExtractor

VOLUMES = {  # types of a Prairie View sequence that are movies, and whether each sequence is a volume
    "TSeries ZSeries Element": True,
    "TSeries Timed Element": False,
    "TSeries Brightness Over Time Element": False,
    "BrightnessOverTime": False,
}
HEADER_FRAMES = 200  # as many show the rate, and are read quickly
INSTALL = "In the folder of dina: pip install --constraint envs/constraints.txt --editable '.[vendors]'."
BY_PATTERN = "Name its TIFFs themselves as movie (a pattern), and state planes, channels and rate in the sheet."
UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, OSError, RuntimeError, SyntaxError)


class FolderPages:
    """One acquisition, an extractor a channel; see :class:`~dina.imaging.readers.pages.Pages`.

    roiextractors gives whole volumes, so that a plane costs the reading of all.

    Parameters
    ----------
    folder : Path
    files : TIFFs of the acquisition
    header : Header, with planes and channels
    extractors : one for each channel
    times_s : (frames,) of each plane of each volume in turn, whatever the channels, or None
    """

    def __init__(
        self,
        folder: Path,
        files: set[Path],
        header: Header,
        extractors: list[ImagingExtractor],
        times_s: np.ndarray | None,
    ):
        self.path, self.files, self.header = folder, files, header
        self._extractors, self._times_s = extractors, times_s
        self.height, self.width = (int(side) for side in extractors[0].get_image_shape())
        self.dtype = np.dtype(extractors[0].get_dtype()).newbyteorder("=")
        self._n_planes = header.n_planes or 1
        self.n_pages = extractors[0].get_num_samples() * self._n_planes * len(extractors)

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); no file stays open."""
        frames = np.empty((len(pages), self.height, self.width), self.dtype)
        numbers, channels = np.divmod(np.asarray(pages), len(self._extractors))
        samples, planes = np.divmod(numbers, self._n_planes)
        for channel, extractor in enumerate(self._extractors):
            own = channels == channel
            if own.any():
                first, last = int(samples[own].min()), int(samples[own].max())
                try:
                    series = extractor.get_series(first, last + 1)
                except (*UNREADABLE, struct.error) as error:
                    where = f"{self.path}, channel {channel}, volumes {first} to {last}"
                    raise InputError(problem(where, f"unreadable data ({error})", "frames", TRUNCATED)) from error
                volumes = series.reshape(last + 1 - first, self.height, self.width, self._n_planes)
                frames[own] = volumes[samples[own] - first, :, :, planes[own]]
        return frames

    def times_s(self, pages: range) -> np.ndarray | None:
        """Times as the vendor's description states them; None where it does not."""
        return None if self._times_s is None else self._times_s[np.asarray(pages) // len(self._extractors)]

    def close(self) -> None:
        """Nothing stays open."""


def open_folder(folder: Path) -> FolderPages:
    """The pages of a folder that Prairie View or ThorImage wrote.

    Raises
    ------
    InputError
        If it is neither's, if roiextractors is not installed, if files are missing or cut off, or if the folder has
        a layout that roiextractors would read in disorder.
    """
    return _by_vendor(folder, _open_bruker, _open_thorlabs)


def folder_header(folder: Path) -> Header:
    """What the vendor's description says of the acquisition, without looking over the files.

    Raises
    ------
    InputError
        If the folder is neither vendor's, or its description unreadable.
    """
    return _by_vendor(folder, _bruker_header, _thorlabs_header)


def _by_vendor(folder: Path, bruker: Callable[[Path, Path], Any], thorlabs: Callable[[Path, Path], Any]) -> Any:
    folder = folder.resolve()
    for find, use in ((bruker_xml, bruker), (thorlabs_xml, thorlabs)):
        if xml := find(folder):
            return use(folder, xml)
    expected = "Prairie View's XML file or ThorImage's Experiment.xml"
    raise InputError(problem(folder, "a folder of no known microscope", expected, "Name the movie's files instead."))


# --- Bruker -----------------------------------------------------------------------------------


class _File(NamedTuple):
    channel: int
    channel_name: str
    name: str
    page: int


class _Frame(NamedTuple):
    time_s: float
    files: tuple[_File, ...]


@dataclass
class _Scan:
    """Prairie View's description of a scan: its sequences of frames, each of them a volume if ``volumes``."""

    volumes: bool
    bidirectional: bool = False
    sequences: list[list[_Frame]] = field(default_factory=list)
    pixel_size_um: float | None = None

    @property
    def n_planes(self) -> int:
        return len(self.sequences[0]) if self.volumes else 1

    @property
    def channels(self) -> list[tuple[int, str]]:
        """Number and name of each channel, in order."""
        return sorted((file.channel, file.channel_name) for file in self.sequences[0][0].files)

    @property
    def frames(self) -> list[_Frame]:
        return list(chain.from_iterable(self.sequences))


def _bruker_header(folder: Path, xml: Path) -> Header:
    """Planes, channels, rate and pixel size; the rate from frame times, since ``framePeriod`` is nominal."""
    scan = _read_scan(xml, HEADER_FRAMES)
    intervals_s = np.diff([frame.time_s for frame in scan.frames[:: scan.n_planes]])
    forward_s = intervals_s[intervals_s > 0]  # bursts begin at 0 again
    return Header(
        n_planes=scan.n_planes,
        n_channels=len(scan.channels),
        volume_rate_hz=float(1 / np.median(forward_s)) if len(forward_s) else None,
        pixel_size_um=scan.pixel_size_um,
    )


def _open_bruker(folder: Path, xml: Path) -> FolderPages:
    scan = _read_scan(xml)
    _check_scan(scan, xml)
    if xml.stem != folder.name:
        remedy = f"Rename the folder to {xml.stem}, as it was when it was recorded."
        raise InputError(problem(folder, f"a description {xml.name}", "a folder of its name", remedy))
    files = _check_files(folder, _pages_of_files(scan))
    kind = _roiextractors(folder).BrukerTiffImagingExtractor
    names = [name for _, name in scan.channels] if len(scan.channels) > 1 else [None]
    extractors = [_construct(folder, kind, folder, channel_name=name) for name in names]
    volumes_s = np.asarray(extractors[0].get_native_timestamps(), np.float64)
    frames_s = np.array([frame.time_s for frame in scan.frames]).reshape(-1, scan.n_planes)
    times_s = volumes_s[:, None] + frames_s - frames_s[:, :1]
    return FolderPages(folder, files, _bruker_header(folder, xml), extractors, times_s.ravel())


def _read_scan(xml: Path, n_frames: int | None = None) -> _Scan:
    """The description, or its beginning: at least ``n_frames``, and whole volumes."""
    scan, n_read, pixel_size_um = None, 0, None
    try:
        for event, element in ElementTree.iterparse(xml, ("start", "end")):
            enough = n_frames is not None and n_read >= n_frames
            if event == "start" and element.tag == "Sequence":
                if enough:
                    break
                scan = scan or _Scan(_is_volume(element, xml))
                if _is_volume(element, xml) != scan.volumes:
                    raise InputError(problem(xml, "volumes and single planes", "one of them", BY_PATTERN))
                scan.bidirectional |= element.get("bidirectionalZ") == "True"
                scan.sequences.append([])
            elif event == "end" and element.tag == "PVStateValue" and pixel_size_um is None:
                pixel_size_um = _bruker_pixel_size_um(element)
            elif event == "end" and element.tag == "Frame":
                scan.sequences[-1].append(_read_frame(element))
                element.clear()  # a description can be larger than memory
                n_read += 1
                if enough and not scan.volumes:
                    break
        if scan is None or not all(scan.sequences) or not scan.channels:
            raise ValueError("no frames")
    except (ElementTree.ParseError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise _unreadable(xml, error) from error
    scan.pixel_size_um = pixel_size_um
    return scan


def _is_volume(sequence: ElementTree.Element, xml: Path) -> bool:
    kind = sequence.get("type")
    if kind not in VOLUMES:
        raise InputError(problem(f"{xml}, Sequence", f"type {kind!r}", f"one of {', '.join(VOLUMES)}", BY_PATTERN))
    return VOLUMES[kind]


def _read_frame(element: ElementTree.Element) -> _Frame:
    files = [
        _File(int(file.get("channel")), file.get("channelName"), file.attrib["filename"], int(file.get("page", 1)))
        for file in element.iterfind("File")
    ]
    return _Frame(float(element.get("relativeTime")), tuple(sorted(files)))


def _bruker_pixel_size_um(state: ElementTree.Element) -> float | None:
    x_axis = state.find("IndexedValue[@index='XAxis']") if state.get("key") == "micronsPerPixel" else None
    return float(x_axis.get("value")) if x_axis is not None else None


def _check_scan(scan: _Scan, xml: Path) -> None:
    """Raise unless planes, channels and pages follow each other as roiextractors takes for granted."""
    if scan.bidirectional and scan.n_planes > 1:
        found, expected = "volumes scanned up and down in turn", "volumes scanned in one direction"
        raise InputError(problem(xml, found, expected, "Put every other volume's planes in order, as a TIFF."))
    for number, sequence in enumerate(scan.sequences if scan.volumes else []):
        if len(sequence) != scan.n_planes:
            where, found = f"{xml}, Sequence {number + 1}", f"{len(sequence)} frames"
            remedy = "If it was broken off at the end of the scan, take that Sequence out of the XML file."
            raise InputError(problem(where, found, f"{scan.n_planes}, as in the first", remedy))
    for number, frame in enumerate(scan.frames):
        found = [(file.channel, file.channel_name) for file in frame.files]
        if found != scan.channels:
            where, expected = f"{xml}, Frame {number + 1}", f"{scan.channels} as in the first"
            raise InputError(problem(where, f"channels {found}", expected, BY_PATTERN))
    if len({name for _, name in scan.channels}) < len(scan.channels):
        remedy = "Give the channels names of their own in the XML file."
        raise InputError(problem(xml, f"channels {scan.channels}", "names that differ", remedy))
    _check_page_order(scan, xml)


def _check_page_order(scan: _Scan, xml: Path) -> None:
    """Pages of a file ascend, and files of several pages hold one channel of a plane from beginning to end."""
    per_channel = [
        [(frame.files[k].name, frame.files[k].page) for frame in scan.frames] for k in range(len(scan.channels))
    ]
    stacks = any(page > 1 for pages in per_channel for _, page in pages)
    for pages in per_channel:
        in_turn = [
            (name, page) for name, group in groupby(name for name, _ in pages) for page, _ in enumerate(group, 1)
        ]
        if pages != in_turn:
            number = next(k for k, (here, there) in enumerate(zip(pages, in_turn, strict=True)) if here != there)
            found, expected = (f"page {page} of {name}" for name, page in (pages[number], in_turn[number]))
            raise InputError(problem(f"{xml}, Frame {number + 1}", found, expected, BY_PATTERN))
        if stacks and len(per_channel) > 1 and (len({name for name, _ in pages}) > 1 or scan.n_planes > 1):
            found = f"{len(per_channel)} channels in stacks of several files, or of several planes"
            raise InputError(problem(xml, found, "a file a frame, or a file a channel of one plane", BY_PATTERN))


def _pages_of_files(scan: _Scan) -> dict[str, int]:
    """How many pages each file of a scan has."""
    pages: dict[str, int] = {}
    for file in chain.from_iterable(frame.files for frame in scan.frames):
        pages[file.name] = max(pages.get(file.name, 0), file.page)
    return pages


# --- Thorlabs ---------------------------------------------------------------------------------


def _thorlabs_header(folder: Path, xml: Path) -> Header:
    """Planes and channels from the TIFFs' OME-XML, rate and pixel size from ``Experiment.xml``.

    ``frameRate`` counts frames before any averaging, those of flyback included, which are not in the TIFFs.
    """
    import tifffile

    first = _first_ome(folder, xml)
    with tifffile.TiffFile(first) as tif:
        header = ome_header(tif, first)
    try:
        root = ElementTree.parse(xml).getroot()
        scan, streaming = root.find("LSM"), root.find("Streaming")
        n_averaged = int(scan.get("averageNum", 1)) if scan.get("averageMode", "0") == "1" else 1
        frame_rate_hz = float(scan.attrib["frameRate"]) / n_averaged
        fast = streaming is not None and streaming.get("zFastEnable") == "1"
        n_steps = int(root.find("ZStage").get("steps", 1)) if fast else 1
        n_flyback = int(streaming.get("flybackFrames", 0)) if n_steps > 1 else 0
        width_um, width_px = float(scan.get("widthUM", 0)), int(scan.get("pixelX", 0))
    except (ElementTree.ParseError, LookupError, ValueError, AttributeError) as error:
        raise _unreadable(xml, error) from error
    n_planes = header.n_planes or 1
    if fast and n_steps != n_planes:
        found, expected = f"{n_steps} steps of fast Z", f"{n_planes}, the planes in the TIFFs"
        raise InputError(problem(xml, found, expected, BY_PATTERN))
    return replace(
        header,
        n_planes=n_planes,
        # a stage that is moved plane by plane takes longer than the frames do
        volume_rate_hz=frame_rate_hz / (n_planes + n_flyback) if fast or n_planes == 1 else None,
        pixel_size_um=width_um / width_px if width_um > 0 and width_px > 0 else header.pixel_size_um,
    )


def _open_thorlabs(folder: Path, xml: Path) -> FolderPages:
    header, first = _thorlabs_header(folder, xml), _first_ome(folder, xml)
    files = _check_files(folder, _ome_files(first))
    kind = _roiextractors(folder).ThorTiffImagingExtractor
    names = [None]
    if header.n_channels > 1:
        names = _construct(folder, kind.get_available_channel_names, first)[: header.n_channels]
        if len(set(names)) < header.n_channels:
            expected = f"{header.n_channels} names that differ, as the TIFFs have channels"
            raise InputError(problem(f"{xml}, Wavelengths", names, expected, BY_PATTERN))
    extractors = [_construct(folder, kind, first, channel_name=name) for name in names]
    volumes_s = extractors[0].get_native_timestamps()
    if volumes_s is None or not (np.diff(volumes_s) > 0).all():  # the vendor writes 0 where it knows nothing
        return FolderPages(folder, files, header, extractors, None)
    delay = np.arange(header.n_planes) / header.n_planes * np.median(np.diff(volumes_s))
    return FolderPages(folder, files, header, extractors, (volumes_s[:, None] + delay).ravel())


def _first_ome(folder: Path, xml: Path) -> Path:
    """The first TIFF that describes the whole set; previews do not."""
    import tifffile

    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in TIFF_SUFFIXES)
    for path in found:
        try:
            with tifffile.TiffFile(path) as tif:
                if tif.is_ome:
                    return path
        except (tifffile.TiffFileError, OSError, ValueError, IndexError) as error:
            raise InputError(problem(path, f"an unreadable file ({error})", "a TIFF", TRUNCATED)) from error
    raw = next(folder.glob("*.raw"), None)
    found = f"raw data ({raw.name})" if raw else f"{len(found)} TIFFs, none with OME-XML"
    raise InputError(problem(xml.parent, found, "ThorImage's OME-TIFFs", "Export the movie as TIFF in ThorImage."))


def _ome_files(first: Path) -> dict[str, int | None]:
    """Names of all files of an OME-TIFF's set; how many pages each has stands nowhere."""
    import tifffile

    with tifffile.TiffFile(first) as tif:
        uuids = ElementTree.fromstring(tif.ome_metadata).iterfind(".//{*}TiffData/{*}UUID")
        return dict.fromkeys([uuid.get("FileName", first.name) for uuid in uuids] or [first.name])


# --- both -------------------------------------------------------------------------------------


def _roiextractors(folder: Path) -> Any:
    try:
        import roiextractors
    except ImportError as error:
        found, expected = f"a package missing ({error.name})", "roiextractors and lxml, which read such folders"
        raise InputError(problem(folder, found, expected, INSTALL)) from error
    return roiextractors


def _construct(folder: Path, build: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What ``build`` gives; its errors, and its warning of pages left over, which it would mix in, become ours."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Total IFDs")
            return build(*args, **options)
    except (*UNREADABLE, UserWarning) as error:
        raise InputError(problem(folder, f"a folder refused ({error})", "an acquisition", BY_PATTERN)) from error


def _check_files(folder: Path, n_pages: dict[str, int | None]) -> set[Path]:
    """The named files, all there, whole, and of one size."""
    there = {path.name for path in folder.iterdir()}
    missing = [name for name in n_pages if name not in there]
    if missing:
        found, expected = f"no {missing[0]} ({len(missing)} files missing)", f"{len(n_pages)} files, as described"
        raise InputError(problem(folder, found, expected, "Copy the folder again."))
    files = {folder / name: n for name, n in n_pages.items()}
    sizes = []
    for path, n in files.items():
        directories = page_directories(path)
        if n is not None and len(directories) != n:
            raise InputError(problem(path, f"{len(directories)} pages", f"{n}, as described", TRUNCATED))
        sizes += [(path, directory.size) for directory in directories]
    odd = next((path for path, size in sizes if size != sizes[0][1]), None)
    if odd:
        remedy = "Leave the odd file out, and its frame out of the description."
        raise InputError(problem(odd, "pages of another size or type", f"those of {sizes[0][0].name}", remedy))
    common_size(folder, [size for _, size in sizes])
    return set(files)


def _unreadable(xml: Path, error: Exception) -> InputError:
    found = f"an unreadable description ({type(error).__name__}: {error})"
    return InputError(problem(xml, found, "the vendor's description of the scan", "Copy the file again."))
