"""Pages of one TIFF file, read lazily, after a check that none of them is missing.

tifffile, like suite2p, reads a truncated file as a shorter one without a word, so the chain of page
directories is walked here first; it also gives each page's size without decoding anything.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from dina.errors import InputError, problem

WIDTH, HEIGHT, BITS_PER_SAMPLE, SAMPLES_PER_PIXEL, SAMPLE_FORMAT = 256, 257, 258, 277, 339  # TIFF 6.0, tags of a page
DESCRIBING = (HEIGHT, WIDTH, SAMPLES_PER_PIXEL, BITS_PER_SAMPLE, SAMPLE_FORMAT)
PAGE = "{} × {} px, {} samples a pixel, {} bits of format {}"
FIELD_FORMATS = {3: "H", 4: "I", 16: "Q"}  # SHORT, LONG, LONG8
TRUNCATED = "The file was cut off while it was written or copied: copy it again, or leave it out."


class TiffPages:
    """The pages of a TIFF, BigTIFF or ImageJ file, as arrays of (pages, height, width).

    Attributes
    ----------
    path : Path
    n_pages, height, width : int
    dtype : numpy dtype, in native byte order

    Raises
    ------
    InputError
        If the file is truncated or unreadable, if its pages differ in size, or if they are in colour.
    """

    def __init__(self, path: Path):
        import tifffile

        self.path = path
        sizes = page_sizes(path)
        self.height, self.width = _common_size(path, sizes)
        self.n_pages = len(sizes)
        self._tif = None
        self._stack_offset = None
        with tifffile.TiffFile(path) as tif:
            self._stored_dtype = np.dtype(tif.byteorder + tif.pages.first.dtype.char)
            self.dtype = self._stored_dtype.newbyteorder("=")
            announced = (tif.imagej_metadata or {}).get("images", 1)
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

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._tif is not None:
            self._tif.close()
            self._tif = None

    def _read_page(self, page: int) -> np.ndarray:
        import tifffile

        if self._stack_offset is not None:
            offset = self._stack_offset + page * self._frame_bytes
            flat = np.fromfile(self.path, self._stored_dtype, self.height * self.width, offset=offset)
            return flat.reshape(self.height, self.width)
        if self._tif is None:
            self._tif = tifffile.TiffFile(self.path)
            self._tif.pages.useframes = True  # pages are alike: read their offsets only
        try:
            return self._tif.pages[page].asarray()
        except (ValueError, RuntimeError, OSError, IndexError, struct.error) as error:
            where = f"{self.path}, page {page}"
            raise InputError(problem(where, f"unreadable data ({error})", "a frame", TRUNCATED)) from error


def _common_size(path: Path, sizes: list[tuple[int, ...]]) -> tuple[int, int]:
    """Height and width of all pages, or an error that names the first page that differs."""
    height, width, samples, *_ = sizes[0]
    odd = [page for page, size in enumerate(sizes) if size != sizes[0]]
    if odd:
        found, expected = (PAGE.format(*size) for size in (sizes[odd[0]], sizes[0]))
        expected += ", as on page 0"
        remedy = "Keep frames of one size and type in a file; thumbnails and reference images belong in another."
        raise InputError(problem(f"{path}, page {odd[0]}", found, expected, remedy))
    if samples != 1:
        raise InputError(
            problem(path, f"{samples} samples a pixel", "grey frames", "Save each channel as its own frame.")
        )
    return height, width


def page_sizes(path: Path) -> list[tuple[int, ...]]:
    """(height, width, samples per pixel, bits, sample format) of every page, from the chain of page directories alone.

    Raises
    ------
    InputError
        If the file is no TIFF, or if the chain breaks.

    References
    ----------
    TIFF revision 6.0 (Adobe 1992), section 2; BigTIFF differs in the width of its fields.
    """
    with open(path, "rb") as stream:
        header = stream.read(16)
        order = {b"II": "<", b"MM": ">"}.get(header[:2])
        if order is None or len(header) < 16 or struct.unpack(order + "H", header[2:4])[0] not in (42, 43):
            raise InputError(
                problem(path, f"a file that begins with {header[:4]!r}", "a TIFF", "Name a TIFF or HDF5 movie.")
            )
        big = struct.unpack(order + "H", header[2:4])[0] == 43
        offset = struct.unpack(order + "Q", header[8:16])[0] if big else struct.unpack(order + "I", header[4:8])[0]
        sizes, seen = [], set()
        while offset:
            try:
                if offset in seen:
                    raise struct.error("a directory that leads back to an earlier one")
                seen.add(offset)
                size, offset = _read_directory(stream, offset, order, big)
            except (struct.error, KeyError, OSError) as error:
                found = f"{len(sizes)} pages, then a broken directory"
                raise InputError(problem(path, found, "an unbroken chain of pages", TRUNCATED)) from error
            sizes.append(size)
    if not sizes:
        raise InputError(problem(path, "no page", "at least one", TRUNCATED))
    return sizes


def _read_directory(stream: object, offset: int, order: str, big: bool) -> tuple[tuple[int, ...], int]:
    """Size of the page whose directory starts at ``offset``, and the offset of the next directory."""
    stream.seek(offset)
    count_format, entry_bytes, next_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    n_entries = struct.unpack(order + count_format, stream.read(struct.calcsize(count_format)))[0]
    if not 0 < n_entries < 4096:
        raise struct.error(f"{n_entries} tags")
    entries = stream.read(n_entries * entry_bytes)
    following = struct.unpack(order + next_format, stream.read(struct.calcsize(next_format)))[0]
    value = {SAMPLES_PER_PIXEL: 1, BITS_PER_SAMPLE: 1, SAMPLE_FORMAT: 1}
    for start in range(0, len(entries), entry_bytes):
        tag, kind = struct.unpack_from(order + "HH", entries, start)
        n_values = struct.unpack_from(order + count_format if big else order + "I", entries, start + 4)[0]
        if tag in DESCRIBING and n_values == 1:  # several, of colour pages, stand elsewhere
            value[tag] = struct.unpack_from(order + FIELD_FORMATS[kind], entries, start + (12 if big else 8))[0]
    return tuple(value[tag] for tag in DESCRIBING), following
