"""The recording sheet: one row a recording, and the settings that hold for it.

Parsing is repeated by every cluster job, so nothing heavy is imported here.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from dina.errors import InputError, SettingsError, problem
from dina.imaging.acquisition import complete
from dina.imaging.readers.formats import NWB_SUFFIXES
from dina.imaging.readers.opening import read_header
from dina.imaging.readers.pages import Header
from dina.recordings.importers.sources import OF_LOG, SOURCES, SourceName
from dina.recordings.movie_files import movie_files, refuse_braces
from dina.recordings.temporal import refuse_short_bins
from dina.settings import (
    AcquisitionInfo,
    Count,
    Indicator,
    Positive,
    ResponsesSettings,
    Section,
    Settings,
    nearest,
    parse,
    read_values,
)

PATHS = (
    "movie", "data", "neurons", "events", "stimulus_log", "images", "categories", "clock_events", "frame_times",
    "bad_frames",
)  # fmt: skip
OF_DATA_SETS = ("image_window", "red_cells", "spontaneous_components")  # columns that importers of data sets read
RESERVED = ("tables", "logs", "benchmarks")  # folders of the results that belong to all recordings
OF_A_PLANE = ("movie", "frame_times", "bad_frames")  # paths in which {plane} stands for its number
SOMA_PX = (3, 80)  # diameters that can be told from noise, and that fit into a field of view
OVERRIDES = "recordings"  # folder beside the sheet, with a file of settings for each recording that needs its own
OF_ALL_RECORDINGS = {"results", "recordings", "container", "sweep"}  # settings that no recording has for itself
METADATA = {"nwb"}  # settings that change no result
IMAGING = ("registration", "detection", "extraction", "session", "quality")
BEFORE = {"movie": (), "session": IMAGING, "responses": (*IMAGING, "deconvolution")}  # sections of stages passed by
DELIMITERS = {".tsv": "\t", ".csv": ","}


def _plane_numbers(text: str) -> str:
    if not all(number.isdecimal() for number in re.split(r"[\s,]+", text)):
        raise ValueError("numbers of planes, from 0, separated by spaces or commas")
    return text


def _window_text(text: str) -> str:
    numbers = re.fullmatch(r"(\d+):(\d+),(\d+):(\d+)", text.replace(" ", ""))
    top, bottom, left, right = map(int, numbers.groups()) if numbers else (0, 0, 0, 0)
    if not (top < bottom and left < right):
        raise ValueError("top:bottom,left:right in pixels, each first number the smaller, such as 10:45,90:130")
    return text.replace(" ", "")


class Recording(Section):
    """A row of the recording sheet; empty cells are null and mean: from the file's header."""

    recording: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] = Field(
        description="Name of the recording: letters, digits, _ and -."
    )
    subject: str | None = Field(
        None,
        description="Animal: recordings of one count as one mouse in statistics across recordings; empty, as one each.",
    )
    session: str | None = Field(None, description="Session.")
    source: SourceName = Field(
        description="Where the recording comes from: the virtual microscope, movie files, or data that start later on "
        "the road (docs/data.md)."
    )
    movie: str | None = Field(
        None,
        description="Movie: a file, a folder or a pattern, relative to the sheet; files follow each other in natural "
        "order. Where each plane lies in its own files, {plane} stands for its number, from 0. See below for formats.",
    )
    data: str | None = Field(
        None,
        description="File or folder of a source that starts later than at a movie, relative to the sheet; see "
        "docs/data.md for what each holds.",
    )
    dataset: str | None = Field(
        None,
        description="Data set inside an HDF5 movie, series inside an NWB file, or array inside a Zarr group; empty "
        "takes the only one.",
    )
    neurons: str | None = Field(
        None,
        description="Table of neurons beside trial responses, in their order, relative to the sheet: columns of "
        "numbers, of which x_um, y_um, z_um and plane are places.",
    )
    events: str | None = Field(
        None, description="Events that the Allen Institute inferred (`*_events.npz`), relative to the sheet."
    )
    categories: str | None = Field(
        None, description="Class labels of the images (`stimuli_class_assignment*.mat`), relative to the sheet."
    )
    image_window: Annotated[str, AfterValidator(_window_text)] | None = Field(
        None,
        description="Part of each image that is kept, pixels: top:bottom,left:right, from 0 and without the last, such "
        "as 10:45,90:130. Empty takes the data set's own for this recording, else the whole image.",
    )
    red_cells: Literal["keep", "remove"] | None = Field(
        None, description="What becomes of cells that carry a red label; empty keeps them."
    )
    spontaneous_components: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        None,
        description="Dimensions of spontaneous activity, measured on a grey screen, that are removed from responses; "
        "these are then in s.d. of spontaneous activity. Empty or 0 takes responses as they are.",
    )
    n_planes: Annotated[int, Field(ge=1, le=64)] | None = Field(
        None,
        description="Planes: frame k shows plane k modulo n_planes, or see {plane}; empty takes the header's, else 1.",
    )
    n_channels: Annotated[int, Field(ge=1, le=4)] | None = Field(
        None,
        description="Channels: those of a plane follow each other, then comes the next plane; empty takes the "
        "header's, else 1.",
    )
    n_flyback: Annotated[int, Field(ge=0, le=64)] | None = Field(
        None, description="Frames at the end of each volume that show no plane; empty takes the header's, else 0."
    )
    functional_channel: Annotated[int, Field(ge=0, le=3)] | None = Field(
        None, description="Channel with the calcium indicator, from 0; empty is 0."
    )
    structural_channel: Annotated[int, Field(ge=0, le=3)] | None = Field(
        None, description="Channel with a structural label, from 0; empty has none."
    )
    skip_planes: Annotated[str, AfterValidator(_plane_numbers)] | None = Field(
        None, description="Planes that are left out, from 0, separated by spaces or commas."
    )
    volume_rate_hz: Positive | None = Field(
        None,
        description="Volumes per second: the rate at which each plane is sampled; empty takes the header's. Known "
        "from header or frame times, it is taken from there: this one may be rounded, by up to 2 %.",
    )
    frame_times: str | None = Field(
        None,
        description="Table (CSV, TSV, Parquet) with a column time_s: one row a volume, or one a frame of any plane; "
        "relative to the sheet. Empty takes the times in the header, else the rate.",
    )
    bad_frames: str | None = Field(
        None,
        description="Table of volumes to be masked, from 0, with columns first and last (included); relative to the "
        "sheet.",
    )
    header: Literal["use", "ignore"] | None = Field(
        None, description="ignore, where the file's header is wrong; otherwise sheet and header must agree."
    )
    axes: Literal["txy", "tyx"] | None = Field(
        None, description="Axes of an NWB series: txy as in the schema (empty), or tyx as many files have them."
    )
    height_px: Count | None = Field(None, description="Height of a frame, pixels; for raw files (.bin), alone.")
    width_px: Count | None = Field(None, description="Width of a frame, pixels; for raw files (.bin), alone.")
    pixel_size_um: Positive | None = Field(
        None, description="Pixel size, micrometres; empty takes the header's. Required for movies."
    )
    cell_diameter_um: Positive | None = Field(
        None, description="Diameter of a soma, micrometres; required for movies (12 is usual in mouse cortex)."
    )
    indicator: Indicator | None = Field(
        None,
        description="Calcium indicator; sets decay and lag. Empty, for any other one, takes a decay of 1 s: set "
        "deconvolution.tau_s and responses.lag_s.",
    )
    stimulus_log: str | None = Field(
        None,
        description="Stimulus log, a table or an NWB file, relative to the sheet; empty ends the road at the session.",
    )
    stimulus_table: str | None = Field(
        None,
        description="Interval table of an NWB log, such as trials, or its IndexSeries; empty takes the only one that "
        "names images.",
    )
    image_column: str | None = Field(
        None,
        description="Column of the log that names the image; empty is image, or in NWB the first of image, "
        "image_name, image_file, image_index and image_id.",
    )
    clock_events: str | None = Field(
        None,
        description="Table of events that log and movie share, relative to the sheet, where the log has a clock of "
        "its own; empty takes onsets as times of the movie.",
    )
    images: str | None = Field(
        None, description="Images shown: a folder, an array (.npy, .zarr) or an NWB file, relative to the sheet."
    )
    image_width_deg: Positive | None = Field(None, description="Visual angle that an image spans, degrees.")
    image_duration_s: Positive | None = Field(
        None, description="Time that an image is on, seconds: shaded in the figure of identification over time."
    )

    @property
    def has_stimuli(self) -> bool:
        """Whether the road goes on from the session to decoding."""
        return self.source == "simulated" or self.enters == "responses" or self.stimulus_log is not None

    @property
    def enters(self) -> str:
        """The store at which the recording enters the road."""
        return SOURCES[self.source].enters


