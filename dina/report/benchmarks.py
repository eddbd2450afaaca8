"""Where the time goes: the rules' own benchmarks in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def read_benchmarks(results: Path, recordings: list[str]) -> pd.DataFrame:
    """One row a job that has run: recording, job, seconds, cpu_seconds, peak_memory_mb; longest first."""
    import pandas as pd

    rows = []
    for recording in recordings:
        for path in sorted((results / recording).rglob("benchmarks/*.tsv")):
            measured = pd.read_csv(path, sep="\t", na_values=["-", "NA"]).iloc[0]
            rows.append(
                {
                    "recording": recording,
                    "job": (path.parent.parent / path.stem).relative_to(results / recording).as_posix(),
                    "seconds": measured["s"],
                    "cpu_seconds": measured["cpu_time"],
                    "peak_memory_mb": measured["max_rss"],
                }
            )
    table = pd.DataFrame(rows, columns=["recording", "job", "seconds", "cpu_seconds", "peak_memory_mb"])
    return table.sort_values("seconds", ascending=False, ignore_index=True)
