"""Pages of an OME-TIFF, of one file or several, in the order of time whatever the order in the files.

References
----------
Goldberg et al. 2005, Genome Biol. 6:R47; the OME-TIFF specification, 6.3.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.readers.pages import Header
from dina.imaging.readers.tiff import MAX_CHANNELS, TRUNCATED, common_size, first_description, page_directories

if TYPE_CHECKING:
    import tifffile

TO_UM = {"µm": 1.0, "μm": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}  # micro sign and Greek letter
TO_S = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "μs": 1e-6, "min": 60.0, "h": 3600.0}
CANONICAL = "TZC"
XML_BEGINS = ("<?xml", "<OME")
IN_ORDER = (
    "Copy the file again, or write it anew with one image; or set the sheet's header to ignore, and pages are taken as "
    "they lie in the file."
)


class OmePages:
    """The pages of an OME-TIFF; see :class:`~dina.imaging.readers.pages.Pages`.

    Raises
    ------
    InputError
        If one of its files is missing, truncated or unreadable, if it has axes other than time, plane, channel, or if
        it holds more than one image.
    """

    def __init__(self, path: Path):
        import tifffile

        self.path = path
        self._tif = self._handle = None
        with reading(path, "an OME-TIFF"), tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            self.header = ome_header(tif, path)
            order = _order(series, path)
            pages = [series.pages[k] for k in order]
            if any(page is None for page in pages):
                where, found = f"{path}, image {pages.index(None)}", "no data: a file that its header names is absent"
                raise InputError(problem(where, found, "all files of the set", "Copy the missing files."))
            self.files = {Path(page.parent.filehandle.path) for page in pages}
            self.dtype = np.dtype(series.dtype).newbyteorder("=")
            self._times_s = _delta_times_s(tif, len(series.pages))
        sizes = [directory.size for file in sorted(self.files) for directory in page_directories(file)]
        self.height, self.width = common_size(path, sizes)
        self._order = order
        self.n_pages = len(order)
        if self.n_pages > len(sizes):
            raise InputError(problem(path, f"{len(sizes)} frames", f"{self.n_pages}, as its header says", TRUNCATED))
        if self.n_pages < len(sizes):
            raise InputError(problem(path, f"{len(sizes)} frames", f"{self.n_pages}, as its header says", IN_ORDER))

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width) in the file's own type; the files stay open until :meth:`close`."""
        import tifffile

        with reading(self.path, "an OME-TIFF"):
            self._tif = self._tif or tifffile.TiffFile(self.path)
            series = self._tif.series[0]
        frames = np.empty((len(pages), self.height, self.width), self.dtype)
        for frame, page in zip(frames, pages, strict=True):
            with reading(f"{self.path}, image {page}", "a frame", TRUNCATED, found="unreadable data"):
                frame[...] = self._opened(series.pages[self._order[page]]).asarray()
        return frames

    def _opened(self, page: tifffile.TiffPage) -> tifffile.TiffPage:
        """The page with its file open, and no other of the set: there may be a file for every frame."""
        handle = page.parent.filehandle
        if handle is not self._handle:
            if self._handle is not None:
                self._handle.close()
            if handle.closed:
                handle.open()
            self._handle = handle
        return page

    def times_s(self, pages: range) -> np.ndarray | None:
        """The images' ``DeltaT``; None unless every image has one."""
        return None if self._times_s is None else self._times_s[pages.start : pages.stop : pages.step]

    def close(self) -> None:
        """Close the files; reading opens them again."""
        for opened in (self._handle, self._tif):
            if opened is not None:
                opened.close()
        self._handle = self._tif = None


def is_ome(path: Path) -> bool:
    """Whether a TIFF's first page describes an OME image.

    Raises
    ------
    InputError
        If the description is cut off or damaged, so that the order of pages is lost.
    """
    return _description(path) is not None


