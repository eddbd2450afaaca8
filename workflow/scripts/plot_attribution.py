"""Draw the figures of attribution."""

from dina.figures.attribution import plot_attribution
from dina.stage import stage

with stage(snakemake) as job:
    plot_attribution(job.input("pixels"), job.input("neurons"), job.input("latents"), job.folder("png"))
