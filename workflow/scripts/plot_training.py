"""Draw the figures of training."""

from dina.figures.training import plot_training
from dina.stage import stage

with stage(snakemake) as job:
    plot_training(job.input("responses"), job.inputs("models"), job.folder("png"))
