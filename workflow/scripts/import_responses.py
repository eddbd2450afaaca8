"""Import a recording's trial responses."""

from dina.recordings.importers.responses import import_responses
from dina.recordings.sheet import Recording
from dina.stage import stage

with stage(snakemake) as job:
    row = Recording(**job.params.row)
    import_responses(row, job.input("stimuli"), job.output("store"), stabilised=job.params.stabilised)
