"""Check and split what a recording showed whose responses are imported."""

from dina.recordings.importers.responses import import_stimuli
from dina.recordings.sheet import Recording
from dina.settings import StimuliSettings
from dina.stage import stage

with stage(snakemake) as job:
    row, settings = Recording(**job.params.row), StimuliSettings(**job.params.settings)
    import_stimuli(row, job.output("store"), settings, device=job.device)
