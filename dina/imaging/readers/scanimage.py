"""What ScanImage writes into the headers of its TIFFs.

Pages follow each other as channel, slice, volume; flyback frames stand at the end of a volume. BigTIFFs of
version 2016 and later keep the values in a block of their own, classic TIFFs in the ``Software`` tag, and
ScanImage 3.8 in the first page's description.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dina.errors import InputError, problem
from dina.imaging.readers.pages import Header

if TYPE_CHECKING:
    import tifffile

FIELD = "SI.hRoiManager.imagingFovUm"
FRAME_TIME = re.compile(rb"frameTimestamps_sec = ([-+\d.eE]+)")


def scanimage_header(tif: tifffile.TiffFile, path: Path) -> Header | None:
    """The header of a ScanImage file, None for any other.

    Raises
    ------
    InputError
        If several frames a slice are taken in every volume: which of them belong together only averaging can say. Or if
        a page holds several regions, one below the other.
    """
    values = _values(tif)
    if "state.acq.frameRate" in values:
        return Header(
            n_channels=_integer(values.get("state.acq.numberOfChannelsSave")),
            frame_rate_hz=_positive(values["state.acq.frameRate"]),
        )
    if not any(key.startswith("SI.") for key in values):
        return None
    if _true(values.get("SI.hRoiManager.mroiEnable")):
        remedy = "Cut each region out into a movie of its own."
        raise InputError(problem(path, "several regions a frame (mROI)", "a single field of view", remedy))
    volumes = _true(values.get("SI.hStackManager.enable")) or _true(values.get("SI.hFastZ.enable"))
    n_slices = _integer(values.get("SI.hStackManager.numSlices")) or 1
    n_planes = n_slices if volumes else 1
    per_slice = _integer(values.get("SI.hStackManager.framesPerSlice")) or 1
    n_averaged = _integer(values.get("SI.hScan2D.logAverageFactor")) or 1  # frames that are stored as one
    if n_planes > 1 and max(per_slice, n_averaged) > 1:
        found = f"{per_slice} frames a slice in volumes of {n_slices}, {n_averaged} averaged"
        raise InputError(problem(path, found, "1 frame a slice", "Average the frames of each slice first."))
    return Header(
        n_planes=n_planes,
        n_channels=_count(values.get("SI.hChannels.channelSave", values.get("SI.hChannels.channelsActive"))),
        n_flyback=_flyback(values, n_planes),
        frame_rate_hz=_rate_hz(values.get("SI.hRoiManager.scanFrameRate"), n_averaged),
        volume_rate_hz=_rate_hz(values.get("SI.hRoiManager.scanVolumeRate"), n_averaged),
        pixel_size_um=_pixel_size_um(values),
    )


def frame_time_s(description: bytes) -> float | None:
    """When a page was scanned, from its description."""
    stated = FRAME_TIME.search(description)
    return float(stated[1]) if stated else None


def _values(tif: tifffile.TiffFile) -> dict[str, Any]:
    """All ``key = value`` pairs, from wherever this version of ScanImage keeps them."""
    static = (tif.scanimage_metadata or {}).get("FrameData") if tif.is_scanimage else None
    if static:
        return dict(static)
    tags = tif.pages.first.tags
    text = "\n".join(str(tags.valueof(name, "")) for name in ("Software", "ImageDescription"))
    return dict(re.findall(r"^\s*((?:SI|state)\.[\w.]+)\s*=\s*(.*?)\s*$", text.replace("\r", "\n"), re.MULTILINE))


def _flyback(values: dict[str, Any], n_planes: int) -> int:
    """Frames at the end of each volume while the objective returns."""
    whole = _integer(values.get("SI.hStackManager.numFramesPerVolumeWithFlyback"))
    kept = _integer(values.get("SI.hStackManager.numFramesPerVolume"))
    return max(0, whole - kept) if n_planes > 1 and whole and kept else 0


def _pixel_size_um(values: dict[str, Any]) -> float | None:
    """From the corners of the field of view, (x, y) in micrometres, and the pixels of a line."""
    corners = [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", str(values.get(FIELD, "")), re.I)]
    n_pixels = _integer(values.get("SI.hRoiManager.pixelsPerLine"))
    width_um = max(corners[::2]) - min(corners[::2]) if len(corners) == 8 else 0
    return width_um / n_pixels if n_pixels and width_um > 0 else None


def _rate_hz(scanned_hz: Any, n_averaged: int) -> float | None:
    """Frames stored a second, where so many of those scanned are stored as one."""
    return number / n_averaged if (number := _positive(scanned_hz)) is not None else None


def _count(channels: Any) -> int | None:
    """How many channels a list such as ``[1;2]`` names."""
    return len(re.findall(r"\d+", str(channels))) or None


def _true(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1")


def _integer(value: Any) -> int | None:
    return int(number) if (number := _positive(value)) is not None else None


def _positive(value: Any) -> float | None:
    """A finite number above 0, else None: ``Inf`` slices are no count."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < float("inf") else None
