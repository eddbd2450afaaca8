"""The sources of recordings: where each enters the road, which columns of the sheet it reads, which module imports it.

Parsing the Snakefile reads this table; modules are imported by the jobs that need them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal

OF_LOG = ("stimulus_table", "image_column", "clock_events")  # columns that say how to read the stimulus log
SHOWN = ("stimulus_log", "images", "image_width_deg", *OF_LOG)
OF_TRACES = ("volume_rate_hz", "pixel_size_um", "cell_diameter_um", "indicator", "header")
OF_PICTURES = ("image_window", "image_width_deg")
PACKAGE = "dina.recordings.importers"


@dataclass(frozen=True)
class Source:
    """A kind of recording.

    Attributes
    ----------
    enters : the first store that is not computed from an earlier one: ``movie``, ``session`` or ``responses``
    needs : columns of the sheet that must be filled in
    takes : columns that may be
    module : what imports it, under ``dina.recordings.importers``; None where the road begins with the imaging
    holds : what ``data`` names, for the documentation
    """

    enters: Literal["movie", "session", "responses"]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    module: str | None = None
    holds: str = ""


SOURCES = {
    "simulated": Source("movie"),
    "movie": Source("movie", ("movie",), (*SHOWN, "frame_times", "bad_frames")),
    "suite2p": Source(
        "session",
        ("data",),
        (*SHOWN, *OF_TRACES, "frame_times", "skip_planes"),
        "suite2p",
        "the folder that suite2p wrote, with `plane0`, `plane1` … in it",
    ),
    "nwb": Source(
        "session",
        ("data",),
        (*SHOWN, *OF_TRACES, "dataset", "axes"),
        "nwb",
        "an NWB 2 file with traces (RoiResponseSeries); `dataset` names a series, or the container of one a plane",
    ),
    "table": Source(
        "responses",
        ("data", "stimulus_log", "images"),
        ("dataset", "neurons", "image_width_deg", "image_column", "stimulus_table"),
        "table",
        "responses, trials × neurons: `.npy`, `.zarr` (`dataset` names one of several arrays) or `.parquet`",
    ),
    "stringer2019": Source(
        "responses",
        ("data", "images"),
        ("categories", "image_window", "red_cells", "spontaneous_components"),
        "stringer2019",
        "a session, `natimg2800_*.mat` or `natimg32_*.mat`; `images` is the file of its images, with `imgs`",
    ),
    "minimodel": Source(
        "responses",
        ("data", "images"),
        OF_PICTURES,
        "minimodel",
        "a session, `*_nat60k_*.npz` or `text16_*.npz`; `images` is `nat60k_text16.mat`",
    ),
    "sensorium2022": Source(
        "responses", ("data",), OF_PICTURES, "sensorium2022", "a recording's folder, or the zip that holds it"
    ),
    "sensorium2023": Source(
        "responses", ("data",), OF_PICTURES, "sensorium2023", "a recording's folder, or the zip that holds it"
    ),
    "allen": Source(
        "responses",
        ("data",),
        ("events", *OF_PICTURES),
        "allen",
        "a session of Visual Coding with natural scenes: the `.nwb` file of the Allen SDK (NWB 1) or of DANDI (NWB 2)",
    ),
}
SourceName = Literal[tuple(SOURCES)]


def importer(source: str) -> ModuleType:
    """The module that imports a source.

    One that enters at the session has ``read_planes(row)``, a list of
    :class:`~dina.recordings.importers.planes.TracedPlane`. One that enters at trial responses has
    ``read_shown(row, size_px)``, a :class:`~dina.recordings.stimuli.Shown`, and ``read_population(row)``, a
    :class:`~dina.recordings.importers.population.Population`.
    """
    return import_module(module_of(source))


def module_of(source: str) -> str:
    """Full name of the module that imports a source."""
    return f"{PACKAGE}.{SOURCES[source].module}"


def columns_of(source: str) -> tuple[str, ...]:
    """The columns of the sheet that a source's importer reads; what was shown is read apart from a session."""
    named = (*SOURCES[source].needs, *SOURCES[source].takes)
    apart = SHOWN if SOURCES[source].enters == "session" else ()
    return ("recording", "source", *(name for name in named if name not in apart))