def load_sheet(path: str | Path) -> dict[str, Recording]:
    """Read and check the recording sheet.

    Returns
    -------
    Recordings by name, in the sheet's order; paths are relative to the sheet's folder no more.

    Raises
    ------
    SettingsError
        Naming file, row and column of every mistake.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingsError(
            problem(path, "no such file", "the recording sheet", "Set recordings: in the configuration to your sheet.")
        )
    delimiter = _delimiter(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(
            problem(path, f"bytes that are no UTF-8 ({error.reason})", "UTF-8 text", "Save it as UTF-8.")
        ) from None
    # a tab-separated cell needs no quotes, so that a stray one is just a character
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting))
    except csv.Error as error:
        raise SettingsError(problem(path, f"no table ({error})", "rows of cells", "Save it again.")) from None
    rows = [
        (number, row)
        for number, row in enumerate(rows, 1)
        if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#")
    ]
    if len(rows) < 2:
        raise SettingsError(
            problem(
                path, "no recording", "a header and at least one row", "Add a row; config/README.md names the columns."
            )
        )
    header = [cell.strip() for cell in rows[0][1]]
    known = list(Recording.model_fields)
    if len(header) == 1:
        separator = {"\t": "tabs", ",": "commas"}[_delimiter(path)]
        raise SettingsError(
            problem(
                f"{path}, header", f"one column, {header[0]!r}", f"several, separated by {separator}", "Save it so."
            )
        )
    unknown = [
        f"{path}, header: unknown column {name!r}. {nearest(name, known)}" for name in header if name not in known
    ]
    doubled = [
        f"{path}, header: column {name!r} stands twice. Remove one."
        for name in {n for n in header if header.count(n) > 1}
    ]
    if unknown or doubled:
        raise SettingsError("\n".join(unknown + doubled))
    recordings: dict[str, Recording] = {}
    taken: set[str] = set()  # some disks know no difference between small and capital letters
    mistakes = []
    for number, row in rows[1:]:
        where = f"{path}, row {number}"
        if len(row) > len(header):
            mistakes.append(
                problem(
                    where,
                    f"{len(row)} cells",
                    f"{len(header)}, as in the header",
                    f"Is the delimiter {_delimiter(path)!r}?",
                )
            )
            continue
        values = {name: cell.strip() for name, cell in zip(header, row, strict=False) if cell.strip()}
        try:
            recording = parse(Recording, values, where)
            _check_row(recording, where)
        except SettingsError as error:
            mistakes.append(str(error))
            continue
        if recording.recording.lower() in taken:
            mistakes.append(
                problem(where, f"a second recording {recording.recording!r}", "unique names", "Rename one.")
            )
        taken.add(recording.recording.lower())
        recordings[recording.recording] = _relative_to(recording, path.parent)
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return recordings


def load_settings(config: dict[str, Any], where: str = "config") -> dict[str, dict[str, Any]]:
    """Settings of every recording as plain, sorted, default-filled JSON, ready for ``lookup``.

    ``settings[recording]`` holds every section of the configuration, overridden by
    ``recordings/{recording}.yaml`` beside the sheet, and ``recording`` (the sheet's row) and ``acquisition``, for
    which the header of each movie's first file is read; cells that are all filled in would not need it.

    Raises
    ------
    SettingsError
        Naming file and key of every mistake.
    """
    base = parse(Settings, config, where)
    sheet = load_sheet(base.recordings)
    overrides = Path(base.recordings).parent / OVERRIDES
    stray = sorted(p.name for p in overrides.glob("*.y*ml") if p.name not in {f"{name}.yaml" for name in sheet})
    if stray:
        expected = f"files named after recordings ({', '.join(list(sheet)[:5])} …), ending in .yaml"
        raise SettingsError(problem(overrides / stray[0], "no such recording", expected, "Rename or remove it."))
    settings = {}
    plain = base.model_dump(mode="json")
    for name, recording in sheet.items():
        path = overrides / f"{name}.yaml"
        merged, sections = base, plain  # shared by recordings without a file of their own: nothing changes them
        if path.is_file():
            values = read_values(path)
            fixed = OF_ALL_RECORDINGS & set(values)
            if fixed:
                raise SettingsError(
                    problem(path, f"{sorted(fixed)}", "settings of one recording", "Set these in the configuration.")
                )
            parse(Settings, values, str(path))
            merged = parse(Settings, _merge(plain, values), str(path))
            sections = merged.model_dump(mode="json")
        place = f"{base.recordings}, recording {name!r}"
        resolved = _fill_simulated(recording, merged, place) if recording.source == "simulated" else recording
        settings[name] = sections | {
            "recording": resolved.model_dump(mode="json"),
            "acquisition": _acquisition(resolved, place).model_dump(mode="json"),
        }
        _check_cohort(merged.dina.cohort, name, sheet, str(path) if path.is_file() else where)
    return settings


def _check_cohort(cohort: tuple[str, ...], name: str, sheet: dict[str, Recording], where: str) -> None:
    """Refuse recordings to learn from that are this one, not in the sheet, or without stimuli."""
    if not cohort:
        return
    decoded = [other for other, of in sheet.items() if of.has_stimuli]
    for other in cohort:
        if other == name or other not in decoded:
            expected = (
                f"other recordings with stimuli ({', '.join(d for d in decoded if d != name) or 'there are none'})"
            )
            key = f"{where}: dina.cohort of {name!r}"
            raise SettingsError(problem(key, repr(other), expected, "Correct or remove it."))


def changed_settings(of: dict[str, Any]) -> dict[str, list]:
    """Dotted key → value and default, of a recording's settings that differ from the defaults.

    Parameters
    ----------
    of : one recording's of :func:`load_settings`; those of stages that it does not go through do not count
    """
    source = of["recording"]["source"]
    unused = OF_ALL_RECORDINGS | METADATA | (set() if source == "simulated" else {"simulation"})
    unused |= set(BEFORE[SOURCES[source].enters])
    defaults = Settings().model_dump(mode="json", exclude=unused)
    given = _dotted({section: of[section] for section in defaults})
    return {key: [given[key], default] for key, default in _dotted(defaults).items() if given[key] != default}


def overridden_settings(sheet: str | Path, recording: str) -> list[str]:
    """Dotted keys of the settings in ``recordings/{recording}.yaml`` beside the sheet, if there is such a file.

    Those that change no result are left out.
    """
    path = Path(sheet).parent / OVERRIDES / f"{recording}.yaml"
    values = read_values(path) if path.is_file() else {}
    return sorted(_dotted({section: values[section] for section in set(values) - METADATA}))


def check_inputs(settings: dict[str, dict[str, Any]], sheet: str | Path) -> None:
    """Check that what the sheet names is there, and that what cannot be read from a movie is stated.

    Parameters
    ----------
    settings : of :func:`load_settings`
    sheet : named in errors

    Raises
    ------
    SettingsError
        Naming sheet, recording and column of every mistake.
    """
    mistakes = []
    for name, of in settings.items():
        row, where = of["recording"], f"{sheet}, recording {name!r}"
        if of["acquisition"]["volume_rate_hz"]:
            responses = ResponsesSettings(**of["responses"])
            try:
                refuse_short_bins(responses, 1 / of["acquisition"]["volume_rate_hz"], where)
            except InputError as error:
                mistakes.append(str(error))
        if row["source"] == "simulated":
            continue
        if SOURCES[row["source"]].enters == "responses" and of["responses"]["n_bins"] > 1:
            found, remedy = f"{of['responses']['n_bins']}", "Set it to 1: such data have one number a trial."
            mistakes.append(problem(f"{where}, responses.n_bins", found, "1", remedy))
        planes = AcquisitionInfo(**of["acquisition"]).planes
        unread = False  # the movie, whose header could have told more
        for plane in planes if of["acquisition"]["separate_files"] else planes[: row["movie"] is not None]:
            try:
                movie_files(row["movie"], plane, f"{where}, movie")
            except SettingsError as error:
                mistakes.append(str(error))
                unread |= plane == planes[0]
        for column in PATHS[1:]:
            if row[column] and "{plane}" not in row[column] and not Path(row[column]).exists():
                remedy = "Correct the path; it is relative to the sheet."
                mistakes.append(
                    problem(f"{where}, {column}", f"nothing at {row[column]!r}", "a file or folder", remedy)
                )
        if row["source"] == "movie" and of["detection"]["soma_diameter_px"] is None:
            mistakes += _soma_mistakes(of["acquisition"]["pixel_size_um"], row["cell_diameter_um"], unread, where)
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def _soma_mistakes(pixel_um: float | None, cell_um: float | None, unread: bool, where: str) -> list[str]:
    """What keeps the size of somata in pixels from being known; ``unread`` movies may yet state that of a pixel."""
    remedy = "Fill in the cell, or set detection.soma_diameter_px."
    mistakes = [
        problem(f"{where}, {column}", "nothing", "a number: it says how large somata are", remedy)
        for column, value in (("pixel_size_um", unread or pixel_um), ("cell_diameter_um", cell_um))
        if not value
    ]
    if pixel_um and cell_um and not SOMA_PX[0] <= cell_um / pixel_um <= SOMA_PX[1]:
        found = f"somata of {cell_um / pixel_um:.3g} px ({cell_um:g} µm, pixels of {pixel_um:.3g} µm)"
        remedy = "Correct them, or set detection.soma_diameter_px; pixel_size_um goes before the header's."
        expected = f"{SOMA_PX[0]} to {SOMA_PX[1]} px"
        mistakes.append(problem(f"{where}, cell_diameter_um and pixel_size_um", found, expected, remedy))
    return mistakes


def _delimiter(path: Path) -> str:
    return DELIMITERS.get(path.suffix.lower(), "\t")


def _check_row(recording: Recording, where: str) -> None:
    if recording.recording.lower() in RESERVED:
        remedy = "Rename the recording: results keep such a folder for all recordings."
        raise SettingsError(problem(f"{where}, recording", repr(recording.recording), "another name", remedy))
    for key in PATHS:
        refuse_braces(getattr(recording, key) or "", f"{where}, {key}", key in OF_A_PLANE)
    if recording.source == "simulated":
        if any(getattr(recording, key) for key in ("movie", "data", "neurons", "stimulus_log", "images", *OF_LOG)):
            found, expected = "files for a simulated recording", "source movie, or no files"
            remedy = "Set source to movie, or empty movie, stimulus_log, images and what belongs to them."
            raise SettingsError(problem(where, found, expected, remedy))
    else:
        _check_columns(recording, where)
        if "{plane}" in (recording.movie or "") and recording.n_planes is None:
            remedy = "Fill in n_planes: {plane} runs from 0 to one less."
            raise SettingsError(problem(f"{where}, n_planes", "nothing", "the number of planes", remedy))
        if recording.enters != "responses" and (recording.stimulus_log is None) != (recording.images is None):
            raise SettingsError(
                problem(where, "one of stimulus_log and images", "both, or neither", "Fill in or empty the other.")
            )
        of_log = [key for key in OF_LOG if getattr(recording, key) is not None]
        if recording.stimulus_log is None and of_log:
            remedy = "Name the log, or empty the other."
            raise SettingsError(problem(f"{where}, {of_log[0]}", "no stimulus_log", "one to which it belongs", remedy))
        if recording.stimulus_table is not None and Path(recording.stimulus_log).suffix.lower() not in NWB_SUFFIXES:
            remedy = "Empty stimulus_table: a table file holds one table."
            found = repr(recording.stimulus_log)
            raise SettingsError(problem(f"{where}, stimulus_table", f"the log {found}", "one in .nwb", remedy))


def _check_columns(recording: Recording, where: str) -> None:
    """Raise if a column is empty that the recording's source needs, or filled that it does not read."""
    source = SOURCES[recording.source]
    for key in source.needs:
        if getattr(recording, key) is None:
            expected = "a file, folder or pattern" if key == "movie" else f"what source {recording.source} needs"
            raise SettingsError(problem(f"{where}, {key}", "nothing", expected, f"Name the {key.replace('_', ' ')}."))
    unread = [
        key
        for key in (*PATHS, *OF_LOG, *OF_DATA_SETS)
        if getattr(recording, key) is not None and key not in (*source.needs, *source.takes)
    ]
    if unread:
        expected = f"an empty cell, since source {recording.source} does not read it"
        remedy = "Empty the cell, or correct the source; docs/data.md says what each reads."
        raise SettingsError(problem(f"{where}, {unread[0]}", repr(getattr(recording, unread[0])), expected, remedy))


def _relative_to(recording: Recording, folder: Path) -> Recording:
    paths = {key: str(folder / getattr(recording, key)) for key in PATHS if getattr(recording, key)}
    return recording.model_copy(update=paths)


def _fill_simulated(recording: Recording, settings: Settings, where: str) -> Recording:
    """What the sheet of a real recording would say of the simulated one; the sheet's own cells may not contradict."""
    simulation = settings.simulation
    says = {
        "n_planes": simulation.acquisition.n_planes,
        "n_channels": 1,
        "volume_rate_hz": simulation.acquisition.volume_rate_hz,
        "pixel_size_um": simulation.optics.pixel_size_um,
        "cell_diameter_um": simulation.optics.soma_diameter_um,
        "indicator": simulation.calcium.indicator,
        "image_width_deg": simulation.scenes.width_deg,
        "image_duration_s": simulation.protocol.duration_s,
    }
    for key, value in says.items():
        if getattr(recording, key) not in (None, value):
            raise SettingsError(
                problem(
                    f"{where}, {key}",
                    getattr(recording, key),
                    f"{value}, as simulated",
                    "Empty the cell, or change the simulation's settings.",
                )
            )
    raw = Path(settings.results) / recording.recording / "raw"
    movie = "plane-{plane}_*.tif" if simulation.acquisition.separate_files else "movie_*.tif"
    files = {"movie": raw / movie, "stimulus_log": raw / "stimulus_log.csv", "images": raw / "images.npy"}
    return recording.model_copy(update=says | {key: str(path) for key, path in files.items()})


def _acquisition(recording: Recording, where: str) -> AcquisitionInfo:
    """What the sheet states of a movie, completed from the header of its first file where there is one."""
    names = set(AcquisitionInfo.model_fields) & set(Recording.model_fields) - {"skip_planes"}
    values = {name: value for name in names if (value := getattr(recording, name)) is not None}
    values["skip_planes"] = tuple(map(int, re.findall(r"\d+", recording.skip_planes or "")))
    values["separate_files"] = "{plane}" in (recording.movie or "")
    stated = parse(AcquisitionInfo, values, where)
    if recording.source != "movie":
        return complete(stated, Header(), where)
    try:
        first = movie_files(recording.movie, stated.planes[0] if stated.planes else 0)[0]
    except SettingsError:  # told with all other missing files by check_inputs
        return complete(stated, Header(), where)
    return complete(
        stated, read_header(first, stated.dataset) if stated.header == "use" else Header(), f"{where} ({first.name})"
    )


def _merge(base: dict, values: dict) -> dict:
    merged = dict(base)
    for key, value in values.items():
        merged[key] = _merge(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return merged


def _dotted(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested keys as one, joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _dotted(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return flat
