"""What is common to folders that Prairie View (Bruker) and ThorImage (Thorlabs) write, read through roiextractors.

Only what roiextractors reads rightly is handed to it: it takes the layout of a folder for granted, so that a folder
of another layout would come out with planes or channels in disorder, without a word. Rates are taken from the
vendors' descriptions, since it takes Thorlabs' rate of frames for that of volumes. Checked on made-up folders alone,
not on files from these microscopes.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dina.errors import InputError, problem, reading
from dina.imaging.readers.pages import Header
from dina.imaging.readers.tiff import TRUNCATED, common_size, page_directories

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from roiextractors import MultiTIFFMultiPageExtractor

INSTALL = "In the folder of dina: pip install --constraint envs/constraints.txt --editable '.[vendors]'."
BY_PATTERN = "Name its TIFFs themselves as movie (a pattern), and state planes, channels and rate in the sheet."


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

    Raises
    ------
    InputError
        If it is a stack of planes without time.
    """

    def __init__(
        self,
        folder: Path,
        files: set[Path],
        header: Header,
        extractors: list[MultiTIFFMultiPageExtractor],
        times_s: np.ndarray | None,
    ):
        self.path, self.files, self.header = folder, files, header
        self._extractors, self._times_s = extractors, times_s
        self.height, self.width = (int(side) for side in extractors[0].get_image_shape())
        self.dtype = np.dtype(extractors[0].get_dtype()).newbyteorder("=")
        self._n_planes = header.n_planes
        n_planes = extractors[0].get_num_planes()
        if n_planes != self._n_planes:
            found, expected = f"one volume of {n_planes} planes", "a movie"
            raise InputError(problem(folder, found, expected, "Name the folder of a time series."))
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
                where = f"{self.path}, channel {channel}, volumes {first} to {last}"
                with reading(where, "frames", TRUNCATED, found="unreadable data"):
                    series = extractor.get_series(first, last + 1)
                volumes = series.reshape(last + 1 - first, self.height, self.width, self._n_planes)
                frames[own] = volumes[samples[own] - first, :, :, planes[own]]
        return frames

    def times_s(self, pages: range) -> np.ndarray | None:
        """Times as the vendor's description states them; None where it does not."""
        return None if self._times_s is None else self._times_s[np.asarray(pages) // len(self._extractors)]

    def close(self) -> None:
        """Nothing stays open."""


def import_roiextractors(folder: Path) -> Any:
    """The optional package that reads the pages, or how to install it."""
    try:
        import roiextractors
    except ImportError as error:
        found, expected = f"a package missing ({error.name})", "roiextractors and lxml, which read such folders"
        raise InputError(problem(folder, found, expected, INSTALL)) from error
    return roiextractors


def construct(folder: Path, build: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What roiextractors builds; its errors become ours, and so does its warning of pages left over.

    It would count these as the first volume's, and move all others.
    """
    refusal = reading(folder, "an acquisition", BY_PATTERN, found="a folder refused", also=(UserWarning,))
    with refusal, warnings.catch_warnings():
        warnings.filterwarnings("error", message="Total IFDs")
        return build(*args, **options)


def check_files(folder: Path, n_pages: dict[str, int | None]) -> set[Path]:
    """The named files, all there, whole, and of one size."""
    there = {path.name for path in folder.iterdir()}
    missing = [name for name in n_pages if name not in there]
    if missing:
        found, expected = f"no {missing[0]} ({len(missing)} files missing)", f"{len(n_pages)} files, as described"
        raise InputError(problem(folder, found, expected, "Copy the folder again."))
    files = {folder / name: n for name, n in n_pages.items()}
    kinds = []
    for path, n in files.items():
        directories = page_directories(path)
        if n is not None and len(directories) != n:
            raise InputError(problem(path, f"{len(directories)} pages", f"{n}, as described", TRUNCATED))
        common_size(path, [directory.size for directory in directories])
        kinds.append((path, directories[0].kind))
    odd = next((path for path, kind in kinds if kind != kinds[0][1]), None)
    if odd:
        remedy = "Leave the odd file out, and its frame out of the description."
        raise InputError(problem(odd, "pages of another size or type", f"those of {kinds[0][0].name}", remedy))
    return set(files)


def reading_description(xml: Path) -> AbstractContextManager[None]:
    """Tells of a description that cannot be read."""
    return reading(xml, "the vendor's description of the scan", found="an unreadable description")
