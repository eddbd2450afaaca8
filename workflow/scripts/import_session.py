"""Import a recording's traces."""

from dina.recordings.importers.session import import_session
from dina.recordings.sheet import Recording
from dina.settings import DeconvolutionSettings
from dina.stage import stage

with stage(snakemake) as job:
    row, settings = Recording(**job.params.row), DeconvolutionSettings(**job.params.settings)
    import_session(row, job.output("store"), settings)
