"""Folders of Prairie View, which Bruker's microscopes write: an XML file that lists frames, and TIFFs that hold them.

Checked on made-up folders alone, not on files from such a microscope.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from dina.errors import InputError, problem
from dina.imaging.readers.pages import Header
from dina.imaging.readers.vendors import (
    BY_PATTERN,
    FolderPages,
    check_files,
    construct,
    import_roiextractors,
    reading_description,
)

VOLUMES = {  # types of a sequence that are movies, and whether each sequence is a volume
    "TSeries ZSeries Element": True,
    "TSeries Timed Element": False,
    "TSeries Brightness Over Time Element": False,
    "BrightnessOverTime": False,
}
HEADER_FRAMES = 200  # as many show the rate, and are read quickly


def bruker_header(xml: Path) -> Header:
    """Planes, channels, rate and pixel size; the rate from frame times, since ``framePeriod`` is nominal.

    Raises
    ------
    InputError
        If the description is unreadable, or not of a movie.
    """
    scan = _read_scan(xml, HEADER_FRAMES)
    intervals_s = np.diff([frame.time_s for frame in scan.frames[:: scan.n_planes]])
    forward_s = intervals_s[intervals_s > 0]  # bursts begin at 0 again
    return Header(
        n_planes=scan.n_planes,
        n_channels=len(scan.channels),
        volume_rate_hz=float(1 / np.median(forward_s)) if len(forward_s) else None,
        pixel_size_um=scan.pixel_size_um,
    )


def open_bruker(xml: Path) -> FolderPages:
    """The pages of the folder that a description lies in.

    Raises
    ------
    InputError
        If roiextractors is not installed, if files are missing or cut off, or if the folder has a layout that it
        would read in disorder.
    """
    folder = xml.parent
    scan = _read_scan(xml)
    _check_scan(scan, xml)
    if xml.stem != folder.name:
        remedy = f"Rename the folder to {xml.stem}, as it was when it was recorded."
        raise InputError(problem(folder, f"a description {xml.name}", "a folder of its name", remedy))
    files = check_files(folder, _pages_of_files(scan))
    kind = import_roiextractors(folder).BrukerTiffImagingExtractor
    names = [name for _, name in scan.channels] if len(scan.channels) > 1 else [None]
    extractors = [construct(folder, kind, folder, channel_name=name) for name in names]
    volumes_s = np.asarray(extractors[0].get_native_timestamps(), np.float64)
    frames_s = np.array([frame.time_s for frame in scan.frames]).reshape(-1, scan.n_planes)
    times_s = volumes_s[:, None] + frames_s - frames_s[:, :1]
    return FolderPages(folder, files, bruker_header(xml), extractors, times_s.ravel())


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


def _read_scan(xml: Path, n_frames: int | None = None) -> _Scan:
    """The description, or its beginning: at least ``n_frames``, and whole volumes."""
    scan, n_read, pixel_size_um = None, 0, None
    with reading_description(xml):
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
        raise InputError(problem(xml, found, expected, "Write a TIFF with every second volume turned round."))
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
