"""Draw the figures of ablation."""

from dina.figures.ablation import plot_ablation
from dina.stage import stage

with stage(snakemake) as job:
    plot_ablation(job.input("images"), job.input("neurons"), job.folder("png"))
