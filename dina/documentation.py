"""Configuration files generated from ``dina.settings``: the default YAML, its documentation, the JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from dina.recordings.importers.sources import SOURCES
from dina.recordings.sheet import Recording
from dina.settings import Section, Settings

WIDTH = 100
YAML_HEAD = """\
# The embedded default: a simulated recording of mouse V1 looking at natural photographs, ready to run.
# Generated from dina/settings/ by `dina settings`; every key is documented in config/README.md.
# A configuration of your own needs only the keys that differ.
"""
README_HEAD = """\
# Configuration

`config.yaml` holds every setting at its default; a file of your own needs only what differs:
`snakemake --cores all --configfile my.yaml`. A setting for one recording alone goes into
`recordings/{recording}.yaml` beside the recording sheet. Changing a setting reruns the stages that
use it and what follows, nothing before. Unknown keys are errors. `results` and `recordings` are relative to
where Snakemake is started.

This page is generated from `dina/settings/` by `dina settings`.
"""
SHEET_HEAD = """\
## The recording sheet

A tab-separated (`.tsv`) or comma-separated (`.csv`) table, one row a recording. Paths are relative to the sheet.
Empty cells mean: from the file's header, else the default or an error. A recording without a
stimulus log is legitimate: its road ends at the session.

"""
SOURCES_HEAD = """
## Sources that start later than at a movie

[`docs/data.md`](../docs/data.md) says more of each. Cells of other columns that name files must be empty.

| `source` | enters at | `data` names | needs | may have |
| --- | --- | --- | --- | --- |
"""
MOVIES_HEAD = """
## Movies

| `movie` in the sheet | what is read | what its header fills in |
| --- | --- | --- |
"""
MOVIES = (
    (
        "`.tif`, `.tiff`, `.btf`, `.tf8`",
        "TIFF, BigTIFF, ImageJ, ScanImage: a page a frame; channels of a plane follow each other, then comes the next "
        "plane",
        "ScanImage: planes, channels, flyback, rate, pixel size, frame times; "
        "ImageJ: planes, channels, rate, pixel size",
    ),
    (
        "the same",
        "OME-TIFF of one file or several, whatever the order in them",
        "planes, channels, rate, pixel size, frame times",
    ),
    ("`.h5`, `.hdf5`, `.hdf`", "a data set (frames, rows, columns); `dataset` names one of several", "nothing"),
    (
        "`.nwb`",
        "a `TwoPhotonSeries`, (time, x, y) as in the schema or, with `axes` `tyx`, (time, rows, columns); planes may "
        "be a fourth axis, and frames may lie in movie files that it points at; `dataset` names one of several",
        "planes, rate, pixel size, frame times on the file's own clock: `onset_s` is then on that clock, too",
    ),
    ("`.bin`, `.int16`", "int16 frames alone; `height_px` and `width_px` give their size", "nothing"),
    ("`.sbx`", "Scanbox, with its `.mat` file beside it", "planes, channels, rate"),
    (
        "a folder of Prairie View (Bruker)",
        "its `.ome.tif` files, in the order of its XML file",
        "planes, channels, rate, pixel size, frame times",
    ),
    (
        "a folder of ThorImage (Thorlabs)",
        "its OME-TIFFs beside `Experiment.xml`; no raw data",
        "planes, channels, rate, pixel size, frame times",
    ),
)
MOVIES_TEXT = """
Any other folder stands for the movie files in it. What the sheet states is held against the header: counts must agree,
rates to 2 %, and the header's is then taken, since sheets round; the sheet's pixel size goes first. Headers of all
files must agree. `header` set to `ignore` leaves them unread, and takes an OME-TIFF's pages as they lie in the file.

The folders of Prairie View and ThorImage are read through [roiextractors](https://roiextractors.readthedocs.io), which
`pip install --constraint envs/constraints.txt --editable '.[vendors]'` adds. What it would read in disorder is refused,
with a way out: volumes scanned up and down in turn, a volume that was broken off, several channels in stacks of several
files. Scanbox and these folders were checked on made-up files alone, not on files from the instruments.
"""
LOG_TEXT = """
## The stimulus log

Parquet, CSV or TSV, one row a trial, sorted by time; or an NWB 2 file (`.nwb`, HDF5) with an interval table such as
`intervals/trials`, whose `start_time` is the onset, or with an `IndexSeries`, whose indices point at the pictures of a
template in the same file, if `images` names that too.

| column | meaning |
| --- | --- |
| `onset_s` or `onset_frame` | image onset in seconds from the start of the movie, or as a volume's number from 0 |
| `image` | file name in the image folder, or index into the image array (`.npy`, `.zarr`) |
| `category` | optional, one for all showings of an image: a label of the image, for the category probe |
| `split` | optional: `train`, `validation` or `test`, the same for all repeats of an image; else `stimuli.split_by` |

Further columns of numbers (`running_cm_s`, `pupil_area`; empty cells allowed) are carried along as the table
`behaviour` of `stimuli` and `responses`, one row a trial; no decoder reads them. Other columns are ignored.

An image must be shown within the movie. A trial with a response or baseline window that reaches beyond it, or that
meets masked frames or a gap in which frames were lost, is left out; the report tells how many. Volumes begin with
plane 0, also where `skip_planes` leaves it out.

### A log on a clock of its own

Where onsets were not recorded on the movie's clock, the sheet's `clock_events` names a table (Parquet, CSV or TSV)
of at least two events that both saw, sorted by time: `log_s`, the event in seconds on the log's clock, and `movie_s`,
in seconds from the start of the movie, or `movie_frame`, the volume that began at the event, from 0 (parts of a
volume are allowed). A straight line is fitted, and onsets may lie a little beyond the events. No event is left out:
one more than 50 ms off the line is refused by its row, and so are rates that differ by more than 0.1 %
(a rounded `volume_rate_hz` may be the cause); the report is cautious above 200 ppm. Rate, offset and largest residual
stand in the report.

## Curation

ROIs chosen by hand go into `curation/{recording}/plane-{plane}/iscell.npy` beside the recording sheet, one file per
plane, a vector of ones and zeros in the order of the plane's ROIs (suite2p's own `iscell.npy` with two columns is
read too). It replaces the rule of `session` for that plane. The figure `rois` shows every ROI of a plane by its
number. The ROIs, in order, with their place and why each was left out ("by curation" where the rule would have
accepted it), stand in the session's table `rois`:

