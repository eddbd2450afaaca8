"""Measure a recording's trial responses."""

from dina.recordings.responses import measure_responses
from dina.settings import ResponsesSettings
from dina.stage import stage

with stage(snakemake) as job:
    measure_responses(
        job.input("session"),
        job.input("stimuli"),
        job.output("store"),
        ResponsesSettings(**job.params.settings),
        indicator=job.params.indicator,
    )
