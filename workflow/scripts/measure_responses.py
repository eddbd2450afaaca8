"""Measure a recording's trial responses."""

from pathlib import Path

from dina.recordings.responses import measure_responses
from dina.settings import ResponsesSettings
from dina.stage import stage

with stage(snakemake) as job:
    measure_responses(
        job.input("session"),
        Path(job.params.stimulus_log),
        Path(job.params.images),
        job.output("store"),
        ResponsesSettings(**job.params.settings),
        indicator=job.params.indicator,
        image_width_deg=job.params.image_width_deg,
    )