def files_of_set(path: Path) -> list[Path]:
    """All files over which an OME-TIFF says that its images are spread; none of a TIFF that says nothing.

    Raises
    ------
    InputError
        As :func:`is_ome`.
    """
    root = _description(path)
    uuids = root.iterfind(".//{*}TiffData/{*}UUID") if root is not None else ()
    return [path.parent / name for name in dict.fromkeys(uuid.get("FileName") for uuid in uuids) if name]


def _description(path: Path) -> ElementTree.Element | None:
    """OME-XML of a TIFF's first page, None where it has none."""
    text = first_description(path).decode(errors="replace").strip("\ufeff \r\n\t")
    if not text.startswith(XML_BEGINS):
        return None
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(problem(path, f"unreadable XML ({error})", "OME-XML", IN_ORDER)) from error
    return root if root.tag.rpartition("}")[2] == "OME" else None


def ome_header(tif: tifffile.TiffFile, path: Path) -> Header:
    """Planes, channels, rate and pixel size as OME-XML states them.

    Depth without time is read as time, and so are many channels without either: several programs write movies so.
    """
    pixels = _pixels(tif, path)
    n_times, n_slices, n_channels = (int(pixels.get(f"Size{axis}", 1)) for axis in CANONICAL)
    interval_s = _number(pixels, "TimeIncrement") * TO_S.get(pixels.get("TimeIncrementUnit", "s"), np.nan)
    size_um = _number(pixels, "PhysicalSizeX") * TO_UM.get(pixels.get("PhysicalSizeXUnit", "µm"), np.nan)
    return Header(
        n_planes=n_slices if n_times > 1 else None,
        n_channels=None if n_channels > MAX_CHANNELS and n_times == n_slices == 1 else n_channels,
        volume_rate_hz=1 / interval_s if interval_s > 0 else None,  # some programs write 0 where they know none
        pixel_size_um=size_um if size_um > 0 else None,
    )


def _number(element: ElementTree.Element, name: str) -> float:
    """An attribute's finite number, NaN where there is none."""
    try:
        number = float(element.get(name, "nan"))
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan


def _pixels(tif: tifffile.TiffFile, path: Path) -> ElementTree.Element:
    """The description of the only image."""
    try:
        found = ElementTree.fromstring(tif.ome_metadata or "").findall("{*}Image/{*}Pixels")
    except ElementTree.ParseError as error:
        raise InputError(problem(path, f"unreadable OME-XML ({error})", "OME-XML", "Write the file anew.")) from error
    if not found:
        raise InputError(problem(path, "OME-XML without pixels", "an image", "Write the file anew."))
    if len(found) > 1:
        raise InputError(problem(path, f"{len(found)} images in its OME-XML", "one", IN_ORDER))
    return found[0]


def _order(series: tifffile.TiffPageSeries, path: Path) -> np.ndarray:
    """Which page of the series comes when: channels fastest, then planes, then time."""
    axes, shape = series.axes.removesuffix("YX"), series.shape[:-2]
    if set(axes) - set(CANONICAL):
        found = f"axes {series.axes} of {series.shape}"
        raise InputError(problem(path, found, "time, planes, channels, rows, columns", "Save grey frames over time."))
    index = np.arange(int(np.prod(shape))).reshape(shape)
    return index.transpose([axes.index(axis) for axis in CANONICAL if axis in axes]).ravel()


def _delta_times_s(tif: tifffile.TiffFile, n_pages: int) -> np.ndarray | None:
    """(pages,) times in the order of reading, None where one is missing, or where all are one and the same."""
    pixels = _pixels(tif, Path(tif.filename))
    n_slices, n_channels = (int(pixels.get(f"Size{axis}", 1)) for axis in "ZC")
    times = np.full(n_pages, np.nan)
    for plane in pixels.iterfind("{*}Plane"):
        t, z, c = (int(plane.get(f"The{axis}", 0)) for axis in CANONICAL)
        place = (t * n_slices + z) * n_channels + c
        if place < n_pages:
            times[place] = _number(plane, "DeltaT") * TO_S.get(plane.get("DeltaTUnit", "s"), np.nan)
    return times if np.isfinite(times).all() and np.ptp(times) > 0 else None
