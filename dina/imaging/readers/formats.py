"""Which files and folders are movies, by names and first bytes; light, since parsing the workflow asks it."""

from __future__ import annotations

from pathlib import Path

from dina.errors import DinaError

TIFF_SUFFIXES = {".tif", ".tiff", ".btf", ".tf8"}
HDF5_SUFFIXES = {".h5", ".hdf5", ".hdf"}
NWB_SUFFIXES = {".nwb"}
RAW_SUFFIXES = {".bin", ".int16"}
SCANBOX_SUFFIXES = {".sbx"}
MOVIE_SUFFIXES = TIFF_SUFFIXES | HDF5_SUFFIXES | NWB_SUFFIXES | RAW_SUFFIXES | SCANBOX_SUFFIXES

THORLABS_XML = "Experiment.xml"  # ThorImage writes it beside the TIFFs of every acquisition
BRUKER_ROOT = b"<PVScan"  # Prairie View's description of a scan; it keeps other XML files in the folder, too
XML_HEAD_BYTES = 1024


def thorlabs_xml(folder: Path) -> Path | None:
    """ThorImage's description of an acquisition, None in any other folder."""
    path = folder.resolve() / THORLABS_XML
    return path if path.is_file() else None


def bruker_xml(folder: Path) -> Path | None:
    """Prairie View's description of a scan, None in any other folder."""
    for path in sorted(folder.resolve().glob("*.xml")) if folder.is_dir() else ():
        with open(path, "rb") as stream:
            if BRUKER_ROOT in stream.read(XML_HEAD_BYTES):
                return path
    return None


def is_acquisition(folder: Path) -> bool:
    """Whether a folder as a whole is a movie, since only its description tells how its files belong together."""
    return bool(thorlabs_xml(folder) or bruker_xml(folder))


def files_beside(path: Path) -> list[Path]:
    """Files without which a movie file cannot be read, since it holds but a part of the movie, or points at it.

    Scanbox keeps its header in a MATLAB file of the same name; NWB may point at other files, HDF5 be made up of them,
    and an OME-TIFF be one of a set. Of files pointed at, those that are there; readers tell of the others.
    """
    suffix = path.suffix.lower()
    if suffix in SCANBOX_SUFFIXES:
        return [path.with_suffix(".mat")]
    if suffix in NWB_SUFFIXES:
        from dina.imaging.readers.nwb import files_pointed_at as pointed_at
    elif suffix in HDF5_SUFFIXES:
        from dina.imaging.readers.hdf5 import files_pointed_at as pointed_at
    elif suffix in TIFF_SUFFIXES:
        from dina.imaging.readers.ome import files_of_set as pointed_at
    else:
        return []
    try:
        return [file for file in pointed_at(path) if file.is_file() and file.resolve() != path.resolve()]
    except (DinaError, OSError):  # damaged or absent: told when the movie is looked over
        return []


def with_files_beside(paths: list[Path]) -> list[Path]:
    """Movie files and all that they need, each once; not asked of files of a set of which one has been asked."""
    found: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() not in found:
            found |= {file.resolve(): file for file in (path, *files_beside(path))}
    return list(found.values())