```python
from pathlib import Path
import numpy as np
import pandas as pd

rois = pd.read_parquet("results/mouse/session/rois.parquet").query("plane == 0")
chosen = (rois["rejected"] == "").to_numpy(dtype=float)  # what the rule chose: change it as you like
chosen[rois["roi"] == 17] = 1
folder = Path("config/curation/mouse/plane-0")
folder.mkdir(parents=True, exist_ok=True)
np.save(folder / "iscell.npy", chosen)
```

A copy of the plane's manifest `rois.json` beside it pins the choice to these ROIs: it is refused once they were
detected anew.
"""


def write_documentation(root: Path) -> list[Path]:
    """Write all generated files under the repository's root; returns them."""
    files = generated_files()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return [root / path for path in files]


def generated_files() -> dict[str, str]:
    """Path under the repository's root and text of every generated file."""
    return {
        "config/config.yaml": YAML_HEAD + "\n".join(_yaml(Settings(), 0)) + "\n",
        "config/README.md": README_HEAD
        + "\n".join(_markdown())
        + "\n"
        + SHEET_HEAD
        + _sheet_table()
        + _sources()
        + _movies()
        + LOG_TEXT,
        "workflow/schemas/config.schema.json": _schema(Settings),
        "workflow/schemas/recordings.schema.json": _schema(Recording),
    }


def _yaml(section: Section, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield f"{pad}{name}:" if depth else f"\n{pad}{name}:"
            yield from _yaml(value, depth + 1)
        else:
            yield f"{pad}# {field.description}"
            yield f"{pad}{name}: {json.dumps(section.model_dump(mode='json')[name])}"


def _markdown() -> Iterator[str]:
    """One table per section; top-level values first."""
    yield from ["", "## Settings", "", "| key | default | meaning |", "| --- | --- | --- |"]
    yield from (_row(name, Settings(), name) for name, _ in _values(Settings()))
    for name, section in _sections(Settings(), ()):
        yield from ["", f"### `{name}`", "", (type(section).__doc__ or "").strip().splitlines()[0], ""]
        if any(True for _ in _values(section)):
            yield from ["| key | default | meaning |", "| --- | --- | --- |"]
            yield from (_row(key, section, key) for key, _ in _values(section))


def _values(section: Section) -> Iterator[tuple[str, Any]]:
    for name in type(section).model_fields:
        if not isinstance(getattr(section, name), Section):
            yield name, getattr(section, name)


def _sections(section: Section, path: tuple[str, ...]) -> Iterator[tuple[str, Section]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield ".".join((*path, name)), value
            yield from _sections(value, (*path, name))


def _row(key: str, section: Section, name: str) -> str:
    field = type(section).model_fields[name]
    return f"| `{key}` | `{_json(section, name)}` | {field.description}{_choices(field.annotation)} |"


def _choices(annotation: Any) -> str:
    """The allowed values, where a setting has a few."""
    for kind in (annotation, *get_args(annotation)):
        if get_origin(kind) is Literal:
            return f" One of {', '.join(f'`{choice}`' for choice in get_args(kind))}."
    return ""


def _sheet_table() -> str:
    rows = ["| column | default | meaning |", "| --- | --- | --- |"]
    for name, field in Recording.model_fields.items():
        default = (
            "required"
            if field.default is PydanticUndefined
            else ("empty" if field.default is None else str(field.default))
        )
        rows.append(f"| `{name}` | {default} | {field.description}{_choices(field.annotation)} |")
    return "\n".join(rows) + "\n"


def _sources() -> str:
    """One row a source that has an importer."""
    rows = [
        (f"`{name}`", of.enters, of.holds, *(", ".join(f"`{key}`" for key in keys) for keys in (of.needs, of.takes)))
        for name, of in SOURCES.items()
        if of.module is not None
    ]
    return SOURCES_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _movies() -> str:
    return MOVIES_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in MOVIES) + MOVIES_TEXT


def _json(section: Section, name: str) -> str:
    return json.dumps(section.model_dump(mode="json")[name])


def _schema(model: type[BaseModel]) -> str:
    return json.dumps(model.model_json_schema(), indent=2, sort_keys=True) + "\n"
