"""What `make run` says on the terminal at its end: where the report is, and the scoreboard."""

from __future__ import annotations

from pathlib import Path

from dina.errors import InputError, problem
from dina.figures.looks import LOOKS, in_order
from dina.report.scores import Board, Score, read_boards

APART = 3  # spaces between columns


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
        for recording, board in read_boards(table).items():
            lines += ["", f"{recording}: identification among {board.pool} test images", *_table(board)]
    return "\n".join(lines)


def _table(board: Board) -> list[str]:
    """Lines of a table whose columns are as wide as what stands in them."""
    shown = [column for column, headline in enumerate(board.headlines) if not headline.page_only]
    rows = [["", *(board.headlines[column].title for column in shown)]]
    for name in in_order(board.rows, "decoder", "reference"):
        rows.append([LOOKS[name].short, *(_cell(board.rows[name][column]) for column in shown)])
    rows.append(["chance", *(board.chance[column] for column in shown)])
    widths = [max(map(len, column)) + APART for column in zip(*rows, strict=True)]
    lines = ("".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"  {line}".rstrip() for line in lines]


def _cell(score: Score | None) -> str:
    return "–" if score is None else f"{score.text} {score.interval}".rstrip()
