"""Which files a cell of the recording sheet names: one, those of a folder, or all that match a pattern."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

from dina.errors import SettingsError, problem
from dina.imaging.readers.formats import MOVIE_SUFFIXES, is_acquisition

PLANE_HERE = "PLANE_HERE"  # letters that stay as they are when a pattern becomes a regular expression


def movie_files(movie: str, plane: int, where: str = "movie") -> list[Path]:
    """The files that hold a plane of a recording, in natural order; a folder that a microscope wrote counts as one.

    Parameters
    ----------
    movie : a file, a folder or a pattern; ``{plane}`` in it stands for the plane's number, from 0
    plane : int
    where : named in errors

    Raises
    ------
    SettingsError
        If the sheet's ``movie`` matches no file, or one that is no movie.
    """
    pattern = movie.replace("{plane}", str(plane))
    path = Path(pattern)
    if path.is_file() or is_acquisition(path):
        found = [path]
    elif path.is_dir():
        found = [p for p in path.iterdir() if p.suffix.lower() in MOVIE_SUFFIXES and not p.name.startswith(".")]
    else:
        try:
            found = _matching(Path(movie), plane)
        except ValueError as error:
            raise SettingsError(problem(where, repr(movie), f"a pattern ({error})", "Correct the pattern.")) from None
    if not found:
        remedy = "Correct the path; it is relative to the sheet" + (
            ", and {plane} counts from 0." if "{plane}" in movie else "."
        )
        raise SettingsError(problem(where, f"nothing at {pattern!r}", "a file, folder or pattern of movies", remedy))
    odd = sorted(
        p.name for p in found if not ((p.suffix.lower() in MOVIE_SUFFIXES and p.is_file()) or is_acquisition(p))
    )
    if odd:
        remedy = "Convert it, or make the pattern match movies alone."
        expected = f"files ending in {', '.join(sorted(MOVIE_SUFFIXES))}, or a microscope's folder"
        raise SettingsError(problem(where, repr(odd[0]), expected, remedy))
    for file in found:
        refuse_braces(str(file), where, False)
    return sorted(found, key=natural_key)


def _matching(movie: Path, plane: int) -> list[Path]:
    """What a pattern matches; folders that are there as they are written are no patterns, whatever their names."""
    folder, parts = Path(movie.anchor), movie.relative_to(movie.anchor).parts
    here = [part.replace("{plane}", str(plane)) for part in parts]
    while (folder / here[0]).is_dir():
        folder, parts, here = folder / here[0], parts[1:], here[1:]
    found = [p for p in folder.glob("/".join(here)) if not p.name.startswith(".")]
    anyhow = fnmatch.translate("/".join(parts).replace("{plane}", PLANE_HERE))
    number = re.compile(anyhow.replace(PLANE_HERE, rf"(?<!\d){plane}(?!\d)"))  # plane_1* matches plane_10 as well
    return [p for p in found if PLANE_HERE not in anyhow or number.fullmatch(p.relative_to(folder).as_posix())]


def natural_key(path: Path) -> list:
    """Sort key that puts ``movie_2`` before ``movie_10``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]


def refuse_braces(path: str, where: str, of_a_plane: bool) -> None:
    """Raise if Snakemake would take part of a path for one of its wildcards."""
    if set("{}") & set(path.replace("{plane}", "") if of_a_plane else path):
        expected = "no braces" + (" but {plane}" if of_a_plane else "")
        raise SettingsError(problem(where, repr(path), expected, "Rename the file or folder: Snakemake reads braces."))
