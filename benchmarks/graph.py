"""How long Snakemake takes to lay out the graph of 10, 100 and 1,000 recordings of four planes: ``make bench-graph``.

Each recording is a movie of its own in a TIFF whose header is read, with a stimulus log and images. Timed are the
parsing of sheet and settings alone, which every job on a cluster repeats, and ``snakemake -n`` on a fresh folder
and on a finished one, whose outputs are made up: empty, of one age, without Snakemake's records of settings and code.
Wall and CPU seconds are told, since the machine may be shared. Written to ``benchmarks/results/graph.csv``.
"""

from __future__ import annotations

import csv
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

ROOT = Path(__file__).parents[1]
N_RECORDINGS = (10, 100, 1000)
N_PLANES = 4
HEADER = "recording\tsource\tmovie\tn_planes\tpixel_size_um\tcell_diameter_um\tindicator\tstimulus_log\timages\n"
ROW = "m{k:04d}\tmovie\t../movies/m{k:04d}_*.tif\t{n_planes}\t1.2\t12\tGCaMP6f\t../log.csv\t../images.npy\n"
MISSING = re.compile(r"Missing output files: ([^;\n]*)")
PARSING = "from dina.recordings.sheet import *; check_inputs(load_settings({}), 'config/recordings.tsv')"


def write_recordings(folder: Path, n: int) -> None:
    """A sheet of ``n`` recordings, and the little that must be there for the graph."""
    (folder / "config").mkdir(parents=True)
    (folder / "movies").mkdir()
    (folder / "config/config.yaml").write_text("{}\n")
    (folder / "log.csv").write_text("onset_s,image\n1,0\n")
    np.save(folder / "images.npy", np.zeros((1, 16, 16), np.uint8))
    movie = folder / "movie.tif"
    frames, metadata = np.zeros((2, N_PLANES, 40, 40), np.uint16), {"axes": "TZYX", "finterval": 0.13}
    tifffile.imwrite(movie, frames, imagej=True, metadata=metadata)
    for k in range(n):
        shutil.copy(movie, folder / f"movies/m{k:04d}_1.tif")
    rows = (ROW.format(k=k, n_planes=N_PLANES) for k in range(n))
    (folder / "config/recordings.tsv").write_text(HEADER + "".join(rows))


def timed(folder: Path, *command: str) -> tuple[dict[str, float], str]:
    """Wall and CPU seconds and peak memory of a command, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = {
        "wall_s": time.perf_counter() - start,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "largest_gb_so_far": after.ru_maxrss / 2**20,
    }
    return {name: round(value, 2) for name, value in spent.items()}, done.stdout


def dry_run(folder: Path) -> tuple[dict[str, float], str]:
    """A dry run of everything, timed."""
    program = (sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1")
    return timed(folder, *program, "all", "--dry-run", "--quiet", "host")


def make_outputs(folder: Path, printed: str) -> None:
    """All outputs that a dry run lists, empty and of one age, which is above that of the user's own files."""
    paths = {folder / path for line in MISSING.findall(printed) for path in line.split(", ")}
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.touch()
        else:
            path.mkdir(exist_ok=True)
    now = time.time()
    for path in paths:
        os.utime(path, (now, now))


def n_jobs(printed: str) -> int:
    """The total of a dry run's table of jobs, 0 where it has none."""
    total = re.search(r"^total\s+(\d+)", printed, re.MULTILINE)
    return int(total[1]) if total else 0


def measure(n: int) -> list[dict[str, Any]]:
    """One row for each of parsing, a fresh folder and a finished one."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "road")
        write_recordings(folder, n)
        rows = [{"recordings": n, "what": "parsing", "jobs": 0} | timed(folder, sys.executable, "-c", PARSING)[0]]
        for what in ("fresh", "finished"):
            spent, printed = dry_run(folder)
            rows.append({"recordings": n, "what": what, "jobs": n_jobs(printed)} | spent)
            make_outputs(folder, printed)
    for row in rows:
        print(row, flush=True)
    return rows


def main() -> None:
    """Measure, in ascending order so that the memory told is that of the largest, and write the table."""
    rows = [row for n in map(int, sys.argv[1:] or N_RECORDINGS) for row in measure(n)]
    with open(ROOT / "benchmarks/results/graph.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
