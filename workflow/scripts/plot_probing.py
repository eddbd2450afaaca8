"""Draw the figures of probing."""

from dina.figures.probing import plot_probing
from dina.stage import stage

with stage(snakemake) as job:
    plot_probing(
        job.input("identification"),
        job.input("reconstruction"),
        job.input("categories"),
        job.input("prediction"),
        job.folder("png"),
    )
