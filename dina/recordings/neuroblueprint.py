"""Project folders in the NeuroBlueprint layout: a recording sheet is proposed from what lies in them.

References
----------
NeuroBlueprint specification: ``rawdata/sub-*/ses-*/funcimg`` (or ``f2pe``), and ``derivatives`` that mirror it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from dina.errors import DinaError, InputError, problem
from dina.imaging.readers.formats import MOVIE_SUFFIXES, is_acquisition
from dina.imaging.readers.opening import read_header
from dina.recordings.movie_files import natural_key

IMAGED = ("funcimg", "f2pe")  # the broad and the narrow name of two-photon data
PAIRS = r"^{key}-(?P<value>[A-Za-z0-9]+)(?:_[A-Za-z0-9]+-[A-Za-z0-9]+)*$"
LOGS = {".csv", ".tsv", ".parquet", ".nwb"}
COLUMNS = (
    "recording", "subject", "session", "source", "movie", "data", "n_planes", "volume_rate_hz", "pixel_size_um",
    "cell_diameter_um", "indicator", "stimulus_log", "images", "image_width_deg",
)  # fmt: skip
CONFIGURATION_HEAD = """\
# Proposed by dina init. Fill in the recording sheet that it names, then:
#   snakemake --cores all --configfile <this file>
# Both paths are relative to where you start snakemake; config/README.md names the settings that may follow.
"""


@dataclass(frozen=True)
class Found:
    """What is there of one session.

    Attributes
    ----------
    name : of the recording, such as ``sub-001_ses-02``
    subject, session : values of the first pairs of the folders' names
    movie : folder, file or pattern, or None
    n_files : that ``movie`` names
    first : the first of them
    suite2p : folder with suite2p's planes, or None
    aside : folders of further movies
    logs : tables that may be the stimulus log
    """

    name: str
    subject: str
    session: str
    movie: Path | None
    n_files: int
    first: Path | None
    suite2p: Path | None
    aside: tuple[Path, ...]
    logs: tuple[Path, ...]


def propose(project: Path, sheet: Path) -> str:
    """Write a recording sheet and a configuration for a project folder; nothing that is there is overwritten.

    Parameters
    ----------
    project : folder with ``rawdata`` in it
    sheet : ``.tsv`` to be written; the configuration stands beside it, ending in ``.yaml``

    Returns
    -------
    What was found of each session, and what is left to be filled in.

    Raises
    ------
    InputError
        If there is no such layout, if two folders are of one subject or session, or if a file would be overwritten.
    """
    configuration = sheet.with_suffix(".yaml")
    if sheet.suffix != ".tsv":
        raise InputError(problem(sheet, f"a name that ends in {sheet.suffix!r}", ".tsv", "Name another file."))
    for path in (sheet, configuration):
        if path.exists():
            remedy = "Name another sheet with --sheet, or remove the file."
            raise InputError(problem(path, "a file", "none: nothing is overwritten", remedy))
    found, left_out = _sessions(project)
    usable = [of for of in found if of.movie or of.suite2p]
    left_out += [f"{of.name}: neither movies nor a suite2p folder" for of in found if of not in usable]
    if not usable:
        remedy = f"Movies belong into rawdata/sub-*/ses-*/{IMAGED[0]}. {' '.join(left_out)}"
        raise InputError(problem(project, "no session with movies", "at least one", remedy))
    sheet.parent.mkdir(parents=True, exist_ok=True)
    with sheet.open("x", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(_cells(of, sheet.parent) for of in usable)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", project.resolve().name)
    with configuration.open("x", encoding="utf-8") as file:
        file.write(CONFIGURATION_HEAD + yaml.safe_dump({"results": f"results/{name}", "recordings": str(sheet)}))
    told = [f"{sheet}, {configuration}: {len(usable)} recordings proposed"]
    told += [f"  {of.name}: {_said(of, project)}" for of in usable]
    told += [f"  left out: {of}" for of in left_out]
    return "\n".join(told)


def _sessions(project: Path) -> tuple[list[Found], list[str]]:
    """Sessions that were imaged, and what was left out."""
    raw = project / "rawdata"
    if not raw.is_dir():
        remedy = "Name a project folder in the NeuroBlueprint layout."
        raise InputError(problem(project, "no folder rawdata", "rawdata/sub-*/ses-*", remedy))
    found, left_out = [], []
    for subject, of_subject in _named(raw, "sub", left_out):
        for session, of_session in _named(of_subject, "ses", left_out):
            imaged = [of_session / kind for kind in IMAGED if (of_session / kind).is_dir()]
            name = f"sub-{subject}_ses-{session}"
            if not imaged:
                left_out.append(f"{name}: no folder {' or '.join(IMAGED)}")
                continue
            derived = project / "derivatives" / of_session.relative_to(raw)
            found.append(_session(name, subject, session, of_session, imaged[0], derived))
    return found, left_out


def _named(folder: Path, key: str, left_out: list[str]) -> Iterator[tuple[str, Path]]:
    """The folders of subjects or sessions by the value of their first pair, in natural order."""
    seen: dict[str, Path] = {}
    for path in sorted((path for path in folder.iterdir() if path.is_dir()), key=natural_key):
        if path.name.startswith("."):
            continue
        match = re.match(PAIRS.format(key=key), path.name)
        if not match:
            left_out.append(f"{path.name}: no name such as {key}-001")
            continue
        value = match["value"]
        same = str(int(value)) if value.isdecimal() else value  # sub-1 and sub-001 are one
        if same in seen:
            remedy = "One folder a subject and session: rename one."
            raise InputError(problem(path, f"a second {key}-{value}", f"only {seen[same].name}", remedy))
        seen[same] = path
        yield value, path


def _session(name: str, subject: str, session: str, folder: Path, imaged: Path, derived: Path) -> Found:
    candidates = [of for of in (imaged, *sorted(imaged.rglob("*"))) if of.is_dir() and not _inside_suite2p(of, imaged)]
    whole = [of for of in candidates if is_acquisition(of)]
    movies = []
    for of in candidates:
        if not any(of == other or of.is_relative_to(other) for other in whole):
            files = sorted((file for file in of.iterdir() if _is_movie(file)), key=natural_key)
            movies += [files] if files else []
    sources = [(of, [of]) for of in whole] + [(_pattern(files), files) for files in movies]
    movie, files = sources[0] if sources else (None, [])
    planes = [path.parent for root in (imaged, derived) if root.is_dir() for path in sorted(root.rglob("plane0"))]
    logs = [path for kind in ("behav", *IMAGED) for path in sorted((folder / kind).glob("*")) if _is_log(path)]
    return Found(
        name=name,
        subject=subject,
        session=session,
        movie=movie,
        n_files=len(files),
        first=files[0] if files else None,
        suite2p=planes[0] if planes else None,
        aside=tuple(of for of, _ in sources[1:]),
        logs=tuple(logs),
    )


def _inside_suite2p(folder: Path, imaged: Path) -> bool:
    return "suite2p" in folder.relative_to(imaged).parts


def _is_movie(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in MOVIE_SUFFIXES and not path.name.startswith(".")


def _is_log(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in LOGS and not path.name.startswith(".")


def _pattern(files: list[Path]) -> Path:
    """One file, or a pattern of the first one's kind."""
    alike = [file for file in files if file.suffix == files[0].suffix]
    return files[0] if len(alike) == 1 else files[0].parent / f"*{files[0].suffix}"


