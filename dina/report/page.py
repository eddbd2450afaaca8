"""The report: one self-contained page with every figure in the order of the road."""

from __future__ import annotations

import base64
from importlib.resources import files
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dina.figures.looks import LOOKS
from dina.figures.verdicts import CONDITIONS, read_verdicts
from dina.recordings.limits import DRAWN
from dina.report.benchmarks import read_benchmarks
from dina.report.facts import recording_facts
from dina.report.methods import StatedSettings, changes, methods_cautions, methods_line
from dina.report.quality import common_limits, read_overview
from dina.report.scores import read_boards
from dina.writing import replacing

if TYPE_CHECKING:
    import jinja2

LONGEST_JOBS = 12


def write_report(
    results: Path,
    recordings: dict[str, list[str]],
    output: Path,
    benchmarks: Path,
    *,
    scoreboard: Path | None,
    verdicts: Path | None,
    across: Path | None,
    captions: Path,
    simulated: list[str],
    settings: dict[str, dict[str, Any]],
) -> None:
    """Write the page and the table of benchmarks.

    Parameters
    ----------
    results : folder of results
    recordings : recording → PNG figures in the order of the road
    output : the page; figures are embedded, so that it opens offline and can be sent by mail
    benchmarks : CSV table of the jobs' times and memory
    scoreboard : CSV of all scores, or None where no recording has stimuli
    verdicts : CSV of the image ablations' verdicts, or None likewise
    across : PNG figure of several recordings side by side, or None where fewer than two have stimuli
    captions : folder with one reStructuredText caption a figure, under the figure's name, and those of the tables,
        ``scoreboard.rst`` and ``quality-table.rst``;
        ``{% if simulated is not false %}`` in them stands before what holds for simulations alone
    simulated : those of the recordings that are
    settings : recording → what :class:`~dina.report.methods.StatedSettings` holds
    """
    times = read_benchmarks(results, list(recordings))
    with replacing(benchmarks) as partial:
        times.to_csv(partial, index=False, float_format="%.3f")
    stated = {name: StatedSettings(**settings[name]) for name in recordings}
    boards = read_boards(scoreboard) if scoreboard else {}
    told = read_verdicts(verdicts) if verdicts else {}
    sections = [
        {
            "name": name,
            "simulated": name in simulated,
            "facts": (facts := recording_facts(results / name, stated[name].enters)),
            "cautions": facts.cautions + methods_cautions(stated[name]),
            "methods": methods_line(results / name, stated[name]),
            "changes": changes(stated[name]),
            "figures": [_figure(Path(path), captions, name in simulated) for path in paths],
            "scoreboard": _caption(captions / "scoreboard.rst", name in simulated),
            "board": boards.get(name),
            "verdicts": told.get(name, {}),
            "jobs": times[times["recording"] == name].head(LONGEST_JOBS).to_dict("records"),
            "seconds": times.loc[times["recording"] == name, "seconds"].sum(),
        }
        for name, paths in recordings.items()
    ]
    planes = read_overview({name: results / name for name in recordings if stated[name].enters == "movie"})
    quality = {
        "planes": planes,
        "limits": common_limits(planes),
        "measures": DRAWN,
        **_caption(captions / "quality-table.rst", any(name in simulated for name in recordings)),
    }
    together = _figure(across, captions, bool(simulated)) if across else None
    text = _template().render(sections=sections, together=together, looks=LOOKS, quality=quality, conditions=CONDITIONS)
    with replacing(output) as partial:
        partial.write_text(text, encoding="utf-8")


def _figure(path: Path, captions: Path, simulated: bool) -> dict[str, Any]:
    """A figure with its caption."""
    image = base64.b64encode(path.read_bytes()).decode()
    return {"name": path.stem, "png": image, **_caption(captions / f"{path.stem}.rst", simulated)}


def _caption(path: Path, simulated: bool) -> dict[str, str]:
    """A caption: its first line is the title, the rest becomes HTML."""
    from docutils.core import publish_parts
    from jinja2 import Template

    rendered = Template(path.read_text(encoding="utf-8")).render(simulated=simulated)
    title, _, text = rendered.strip().partition("\n")
    html = publish_parts(text, writer="html5", settings_overrides={"report_level": 2})["body"]
    return {"title": title.strip(), "caption": html}


def _template() -> jinja2.Template:
    from jinja2 import Environment, StrictUndefined

    text = files("dina.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters["number"] = _number
    return environment.from_string(text)


def _number(value: float, digits: int = 0) -> str:
    """A measured number, a dash where none was measured."""
    return "–" if isnan(value) else f"{value:,.{digits}f}"
