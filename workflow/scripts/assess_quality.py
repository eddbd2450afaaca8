"""Measure the quality of every plane."""

from dina.recordings.quality import assess_quality
from dina.settings import QualitySettings
from dina.stage import stage

with stage(snakemake) as job:
    assess_quality(
        job.input("session"),
        job.inputs("registered"),
        job.output("store"),
        QualitySettings(**job.params.settings),
    )
