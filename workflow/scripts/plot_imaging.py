"""Draw the figures of imaging."""

from dina.figures.imaging import plot_imaging
from dina.stage import stage

with stage(snakemake) as job:
    truth = next(iter(job.inputs("truth")), None)
    plot_imaging(job.input("session"), job.inputs("registered"), job.folder("png"), truth=truth)
