"""What a movie's own header says about its acquisition."""

from __future__ import annotations

import re
from pathlib import Path

from dina.imaging.formats import TIFF_SUFFIXES


def header_rate_hz(path: Path, n_planes: int) -> float | None:
    """Volumes per second as the first file states them (ScanImage, ImageJ); None where it does not.

    ScanImage states the rates of frames and of volumes apart; ImageJ's ``fps`` and ``finterval``
    (seconds) count frames of every plane.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    import tifffile

    with tifffile.TiffFile(path) as tif:
        imagej = tif.imagej_metadata or {}
        frame_data = (tif.scanimage_metadata or {}).get("FrameData", {})
        software = tif.pages.first.tags.valueof("Software", "")
    if imagej.get("fps") or imagej.get("finterval"):
        return (imagej.get("fps") or 1 / imagej["finterval"]) / n_planes
    name = "SI.hRoiManager." + ("scanVolumeRate" if n_planes > 1 else "scanFrameRate")
    if name in frame_data:
        return float(frame_data[name])
    stated = re.search(rf"^{re.escape(name)} = ([\d.eE+-]+)", str(software), re.MULTILINE)
    return float(stated[1]) if stated else None
