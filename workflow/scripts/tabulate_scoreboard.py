"""Bring the scores of all recordings into one table, and the verdicts into another."""

from pathlib import Path

from dina.ablation.verdicts import tabulate_verdicts
from dina.probing.scoreboard import tabulate_scoreboard
from dina.stage import stage

with stage(snakemake) as job:
    folders = {name: Path(job.params.results) / name for name in job.params.recordings}
    tabulate_scoreboard(folders, job.output("csv"), job.output("parquet"))
    tabulate_verdicts(folders, job.output("verdicts"))
