"""Pages of one TIFF file (classic, BigTIFF, ImageJ, ScanImage), after a check that none of them is missing.

tifffile, like suite2p, reads a truncated file as a shorter one without a word, so the chain of page
directories is walked here first; it also gives each page's size without decoding anything.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.readers.pages import Header
from dina.imaging.readers.scanimage import frame_time_s, scanimage_header

if TYPE_CHECKING:
    import tifffile

WIDTH, HEIGHT, BITS_PER_SAMPLE, DESCRIPTION = 256, 257, 258, 270  # TIFF 6.0, tags of a page
SAMPLES_PER_PIXEL, SAMPLE_FORMAT, PHOTOMETRIC = 277, 339, 262
COMPRESSION, PREDICTOR, ROWS_PER_STRIP, TILE_HEIGHT, TILE_WIDTH = 259, 317, 278, 323, 322
DEFAULTS = {SAMPLES_PER_PIXEL: 1, BITS_PER_SAMPLE: 1, SAMPLE_FORMAT: 1, PHOTOMETRIC: 1}
DEFAULTS |= {COMPRESSION: 1, PREDICTOR: 1, ROWS_PER_STRIP: 2**32 - 1, TILE_HEIGHT: 0, TILE_WIDTH: 0}
DESCRIBING = (HEIGHT, WIDTH, *DEFAULTS)
PAGE = "{} × {} px, {} samples a pixel, {} bits of format {}"
WRITTEN = {PHOTOMETRIC: "photometric", COMPRESSION: "compression", PREDICTOR: "predictor"}
WRITTEN |= {ROWS_PER_STRIP: "rows a strip", TILE_HEIGHT: "rows a tile", TILE_WIDTH: "columns a tile"}
INVERTED = {0: "values that fall with brightness", 3: "numbers of colours in a table"}  # by photometric
FIELD_FORMATS = {3: "H", 4: "I", 16: "Q"}  # SHORT, LONG, LONG8
MAX_CHANNELS = 4  # as many as the sheet allows; ImageJ stacks with more and without frames are movies
TO_S = {"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0, "mins": 60.0, "minutes": 60.0}
TO_S |= {"ms": 1e-3, "msec": 1e-3, "milliseconds": 1e-3, "h": 3600.0, "hr": 3600.0, "hours": 3600.0}
MICROMETRES = {"µm", "um", "micron", "microns", "\\u00B5m"}  # as ImageJ spells them
TRUNCATED = "The file was cut off while it was written or copied: copy it again, or leave it out."


class TiffPages:
    """The pages of a TIFF, BigTIFF, ImageJ or ScanImage file; see :class:`~dina.imaging.readers.pages.Pages`.

    Parameters
    ----------
    path : Path
    believed : whether the file's header is to be read at all

    Raises
    ------
    InputError
        If the file is truncated or unreadable, if its pages differ in size or kind, or if they are in colour.
    """

    def __init__(self, path: Path, believed: bool = True):
        import tifffile

        self.path = path
        self.files = {path}
        directories = page_directories(path)
        self.height, self.width = common_size(path, [directory.size for directory in directories])
        self.n_pages = len(directories)
        self._descriptions = [directory.description for directory in directories]
        self._tif = None
        self._stack_offset = None
        with reading(path, "a TIFF"), tifffile.TiffFile(path) as tif:
            self.header = tiff_header(tif, path) if believed else Header()
            self._stored_dtype = np.dtype(tif.byteorder + tif.pages.first.dtype.char)
            self.dtype = self._stored_dtype.newbyteorder("=")
            announced = int((tif.imagej_metadata or {}).get("images", 1))
            if self.n_pages == 1 and announced > 1:  # ImageJ writes stacks beyond 4 GB behind a single directory
                self._stack_offset = tif.pages.first.dataoffsets[0]
                self.n_pages = min(announced, (path.stat().st_size - self._stack_offset) // self._frame_bytes)
        if self.n_pages < announced:
            raise InputError(problem(path, f"{self.n_pages} frames", f"{announced}, as its header says", TRUNCATED))

    @property
    def _frame_bytes(self) -> int:
        return self.height * self.width * self._stored_dtype.itemsize

    def read(self, pages: range) -> np.ndarray:
        """(pages, height, width) in the file's own type; the file stays open until :meth:`close`."""
        frames = np.empty((len(pages), self.height, self.width), self.dtype)
        for frame, page in zip(frames, pages, strict=True):
            frame[...] = self._read_page(page)
        return frames

    def times_s(self, pages: range) -> np.ndarray | None:
        """Times that ScanImage wrote into the pages' descriptions; None where it did not."""
        times = []
        with open(self.path, "rb") as stream:
            for page in pages:
                offset, n_bytes = self._descriptions[page] if page < len(self._descriptions) else (0, 0)
                with reading(f"{self.path}, page {page}", "a time in seconds", found="an unreadable time"):
                    stream.seek(offset)
                    time = frame_time_s(stream.read(n_bytes))
                if time is None:
                    return None
                times.append(time)
        return np.array(times)

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._tif is not None:
            self._tif.close()
            self._tif = None

    def _read_page(self, page: int) -> np.ndarray:
        import tifffile

        with reading(f"{self.path}, page {page}", "a frame", TRUNCATED, found="unreadable data"):
            if self._stack_offset is not None:
                offset = self._stack_offset + page * self._frame_bytes
                flat = np.fromfile(self.path, self._stored_dtype, self.height * self.width, offset=offset)
                return flat.reshape(self.height, self.width)
            if self._tif is None:
                # of a classic ScanImage file, tifffile would guess where pages lie instead of following their chain
                self._tif = tifffile.TiffFile(self.path, is_scanimage=False)
                self._tif.pages.useframes = True  # pages are alike: read their offsets only
            return self._tif.pages[page].asarray()


