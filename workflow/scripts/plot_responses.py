"""Draw the figures of responses."""

from dina.figures.responses import plot_responses
from dina.stage import stage

with stage(snakemake) as job:
    plot_responses(job.input("responses"), job.folder("png"))
