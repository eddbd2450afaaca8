"""Frames of a TwoPhotonSeries in an NWB file, stored there or in files beside it, with their times.

References
----------
NWB schema 2.x, ``ImageSeries`` and ``TwoPhotonSeries``; Rübel et al. 2022, eLife 11:e78362.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.acquisition import same_header
from dina.imaging.readers.formats import with_files_beside
from dina.imaging.readers.hdf5 import (
    DAMAGED,
    UNREADABLE_DATA,
    chunk_cache_bytes,
    open_hdf5,
    refuse_gaps,
    virtual_files,
)
from dina.imaging.readers.opening import open_pages, read_header
from dina.imaging.readers.pages import Header, Pages
from dina.settings import AcquisitionInfo

if TYPE_CHECKING:
    import h5py

TO_UM = {"meters": 1e6, "metres": 1e6, "m": 1e6, "millimeters": 1e3, "mm": 1e3, "micrometers": 1.0, "micrometres": 1.0}
TO_UM |= {"microns": 1.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "nanometers": 1e-3, "nm": 1e-3}
PIXEL_SIZES_UM = (0.01, 100)  # many files give micrometres and call them metres: beyond any two-photon microscope
HEADER_TIMES = 1000  # as many show the rate, and are read quickly
NAME_IT = "Name one as dataset in the recording sheet."
BARE = "Name the files themselves as movie in the recording sheet, with what the series says of them."


def open_nwb(path: Path, acquisition: AcquisitionInfo) -> Pages:
    """The pages of a file's only TwoPhotonSeries, or of the one that the sheet's ``dataset`` names.

    Raises
    ------
    InputError
        If the file is unreadable, if it holds no such series or several, or if the series contradicts itself.
    """
    with _opened_nwb(path) as file:
        name = _find_series(file, path, acquisition.dataset)
        kind = ExternalPages if _is_external(file[name]) else NwbPages
    return kind(path, name, acquisition)


def nwb_header(path: Path, dataset: str | None) -> Header:
    """What a series says of its acquisition, without looking over its frames.

    Raises
    ------
    InputError
        As :func:`open_nwb`.
    """
    with _opened_nwb(path) as file:
        name = _find_series(file, path, dataset)
        header = _header(file[name], path)
        first = next(iter(_external_files(file[name], path)), None) if _is_external(file[name]) else None
    return header if first is None else _join(header, read_header(first))


def files_pointed_at(path: Path) -> list[Path]:
    """Files in which the frames or times of any TwoPhotonSeries lie, and what these need in turn.

    Raises
    ------
    InputError
        If the file is unreadable.
    """
    found: list[Path] = []
    with _opened_nwb(path) as file:
        for place in _series_in(file, path):
            series = file[place]
            external = _is_external(series)  # its data, if there are any, are empty
            found += _external_files(series, path) if external else []
            for name in ({"timestamps"} if external else {"data", "timestamps"}) & series.keys():
                member = _member(series, name, path)
                found += [Path(member.file.filename), *virtual_files(member)]
    return with_files_beside([file for file in found if file.resolve() != path.resolve()])


class NwbPages:
    """Frames that lie in the NWB file itself; see :class:`~dina.imaging.readers.pages.Pages`.

    The schema's axes are (time, x, y), or (time, x, y, z) where a sample is a volume; ``axes: tyx`` in the sheet says
    that rows come before columns. A volume's planes become pages, the first plane first.

    Parameters
    ----------
    path : Path
    series : path of the series within the file
    acquisition : AcquisitionInfo

    Raises
    ------
    InputError
        If the data are no frames, or differ from the times in number.
    """

    def __init__(self, path: Path, series: str, acquisition: AcquisitionInfo):
        self.path = path
        self.files = {path}
        self._series = series
        self._transposed = acquisition.axes == "txy"
        self._data = None
        with _opened_nwb(path) as file:
            self.header = _header(file[series], path)
            data = _member(file[series], "data", path)
            refuse_gaps(data, path)
            n_samples, *sides = data.shape
            self.width, self.height = sides[:2] if self._transposed else sides[1::-1]
            self.dtype = data.dtype.newbyteorder("=")
            self._n_planes = sides[2] if len(sides) == 3 else 1
            self._clock = _read_clock(file[series], path, n_samples)
            self._cache_bytes = chunk_cache_bytes(data)
        self.n_pages = n_samples * self._n_planes

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); the file stays open until :meth:`close`."""
        samples, planes = np.divmod(np.asarray(pages), self._n_planes)
        whole = slice(samples.min(), samples.max() + 1)  # strided selections are slow in HDF5
        depth = slice(planes.min(), planes.max() + 1)
        where = f"{self.path}, {self._series}, samples {whole.start} to {whole.stop - 1}"
        with reading(where, "frames", DAMAGED, found=UNREADABLE_DATA):
            data = self._opened()
            block = data[whole] if data.ndim == 3 else data[whole, :, :, depth]
        chosen = samples - whole.start
        frames = block[chosen] if block.ndim == 3 else block[chosen, :, :, planes - depth.start]
        return (frames.swapaxes(1, 2) if self._transposed else frames).astype(self.dtype, copy=False)

    def times_s(self, pages: range) -> np.ndarray | None:
        """Times on the NWB file's clock, in which its trials are given too; None where it states no rate."""
        return self._clock.page_times_s(pages, self._n_planes)

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._data is not None:
            self._data.file.close()
            self._data = None

    def _opened(self) -> h5py.Dataset:
        """The data, kept open: their cache of unpacked chunks lasts as long."""
        if self._data is None:
            self._data = open_hdf5(self.path, self._cache_bytes)[self._series]["data"]
        return self._data