def _cells(of: Found, folder: Path) -> dict[str, str]:
    """The sheet's row; paths are relative to the sheet."""
    cells = {"recording": of.name, "subject": f"sub-{of.subject}", "session": f"ses-{of.session}"}
    if of.movie is not None:
        return cells | {"source": "movie", "movie": os.path.relpath(of.movie, folder)}
    return cells | {"source": "suite2p", "data": os.path.relpath(of.suite2p, folder)}


def _said(of: Found, project: Path) -> str:
    """What was found and what is left, in a line."""
    parts = []
    if of.movie is not None:
        parts.append(f"movie {of.movie.relative_to(project)} ({of.n_files} file{'s' if of.n_files > 1 else ''})")
    if of.suite2p is not None:
        also = "also " if of.movie is not None else ""
        instead = "; to start from it, set source to suite2p and data to it" if also else ""
        parts.append(f"{also}suite2p's {of.suite2p.relative_to(project)}{instead}")
    parts += [f"{path.relative_to(project)} left aside" for path in of.aside]
    left = _left(of)
    parts.append(f"left to fill in: {', '.join(left)}; for decoding, stimulus_log and images")
    if of.logs:
        parts.append(f"tables that may be the log: {', '.join(str(path.relative_to(project)) for path in of.logs)}")
    return "; ".join(parts)


def _left(of: Found) -> list[str]:
    """Columns that neither the layout nor the movie's header fills in."""
    if of.movie is None:
        return ["volume_rate_hz if suite2p's fs is wrong", "indicator"]
    try:
        header = read_header(of.first)
    except DinaError as error:
        return [f"what the movie does not tell ({error})"]
    unknown = ["volume_rate_hz"] if header.volume_rate_hz is None and header.frame_rate_hz is None else []
    unknown += ["pixel_size_um"] if header.pixel_size_um is None else []
    return [*unknown, "cell_diameter_um", "indicator"]
