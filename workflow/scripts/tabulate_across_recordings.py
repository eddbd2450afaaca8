"""Hold the identification of all recordings against each other, one point a mouse."""

from pathlib import Path

from dina.probing.across import tabulate_across_recordings
from dina.stage import stage

with stage(snakemake) as job:
    folders = {name: Path(job.params.results) / name for name in job.params.mice}
    tabulate_across_recordings(
        folders, job.params.mice, job.params.n_bootstrap, job.output("csv"), job.output("parquet")
    )