class ExternalPages:
    """Frames that an NWB file only points at; see :class:`~dina.imaging.readers.pages.Pages`.

    Planes and channels are taken from the headers of the files, rate and times from the series: a sample of it is a
    frame with its channels, or a volume where its ``dimension`` has a third number.

    Parameters
    ----------
    path : Path
    series : path of the series within the file
    acquisition : AcquisitionInfo
        Holds for the files pointed at, but for ``dataset``.

    Raises
    ------
    InputError
        If a file is missing or unreadable, if they differ in size, type or header, or if their pages are not as many
        as the series' ``starting_frame``, ``num_samples`` or times say.
    """

    def __init__(self, path: Path, series: str, acquisition: AcquisitionInfo):
        self.path = path
        with _opened_nwb(path) as file:
            external = _external_files(file[series], path)
            stated = acquisition.model_copy(update={"dataset": None})
            self._parts: list[Pages] = [open_pages(part, stated) for part in external]
            first = self._parts[0]
            self.header = _join(_header(file[series], path), first.header)
            self.height, self.width, self.dtype = first.height, first.width, first.dtype
            self._n_planes = self.header.n_planes or 1 if _dimensions(file[series], path) == 3 else 1
            self._n_channels = acquisition.n_channels or self.header.n_channels or 1
            self.n_pages = sum(part.n_pages for part in self._parts)
            self._check_parts(file[series])
            for part in self._parts if acquisition.header == "use" else ():
                same_header(part.header, first.header, part.path, first.path.name)
            self._clock = _read_clock(file[series], path, self.n_pages // self._pages_per_sample)
        self.files = {path}.union(*(part.files for part in self._parts))

    @property
    def _pages_per_sample(self) -> int:
        return self._n_planes * self._n_channels

    def _check_parts(self, series: h5py.Group) -> None:
        """Raise if files differ from the first or from what the series says of them."""
        first = self._parts[0]
        stated = np.ravel(series["external_file"].attrs.get("starting_frame", ()))
        starts = stated if len(stated) == len(self._parts) else [None] * len(self._parts)
        begin = 0
        for part, start in zip(self._parts, starts, strict=True):
            here, there = ((p.height, p.width, str(p.dtype)) for p in (part, first))
            if here != there:
                found, expected = f"frames of {here}", f"{there} as in {first.path.name}"
                raise InputError(problem(part.path, found, expected, f"{self.path.name} names the odd file: {BARE}"))
            if start is not None and start * self._pages_per_sample != begin:
                where = f"{self.path}, {series.name}, starting_frame of {part.path.name}"
                expected = f"{begin / self._pages_per_sample:g}, as the files before it have"
                raise InputError(problem(where, start, expected, f"Is a file cut off? If not: {BARE}"))
            begin += part.n_pages
        n_samples = series["num_samples"][()] if "num_samples" in series else None
        if n_samples is not None and n_samples * self._pages_per_sample != self.n_pages:
            found = f"{self.n_pages} pages in its files"
            expected = f"{n_samples * self._pages_per_sample}, as num_samples says"
            where = f"{self.path}, {series.name}"
            raise InputError(problem(where, found, expected, f"Is a file cut off? If not: {BARE}"))

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width); files stay open until :meth:`close`."""
        blocks, begin = [], 0
        for part in self._parts:
            within = [page - begin for page in pages if begin <= page < begin + part.n_pages]
            if within:
                blocks.append(part.read(range(within[0], within[-1] + 1, pages.step)))
            begin += part.n_pages
        return np.concatenate(blocks)

    def times_s(self, pages: range) -> np.ndarray | None:
        """As :meth:`NwbPages.times_s`."""
        frames = np.asarray(pages) // self._n_channels
        return self._clock.page_times_s(frames, self._n_planes)

    def close(self) -> None:
        """Close all files; reading opens them again."""
        for part in self._parts:
            part.close()


@dataclass(frozen=True)
class Clock:
    """When a series' samples were taken: ``timestamps_s`` (samples,), or a start and a rate, or nothing at all."""

    timestamps_s: np.ndarray | None
    start_s: float
    rate_hz: float | None

    def page_times_s(self, pages: range | np.ndarray, n_planes: int) -> np.ndarray | None:
        """(pages,) seconds; the planes of a volume are scanned in turn, evenly, since nothing tells more."""
        samples, planes = np.divmod(np.asarray(pages), n_planes)
        interval_s = 1 / self.rate_hz if self.rate_hz else 0.0
        if self.timestamps_s is None and not interval_s:
            return None
        begin_s = self.start_s + samples * interval_s if self.timestamps_s is None else self.timestamps_s[samples]
        return begin_s + planes * interval_s / n_planes


