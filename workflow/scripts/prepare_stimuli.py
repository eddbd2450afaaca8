"""Check and split what a recording showed."""

from pathlib import Path

from dina.recordings.stimuli import prepare_stimuli
from dina.settings import StimuliSettings
from dina.stage import stage

with stage(snakemake) as job:
    prepare_stimuli(
        Path(job.params.stimulus_log),
        Path(job.params.images),
        job.output("store"),
        StimuliSettings(**job.params.settings),
        image_width_deg=job.params.image_width_deg,
        stimulus_table=job.params.stimulus_table,
        image_column=job.params.image_column,
        clock_events=job.params.clock_events,
        movie=job.input("movie"),
        device=job.device,
    )