def tiff_header(tif: tifffile.TiffFile, path: Path) -> Header:
    """What ScanImage or ImageJ says of the acquisition, from the first page alone.

    ImageJ calls the frames of a movie slices unless the stack has frames as well, so that slices are planes only
    then; tifffile calls them channels. ``finterval`` is the interval between time points in units of ``tunit``
    (seconds), ``fps`` often no more than the speed at which the movie is shown.
    """
    scanimage = scanimage_header(tif, path)
    if scanimage is not None:
        return scanimage
    said = tif.imagej_metadata or {}
    hyperstack = said.get("frames", 1) > 1
    n_channels = said.get("channels")
    rate_hz = _imagej_rate_hz(said)
    return Header(
        n_planes=said.get("slices", 1) if hyperstack else None,
        n_channels=None if n_channels is not None and n_channels > MAX_CHANNELS and not hyperstack else n_channels,
        frame_rate_hz=None if hyperstack else rate_hz,
        volume_rate_hz=rate_hz if hyperstack else None,
        pixel_size_um=_imagej_pixel_size_um(tif, str(said.get("unit", ""))),
    )


def _imagej_rate_hz(said: dict[str, Any]) -> float | None:
    """Time points a second; None where an interval has a unit that is unknown."""
    if said.get("finterval"):
        interval_s = said["finterval"] * TO_S.get(str(said.get("tunit", "s")).strip().lower(), float("nan"))
        return 1 / interval_s if interval_s > 0 else None
    return said.get("fps") or None


def _imagej_pixel_size_um(tif: tifffile.TiffFile, unit: str) -> float | None:
    """From the resolution tag, pixels a unit, which ImageJ's description names."""
    resolution = tif.pages.first.tags.valueof("XResolution")
    if unit not in MICROMETRES or not resolution or not all(resolution):
        return None
    return resolution[1] / resolution[0]


def common_size(path: Path, sizes: list[tuple[int, ...]]) -> tuple[int, int]:
    """Height and width of all pages, or an error that names the first page that differs.

    They must also be written alike, since tifffile unpacks all as it does the first.
    """
    height, width, samples = sizes[0][:3]
    odd = [page for page, size in enumerate(sizes) if size != sizes[0]]
    if odd:
        pair = (sizes[odd[0]], sizes[0])
        differing = [
            tag for tag, here, there in zip(DESCRIBING, *pair, strict=True) if here != there and tag in WRITTEN
        ]
        found, expected = (
            PAGE.format(*size) + "".join(f", {WRITTEN[tag]} {size[DESCRIBING.index(tag)]}" for tag in differing)
            for size in pair
        )
        expected += ", as on page 0"
        remedy = "Keep frames of one size and kind in a file; thumbnails and reference images belong in another."
        raise InputError(problem(f"{path}, page {odd[0]}", found, expected, remedy))
    if samples != 1:
        raise InputError(
            problem(path, f"{samples} samples a pixel", "grey frames", "Save each channel as its own frame.")
        )
    photometric = sizes[0][DESCRIBING.index(PHOTOMETRIC)]
    if photometric in INVERTED:
        remedy = "Save it in grey, black being 0 (in ImageJ: Image > Lookup Tables > Grays)."
        raise InputError(problem(path, INVERTED[photometric], "values that rise with brightness", remedy))
    return height, width