@contextmanager
def _opened_nwb(path: Path) -> Iterator[h5py.File]:
    """A file for as long as what it says is read; links and headers inside may be damaged."""
    with reading(path, "NWB", found="a damaged file"), open_hdf5(path) as file:
        yield file


def _find_series(file: h5py.File, path: Path, name: str | None) -> str:
    """Path of the series that is asked for, or of the only one."""
    found = _series_in(file, path)
    listed = "; ".join(found.values()) or "none"
    if name is None and len(found) == 1:
        return next(iter(found))
    if name is None:
        raise InputError(problem(path, f"{len(found)} TwoPhotonSeries ({listed})", "one", NAME_IT))
    chosen = [place for place in found if name.strip("/") in (place, place.rsplit("/", 1)[-1])]
    if len(chosen) != 1:
        where, remedy = f"{path}, series {name!r}", "Correct dataset in the sheet."
        raise InputError(problem(where, f"{len(chosen) or 'no'} TwoPhotonSeries", f"one of: {listed}", remedy))
    return chosen[0]


def _series_in(file: h5py.File, path: Path) -> dict[str, str]:
    """All series by path, with their size: known by what they hold, since extensions rename the type."""
    import h5py

    found: dict[str, str] = {}

    def describe(place: str, item: object) -> None:
        if isinstance(item, h5py.Group) and "imaging_plane" in item and ("data" in item or "external_file" in item):
            external = _is_external(item)
            size = "external" if external else getattr(item.get("data"), "shape", "unreadable")
            found[place] = f"{place} {size}"

    file.visititems(describe)
    return found


def _is_external(series: h5py.Group) -> bool:
    return "external_file" in series and series["external_file"].size > 0


def _external_files(series: h5py.Group, path: Path) -> list[Path]:
    """The files that hold a series' frames; their paths are relative to the NWB file."""
    names = [str(name.decode() if isinstance(name, bytes) else name) for name in np.ravel(series["external_file"])]
    files = [path.parent / name for name in names]
    for file in files:
        if not file.is_file():
            remedy = "Copy it beside the NWB file, where its external_file points, or name the movie's files instead."
            raise InputError(problem(f"{path}, {series.name}", f"no file {str(file)!r}", "the movie's frames", remedy))
    return files


