"""How a movie was acquired: what the recording sheet states, completed from the file's header and held against it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dina.errors import InputError, problem
from dina.imaging.readers.pages import Header
from dina.settings import AcquisitionInfo, parse

RATE_TOLERANCE = 0.02  # sheets give rounded rates; another number of planes or lines differs by more
RATES_HZ = (0.1, 1000.0)  # volumes a second of any two-photon microscope; milliseconds for seconds lie beyond
IGNORE = "Correct or empty the cell; where the header is wrong, set the sheet's header to ignore."


def complete(stated: AcquisitionInfo, header: Header, where: str | Path) -> AcquisitionInfo:
    """What the sheet states, and from the header what it leaves open.

    Counts left open by both are 1 (flyback: 0); rate and pixel size then stay open. Sheets round the rate, so that the
    header's goes before it. The sheet's pixel size goes before the header's, which few microscopes calibrate.

    Parameters
    ----------
    stated : AcquisitionInfo
    header : Header
    where : named in errors

    Raises
    ------
    InputError
        If sheet and header contradict each other in planes, channels, flyback frames or rate, or if the rate is none
        that a microscope can have.
    SettingsError
        If the header has more planes or channels than can be worked on, or not the channels that the sheet names.
    """
    if stated.header == "ignore":
        header = Header()
    if stated.separate_files:  # a file then holds one plane, whatever the recording has
        header = replace(header, n_planes=None, n_flyback=None, volume_rate_hz=_rate_of_own_files(header))
    counts = {}
    for name, otherwise in (("n_planes", 1), ("n_channels", 1), ("n_flyback", 0)):
        sheet, file = getattr(stated, name), getattr(header, name)
        if None not in (sheet, file) and sheet != file:
            raise InputError(problem(f"{where}, {name}", f"{sheet} in the sheet", f"{file} as in the header", IGNORE))
        counts[name] = next((value for value in (sheet, file) if value is not None), otherwise)
    _check_planes(stated, counts["n_planes"], where)
    rate_hz = _volume_rate_hz(header, counts["n_planes"] + counts["n_flyback"], stated.separate_files)
    check_rate(stated.volume_rate_hz, rate_hz, where)
    found = {
        **counts,
        "volume_rate_hz": rate_hz or stated.volume_rate_hz,
        "pixel_size_um": stated.pixel_size_um or header.pixel_size_um,
    }
    refuse_odd_rate(found["volume_rate_hz"], where)
    return parse(AcquisitionInfo, stated.model_dump() | found, f"{where}, from sheet and header")


def _check_planes(stated: AcquisitionInfo, n_planes: int, where: str | Path) -> None:
    """Raise if planes are left out that are not there, or all of them."""
    stray = [plane for plane in stated.skip_planes if plane >= n_planes]
    if stray or len(set(stated.skip_planes)) == n_planes:
        found, expected = f"{', '.join(map(str, stated.skip_planes))}", f"some of planes 0 to {n_planes - 1}, not all"
        raise InputError(problem(f"{where}, skip_planes", found, expected, "Correct the recording sheet."))


def check_rate(stated_hz: float | None, found_hz: float | None, where: str | Path) -> None:
    """Raise if two rates are both known and differ by more than 2 %."""
    if stated_hz and found_hz and abs(stated_hz / found_hz - 1) > RATE_TOLERANCE:
        found, expected = f"{stated_hz:g} Hz in the sheet", f"{found_hz:.4g} Hz as in the header or the frame times"
        raise InputError(problem(f"{where}, volume_rate_hz", found, expected, IGNORE))


def refuse_odd_rate(rate_hz: float | None, where: str | Path) -> None:
    """Raise if a known rate of volumes is none that a microscope can have."""
    if rate_hz is not None and not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        expected = f"{RATES_HZ[0]:g} to {RATES_HZ[1]:g} Hz"
        remedy = "Are times in seconds? See volume_rate_hz, frame_times and header in the recording sheet."
        raise InputError(problem(f"{where}, volume_rate_hz", f"{rate_hz:g} Hz", expected, remedy))


def same_header(header: Header, first: Header, where: str | Path, first_name: str) -> None:
    """Raise if the headers of two files of one recording contradict each other.

    Raises
    ------
    InputError
        If both say something of planes, channels, flyback frames, rate or pixel size, and not the same.
    """
    for name, here in vars(header).items():
        there = getattr(first, name)
        if None not in (here, there) and abs(here - there) > RATE_TOLERANCE * there:  # rates may be measured ones
            expected = f"{there:.4g} as in {first_name}"
            remedy = "Leave the odd file out; where headers are wrong, set the sheet's header to ignore."
            raise InputError(problem(f"{where}, {name}", f"{here:.4g} in its header", expected, remedy))


def _rate_of_own_files(header: Header) -> float | None:
    """Volumes a second where a file holds one plane alone: frames a second, if it counts no other plane's."""
    if header.volume_rate_hz or not header.frame_rate_hz:
        return header.volume_rate_hz
    return header.frame_rate_hz / ((header.n_planes or 1) + (header.n_flyback or 0))


def _volume_rate_hz(header: Header, frames_per_volume: int, separate_files: bool) -> float | None:
    """Volumes a second: as stated, or from the rate of frames."""
    if header.volume_rate_hz and (frames_per_volume > 1 or not header.frame_rate_hz or separate_files):
        return header.volume_rate_hz
    return header.frame_rate_hz / frames_per_volume if header.frame_rate_hz else None