class Directory(NamedTuple):
    """A page's directory: the values of ``DESCRIBING``; offset and bytes of its text."""

    size: tuple[int, ...]
    description: tuple[int, int]

    @property
    def kind(self) -> tuple[int, ...]:
        """What pages of different files must have in common: size and type, however they are packed."""
        return self.size[: DESCRIBING.index(COMPRESSION)]


def page_directories(path: Path) -> list[Directory]:
    """The directory of every page, from the chain alone.

    Raises
    ------
    InputError
        If the file is no TIFF, or if the chain breaks.

    References
    ----------
    TIFF revision 6.0 (Adobe 1992), section 2; BigTIFF differs in the width of its fields.
    """
    return list(_walk(path))


def first_description(path: Path) -> bytes:
    """The text of a file's first page.

    Raises
    ------
    InputError
        If the file is no TIFF, or was cut off before that text.
    """
    offset, n_bytes = next(_walk(path)).description
    with open(path, "rb") as stream:
        stream.seek(offset)
        return stream.read(n_bytes).rstrip(b"\0")


def _walk(path: Path) -> Iterator[Directory]:
    n_bytes = path.stat().st_size
    with open(path, "rb") as stream:
        header = stream.read(16)
        order = {b"II": "<", b"MM": ">"}.get(header[:2])
        if order is None or len(header) < 16 or struct.unpack(order + "H", header[2:4])[0] not in (42, 43):
            raise InputError(
                problem(path, f"a file that begins with {header[:4]!r}", "a TIFF", "Name a TIFF or HDF5 movie.")
            )
        big = struct.unpack(order + "H", header[2:4])[0] == 43
        offset = struct.unpack(order + "Q", header[8:16])[0] if big else struct.unpack(order + "I", header[4:8])[0]
        n_pages, seen = 0, set()
        while offset:
            try:
                if offset in seen:
                    raise struct.error("a directory that leads back to an earlier one")
                seen.add(offset)
                directory, offset = _read_directory(stream, offset, order, big)
                if sum(directory.description) > n_bytes:
                    raise struct.error("a description beyond the end of the file")
            except (struct.error, LookupError, OSError, OverflowError, ValueError) as error:
                found = f"{n_pages} pages, then a broken directory ({error})"
                raise InputError(problem(path, found, "an unbroken chain of pages", TRUNCATED)) from error
            yield directory
            n_pages += 1
    if not n_pages:
        raise InputError(problem(path, "no page", "at least one", TRUNCATED))


def _read_directory(stream: BinaryIO, offset: int, order: str, big: bool) -> tuple[Directory, int]:
    """The directory at ``offset``, and the offset of the next one."""
    stream.seek(offset)
    count_format, entry_bytes, next_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    n_entries = struct.unpack(order + count_format, stream.read(struct.calcsize(count_format)))[0]
    if not 0 < n_entries < 4096:
        raise struct.error(f"{n_entries} tags")
    entries = stream.read(n_entries * entry_bytes)
    following = struct.unpack(order + next_format, stream.read(struct.calcsize(next_format)))[0]
    value = dict(DEFAULTS)
    description = (0, 0)
    for start in range(0, len(entries), entry_bytes):
        tag, kind = struct.unpack_from(order + "HH", entries, start)
        n_values = struct.unpack_from(order + count_format if big else order + "I", entries, start + 4)[0]
        place = start + (12 if big else 8)
        if tag in DESCRIBING and n_values == 1:  # several, of colour pages, stand elsewhere
            value[tag] = struct.unpack_from(order + FIELD_FORMATS[kind], entries, place)[0]
        elif tag == DESCRIPTION and n_values > struct.calcsize(next_format):  # shorter ones stand in the entry itself
            description = (struct.unpack_from(order + next_format, entries, place)[0], n_values)
    value[ROWS_PER_STRIP] = min(value[ROWS_PER_STRIP], value[HEIGHT])
    return Directory(tuple(value[tag] for tag in DESCRIBING), description), following