def _member(series: h5py.Group, name: str, path: Path) -> h5py.Dataset:
    """A data set of a series, which may be a link to another's; ``data`` must be frames."""
    import h5py

    try:
        found = series[name]
    except KeyError as error:
        where, remedy = f"{path}, {series.name}/{name}", "Copy the file again, with the files that it links to."
        raise InputError(problem(where, f"a broken link ({error})", "a data set", remedy)) from error
    dimensions = (3, 4) if name == "data" else (1,)
    if not isinstance(found, h5py.Dataset) or found.ndim not in dimensions or 0 in found.shape:
        shape = getattr(found, "shape", "a group")
        expected = "frames (time, x, y) or volumes (time, x, y, z)" if name == "data" else "a number a sample"
        raise InputError(problem(f"{path}, {series.name}/{name}", f"shape {shape}", expected, NAME_IT))
    return found


def _dimensions(series: h5py.Group, path: Path) -> int:
    """How many dimensions a sample has: 2 for frames, 3 for volumes."""
    if _is_external(series):
        return series["dimension"].size if "dimension" in series else 2
    return _member(series, "data", path).ndim - 1


def _header(series: h5py.Group, path: Path) -> Header:
    """Planes, rate and pixel size, as the series and its imaging plane state them."""
    rate_hz = _rate_hz(series, path)
    if _dimensions(series, path) == 2:
        return Header(frame_rate_hz=rate_hz, pixel_size_um=_pixel_size_um(series))
    n_planes = series["dimension"][2] if _is_external(series) else _member(series, "data", path).shape[3]
    return Header(n_planes=int(n_planes), volume_rate_hz=rate_hz, pixel_size_um=_pixel_size_um(series))


def _join(series: Header, file: Header) -> Header:
    """A series' header, and of what it leaves open what the file pointed at says; the series has one rate for all."""
    said = {name: value for name, value in vars(series).items() if value is not None}
    if series.frame_rate_hz or series.volume_rate_hz:
        file = replace(file, frame_rate_hz=None, volume_rate_hz=None)
    return replace(file, **said)


def _rate_hz(series: h5py.Group, path: Path) -> float | None:
    """Samples a second: stated, or from the first timestamps."""
    if "timestamps" in series.keys():  # noqa: SIM118 -- a broken link is a key, too
        intervals_s = np.diff(_member(series, "timestamps", path)[:HEADER_TIMES])
        rate_hz = 1 / np.median(intervals_s) if len(intervals_s) and np.median(intervals_s) > 0 else None
    else:
        rate_hz = series["starting_time"].attrs.get("rate") if "starting_time" in series else None
    return float(rate_hz) if rate_hz is not None and np.isfinite(rate_hz) and rate_hz > 0 else None


def _read_clock(series: h5py.Group, path: Path, n_samples: int) -> Clock:
    rate_hz = _rate_hz(series, path)
    if "timestamps" not in series:
        start_s = float(series["starting_time"][()]) if "starting_time" in series else 0.0
        return Clock(None, start_s if np.isfinite(start_s) else 0.0, rate_hz)
    times_s = _member(series, "timestamps", path)[:].astype(np.float64)
    if len(times_s) != n_samples:
        where, remedy = f"{path}, {series.name}/timestamps", f"Is the file whole? If it is: {BARE}"
        raise InputError(problem(where, f"{len(times_s)} times", f"{n_samples}, one a sample", remedy))
    return Clock(times_s, 0.0, rate_hz)


def _pixel_size_um(series: h5py.Group) -> float | None:
    """From the imaging plane's ``grid_spacing``, unless it is no size that a pixel can have."""
    plane = series.get("imaging_plane")
    if plane is None or "grid_spacing" not in plane:
        return None
    spacing = np.ravel(plane["grid_spacing"])
    unit = plane["grid_spacing"].attrs.get("unit", "meters")
    size_um = float(spacing[0]) * TO_UM.get(str(unit), np.nan) if spacing.size else np.nan
    return size_um if PIXEL_SIZES_UM[0] <= size_um <= PIXEL_SIZES_UM[1] else None
