"""Folders of ThorImage, which Thorlabs' microscopes write: ``Experiment.xml`` beside OME-TIFFs.

Checked on made-up folders alone, not on files from such a microscope.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.readers.formats import TIFF_SUFFIXES
from dina.imaging.readers.ome import ome_header
from dina.imaging.readers.pages import Header
from dina.imaging.readers.tiff import TRUNCATED
from dina.imaging.readers.vendors import (
    BY_PATTERN,
    FolderPages,
    check_files,
    construct,
    import_roiextractors,
    reading_description,
)

if TYPE_CHECKING:
    from roiextractors import MultiTIFFMultiPageExtractor


def thorlabs_header(xml: Path) -> Header:
    """Planes and channels from the TIFFs' OME-XML, rate and pixel size from ``Experiment.xml``.

    ``frameRate`` counts frames before any averaging, those of flyback included, which are not in the TIFFs.

    Raises
    ------
    InputError
        If the description is unreadable, or contradicts the TIFFs.
    """
    import tifffile

    first = _first_ome(xml.parent)
    with reading(first, "an OME-TIFF", TRUNCATED), tifffile.TiffFile(first) as tif:
        header = ome_header(tif, first)
    with reading_description(xml):
        root = ElementTree.parse(xml).getroot()
        scan, streaming = root.find("LSM"), root.find("Streaming")
        n_averaged = int(scan.get("averageNum", 1)) if scan.get("averageMode", "0") == "1" else 1
        frame_rate_hz = float(scan.attrib["frameRate"]) / n_averaged
        fast = streaming.get("zFastEnable") == "1"
        gapless = streaming.get("enable", "1") == "1" and (fast or (header.n_planes or 1) == 1)
        n_steps = int(root.find("ZStage").get("steps", 1)) if fast else 1
        n_flyback = int(streaming.get("flybackFrames", 0)) if n_steps > 1 else 0
        width_um, width_px = float(scan.get("widthUM", 0)), int(scan.get("pixelX", 0))
    n_planes = header.n_planes or 1
    if fast and n_steps != n_planes:
        found, expected = f"{n_steps} steps of fast Z", f"{n_planes}, the planes in the TIFFs"
        raise InputError(problem(xml, found, expected, BY_PATTERN))
    return replace(
        header,
        n_planes=n_planes,
        # a time lapse waits between volumes, a slow stage between planes
        frame_rate_hz=frame_rate_hz if gapless else None,
        volume_rate_hz=frame_rate_hz / (n_planes + n_flyback) if gapless else None,
        pixel_size_um=width_um / width_px if width_um > 0 and width_px > 0 else header.pixel_size_um,
    )


def open_thorlabs(xml: Path) -> FolderPages:
    """The pages of the folder that ``Experiment.xml`` lies in.

    Raises
    ------
    InputError
        As :func:`dina.imaging.readers.bruker.open_bruker`.
    """
    folder = xml.parent
    header, first = thorlabs_header(xml), _first_ome(folder)
    files = check_files(folder, _ome_files(first))
    kind = import_roiextractors(folder).ThorTiffImagingExtractor
    names = [None]
    if header.n_channels > 1:
        names = construct(folder, kind.get_available_channel_names, first)[: header.n_channels]
        if len(set(names)) < header.n_channels:
            expected = f"{header.n_channels} names that differ, as the TIFFs have channels"
            raise InputError(problem(f"{xml}, Wavelengths", names, expected, BY_PATTERN))
    extractors = [construct(folder, kind, first, channel_name=name) for name in names]
    return FolderPages(folder, files, header, extractors, _times_s(extractors[0], header))


def _times_s(extractor: MultiTIFFMultiPageExtractor, header: Header) -> np.ndarray | None:
    """(frames,) times from the OME-XML, else from the rate; None where neither says."""
    volumes_s = extractor.get_native_timestamps()
    if volumes_s is None or not (np.diff(volumes_s) > 0).all():  # the vendor writes 0 where it knows nothing
        if header.volume_rate_hz is None:
            return None
        volumes_s = np.arange(extractor.get_num_samples()) / header.volume_rate_hz
    frame_s = 1 / header.frame_rate_hz if header.frame_rate_hz else np.median(np.diff(volumes_s)) / header.n_planes
    return (volumes_s[:, None] + np.arange(header.n_planes) * frame_s).ravel()


def _first_ome(folder: Path) -> Path:
    """The first TIFF that describes the whole set; previews do not."""
    import tifffile

    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in TIFF_SUFFIXES)
    for path in found:
        with reading(path, "a TIFF", TRUNCATED), tifffile.TiffFile(path) as tif:
            if tif.is_ome:
                return path
    raw = next(folder.glob("*.raw"), None)
    found = f"raw data ({raw.name})" if raw else f"{len(found)} TIFFs, none with OME-XML"
    raise InputError(problem(folder, found, "ThorImage's OME-TIFFs", "Export the movie as TIFF in ThorImage."))


def _ome_files(first: Path) -> dict[str, int | None]:
    """Names of all files of an OME-TIFF's set; how many pages each has stands nowhere."""
    import tifffile

    with reading(first, "an OME-TIFF", TRUNCATED), tifffile.TiffFile(first) as tif:
        uuids = ElementTree.fromstring(tif.ome_metadata).iterfind(".//{*}TiffData/{*}UUID")
        return dict.fromkeys([uuid.get("FileName", first.name) for uuid in uuids] or [first.name])
