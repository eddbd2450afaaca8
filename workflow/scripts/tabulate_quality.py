"""Bring the quality of all recordings' planes into one table."""

from pathlib import Path

from dina.report.quality import tabulate_quality
from dina.stage import stage

with stage(snakemake) as job:
    folders = {name: Path(job.params.results) / name for name in job.params.recordings}
    tabulate_quality(folders, job.output("csv"), job.output("parquet"))
