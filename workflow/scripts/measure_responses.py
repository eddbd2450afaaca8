"""Measure a recording's trial responses."""

from dina.recordings.responses import measure_responses
from dina.settings import ResponsesSettings
from dina.stage import stage

with stage(snakemake) as job:
    settings = ResponsesSettings(**job.params.settings)
    measure_responses(job.input("session"), job.input("stimuli"), job.output("store"), settings)
