"""Which reader opens which file."""

from __future__ import annotations

from pathlib import Path

from dina.errors import InputError, problem, reading
from dina.imaging.readers.formats import (
    HDF5_SUFFIXES,
    MOVIE_SUFFIXES,
    NWB_SUFFIXES,
    RAW_SUFFIXES,
    SCANBOX_SUFFIXES,
    TIFF_SUFFIXES,
    bruker_xml,
    thorlabs_xml,
)
from dina.imaging.readers.pages import Header, Pages
from dina.settings import AcquisitionInfo


def open_pages(path: Path, acquisition: AcquisitionInfo) -> Pages:
    """The pages of one file, or of a folder that a microscope wrote, checked but not yet read.

    Raises
    ------
    InputError
        If there is no such file, no reader for it, or if it is damaged.
    """
    if xml := bruker_xml(_existing(path)):
        from dina.imaging.readers.bruker import open_bruker

        return open_bruker(xml)
    if xml := thorlabs_xml(path):
        from dina.imaging.readers.thorlabs import open_thorlabs

        return open_thorlabs(xml)
    _refuse_folder(path)
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        from dina.imaging.readers.ome import OmePages, is_ome
        from dina.imaging.readers.tiff import TiffPages

        believed = acquisition.header == "use"
        return OmePages(path) if believed and is_ome(path) else TiffPages(path, believed)
    if suffix in HDF5_SUFFIXES:
        from dina.imaging.readers.hdf5 import Hdf5Pages

        return Hdf5Pages(path, acquisition.dataset)
    if suffix in NWB_SUFFIXES:
        from dina.imaging.readers.nwb import open_nwb

        return open_nwb(path, acquisition)
    if suffix in SCANBOX_SUFFIXES:
        from dina.imaging.readers.scanbox import ScanboxPages

        return ScanboxPages(path)
    if suffix in RAW_SUFFIXES:
        from dina.imaging.readers.raw import RawPages

        return RawPages(path, acquisition.height_px, acquisition.width_px)
    known = ", ".join(sorted(MOVIE_SUFFIXES))
    raise InputError(problem(path, f"a file ending in {suffix!r}", known, "Convert the movie to TIFF or HDF5."))


def read_header(path: Path, dataset: str | None = None) -> Header:
    """What a file's header says, from its beginning alone: quick, however long the movie.

    Parameters
    ----------
    path : file, or folder that a microscope wrote
    dataset : the series, where an NWB file holds several

    Raises
    ------
    InputError
        If the file cannot be opened.
    """
    if xml := bruker_xml(_existing(path)):
        from dina.imaging.readers.bruker import bruker_header

        return bruker_header(xml)
    if xml := thorlabs_xml(path):
        from dina.imaging.readers.thorlabs import thorlabs_header

        return thorlabs_header(xml)
    _refuse_folder(path)
    suffix = path.suffix.lower()
    if suffix in NWB_SUFFIXES:
        from dina.imaging.readers.nwb import nwb_header

        return nwb_header(path, dataset)
    if suffix in SCANBOX_SUFFIXES:
        from dina.imaging.readers.scanbox import scanbox_header

        return scanbox_header(path)
    if suffix not in TIFF_SUFFIXES:
        return Header()
    import tifffile

    from dina.imaging.readers.ome import is_ome, ome_header
    from dina.imaging.readers.tiff import tiff_header

    with reading(path, "a TIFF"), tifffile.TiffFile(path) as tif:
        return ome_header(tif, path) if is_ome(path) else tiff_header(tif, path)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(problem(path, "no such file", "a movie", "Correct the recording sheet."))
    return path


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        remedy = "Name its files as movie in the recording sheet, or take it out from among them."
        raise InputError(problem(path, "a folder that no microscope wrote", "a movie", remedy))
