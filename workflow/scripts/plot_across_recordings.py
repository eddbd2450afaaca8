"""Draw recordings against each other."""

from dina.figures.across import plot_across_recordings
from dina.stage import stage

with stage(snakemake) as job:
    plot_across_recordings(job.input("table"), job.output("png").parent)
