"""What `make run` says on the terminal at its end: where the report is, and the scoreboard."""

from __future__ import annotations

from pathlib import Path

from dina.errors import InputError, problem
from dina.figures.looks import LOOKS, in_order
from dina.report.scores import HEADLINES, Board, Score, read_boards

NAME_WIDTH, CELL_WIDTH = 16, 20


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
            lines += ["", f"{recording}: identification among {board.pool} unseen images", *_table(board)]
    return "\n".join(lines)


def _table(board: Board) -> list[str]:
    lines = [_line("", [headline.title for headline in HEADLINES])]
    for name in in_order(board.rows, "decoder", "reference"):
        lines.append(_line(LOOKS[name].short, [_cell(score) for score in board.rows[name]]))
    return [*lines, _line("chance", board.chance)]


def _cell(score: Score | None) -> str:
    return "–" if score is None else f"{score.text} {score.interval}".rstrip()


def _line(name: str, cells: list[str]) -> str:
    return (f"  {name:<{NAME_WIDTH}}" + "".join(f"{cell:<{CELL_WIDTH}}" for cell in cells)).rstrip()
