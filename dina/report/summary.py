"""What `make run` says on the terminal at its end: where the report is, and the scoreboard."""

from __future__ import annotations

from pathlib import Path

from dina.errors import InputError, problem
from dina.report.scores import DECODERS, HEADLINES, headline_table


def summarise(results: Path) -> str:
    """A short text: the report's path and one table per recording.

    Raises
    ------
    InputError
        If there is no report yet.
    """
    page, table = results / "report.html", results / "tables" / "scoreboard.csv"
    if not page.is_file():
        raise InputError(problem(page, "no report", "a finished run", "Run `snakemake --cores all` first."))
    lines = [f"\nReport: {page.resolve()}"]
    if table.is_file():
        lines.append(f"Scores: {table.resolve()}")
        for recording, scores in headline_table(table).items():
            lines += ["", f"{recording}", _row("", [title for title, *_ in HEADLINES])]
            lines += [_row(DECODERS[name], cells) for name, cells in scores.items()]
    return "\n".join(lines)


def _row(name: str, cells: list[str]) -> str:
    return f"  {name:<28}" + "".join(f"{cell:>24}" for cell in cells)
