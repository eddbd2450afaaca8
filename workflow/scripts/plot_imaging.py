"""Draw the figures of imaging."""

from dina.figures.imaging import plot_imaging
from dina.stage import stage

with stage(snakemake) as job:
    truth = next(iter(job.inputs("truth")), None)
    stores = job.input("session"), job.input("quality"), job.inputs("registered"), job.inputs("rois")
    plot_imaging(*stores, job.folder("png"), truth=truth)
