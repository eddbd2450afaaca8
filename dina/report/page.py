"""The report: one self-contained page with every figure in the order of the road."""

from __future__ import annotations

import base64
from importlib.resources import files
from pathlib import Path
from typing import Any

from dina.report.benchmarks import read_benchmarks
from dina.report.scores import DECODERS, HEADLINES, headline_table


def write_report(
    results: Path,
    recordings: dict[str, list[str]],
    output: Path,
    benchmarks: Path,
    *,
    scoreboard: Path | None,
    captions: Path,
) -> None:
    """Write the page and the table of benchmarks.

    Parameters
    ----------
    results : folder of results
    recordings : recording → PNG figures in the order of the road
    output : the page; figures are embedded, so that it opens offline and can be sent by mail
    benchmarks : CSV table of the jobs' times and memory
    scoreboard : CSV of all scores, or None where no recording has stimuli
    captions : folder with one reStructuredText caption a figure, under the figure's name
    """
    times = read_benchmarks(results, list(recordings))
    times.to_csv(benchmarks, index=False, float_format="%.3f")
    tables = headline_table(scoreboard) if scoreboard else {}
    sections = [
        {
            "name": name,
            "figures": [_figure(Path(path), captions) for path in paths],
            "scores": [(DECODERS[key], cells) for key, cells in tables.get(name, {}).items()],
            "jobs": times[times["recording"] == name].head(12).to_dict("records"),
            "seconds": times.loc[times["recording"] == name, "seconds"].sum(),
        }
        for name, paths in recordings.items()
    ]
    output.write_text(_template().render(sections=sections, headlines=[title for title, *_ in HEADLINES]))


def _figure(path: Path, captions: Path) -> dict[str, Any]:
    """A figure with its caption; the caption's first line is its title."""
    title, _, text = (captions / f"{path.stem}.rst").read_text().strip().partition("\n")
    return {
        "name": path.stem,
        "title": title.strip().strip("*"),
        "png": base64.b64encode(path.read_bytes()).decode(),
        "caption": _html(text),
    }


def _html(text: str) -> str:
    from docutils.core import publish_parts

    return publish_parts(text, writer="html5", settings_overrides={"report_level": 2})["body"]


def _template():
    from jinja2 import Environment

    text = files("dina.report").joinpath("page.html.jinja").read_text()
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)
